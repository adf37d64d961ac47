//! The permissions of created files: the owner's alone, unless the home is a shared one.
//!
//! A home is shared by `chmod g+s`, which nobody does by accident and which a folder of a group needs anyway, so that
//! what is made in it belongs to the group. What is made then has the permissions of the home itself, whatever the
//! umask: 2750 lets the group read, 2770 lets it train. In every other home files are 0600 and folders 0700.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::umask;

/// The permissions that group and others do not get in a home with this mode; `None` is a home that does not exist yet.
fn withheld(home: Option<u32>) -> u32 {
    const SHARED: u32 = 0o2000;
    match home {
        Some(mode) if mode & SHARED != 0 => !mode & 0o077,
        _ => 0o077,
    }
}

/// Sets the permissions of every file that this process and its children create, temporary ones and those of libraries
/// too.
pub(super) fn keep(home: Option<&Path>) {
    let mode = home.and_then(|home| fs::metadata(home).ok()).map(|metadata| metadata.permissions().mode());
    umask(Mode::from_bits_truncate(withheld(mode)));
}

#[cfg(test)]
mod tests {
    use super::withheld;

    #[test]
    fn only_a_shared_home_shows_anything() {
        let table = [
            ("a new home", None, 0o077),
            ("a private one", Some(0o40700), 0o077),
            ("one as mkdir makes it", Some(0o40755), 0o077),
            ("a group that reads", Some(0o42750), 0o027),
            ("a group that works", Some(0o42770), 0o007),
            ("one for everybody to see", Some(0o42755), 0o022),
        ];
        for (case, mode, expected) in table {
            assert_eq!(withheld(mode), expected, "{case}");
        }
    }
}
