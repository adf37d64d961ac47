//! The options of `train` that set a recipe, made from the table of hyperparameters.

use std::fmt::Debug;
use std::marker::PhantomData;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::domain::{Hyperparameter, Strategy, StrategyChoice, Sweep, SweepError, sweep};

/// Which settings a command offers, and whose defaults it tells.
pub(in crate::cli) trait Offer: Debug + Clone + Copy + Send + Sync + 'static {
    /// What the command does.
    const STRATEGY_CHOICE: StrategyChoice;
}

macro_rules! offer {
    ($name:ident, $strategy_choice:expr) => {
        #[doc = concat!("The settings of `", stringify!($strategy_choice), "`.")]
        #[derive(Debug, Clone, Copy)]
        pub(in crate::cli) struct $name;

        impl Offer for $name {
            const STRATEGY_CHOICE: StrategyChoice = $strategy_choice;
        }
    };
}

offer!(OfCnn, StrategyChoice::One(Strategy::Cnn));
offer!(OfDeep, StrategyChoice::One(Strategy::Deep));
offer!(OfFeatures, StrategyChoice::One(Strategy::Features));
offer!(OfFinetune, StrategyChoice::One(Strategy::Finetune));
offer!(OfAll, StrategyChoice::All);

/// The settings given on the command line with their values, each accepted by [`Hyperparameter::set`].
#[derive(Debug, Clone)]
pub(in crate::cli) struct RecipeOptions<O>(Vec<(Hyperparameter, String)>, PhantomData<O>);

impl<O: Offer> RecipeOptions<O> {
    /// The runs that the given values make.
    ///
    /// # Errors
    /// A [`SweepError`] where a setting is given twice, or the runs are too many.
    pub(in crate::cli) fn sweep(&self) -> Result<Sweep, SweepError> {
        Sweep::new(O::STRATEGY_CHOICE, &self.0)
    }
}

/// The option that names the setting in its value.
const SET: &str = "set";

/// What the settings stand under in the help.
fn heading(strategy_choice: StrategyChoice) -> &'static str {
    match strategy_choice {
        StrategyChoice::One(_) => "Hyperparameters (several values, as 1,2,3 or 1..3, make a run of every combination)",
        StrategyChoice::All => "Hyperparameters",
    }
}

fn option<O: Offer>(field: Hyperparameter) -> Arg {
    let default = O::STRATEGY_CHOICE.default_of(field).unwrap_or_else(|| "each strategy's own".into());
    let help = format!("{} ({}) [default: {default}]", field.explanation(), field.range());
    Arg::new(field.name())
        .long(field.name())
        .value_name("VALUE")
        .help(help)
        .help_heading(heading(O::STRATEGY_CHOICE))
        .allow_negative_numbers(true)
        .value_parser(move |text: &str| sweep::values(O::STRATEGY_CHOICE, field, text).map(|_| text.to_owned()))
}

fn set<O: Offer>() -> Arg {
    Arg::new(SET)
        .long(SET)
        .value_name("SETTING=VALUES")
        .help("a setting by its name: --set epochs=20 is --epochs 20; may be given for several settings")
        .help_heading(heading(O::STRATEGY_CHOICE))
        .action(ArgAction::Append)
        .value_parser(|text: &str| sweep::named(O::STRATEGY_CHOICE, text))
}

impl<O: Offer> Args for RecipeOptions<O> {
    fn augment_args(command: Command) -> Command {
        command.args(O::STRATEGY_CHOICE.settings().map(option::<O>)).arg(set::<O>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<O: Offer> FromArgMatches for RecipeOptions<O> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |field: Hyperparameter| Some((field, matches.get_one::<String>(field.name())?.clone()));
        let set = matches.get_many::<(Hyperparameter, String)>(SET).into_iter().flatten().cloned();
        Ok(Self(O::STRATEGY_CHOICE.settings().filter_map(given).chain(set).collect(), PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Recipe;

    fn parse<O: Offer>(mut recipe: Recipe, arguments: &[&str]) -> Result<Recipe, String> {
        let command = RecipeOptions::<O>::augment_args(Command::new("train").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let options = RecipeOptions::<O>::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let sweep = options.sweep().map_err(|error| error.to_string())?;
        sweep.apply_first(&mut recipe).map_err(|error| error.to_string())?;
        Ok(recipe)
    }

    fn every_setting_is_an_option<O: Offer>() {
        for field in O::STRATEGY_CHOICE.settings() {
            let option = format!("--{}", field.name());
            assert_eq!(
                parse::<O>(O::STRATEGY_CHOICE.sample(), &[&option, &field.get(&O::STRATEGY_CHOICE.sample())]),
                Ok(O::STRATEGY_CHOICE.sample()),
                "{option}"
            );
        }
    }

    #[test]
    fn every_hyperparameter_is_an_option() {
        every_setting_is_an_option::<OfCnn>();
        every_setting_is_an_option::<OfDeep>();
        every_setting_is_an_option::<OfFeatures>();
        every_setting_is_an_option::<OfFinetune>();
        every_setting_is_an_option::<OfAll>();
        let recipe =
            parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &["--epochs", "3", "--batch-size=64", "--augment", "none"])
                .expect("accepted");
        assert_eq!((recipe.epochs, recipe.batch_size, recipe.augmentation), (3, 64, None));
    }

    #[test]
    fn what_three_runs_share_reaches_those_that_have_it() {
        let arguments = ["--size", "96", "--epochs", "2", "--unfreeze", "block4"];
        for strategy in Strategy::ALL {
            let recipe = parse::<OfAll>(Recipe::sample(strategy), &arguments).expect("accepted");
            assert_eq!(recipe.epochs, 2);
            assert_eq!(
                recipe.transfer.as_ref().map(|transfer| transfer.size),
                (!strategy.is_from_scratch()).then_some(96)
            );
        }
        assert!(parse::<OfAll>(OfAll::STRATEGY_CHOICE.sample(), &["--learning-rate", "1"]).is_err());
    }

    #[test]
    fn a_setting_is_given_by_its_option_or_by_its_name() {
        let recipe = parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &["--set", "epochs=3", "--set", "seed=7"]);
        assert_eq!(recipe, parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &["--epochs", "3", "--seed", "7"]));
        let error =
            parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &["--seed", "7", "--set", "seed=8"]).expect_err("refused");
        assert!(error.contains("seed is given twice"), "{error}");
        let error = parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &["--set", "lr=8"]).expect_err("refused");
        assert!(error.contains("'lr' is no setting here: use network, epochs"), "{error}");
    }

    #[test]
    fn a_refused_value_says_what_is_accepted() {
        for (option, value) in [("--epochs", "0"), ("--min-delta", "-1"), ("--learning-rate", "fast")] {
            let error = parse::<OfCnn>(OfCnn::STRATEGY_CHOICE.sample(), &[option, value]).expect_err("refused");
            assert!(error.contains(option) && error.contains(" must be "), "{error}");
        }
    }
}
