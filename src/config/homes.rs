//! The homes on other machines in the config file: `[homes.NAME]`.

use toml::Spanned;
use toml::de::DeValue;

use super::{Problem, line_of, load_table};
use crate::domain::HomeAddress;
use crate::domain::similar::suggest;
use crate::domain::text::printable;

/// The name that stands for all homes, so that none has it.
pub const ALL_HOMES: &str = "all";

/// The name that stands for the home of this machine in lists of several homes.
pub const THIS_HOME: &str = "here";

const SETTINGS: [&str; 4] = ["ssh", "home", "binary", "mirror"];

/// The homes of the config file, and the errors in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes {
    /// The homes, in the order of their names.
    pub homes: Vec<HomeAddress>,
    /// The errors; a home with an error is left out.
    pub problems: Vec<Problem>,
}

impl Homes {
    /// Reads the homes of the config file; none without such a file.
    #[must_use]
    pub fn load() -> Self {
        let (homes, problems) = load_table("homes", read);
        Self { homes, problems }
    }

    /// Returns the home of this name; `None` if the config file has none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&HomeAddress> {
        self.homes.iter().find(|home| home.name == name)
    }

    /// Returns the home of this name.
    ///
    /// # Errors
    /// A sentence about the errors of the home, or with the names of the homes.
    pub fn find(&self, name: &str) -> Result<&HomeAddress, String> {
        if let Some(home) = self.get(name) {
            return Ok(home);
        }
        if let Some(problem) = self.problem_of(name) {
            return Err(problem.to_string());
        }
        let names: Vec<&str> = self.homes.iter().map(|home| home.name.as_str()).collect();
        let known = match &names[..] {
            [] => "the config file has no [homes.NAME]: `mien config defaults` shows one".to_owned(),
            names => format!("the config file has {}", names.join(", ")),
        };
        let similar = suggest(name, names);
        Err(format!("there is no home '{}'{similar}: {known}", printable(name)))
    }

    /// Returns the first error in the home of this name.
    #[must_use]
    pub fn problem_of(&self, name: &str) -> Option<&Problem> {
        let start = format!("homes.{name}");
        let is_of = |message: &str| message.strip_prefix(&start).is_some_and(|rest| rest.starts_with([' ', '.']));
        self.problems.iter().find(|problem| is_of(&problem.message))
    }
}

/// Returns the homes in the value of `homes`, and the errors with their lines. A home with an error is left out.
#[must_use]
pub fn read(text: &str, value: &Spanned<DeValue<'_>>) -> (Vec<HomeAddress>, Vec<(usize, String)>) {
    let line = |at: usize| line_of(text, at);
    let Some(table) = value.get_ref().as_table() else {
        return (Vec::new(), vec![(line(value.span().start), "homes cannot be this: write [homes.NAME]".into())]);
    };
    let (mut homes, mut problems) = (Vec::new(), Vec::new());
    for (name, settings) in table {
        let before = problems.len();
        let mut refuse = |at: usize, message: String| problems.push((line(at), message));
        let home = read_home(name.get_ref(), name.span().start, settings, text, &mut refuse);
        if problems.len() == before {
            homes.extend(home);
        }
    }
    homes.sort_by(|one: &HomeAddress, other| one.name.cmp(&other.name));
    (homes, problems)
}

fn read_home(
    name: &str,
    at: usize,
    settings: &Spanned<DeValue<'_>>,
    text: &str,
    refuse: &mut dyn FnMut(usize, String),
) -> Option<HomeAddress> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        refuse(at, format!("homes.{name} is no name of a home: use letters, digits, '-' and '_'"));
    }
    if matches!(name, ALL_HOMES | THIS_HOME) {
        refuse(at, format!("homes.{name} has another meaning in lists of homes: choose another name"));
    }
    let Some(table) = settings.get_ref().as_table() else {
        refuse(settings.span().start, format!("homes.{name} cannot be this: write [homes.{name}]"));
        return None;
    };
    let Some((_, ssh)) = table.iter().find(|(key, _)| key.get_ref() == "ssh") else {
        refuse(at, format!("homes.{name} has no ssh: write ssh = \"user@box\""));
        return None;
    };
    let given = |value: &Spanned<DeValue<'_>>| {
        text.get(value.span()).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
    };
    let destination = ssh.get_ref().as_str().ok_or("write text such as \"user@box\"");
    let mut home = match destination.and_then(|destination| HomeAddress::new(name, destination)) {
        Ok(home) => home,
        Err(accepted) => {
            refuse(ssh.span().start, format!("homes.{name}.ssh cannot be {}: {accepted}", given(ssh)));
            return None;
        }
    };
    for (key, value) in table {
        let (key, at) = (key.get_ref().as_ref(), key.span().start);
        let words = value.get_ref().as_str().ok_or("write text");
        let set = match key {
            "ssh" => Ok(()),
            "home" => words.and_then(|path| home.set_path(path)),
            "binary" => words.and_then(|path| home.set_binary(path)),
            "mirror" => words.and_then(size).map(|bytes| home.mirror_bytes = bytes),
            _ => {
                let (similar, all) = (suggest(key, SETTINGS), SETTINGS.join(", "));
                let key = printable(key);
                refuse(at, format!("homes.{name}.{key} is no setting{similar}: the settings are {all}"));
                Ok(())
            }
        };
        if let Err(accepted) = set {
            refuse(at, format!("homes.{name}.{key} cannot be {}: {accepted}", given(value)));
        }
    }
    Some(home)
}

/// Returns the bytes of a size such as `500 MiB` or `4 GiB`.
fn size(text: &str) -> Result<u64, &'static str> {
    const ACCEPTED: &str = "write a size such as \"500 MiB\" or \"4 GiB\"";
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim().to_lowercase().as_str() {
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(ACCEPTED),
    };
    number.parse::<u64>().ok().filter(|number| *number > 0).and_then(|number| number.checked_mul(scale)).ok_or(ACCEPTED)
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn parse(text: &str) -> (Vec<HomeAddress>, Vec<(usize, String)>) {
        let (document, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        let (_, value) = document.get_ref().iter().next().expect("a key");
        read(text, value)
    }

    #[test]
    fn every_setting_is_read() {
        let (homes, problems) = parse(
            "[homes.b]\nssh = 'b'\n[homes.a]\nssh = 'me@a:2222'\nhome = '~/lab'\nbinary = '/opt/mien'\nmirror = '500 MiB'\n",
        );
        assert_eq!(problems, []);
        assert_eq!(homes[0].to_string(), "ssh://me@a:2222/~/lab");
        assert_eq!((homes[0].binary.as_deref(), homes[0].mirror_bytes), (Some("/opt/mien"), 500 << 20));
        assert_eq!((homes[1].name.as_str(), homes[1].path.as_deref()), ("b", None));
    }

    #[test]
    fn an_error_names_line_and_remedy_and_leaves_the_other_homes() {
        let table = [
            ("hmoe = 'x'", 3, "homes.a.hmoe is no setting (did you mean home?): the settings are ssh, home"),
            ("home = 3", 3, "homes.a.home cannot be 3: write text"),
            ("binary = ''", 3, "homes.a.binary cannot be '': write a path"),
            ("mirror = 'much'", 3, "homes.a.mirror cannot be 'much': write a size"),
        ];
        for (line, at, expected) in table {
            let (homes, problems) = parse(&format!("[homes.a]\nssh = 'a'\n{line}\n[homes.b]\nssh = 'b'\n"));
            assert!(
                matches!(&problems[..], [(found, words)] if *found == at && words.starts_with(expected)),
                "{problems:?}"
            );
            assert_eq!(homes.len(), 1, "{line}");
        }
        let whole = [
            ("[homes.a]\nhome = 'x'\n", 1, "homes.a has no ssh"),
            ("[homes.a]\nssh = '-oProxyCommand=x'\n", 2, "homes.a.ssh cannot be '-oProxyCommand=x': write a host"),
            ("[homes.all]\nssh = 'a'\n", 1, "homes.all has another meaning"),
            ("[homes.'a b']\nssh = 'a'\n", 1, "homes.a b is no name"),
            ("homes = 3\n", 1, "homes cannot be this"),
        ];
        for (text, line, expected) in whole {
            let (homes, problems) = parse(text);
            assert!(problems[0].0 == line && problems[0].1.starts_with(expected), "{text}: {problems:?}");
            assert_eq!(homes, []);
        }
    }
}
