//! `places check`: runs a short job on each place and prints what its node sees.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, whole_number};
use crate::cli::output;
use crate::config::Places;
use crate::domain::Place;
use crate::runs::RunStore;
use crate::supervise::slurm::probe::{self, Findings};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The place [default: all of them]
    name: Option<String>,
    /// Wait this many seconds for the job to begin
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = whole_number::<u64>(0, u64::MAX))]
    wait: u64,
    #[command(flatten)]
    output: Output,
}

/// The result of a check, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Checked {
    place: String,
    #[serde(flatten)]
    findings: Findings,
}

impl Check {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let places = Places::load();
        let wanted: Vec<Place> = match &self.name {
            Some(name) => vec![places.find(name).map_err(CommandError::Usage)?.clone()],
            None => places.entries,
        };
        places.problems.iter().for_each(|problem| output::print_error(&problem.to_string()));
        let mut all = Vec::new();
        for place in &wanted {
            all.push(self.check(&store, place)?);
        }
        if self.output.json {
            output::json(&all)?;
        }
        let good = all.iter().all(|checked| checked.findings.problems.is_empty());
        Ok(Exit::done_if(good && places.problems.is_empty()))
    }

    fn check(&self, store: &RunStore, place: &Place) -> Result<Checked, CommandError> {
        let failed = |error: std::io::Error| CommandError::Failure(format!("cannot check {}: {error}", place.name));
        let findings = probe::check(store.home(), place, Duration::from_secs(self.wait)).map_err(failed)?;
        if !self.output.json {
            let mut lines = vec![format!("{}: {place}", place.name)];
            lines.extend(findings.good.iter().map(|line| format!("  ✓ {line}")));
            lines.extend(findings.problems.iter().map(|line| format!("  ✗ {line}")));
            output::print(&(lines.join("\n") + "\n"))?;
        }
        Ok(Checked { place: place.name.clone(), findings })
    }
}
