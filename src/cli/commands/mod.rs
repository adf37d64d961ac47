//! The commands. Each is a file or folder with its arguments, its help and its code.
//!
//! A new command needs a file, a `mod` line, and a line in `commands!`.

#[cfg(feature = "trainer")]
mod bench;
mod compare;
mod completions;
#[cfg(feature = "dashboard")]
mod config;
mod copy_run;
pub(super) mod dashboard;
mod data;
mod delete;
mod doctor;
mod entries;
mod evaluate;
mod export;
mod homes;
mod inspect;
mod launch_recipes;
mod note;
mod notify;
mod pause;
mod places;
#[cfg(feature = "trainer")]
mod predict;
mod pull;
mod push;
mod queue;
mod rename;
mod report;
mod resume;
mod runs;
mod serve;
mod set;
mod show;
mod stop;
mod tag;
mod train;
mod unpause;
mod watch;
mod weights;
mod worker;

use clap::Subcommand;

use super::exit::{CommandError, Exit};
use super::invocation::Invocation;
use super::remote::RemoteUse;

/// Defines `Command` with a variant for each listed type, which holds arguments and has a method `run`.
macro_rules! commands {
    ($($(#[$condition:meta])* $module:ident::$name:ident,)*) => {
        #[derive(Debug, Subcommand)]
        pub(super) enum Command {
            $($(#[$condition])* $name($module::$name),)*
        }

        impl Command {
            /// Runs the command.
            pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
                match self {
                    $($(#[$condition])* Self::$name(command) => command.run(invocation),)*
                }
            }
        }
    };
}

// In the order of the help.
commands! {
    data::Data,
    weights::Weights,
    train::Train,
    runs::Runs,
    rename::Rename,
    tag::Tag,
    note::Note,
    delete::Delete,
    show::Show,
    compare::Compare,
    inspect::Inspect,
    export::Export,
    report::Report,
    watch::Watch,
    stop::Stop,
    pause::Pause,
    unpause::Unpause,
    set::Set,
    resume::Resume,
    evaluate::Evaluate,
    #[cfg(feature = "trainer")]
    predict::Predict,
    queue::Queue,
    places::Places,
    homes::Homes,
    pull::Pull,
    push::Push,
    doctor::Doctor,
    #[cfg(feature = "trainer")]
    bench::Bench,
    #[cfg(feature = "dashboard")]
    config::Config,
    completions::Completions,
    worker::Worker,
    notify::Notify,
    serve::Serve,
    copy_run::CopyRun,
    entries::Entries,
    launch_recipes::LaunchRecipes,
}

impl Command {
    /// Returns the use that the command makes of a home on another machine: those that act run there.
    pub(super) fn remote_use(&self) -> RemoteUse {
        match self {
            Self::Runs(runs) if runs.only_lists() => RemoteUse::Mirror,
            Self::Show(_) | Self::Compare(_) | Self::Inspect(_) | Self::Report(_) | Self::Watch(_) => RemoteUse::Mirror,
            Self::Pull(_) | Self::Push(_) => RemoteUse::Line,
            Self::Completions(_)
            | Self::Homes(_)
            | Self::Worker(_)
            | Self::Notify(_)
            | Self::Serve(_)
            | Self::CopyRun(_)
            | Self::Entries(_)
            | Self::LaunchRecipes(_) => RemoteUse::None,
            #[cfg(feature = "dashboard")]
            Self::Config(_) => RemoteUse::None,
            _ => RemoteUse::RunRemotely,
        }
    }

    /// Returns whether the command shows changes until it is ended.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Watch(_))
    }
}
