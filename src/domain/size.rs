//! Numbers of bytes as text for people.

use std::fmt;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_precision_loss)] // shown with three digits
        let mebibytes = self.0 as f64 / f64::from(1 << 20);
        f.pad(&match mebibytes {
            ..0.95 => format!("{:.0} KiB", mebibytes * 1024.0),
            ..9.95 => format!("{mebibytes:.1} MiB"),
            ..999.5 => format!("{mebibytes:.0} MiB"),
            _ => format!("{:.1} GiB", mebibytes / 1024.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn two_or_three_figures_and_a_unit() {
        for (bytes, expected) in [
            (0, "0 KiB"),
            (40_000, "39 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 20, "5.0 MiB"),
            (73_496_576, "70 MiB"),
            (1 << 30, "1.0 GiB"),
            (15 << 30, "15.0 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected);
        }
    }
}
