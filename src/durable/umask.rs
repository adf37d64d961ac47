//! The umask: that of the user, and the stricter one of this process.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::umask;

/// The umask with which the user started the program.
static USERS: OnceLock<Mode> = OnceLock::new();

/// The environment variable that gives the user's umask to a child, in octal. A child inherits the stricter one.
pub const VARIABLE: &str = "MIEN_UMASK";

/// Sets the umask of this process and its children.
pub fn set(mask: u32) {
    let before = umask(Mode::from_bits_truncate(mask));
    let inherited = || std::env::var(VARIABLE).ok().and_then(|text| parse(&text));
    USERS.get_or_init(|| inherited().unwrap_or(before));
}

/// Sets the user's umask again, if this program has changed it.
pub fn restore() {
    if let Some(mode) = USERS.get() {
        umask(*mode);
    }
}

/// Returns the user's umask in octal, as [`VARIABLE`] has it; `None` if this program has not changed it.
#[must_use]
pub fn users() -> Option<String> {
    USERS.get().map(|mode| format!("{:o}", mode.bits()))
}

fn parse(text: &str) -> Option<Mode> {
    u32::from_str_radix(text, 8).ok().and_then(Mode::from_bits).filter(|mode| mode.bits() <= 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_octal_and_has_nine_bits() {
        let table = [("22", Some(0o22)), ("0077", Some(0o77)), ("0", Some(0)), ("1000", None), ("8", None), ("", None)];
        for (text, expected) in table {
            assert_eq!(parse(text).map(|mode| mode.bits()), expected, "{text}");
        }
    }
}
