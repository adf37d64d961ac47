//! The tables of the config file whose entries have names, such as `[places.NAME]`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Problem, given, line_of, load_table, unknown_setting};
use crate::domain::similar::suggest;
use crate::domain::text::printable;

/// A value that is an entry of such a table.
pub trait Entry: Sized {
    /// The name of the table, such as `places`.
    const TABLE: &'static str;

    /// The noun of messages, such as `place`.
    const NOUN: &'static str;

    /// The error about a name with another meaning; `None` for any other name.
    fn reserved(name: &str) -> Option<&'static str>;

    /// Returns the name.
    fn name(&self) -> &str;

    /// Reads the settings; `None` if there is no value without those that have errors.
    fn read(reader: &mut EntryReader<'_, '_>) -> Option<Self>;
}

/// The entries of a table, and the errors in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<T> {
    /// The entries, in the order of their names.
    pub entries: Vec<T>,
    /// The errors; an entry with an error is left out.
    pub problems: Vec<Problem>,
}

impl<T: Entry> Entries<T> {
    /// Reads the table of the config file; empty without such a file or table.
    #[must_use]
    pub fn load() -> Self {
        let (entries, problems) = load_table(T::TABLE, read);
        Self { entries, problems }
    }

    /// Returns the entry of this name; `None` if there is none without errors.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// Returns the entry of this name.
    ///
    /// # Errors
    /// A sentence about the errors of the entry, or with the names of the entries.
    pub fn find(&self, name: &str) -> Result<&T, String> {
        if let Some(entry) = self.get(name) {
            return Ok(entry);
        }
        if let Some(problem) = self.problem_of(name) {
            return Err(problem.to_string());
        }
        let names: Vec<&str> = self.entries.iter().map(T::name).collect();
        let known = match &names[..] {
            [] => none_text::<T>(),
            names => format!("the config file has {}", names.join(", ")),
        };
        let similar = suggest(name, names);
        Err(format!("there is no {} '{}'{similar}: {known}", T::NOUN, printable(name)))
    }

    /// Returns the first error in the entry of this name.
    #[must_use]
    pub fn problem_of(&self, name: &str) -> Option<&Problem> {
        let start = format!("{}.{name}", T::TABLE);
        // The error of an entry whose name only begins with this one is not meant.
        let is_of = |message: &str| message.strip_prefix(&start).is_some_and(|rest| rest.starts_with([' ', '.']));
        self.problems.iter().find(|problem| is_of(&problem.message))
    }
}

/// Returns the sentence about a config file without entries of the table.
#[must_use]
pub fn none_text<T: Entry>() -> String {
    format!("the config file has no [{}.NAME]: `mien config defaults` shows one", T::TABLE)
}

/// Returns the entries in the value of the table, in the order of their names, and the errors with their lines. An
/// entry with an error is left out.
#[must_use]
pub fn read<T: Entry>(text: &str, value: &Spanned<DeValue<'_>>) -> (Vec<T>, Vec<(usize, String)>) {
    let line = |at: usize| line_of(text, at);
    let Some(table) = value.get_ref().as_table() else {
        let message = format!("{0} cannot be this: write [{0}.NAME]", T::TABLE);
        return (Vec::new(), vec![(line(value.span().start), message)]);
    };
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (name, settings) in table {
        let before = problems.len();
        let (name, at) = (name.get_ref().as_ref(), name.span().start);
        let entry = read_entry(text, name, at, settings, &mut problems);
        if problems.len() == before {
            entries.extend(entry);
        }
    }
    entries.sort_by(|one: &T, other| one.name().cmp(other.name()));
    (entries, problems)
}

fn read_entry<T: Entry>(
    text: &str,
    name: &str,
    at: usize,
    settings: &Spanned<DeValue<'_>>,
    problems: &mut Vec<(usize, String)>,
) -> Option<T> {
    let mut refuse =
        |at: usize, words: &str| problems.push((line_of(text, at), format!("{}.{name} {words}", T::TABLE)));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        refuse(at, &format!("is not a name of a {}: use letters, digits, '-' and '_'", T::NOUN));
    }
    if let Some(meaning) = T::reserved(name) {
        refuse(at, &format!("{meaning}: choose another name"));
    }
    let Some(settings_table) = settings.get_ref().as_table() else {
        refuse(settings.span().start, &format!("cannot be this: write [{}.{name}]", T::TABLE));
        return None;
    };
    T::read(&mut EntryReader {
        text,
        name,
        at,
        path: format!("{}.{name}", T::TABLE),
        settings: settings_table,
        problems,
    })
}

/// The settings of one entry, and the errors found in its table.
pub struct EntryReader<'a, 't> {
    text: &'a str,
    /// The name of the entry.
    pub(super) name: &'a str,
    /// The position of the name in the text, in bytes.
    at: usize,
    /// The name with that of the table, such as `places.gpu`.
    path: String,
    /// The settings by their names.
    pub(super) settings: &'a DeTable<'t>,
    problems: &'a mut Vec<(usize, String)>,
}

impl EntryReader<'_, '_> {
    /// Adds the error about a missing setting with an example.
    pub(super) fn refuse_missing(&mut self, key: &str, example: &str) {
        self.add(self.at, format!("{} has no {key}: write {key} = {example}", self.path));
    }

    /// Adds the error about a setting with another value than the accepted ones.
    pub(super) fn refuse_value(&mut self, key: &str, value: &Spanned<DeValue<'_>>, accepted: &str) {
        let message = format!("{}.{key} cannot be {}: {accepted}", self.path, given(self.text, value));
        self.add(value.span().start, message);
    }

    /// Adds the error about an unknown setting at this position.
    pub(super) fn refuse_setting(&mut self, at: usize, key: &str, known: &[&str]) {
        self.add(at, unknown_setting(&self.path, key, known));
    }

    fn add(&mut self, at: usize, message: String) {
        self.problems.push((line_of(self.text, at), message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Places;
    use crate::domain::Place;

    #[test]
    fn an_unknown_entry_is_named_with_the_known_ones() {
        let entries = vec![Place { name: "gpu".into(), ..Place::default() }];
        let found = Places { entries, problems: Vec::new() };
        assert_eq!(found.find("cloud"), Err("there is no place 'cloud': the config file has gpu".into()));
        assert!(found.find("gpus").is_err_and(|error| error.contains("(did you mean gpu?)")));
        assert!(found.find("gpu").is_ok());
        let none = Places { entries: Vec::new(), problems: Vec::new() };
        assert!(none.find("gpu").is_err_and(|error| error.contains("the config file has no [places.NAME]")));
    }

    #[test]
    fn the_error_of_an_entry_is_not_that_of_one_with_a_longer_name() {
        let problem = |message: &str| Problem { file: "config.toml".into(), line: Some(1), message: message.into() };
        let problems =
            vec![problem("places.gpu2.cpus cannot be 'x': write"), problem("places.gpu has no engine: write")];
        let found = Places { entries: Vec::new(), problems };
        assert!(found.find("gpu").is_err_and(|error| error.contains("places.gpu has no engine")));
        assert!(found.find("gpu2").is_err_and(|error| error.contains("places.gpu2.cpus")));
        assert!(found.find("gp").is_err_and(|error| error.contains("there is no place 'gp'")));
    }
}
