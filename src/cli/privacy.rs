//! The permissions of created files: only the owner's, unless the home is shared.
//!
//! `chmod g+s` makes a home shared: a group's folder needs it anyway, so that files in it belong to the group. Files of
//! a shared home get the permissions of the home, independent of the umask: 2750 lets the group read, 2770 lets it
//! train. In every other home files are 0600 and folders 0700.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::durable::umask;

/// Returns the umask for a home with this mode; `None` is a home that does not exist yet.
fn mask(home: Option<u32>) -> u32 {
    const SHARED: u32 = 0o2000;
    match home {
        Some(mode) if mode & SHARED != 0 => !mode & 0o077,
        _ => 0o077,
    }
}

/// Sets the umask of this process and its children by the mode of the home.
pub(super) fn set_umask(home: Option<&Path>) {
    let mode = home.and_then(|home| fs::metadata(home).ok()).map(|metadata| metadata.permissions().mode());
    umask::set(mask(mode));
}

/// Sets the umask with which the program was started, for files outside the home. Reports and exports are made to be
/// shown, and nobody else could read them.
pub(super) fn restore_umask() {
    umask::restore();
}

#[cfg(test)]
mod tests {
    use super::mask;

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
            assert_eq!(mask(mode), expected, "{case}");
        }
    }
}
