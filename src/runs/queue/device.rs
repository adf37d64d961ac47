//! The identity of a device in the queue.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::runs::Holder;

/// A device of a machine. Machines may share a home, so the same name on two machines means two devices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The machine's name.
    pub host: String,
    /// The device's stable name, usable for a folder: `cpu`, or the bus address of a GPU, whose number depends on the
    /// process.
    pub key: String,
    /// The device's name for people: `cpu`, `cuda:0`.
    pub name: String,
}

impl DeviceKey {
    /// Returns the device of this name on this machine; `slot` is its bus address, if known.
    #[must_use]
    pub fn here(name: &str, slot: Option<&str>) -> Self {
        let key = match slot {
            Some(slot) => format!("cuda-{slot}"),
            None => name.to_owned(),
        };
        Self { host: this_host(), key: as_folder(&key), name: name.to_owned() }
    }

    /// Returns whether the device belongs to this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == this_host()
    }

    /// Returns whether the names are safe as folders. A file's content is not trusted: it could otherwise lead out of
    /// the folder of devices.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        [&self.host, &self.key].into_iter().all(|part| *part == as_folder(part))
    }
}

/// Formats `cpu`, or `cpu on HOST` for another machine.
impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::domain::text::printable(&self.name);
        if self.is_local() { f.pad(&name) } else { f.pad(&format!("{name} on {}", self.host)) }
    }
}

/// Returns this machine's name, usable for a folder.
#[must_use]
pub(super) fn this_host() -> String {
    as_folder(&Holder::this_host())
}

/// Converts a text to a folder name: letters, digits, dots and dashes, not hidden, not empty, of limited length.
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
