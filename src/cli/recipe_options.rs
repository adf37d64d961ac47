//! The options of `train` that set a recipe, made from the table of hyperparameters.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::domain::{DatasetName, Hyperparameter, Recipe};

/// The settings given on the command line, each accepted by [`Hyperparameter::set`].
#[derive(Debug, Clone, Default)]
pub(super) struct RecipeOptions(Vec<(Hyperparameter, String)>);

impl RecipeOptions {
    /// Writes the given settings into `recipe`.
    ///
    /// # Errors
    /// A sentence about the first that is not accepted.
    pub(super) fn apply(&self, recipe: &mut Recipe) -> Result<(), String> {
        self.0.iter().try_for_each(|(field, text)| field.set(recipe, text))
    }
}

/// A recipe to try values on.
fn sample() -> Recipe {
    // Cannot fail: the name is a letter.
    Recipe::cnn(DatasetName::new("x").expect("a letter"), String::new(), 0)
}

fn option(field: Hyperparameter) -> Arg {
    let help = format!("{} ({}) [default: {}]", field.explanation(), field.range(), field.get(&sample()));
    Arg::new(field.name())
        .long(field.name())
        .value_name("VALUE")
        .help(help)
        .help_heading("Hyperparameters")
        .allow_negative_numbers(true)
        .value_parser(move |text: &str| field.set(&mut sample(), text).map(|()| text.to_owned()))
}

impl Args for RecipeOptions {
    fn augment_args(command: Command) -> Command {
        command.args(Hyperparameter::ALL.map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RecipeOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |field: Hyperparameter| Some((field, matches.get_one::<String>(field.name())?.clone()));
        Ok(Self(Hyperparameter::ALL.into_iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Recipe, String> {
        let command = RecipeOptions::augment_args(Command::new("train").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let mut recipe = sample();
        RecipeOptions::from_arg_matches(&matches).map_err(|error| error.to_string())?.apply(&mut recipe)?;
        Ok(recipe)
    }

    #[test]
    fn every_hyperparameter_is_an_option() {
        for field in Hyperparameter::ALL {
            let option = format!("--{}", field.name());
            assert_eq!(parse(&[&option, &field.get(&sample())]), Ok(sample()), "{option}");
        }
        let recipe = parse(&["--epochs", "3", "--batch-size=64", "--augment", "none"]).expect("accepted");
        assert_eq!((recipe.epochs, recipe.batch_size, recipe.augmentation), (3, 64, None));
    }

    #[test]
    fn a_refused_value_says_what_is_accepted() {
        for (option, value) in [("--epochs", "0"), ("--min-delta", "-1"), ("--learning-rate", "fast")] {
            let error = parse(&[option, value]).expect_err("refused");
            assert!(error.contains(option) && error.contains(" must be "), "{error}");
        }
    }
}
