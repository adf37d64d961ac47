//! The arguments of commands that copy runs between homes.

use clap::Args;

use crate::domain::RunId;

/// The runs to copy, and the name of the copy.
#[derive(Debug, Args)]
pub(in crate::cli) struct CopyOptions {
    /// Ids, beginnings of ids, or `latest`
    #[arg(required = true, value_name = "RUN")]
    pub(in crate::cli) runs: Vec<String>,
    /// The name of the copy [default: the name of the run]
    #[arg(long, value_parser = RunId::of_new_run)]
    pub(in crate::cli) name: Option<RunId>,
}
