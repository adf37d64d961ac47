//! The options of `train` that set a recipe, made from the table of settings.

use std::fmt::Debug;
use std::marker::PhantomData;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::domain::{Hyperparameter, Strategy, StrategyChoice, Sweep, SweepError, sweep};

/// The settings that a command offers, with their defaults.
pub(in crate::cli) trait StrategySettings: Debug + Clone + Copy + Send + Sync + 'static {
    /// The strategies that the command trains.
    const STRATEGY_CHOICE: StrategyChoice;
}

macro_rules! strategy_settings {
    ($name:ident, $strategy_choice:expr) => {
        #[doc = concat!("The settings of `", stringify!($strategy_choice), "`.")]
        #[derive(Debug, Clone, Copy)]
        pub(in crate::cli) struct $name;

        impl StrategySettings for $name {
            const STRATEGY_CHOICE: StrategyChoice = $strategy_choice;
        }
    };
}

strategy_settings!(CnnSettings, StrategyChoice::One(Strategy::Cnn));
strategy_settings!(DeepSettings, StrategyChoice::One(Strategy::Deep));
strategy_settings!(FeaturesSettings, StrategyChoice::One(Strategy::Features));
strategy_settings!(FinetuneSettings, StrategyChoice::One(Strategy::Finetune));
strategy_settings!(AllSettings, StrategyChoice::All);

/// The settings given on the command line with their values, each accepted by [`Hyperparameter::set`].
#[derive(Debug, Clone)]
pub(in crate::cli) struct RecipeOptions<O>(Vec<(Hyperparameter, String)>, PhantomData<O>);

impl<O: StrategySettings> RecipeOptions<O> {
    /// Returns the sweep of the given values.
    ///
    /// # Errors
    /// If a setting is given twice, or there are too many runs.
    pub(in crate::cli) fn sweep(&self) -> Result<Sweep, SweepError> {
        Sweep::new(O::STRATEGY_CHOICE, &self.0)
    }
}

/// The name of the option whose value names the setting.
const SET: &str = "set";

/// Returns the heading of the settings in the help.
fn heading(strategy_choice: StrategyChoice) -> &'static str {
    match strategy_choice {
        StrategyChoice::One(_) => "Hyperparameters (several values, as 1,2,3 or 1..3, make a run of every combination)",
        StrategyChoice::All => "Hyperparameters",
    }
}

fn option<O: StrategySettings>(field: Hyperparameter) -> Arg {
    let of_start = O::STRATEGY_CHOICE == StrategyChoice::One(Strategy::Finetune)
        && matches!(field, Hyperparameter::Size | Hyperparameter::Variants | Hyperparameter::Augmentation);
    let default = match O::STRATEGY_CHOICE.default_of(field) {
        _ if of_start => "that of its start".into(),
        Some(default) => default,
        None => "each strategy's own".into(),
    };
    let help = format!("{} ({}) [default: {default}]", field.explanation(), field.range(&O::STRATEGY_CHOICE.sample()));
    Arg::new(field.name())
        .long(field.name())
        .value_name("VALUE")
        .help(help)
        .help_heading(heading(O::STRATEGY_CHOICE))
        .value_parser(move |text: &str| sweep::values(O::STRATEGY_CHOICE, field, text).map(|_| text.to_owned()))
}

fn set<O: StrategySettings>() -> Arg {
    Arg::new(SET)
        .long(SET)
        .value_name("SETTING=VALUES")
        .help("a setting by its name: --set epochs=20 equals --epochs 20; may be repeated for other settings")
        .help_heading(heading(O::STRATEGY_CHOICE))
        .action(ArgAction::Append)
        .value_parser(|text: &str| sweep::named(O::STRATEGY_CHOICE, text))
}

impl<O: StrategySettings> Args for RecipeOptions<O> {
    fn augment_args(command: Command) -> Command {
        command.args(O::STRATEGY_CHOICE.settings().map(option::<O>)).arg(set::<O>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<O: StrategySettings> FromArgMatches for RecipeOptions<O> {
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

    fn parse<O: StrategySettings>(mut recipe: Recipe, arguments: &[&str]) -> Result<Recipe, String> {
        let command = crate::cli::options::number::take_negative_numbers(RecipeOptions::<O>::augment_args(
            Command::new("train").no_binary_name(true),
        ));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let options = RecipeOptions::<O>::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let sweep = options.sweep().map_err(|error| error.to_string())?;
        sweep.apply_first(&mut recipe).map_err(|error| error.to_string())?;
        Ok(recipe)
    }

    fn every_setting_is_an_option<O: StrategySettings>() {
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
        every_setting_is_an_option::<CnnSettings>();
        every_setting_is_an_option::<DeepSettings>();
        every_setting_is_an_option::<FeaturesSettings>();
        every_setting_is_an_option::<FinetuneSettings>();
        every_setting_is_an_option::<AllSettings>();
        let recipe = parse::<CnnSettings>(
            CnnSettings::STRATEGY_CHOICE.sample(),
            &["--epochs", "3", "--batch-size=64", "--augment", "none"],
        )
        .expect("accepted");
        assert_eq!((recipe.epochs, recipe.batch_size, recipe.augmentation), (3, 64, None));
    }

    #[test]
    fn settings_of_all_reach_the_strategies_that_have_them() {
        let arguments = ["--size", "96", "--epochs", "2", "--unfreeze", "block4"];
        for strategy in Strategy::ALL {
            let recipe = parse::<AllSettings>(Recipe::sample(strategy), &arguments).expect("accepted");
            assert_eq!(recipe.epochs, 2);
            assert_eq!(
                recipe.transfer.as_ref().map(|transfer| transfer.size),
                (!strategy.is_from_scratch()).then_some(96)
            );
        }
        assert!(parse::<AllSettings>(AllSettings::STRATEGY_CHOICE.sample(), &["--learning-rate", "1"]).is_err());
    }

    #[test]
    fn a_setting_is_given_by_its_option_or_by_its_name() {
        let recipe =
            parse::<CnnSettings>(CnnSettings::STRATEGY_CHOICE.sample(), &["--set", "epochs=3", "--set", "seed=7"]);
        assert_eq!(
            recipe,
            parse::<CnnSettings>(CnnSettings::STRATEGY_CHOICE.sample(), &["--epochs", "3", "--seed", "7"])
        );
        let error = parse::<CnnSettings>(CnnSettings::STRATEGY_CHOICE.sample(), &["--seed", "7", "--set", "seed=8"])
            .expect_err("refused");
        assert!(error.contains("seed is given twice"), "{error}");
        let error =
            parse::<CnnSettings>(CnnSettings::STRATEGY_CHOICE.sample(), &["--set", "lr=8"]).expect_err("refused");
        assert!(error.contains("'lr' is not a setting here: use network, epochs"), "{error}");
    }

    #[test]
    fn the_error_of_a_value_states_the_accepted_ones() {
        for (option, value) in [("--epochs", "0"), ("--min-delta", "-1"), ("--learning-rate", "fast")] {
            let error =
                parse::<CnnSettings>(CnnSettings::STRATEGY_CHOICE.sample(), &[option, value]).expect_err("refused");
            assert!(error.contains(option) && error.contains(" must be "), "{error}");
        }
    }
}
