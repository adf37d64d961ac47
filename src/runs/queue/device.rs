//! What a device is called in the queue.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A device of a machine. Machines may share a home, so the same name on two of them is two devices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The machine.
    pub host: String,
    /// The device itself, as a folder's name: `cpu`, or where a graphics processor is plugged in, because its number
    /// depends on what a process is shown of the machine.
    pub key: String,
    /// What people call it: `cpu`, `cuda:0`.
    pub name: String,
}

impl DeviceKey {
    /// The device of this name on this machine; `slot` is where it is plugged in, if that is known.
    #[must_use]
    pub fn here(name: &str, slot: Option<&str>) -> Self {
        let key = match slot {
            Some(slot) => format!("cuda-{slot}"),
            None => name.to_owned(),
        };
        Self { host: this_host(), key: as_folder(&key), name: name.to_owned() }
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.host == this_host()
    }

    /// Whether nothing in it could lead out of the folder of devices; what a file says is not trusted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        [&self.host, &self.key].into_iter().all(|part| *part == as_folder(part))
    }
}

/// `cpu`, or `cpu on HOST` if that is another machine.
impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::domain::text::printable(&self.name);
        if self.is_here() { f.pad(&name) } else { f.pad(&format!("{name} on {}", self.host)) }
    }
}

/// The name of this machine, as that of a folder.
#[must_use]
pub(super) fn this_host() -> String {
    as_folder(&rustix::system::uname().nodename().to_string_lossy())
}

/// A text as the name of a folder: letters, digits, dots and dashes, not hidden, not empty, not too long.
fn as_folder(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = text.chars().take(64).map(plain).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "unnamed".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_folder_of_this_machine_and_never_a_way_out() {
        let cpu = DeviceKey::here("cpu", None);
        assert_eq!((cpu.key.as_str(), cpu.to_string().as_str()), ("cpu", "cpu"));
        let gpu = DeviceKey::here("cuda:0", Some("0000:3b:00.0"));
        assert_eq!((gpu.key.as_str(), gpu.to_string().as_str()), ("cuda-0000-3b-00.0", "cuda:0"));
        assert!(cpu.is_valid() && gpu.is_valid());
        for part in ["..", "../x", "a/b", "", ".hidden", "\u{1b}[2J"] {
            assert!(!DeviceKey { key: part.into(), ..cpu.clone() }.is_valid(), "{part:?}");
            assert!(!DeviceKey { host: part.into(), ..cpu.clone() }.is_valid(), "{part:?}");
        }
        let away = DeviceKey { host: "elsewhere.".into(), ..cpu };
        assert_eq!(away.to_string(), "cpu on elsewhere.");
    }
}
