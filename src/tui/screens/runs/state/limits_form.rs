//! The two fields of the form for epochs and patience.

use crate::domain::hyperparameter::Patience;
use crate::domain::{LimitChange, Limits};
use crate::tui::messages::Action;

/// The fields as typed, and the one with the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsForm {
    fields: [String; 2],
    /// The index of the field with the cursor.
    field: usize,
    /// Whether the field was just entered, so that a digit replaces its number.
    fresh: bool,
    /// The number before the last sign, the sign, and the digits after it: `+10` adds ten. Without a number, it is
    /// added to that of each run.
    sum: Option<(Option<u32>, char, u32)>,
}

impl LimitsForm {
    /// Returns the form with the limits of these runs and the cursor on the epochs. A number in which they differ is
    /// `same`.
    #[must_use]
    pub fn new(limits: &[Limits]) -> Self {
        let common = |of: fn(&Limits) -> String| {
            let mut texts = limits.iter().map(of);
            let first = texts.next().unwrap_or_default();
            if texts.all(|text| text == first) { first } else { LimitChange::SAME.into() }
        };
        let fields =
            [common(|limits| limits.epochs.to_string()), common(|limits| Patience(limits.patience).to_string())];
        Self { fields, field: 0, fresh: true, sum: None }
    }

    /// Returns the line and the cursor's position in it.
    #[must_use]
    pub fn line(&self) -> (String, usize) {
        let [epochs, patience] = &self.fields;
        let line = format!("epochs {epochs} patience {patience}");
        let cursor = if self.field == 0 { "epochs ".len() + epochs.len() } else { line.len() };
        (line, cursor)
    }

    /// Applies a key. Returns false for one that leaves the form, such as a letter: the line is then edited as text.
    pub fn edit(&mut self, action: Action) -> bool {
        let number = &mut self.fields[self.field];
        let sum = self.sum.take();
        match action {
            Action::Up | Action::Down | Action::Complete => {
                self.field = 1 - self.field;
                self.fresh = true;
            }
            Action::Insert(c @ '0'..='9') if sum.is_some() => {
                let digit = u32::from(c) - u32::from('0');
                self.sum = sum.map(|(before, sign, typed)| (before, sign, (typed * 10 + digit).min(99_999)));
                if let Some((before, sign, typed)) = self.sum {
                    *number = added(before, sign, typed);
                }
            }
            Action::Insert(c) if c.is_ascii_digit() => {
                if self.fresh {
                    number.clear();
                }
                if number.len() < 5 {
                    number.push(c);
                }
                self.fresh = false;
            }
            Action::Insert(sign @ ('+' | '-')) => {
                let is_relative = number == LimitChange::SAME || number.starts_with(['+', '-']);
                let before = if is_relative { None } else { number.parse::<u32>().ok() };
                if before.is_none() && !is_relative {
                    return true;
                }
                *number = added(before, sign, 1);
                self.sum = Some((before, sign, 0));
                self.fresh = true;
            }
            Action::Backspace => {
                if number == LimitChange::SAME {
                    number.clear();
                }
                number.pop();
                self.fresh = false;
            }
            _ => return false,
        }
        true
    }
}

/// Returns a number with another one added or taken off, at least 1; without a number, the sum as it is typed.
fn added(number: Option<u32>, sign: char, by: u32) -> String {
    match number {
        None => format!("{sign}{by}"),
        Some(number) if sign == '+' => number.saturating_add(by).to_string(),
        Some(number) => number.saturating_sub(by).max(1).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_replace_a_number_and_signs_step_it() {
        let line = |actions: &[Action]| {
            let mut form = LimitsForm::new(&[Limits { epochs: 50, patience: 10 }]);
            assert!(actions.iter().all(|action| form.edit(*action)));
            form.line()
        };
        let insert = Action::Insert;
        assert_eq!(line(&[insert('6'), insert('0')]), ("epochs 60 patience 10".into(), 9));
        assert_eq!(line(&[insert('+'), insert('+'), insert('-')]).0, "epochs 51 patience 10");
        assert_eq!(line(&[insert('+'), insert('1'), insert('0')]).0, "epochs 60 patience 10");
        assert_eq!(line(&[insert('-'), insert('5'), insert('+')]).0, "epochs 46 patience 10");
        assert_eq!(line(&[insert('+'), Action::Down, insert('7')]).0, "epochs 51 patience 7");
        assert_eq!(line(&[Action::Down, insert('2'), insert('0')]), ("epochs 50 patience 20".into(), 21));
        assert_eq!(line(&[Action::Complete, Action::Up, Action::Backspace]).0, "epochs 5 patience 10");
        assert!(!LimitsForm::new(&[Limits { epochs: 50, patience: 10 }]).edit(Action::ClearLine));
    }

    #[test]
    fn a_number_in_which_runs_differ_is_kept_changed_by_so_many_or_replaced() {
        let line = |actions: &[Action]| {
            let mut form = LimitsForm::new(&[Limits { epochs: 50, patience: 10 }, Limits { epochs: 8, patience: 10 }]);
            assert!(actions.iter().all(|action| form.edit(*action)));
            form.line().0
        };
        let insert = Action::Insert;
        assert_eq!(line(&[]), "epochs same patience 10");
        assert_eq!(line(&[insert('+')]), "epochs +1 patience 10");
        assert_eq!(line(&[insert('+'), insert('1'), insert('0')]), "epochs +10 patience 10");
        assert_eq!(line(&[insert('-'), insert('5'), insert('+'), insert('2')]), "epochs +2 patience 10");
        assert_eq!(line(&[insert('6'), insert('0')]), "epochs 60 patience 10");
        assert_eq!(line(&[Action::Backspace, insert('7')]), "epochs 7 patience 10");
    }
}
