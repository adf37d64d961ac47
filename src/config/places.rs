//! The places of the config file: `[places.NAME]`.

use toml::Spanned;
use toml::de::DeValue;

use super::{Problem, line_of, section};
use crate::domain::Place;
use crate::domain::place::THIS_MACHINE;
use crate::domain::similar::suggest;
use crate::domain::text::printable;

/// The places of the config file, and the errors in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The places, in the order of their names.
    pub places: Vec<Place>,
    /// The errors; a place with an error is left out.
    pub problems: Vec<Problem>,
}

impl Places {
    /// Reads the places of the config file; none without such a file.
    #[must_use]
    pub fn load() -> Self {
        let (places, problems) = section("places", read);
        Self { places, problems }
    }

    /// Returns the place of this name.
    ///
    /// # Errors
    /// A sentence about the errors of the place, or with the names of the places.
    pub fn find(&self, name: &str) -> Result<&Place, String> {
        if let Some(place) = self.places.iter().find(|place| place.name == name) {
            return Ok(place);
        }
        let of_it = |problem: &&Problem| problem.message.contains(&format!("places.{name}"));
        if let Some(problem) = self.problems.iter().find(of_it) {
            return Err(problem.to_string());
        }
        let names: Vec<&str> = self.places.iter().map(|place| place.name.as_str()).collect();
        let known = match &names[..] {
            [] => "the config file has no [places.NAME]: `mien config defaults` shows one".to_owned(),
            names => format!("the config file has {}", names.join(", ")),
        };
        let similar = suggest(name, names);
        Err(format!("there is no place '{}'{similar}: {known}", printable(name)))
    }
}

/// Returns the places in the value of `places`, and the errors with their lines. A place with an error is left out.
#[must_use]
pub fn read(text: &str, value: &Spanned<DeValue<'_>>) -> (Vec<Place>, Vec<(usize, String)>) {
    let line = |at: usize| line_of(text, at);
    let Some(table) = value.get_ref().as_table() else {
        return (Vec::new(), vec![(line(value.span().start), "places cannot be this: write [places.NAME]".into())]);
    };
    let (mut places, mut problems) = (Vec::new(), Vec::new());
    for (name, settings) in table {
        let before = problems.len();
        let mut refuse = |at: usize, message: String| problems.push((line(at), message));
        let place = read_place(name.get_ref(), name.span().start, settings, text, &mut refuse);
        if problems.len() == before {
            places.extend(place);
        }
    }
    places.sort_by(|one: &Place, other| one.name.cmp(&other.name));
    (places, problems)
}

fn read_place(
    name: &str,
    at: usize,
    settings: &Spanned<DeValue<'_>>,
    text: &str,
    refuse: &mut dyn FnMut(usize, String),
) -> Option<Place> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        refuse(at, format!("places.{name} is no name of a place: use letters, digits, '-' and '_'"));
    }
    if name == THIS_MACHINE {
        refuse(at, format!("places.{name} is always this machine: choose another name"));
    }
    let Some(table) = settings.get_ref().as_table() else {
        refuse(settings.span().start, format!("places.{name} cannot be this: write [places.{name}]"));
        return None;
    };
    let mut place = Place { name: name.to_owned(), ..Place::default() };
    if !table.iter().any(|(key, _)| key.get_ref() == "engine") {
        refuse(at, format!("places.{name} has no engine: write engine = \"slurm\""));
    }
    for (key, value) in table {
        let (key, at) = (key.get_ref().as_ref(), key.span().start);
        let given = || text.get(value.span()).unwrap_or_default().lines().next().unwrap_or_default().to_owned();
        let accepted = if key == "engine" {
            (value.get_ref().as_str() != Some("slurm")).then_some("write \"slurm\"")
        } else if Place::VALUES.contains(&key) {
            single(value.get_ref()).map_or(Err("write text or a number"), |text| place.set(key, &text)).err()
        } else if Place::LISTS.contains(&key) {
            lines(value.get_ref()).map(|found| *list_of(&mut place, key) = found).err()
        } else {
            refuse(at, unknown(name, key));
            None
        };
        if let Some(accepted) = accepted {
            refuse(at, format!("places.{name}.{key} cannot be {}: {accepted}", given()));
        }
    }
    Some(place)
}

fn list_of<'p>(place: &'p mut Place, key: &str) -> &'p mut Vec<String> {
    if key == "setup" { &mut place.setup } else { &mut place.extra }
}

/// Returns a text or a whole number as text.
fn single(value: &DeValue<'_>) -> Option<String> {
    let number = || value.as_integer().map(|number| number.as_str().to_owned());
    value.as_str().map(str::to_owned).or_else(number)
}

/// Returns the lines of a list.
fn lines(value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    const ACCEPTED: &str = "write a list of lines such as [\"module load cuda\"]";
    let array = value.as_array().ok_or(ACCEPTED)?;
    let line = |line: &Spanned<DeValue<'_>>| line.get_ref().as_str().map(str::to_owned);
    let lines: Vec<String> = array.iter().map(line).collect::<Option<_>>().ok_or(ACCEPTED)?;
    if lines.iter().any(|line| line.chars().any(char::is_control)) { Err(ACCEPTED) } else { Ok(lines) }
}

/// Returns the error about an unknown setting, with the most similar one.
fn unknown(name: &str, key: &str) -> String {
    let known = || ["engine"].into_iter().chain(Place::VALUES).chain(Place::LISTS);
    let (similar, all) = (suggest(key, known()), known().collect::<Vec<_>>().join(", "));
    format!("there is no setting 'places.{name}.{}'{similar}: the settings are {all}", printable(key))
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn parse(text: &str) -> (Vec<Place>, Vec<(usize, String)>) {
        let (document, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        let (_, value) = document.get_ref().iter().next().expect("a key");
        read(text, value)
    }

    #[test]
    fn every_setting_is_read() {
        let (places, problems) = parse(
            "[places.b]\nengine = 'slurm'\n[places.a]\nengine = 'slurm'\npartition = 'gpu'\ncpus = 4\ntime = '1:00:00'\n\
             setup = ['module load cuda']\nextra = ['--exclusive']\n",
        );
        assert_eq!(problems, []);
        assert_eq!(places.iter().map(|place| place.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(places[0].to_string(), "slurm, partition gpu, time 1:00:00, cpus 4, --exclusive");
        assert_eq!(places[0].setup, ["module load cuda"]);
        assert_eq!(places[1], Place { name: "b".into(), ..Place::default() });
    }

    #[test]
    fn an_error_names_line_and_remedy_and_leaves_the_other_places() {
        let table = [
            (
                "partitoin = 'x'",
                "there is no setting 'places.a.partitoin' (did you mean partition?): the settings are engine",
            ),
            ("colour = 'x'", "there is no setting 'places.a.colour': the settings are engine, partition"),
            ("cpus = 'two'", "places.a.cpus cannot be 'two': write a number from 1"),
            ("time = 'soon'", "places.a.time cannot be 'soon': write minutes"),
            ("setup = 'module'", "places.a.setup cannot be 'module': write a list of lines"),
            ("gpus = true", "places.a.gpus cannot be true: write text or a number"),
        ];
        for (line, expected) in table {
            let (places, problems) =
                parse(&format!("[places.a]\nengine = 'slurm'\n{line}\n[places.b]\nengine = 'slurm'\n"));
            assert!(matches!(&problems[..], [(3, words)] if words.starts_with(expected)), "{line}: {problems:?}");
            assert_eq!(places.len(), 1, "{line}");
        }
        let whole = [
            ("[places.a]\npartition = 'x'\n", 1, "places.a has no engine"),
            ("[places.a]\nengine = 'pbs'\n", 2, "places.a.engine cannot be 'pbs': write \"slurm\""),
            ("[places.local]\nengine = 'slurm'\n", 1, "places.local is always this machine"),
            ("[places.'a b']\nengine = 'slurm'\n", 1, "places.a b is no name"),
            ("places = 3\n", 1, "places cannot be this"),
            ("[places]\na = 3\n", 2, "places.a cannot be this: write [places.a]"),
        ];
        for (text, line, expected) in whole {
            let (places, problems) = parse(text);
            assert!(problems[0].0 == line && problems[0].1.starts_with(expected), "{text}: {problems:?}");
            assert_eq!(places, []);
        }
    }

    #[test]
    fn an_unknown_place_is_named_with_the_known_ones() {
        let places = vec![Place { name: "gpu".into(), ..Place::default() }];
        let found = Places { places, ..Places::default() };
        assert_eq!(found.find("cloud"), Err("there is no place 'cloud': the config file has gpu".into()));
        assert!(found.find("gpus").is_err_and(|error| error.contains("(did you mean gpu?)")));
        assert!(found.find("gpu").is_ok());
    }
}
