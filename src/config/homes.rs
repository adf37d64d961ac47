//! The homes on other machines in the config file: `[homes.NAME]`.

use super::entries::{Entries, Entry, EntryReader};
use crate::domain::HomeAddress;

/// The name that stands for all homes, so that none has it.
pub const ALL_HOMES: &str = "all";

/// The name that stands for the home of this machine in lists of several homes.
pub const THIS_HOME: &str = "here";

const SETTINGS: [&str; 4] = ["ssh", "home", "binary", "mirror"];

/// The homes of the config file.
pub type Homes = Entries<HomeAddress>;

impl Entry for HomeAddress {
    const TABLE: &'static str = "homes";
    const NOUN: &'static str = "home";

    fn reserved(name: &str) -> Option<&'static str> {
        matches!(name, ALL_HOMES | THIS_HOME).then_some("has another meaning in lists of homes")
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read(reader: &mut EntryReader<'_, '_>) -> Option<Self> {
        let settings = reader.settings;
        let Some((_, ssh)) = settings.iter().find(|(key, _)| key.get_ref() == "ssh") else {
            reader.refuse_missing("ssh", "\"user@box\"");
            return None;
        };
        let destination = ssh.get_ref().as_str().ok_or("write text such as \"user@box\"");
        let mut home = match destination.and_then(|destination| Self::new(reader.name, destination)) {
            Ok(home) => home,
            Err(accepted) => {
                reader.refuse_value("ssh", ssh, accepted);
                return None;
            }
        };
        for (key, value) in settings {
            let (key, at) = (key.get_ref().as_ref(), key.span().start);
            let words = value.get_ref().as_str().ok_or("write text");
            let set = match key {
                "ssh" => Ok(()),
                "home" => words.and_then(|path| home.set_path(path)),
                "binary" => words.and_then(|path| home.set_binary(path)),
                "mirror" => words.and_then(size).map(|bytes| home.mirror_bytes = bytes),
                _ => {
                    reader.refuse_setting(at, key, &SETTINGS);
                    continue;
                }
            };
            if let Err(accepted) = set {
                reader.refuse_value(key, value, accepted);
            }
        }
        Some(home)
    }
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
    use super::*;
    use crate::config::{entries, read_first};

    fn parse(text: &str) -> (Vec<HomeAddress>, Vec<(usize, String)>) {
        read_first(text, entries::read)
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
            ("hmoe = 'x'", 3, "there is no setting 'homes.a.hmoe' (did you mean home?): the settings are ssh, home"),
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
            ("[homes.'a b']\nssh = 'a'\n", 1, "homes.a b is not a name"),
            ("homes = 3\n", 1, "homes cannot be this"),
        ];
        for (text, line, expected) in whole {
            let (homes, problems) = parse(text);
            assert!(problems[0].0 == line && problems[0].1.starts_with(expected), "{text}: {problems:?}");
            assert_eq!(homes, []);
        }
    }
}
