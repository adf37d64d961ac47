//! The damaged lines of a log, and the progress of reading it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most damaged lines whose numbers are stored.
pub const PLACES: usize = 5;

/// The damaged lines of a log: their count and the numbers of the first ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Damage {
    count: usize,
    first: [u64; PLACES],
}

impl Damage {
    /// Adds a line by its number, from 1.
    pub(super) fn add(&mut self, line: u64) {
        if let Some(slot) = self.first.get_mut(self.count) {
            *slot = line;
        }
        self.count += 1;
    }

    /// Returns the number of damaged lines.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns whether no line is damaged.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count == 0
    }

    /// Returns the numbers of the first [`PLACES`] damaged lines, from 1.
    #[must_use]
    pub fn lines(&self) -> &[u64] {
        &self.first[..self.count.min(PLACES)]
    }
}

impl fmt::Display for Damage {
    /// Formats the damage, such as `3 lines are damaged (12, 40 and 41)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines().iter().map(u64::to_string).collect();
        match (self.count, lines.as_slice()) {
            (0, _) => f.write_str("no line is damaged"),
            (1, _) => write!(f, "line {} is damaged", lines.join("")),
            (2..=PLACES, [others @ .., last]) => {
                write!(f, "{} lines are damaged ({} and {last})", self.count, others.join(", "))
            }
            _ => write!(f, "{} lines are damaged (the first: {})", self.count, lines.join(", ")),
        }
    }
}

/// The progress of reading a log, from which another reader can continue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of complete lines.
    pub position: u64,
    /// The number of complete lines.
    pub lines: u64,
    /// Whether a line with a checksum was among them. All later lines must have one.
    pub checksummed: bool,
    /// The damaged lines.
    pub damage: Damage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_lists_its_first_lines() {
        let describe = |lines: &[u64]| {
            let mut damage = Damage::default();
            lines.iter().for_each(|line| damage.add(*line));
            damage.to_string()
        };
        assert_eq!(describe(&[]), "no line is damaged");
        assert_eq!(describe(&[12]), "line 12 is damaged");
        assert_eq!(describe(&[12, 40, 41]), "3 lines are damaged (12, 40 and 41)");
        assert_eq!(describe(&[1, 2, 3, 4, 5]), "5 lines are damaged (1, 2, 3, 4 and 5)");
        assert_eq!(describe(&[1, 2, 3, 4, 5, 6, 7]), "7 lines are damaged (the first: 1, 2, 3, 4, 5)");
    }
}
