//! The places of the config file: `[places.NAME]`.

use toml::Spanned;
use toml::de::DeValue;

use super::entries::{Entries, Entry, EntryReader};
use crate::domain::Place;
use crate::domain::place::THIS_MACHINE;

/// The places of the config file.
pub type Places = Entries<Place>;

impl Entry for Place {
    const TABLE: &'static str = "places";
    const NOUN: &'static str = "place";

    fn reserved(name: &str) -> Option<&'static str> {
        (name == THIS_MACHINE).then_some("is always this machine")
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read(reader: &mut EntryReader<'_, '_>) -> Option<Self> {
        let mut place = Self { name: reader.name.to_owned(), ..Self::default() };
        let settings = reader.settings;
        if !settings.iter().any(|(key, _)| key.get_ref() == "engine") {
            reader.refuse_missing("engine", "\"slurm\"");
        }
        for (key, value) in settings {
            let (key, at) = (key.get_ref().as_ref(), key.span().start);
            let set = if key == "engine" {
                (value.get_ref().as_str() == Some("slurm")).then_some(()).ok_or("write \"slurm\"")
            } else if Self::VALUES.contains(&key) {
                single(value.get_ref()).map_or(Err("write text or a number"), |text| place.set(key, &text))
            } else if Self::LISTS.contains(&key) {
                lines(value.get_ref()).map(|found| *list_of(&mut place, key) = found)
            } else {
                let known: Vec<&str> = ["engine"].into_iter().chain(Self::VALUES).chain(Self::LISTS).collect();
                reader.refuse_setting(at, key, &known);
                continue;
            };
            if let Err(accepted) = set {
                reader.refuse_value(key, value, accepted);
            }
        }
        Some(place)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{entries, read_first};

    fn parse(text: &str) -> (Vec<Place>, Vec<(usize, String)>) {
        read_first(text, entries::read)
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
            ("[places.'a b']\nengine = 'slurm'\n", 1, "places.a b is not a name"),
            ("places = 3\n", 1, "places cannot be this"),
            ("[places]\na = 3\n", 2, "places.a cannot be this: write [places.a]"),
        ];
        for (text, line, expected) in whole {
            let (places, problems) = parse(text);
            assert!(problems[0].0 == line && problems[0].1.starts_with(expected), "{text}: {problems:?}");
            assert_eq!(places, []);
        }
    }
}
