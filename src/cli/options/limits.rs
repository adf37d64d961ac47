//! The options that change the limits of runs.

use clap::Args;

use crate::domain::{Hyperparameter, LimitChange, LimitChanges, Limits, Recipe, Strategy};

/// Changes of a run's limits; a missing option keeps its limit.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct LimitOptions {
    /// Maximum of epochs (1 to 10000), or +N or -N for more or fewer than now
    #[arg(long, value_name = "N", value_parser = epochs, allow_hyphen_values = true)]
    epochs: Option<LimitChange>,
    /// Epochs in a row without improvement before a run stops (1 to 1000, off), or +N or -N for more or fewer
    #[arg(long, value_name = "N", value_parser = patience, allow_hyphen_values = true)]
    patience: Option<LimitChange>,
}

impl LimitOptions {
    pub(in crate::cli) fn changes(self) -> LimitChanges {
        let Self { epochs, patience } = self;
        LimitChanges { epochs: epochs.unwrap_or_default(), patience: patience.unwrap_or_default() }
    }
}

/// Returns a change of the maximum of epochs, by the rules of the setting.
///
/// # Errors
/// If it is neither a number within the range of the setting nor a number with a sign.
fn epochs(text: &str) -> Result<LimitChange, String> {
    change(Hyperparameter::Epochs, text, |limits| limits.epochs)
}

/// Returns a change of the patience, by the rules of the setting.
///
/// # Errors
/// If it is neither a number within the range of the setting, nor a number with a sign, nor `off`.
fn patience(text: &str) -> Result<LimitChange, String> {
    change(Hyperparameter::Patience, text, |limits| limits.patience)
}

fn change(setting: Hyperparameter, text: &str, limit: fn(Limits) -> u32) -> Result<LimitChange, String> {
    if let Some(by @ LimitChange::By(_)) = LimitChange::parse(text) {
        return Ok(by);
    }
    let mut sample = Recipe::sample(Strategy::Cnn);
    setting.set(&mut sample, text).map_err(|error| error.to_string())?;
    Ok(LimitChange::To(limit(Limits::of(&sample))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hyperparameter::Patience;

    #[test]
    fn a_limit_is_a_number_of_its_range_or_a_number_with_a_sign() {
        assert_eq!(
            [epochs("80"), epochs("+10"), epochs("-5")].map(Result::ok),
            [Some(LimitChange::To(80)), Some(LimitChange::By(10)), Some(LimitChange::By(-5)),]
        );
        assert!(patience("1001").is_err_and(|error| error.contains("patience must be 1 to 1000, off, not '1001'")));
        assert_eq!(patience("off"), Ok(LimitChange::To(Patience::OFF)));
        for wrong in ["0", "010", "1e2", "many", "off", "same", "", "+", "10001"] {
            let error = epochs(wrong).expect_err(wrong);
            assert!(error.contains(&format!("epochs must be 1 to 10000, not '{wrong}'")), "{error}");
        }
    }
}
