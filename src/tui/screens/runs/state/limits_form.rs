//! The two fields of the form for epochs and patience.

use crate::domain::Limits;
use crate::domain::hyperparameter::Patience;
use crate::tui::messages::Action;

/// The fields as typed, and the one with the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsForm {
    fields: [String; 2],
    /// The index of the field with the cursor.
    field: usize,
    /// Whether the field was just entered, so that a digit replaces its number.
    fresh: bool,
    /// The number before the last sign, the sign, and the digits after it: `+10` adds ten.
    sum: Option<(u32, char, u32)>,
}

impl LimitsForm {
    /// Returns the form with these limits and the cursor on the epochs.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let fields = [limits.epochs.to_string(), Patience(limits.patience).to_string()];
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
                    *number = added(before, sign, typed).to_string();
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
                let Ok(value) = number.parse::<u32>() else { return true };
                *number = added(value, sign, 1).to_string();
                self.sum = Some((value, sign, 0));
                self.fresh = true;
            }
            Action::Backspace => {
                number.pop();
                self.fresh = false;
            }
            _ => return false,
        }
        true
    }
}

/// Returns a number with another one added or taken off; at least 1.
fn added(number: u32, sign: char, by: u32) -> u32 {
    if sign == '+' { number.saturating_add(by) } else { number.saturating_sub(by) }.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_replace_a_number_and_signs_step_it() {
        let line = |actions: &[Action]| {
            let mut form = LimitsForm::new(Limits { epochs: 50, patience: 10 });
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
        assert!(!LimitsForm::new(Limits { epochs: 50, patience: 10 }).edit(Action::ClearLine));
    }
}
