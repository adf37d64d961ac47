//! The options of `data import`, made from the table of the importer.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::data::ImportOptions;
use crate::data::import::{IMPORT_OPTIONS, ImportOption};

/// The options of an import as given on the command line.
#[derive(Debug, Clone)]
pub(super) struct ImportArguments {
    pub(super) options: ImportOptions,
    /// The given options in words, for a command that does the same elsewhere.
    pub(super) words: String,
}

fn argument(option: &ImportOption) -> Arg {
    let argument = Arg::new(option.name).long(option.name).help(option.explanation).conflicts_with_all(option.excludes);
    let Some(value) = option.value else { return argument.action(ArgAction::SetTrue) };
    let action = if option.repeats { ArgAction::Append } else { ArgAction::Set };
    let option = *option;
    argument
        .value_name(value)
        .action(action)
        .value_parser(move |text: &str| option.set(&mut ImportOptions::default(), text).map(|()| text.to_owned()))
}

impl Args for ImportArguments {
    fn augment_args(command: Command) -> Command {
        command.args(IMPORT_OPTIONS.iter().map(argument)).mut_arg("colour", |argument| argument.visible_alias("color"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ImportArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self { options: ImportOptions::default(), words: String::new() };
        let mut set = |option: &ImportOption, text: &str| {
            let value = if option.value.is_some() { format!(" '{text}'") } else { String::new() };
            arguments.words.extend([" --", option.name, &value]);
            let refused = |reason| clap::Error::raw(clap::error::ErrorKind::ValueValidation, reason);
            option.set(&mut arguments.options, text).map_err(refused)
        };
        for option in &IMPORT_OPTIONS {
            if option.value.is_none() {
                if matches.get_flag(option.name) {
                    set(option, "")?;
                }
                continue;
            }
            for text in matches.get_many::<String>(option.name).into_iter().flatten() {
                set(option, text)?;
            }
        }
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
