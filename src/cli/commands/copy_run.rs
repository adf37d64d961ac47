//! The hidden command that sends or receives a run of this home for `mien pull` and `mien push` elsewhere.

use std::io;

use clap::{Args, Subcommand};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{output, run_copies};
use crate::domain::RunId;
use crate::homes::run_copy;

/// Send or receive a run over the standard input and output; started over ssh by `mien pull` and `mien push`
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct CopyRun {
    #[command(subcommand)]
    command: CopyRunCommand,
}

#[derive(Debug, Subcommand)]
enum CopyRunCommand {
    /// Send a run of this home
    Send {
        /// Id, beginning of an id, or `latest`
        run: String,
    },
    /// Receive a run into this home
    Receive {
        /// The name of the copy [default: the name of the run]
        #[arg(long, value_parser = RunId::of_new_run)]
        name: Option<RunId>,
    },
}

impl CopyRun {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let (input, output) = (io::stdin().lock(), io::stdout().lock());
        match self.command {
            CopyRunCommand::Send { run } => {
                let id = store.find(&run)?;
                run_copy::send(&store, &id, input, output, &mut |_, _| {})?;
            }
            CopyRunCommand::Receive { name } => {
                let copied = run_copy::receive(&store, name.as_ref(), input, output, &mut |_, _| {})?;
                run_copies::remarks(&store, &copied.id).iter().for_each(|remark| output::note(remark));
            }
        }
        Ok(Exit::Done)
    }
}
