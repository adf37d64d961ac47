//! Parsing of typed epochs and patience.

use crate::domain::hyperparameter::Patience;
use crate::domain::{LimitChange, LimitChanges, Limits};

/// The accepted form.
const FORM: &str = "type a number of epochs, patience and a number, or both, such as: epochs 80 patience 12";

/// Parses `epochs 80 patience 12`; a number alone means epochs. A missing one stays as in `in_force`.
///
/// # Errors
/// The reason why the text is invalid, with the accepted form.
pub fn parse_limits(text: &str, in_force: Limits) -> Result<Limits, String> {
    let (mut epochs, mut patience) = (None, None);
    let mut words = text.split(|c: char| c.is_whitespace() || c == '=' || c == ',').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let target = match word {
            "epochs" | "epoch" | "e" => &mut epochs,
            "patience" | "p" => &mut patience,
            number if epochs.is_none() => {
                epochs = Some(LimitChange::parse(number).ok_or(FORM)?);
                continue;
            }
            _ => return Err(FORM.into()),
        };
        let number = words.next().ok_or_else(|| format!("{word} needs a number, such as: {word} 80"))?;
        let wrong = || format!("{word} must be a whole number, not '{number}'");
        // Only patience accepts `off`.
        let off = (word.starts_with('p') && number == "off").then_some(LimitChange::To(Patience::OFF));
        *target = Some(off.or_else(|| LimitChange::parse(number)).ok_or_else(wrong)?);
    }
    if epochs.is_none() && patience.is_none() {
        return Err(FORM.into());
    }
    let changes = LimitChanges { epochs: epochs.unwrap_or_default(), patience: patience.unwrap_or_default() };
    let limits = in_force.changed(changes);
    limits.check().map_err(|error| error.to_string())?;
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_any_order_and_held_to_their_ranges() {
        let now = Limits { epochs: 50, patience: 10 };
        let table = [
            ("epochs 80 patience 12", Ok((80, 12))),
            ("patience=3", Ok((50, 3))),
            ("patience off", Ok((50, 10_000))),
            ("epochs same patience 12", Ok((50, 12))),
            ("epochs +3 patience same", Ok((53, 10))),
            (" epochs  7 ", Ok((7, 10))),
            ("", Err("type a number")),
            ("80", Ok((80, 10))),
            ("80 patience 3", Ok((80, 3))),
            ("+10", Ok((60, 10))),
            ("epochs +5 patience -2", Ok((55, 8))),
            ("-50", Err("epochs must be 1 to 10000")),
            ("++5", Err("type a number")),
            ("-+5", Err("type a number")),
            ("+", Err("type a number")),
            ("80 90", Err("type a number")),
            ("eighty", Err("type a number")),
            ("epochs", Err("epochs needs a number")),
            ("epochs many", Err("epochs must be a whole number")),
            ("epochs 0", Err("epochs must be 1 to 10000")),
            ("patience 1001", Err("patience must be 1 to 1000")),
        ];
        for (text, expected) in table {
            match (parse_limits(text, now), expected) {
                (Ok(limits), Ok((epochs, patience))) => assert_eq!(limits, Limits { epochs, patience }, "{text}"),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
