//! The address of a home on another machine: the destination of ssh, the folder there, and the program there.

use std::fmt;

use super::text::shell_word;

/// The beginning of an address that `--home` accepts.
const SCHEME: &str = "ssh://";

/// The most bytes that a mirror takes on the disk unless the config file sets another bound.
pub const DEFAULT_MIRROR_BYTES: u64 = 4 << 30;

/// The reason why a text is no address of a home.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is not the address of a home: {reason}; write ssh://user@box/path or ssh://user@box/~/path")]
pub struct AddressError {
    /// The text, safe to print.
    given: String,
    /// The reason.
    reason: &'static str,
}

/// A home on another machine, as the config file or `--home` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeAddress {
    /// The name in the config file, or the destination.
    pub name: String,
    /// The destination of ssh: a host, `user@host`, or a name in ssh's own config.
    pub destination: String,
    /// The port, if it is not that of ssh's config.
    pub port: Option<u16>,
    /// The folder there, absolute, below `~`, or below the login folder; `None` leaves it to the program there.
    pub path: Option<String>,
    /// The path of the program there; `None` is `mien`, found by its shell.
    pub binary: Option<String>,
    /// The most bytes of the mirror on this machine.
    pub mirror_bytes: u64,
}

impl HomeAddress {
    /// Returns the home at `destination`, which is a host, `user@host` or `user@host:port`.
    ///
    /// # Errors
    /// The accepted form, if ssh could take the destination for something else.
    pub fn new(name: &str, destination: &str) -> Result<Self, &'static str> {
        const ACCEPTED: &str = "write a host, user@host or user@host:port";
        let (host, port) = match destination.rsplit_once(':') {
            // An address of IPv6 has several colons.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| ACCEPTED)?))
            }
            _ => (destination, None),
        };
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':' | '%' | '+' | '[' | ']');
        // A first '-' would be an option of ssh.
        if host.is_empty() || host.starts_with('-') || host.contains("@-") || !host.chars().all(plain) {
            return Err(ACCEPTED);
        }
        let host = host.replace(['[', ']'], "");
        Ok(Self {
            name: name.to_owned(),
            destination: host,
            port,
            path: None,
            binary: None,
            mirror_bytes: DEFAULT_MIRROR_BYTES,
        })
    }

    /// Returns whether the text is meant as an address, right or wrong.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Parses an address such as `ssh://user@box/data/lab`, `ssh://box/~/lab` or `ssh://box:2222`.
    ///
    /// # Errors
    /// If the text is another one.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let refused = |reason| AddressError { given: super::text::printable(text), reason };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| refused("it does not begin with ssh://"))?;
        let (destination, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut address = Self::new(destination, destination).map_err(|_| refused("the host cannot be this"))?;
        address.name.clone_from(&address.destination);
        let path = path.strip_prefix("/~").map_or(path.to_owned(), |below| format!("~{below}"));
        if !matches!(path.as_str(), "" | "/") {
            address.set_path(&path).map_err(|_| refused("the path has control characters"))?;
        }
        Ok(address)
    }

    /// Sets the folder there.
    ///
    /// # Errors
    /// The accepted form.
    pub fn set_path(&mut self, path: &str) -> Result<(), &'static str> {
        self.path = Some(one_line(path)?);
        Ok(())
    }

    /// Sets the path of the program there.
    ///
    /// # Errors
    /// The accepted form.
    pub fn set_binary(&mut self, path: &str) -> Result<(), &'static str> {
        self.binary = Some(one_line(path)?);
        Ok(())
    }

    /// Returns the line that the shell there runs: the program with `--home` and these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> String {
        let home = self.path.iter().flat_map(|path| ["--home", path]);
        let words = [self.binary.as_deref().unwrap_or("mien")].into_iter().chain(home);
        Self::shell_line(&words.chain(arguments.iter().copied()).collect::<Vec<_>>())
    }

    /// Returns the line that a shell reads as these words. A beginning `~/` of a word is the login folder.
    #[must_use]
    pub fn shell_line(words: &[&str]) -> String {
        words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for HomeAddress {
    /// Writes the address as `ssh://user@box:2222/data/lab`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.destination)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.path.as_deref() {
            None => Ok(()),
            Some(path) if path.starts_with('/') => f.write_str(path),
            Some(path) if path.starts_with('~') => write!(f, "/{path}"),
            Some(path) => write!(f, "/~/{path}"),
        }
    }
}

fn one_line(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("write a path of one line that is not empty");
    }
    Ok(text.to_owned())
}

/// Returns a word as a POSIX shell reads it unchanged. A beginning `~/` stays outside of the quotes, so that the shell
/// replaces it by the login folder.
fn quote(word: &str) -> String {
    let (start, rest) = match word.strip_prefix('~') {
        Some("") => ("~", ""),
        Some(rest) if rest.starts_with('/') => ("~/", &rest[1..]),
        _ => ("", word),
    };
    if rest.is_empty() && !start.is_empty() { start.to_owned() } else { format!("{start}{}", shell_word(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_in_the_same_form() {
        let table = [
            ("ssh://box", "box", None, None),
            ("ssh://box/", "box", None, None),
            ("ssh://me@box/data/lab", "me@box", None, Some("/data/lab")),
            ("ssh://me@box:2222/~/lab", "me@box", Some(2222), Some("~/lab")),
            ("ssh://box/~", "box", None, Some("~")),
            ("ssh://[::1]:22/x", "::1", Some(22), Some("/x")),
        ];
        for (text, destination, port, path) in table {
            let address = HomeAddress::parse(text).expect(text);
            assert_eq!(
                (address.destination.as_str(), address.port, address.path.as_deref()),
                (destination, port, path),
                "{text}"
            );
            if destination != "::1" {
                assert_eq!(address.to_string(), text.strip_suffix('/').unwrap_or(text));
            }
        }
        for wrong in [
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://me@-o/x",
            "ssh://a b/x",
            "ssh://box:port/x",
            "box",
            "ssh://box/a\nb",
        ] {
            assert!(HomeAddress::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_shell_reads_every_word_unchanged() {
        let mut address = HomeAddress::new("box", "me@box").expect("an address");
        assert_eq!(address.command(&["serve", "--stdio"]), "mien serve --stdio");
        address.set_path("~/my lab").expect("a path");
        address.set_binary("/opt/it's/mien").expect("a path");
        assert_eq!(address.command(&["serve"]), r"'/opt/it'\''s/mien' --home ~/'my lab' serve");
        address.set_path("/a;rm -rf ~").expect("a path");
        assert!(address.command(&[]).ends_with("'/a;rm -rf ~'"));
        assert_eq!(quote("~"), "~");
        assert_eq!(quote(""), "''");
    }
}
