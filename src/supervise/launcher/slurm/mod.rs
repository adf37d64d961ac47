//! Slurm as the launcher: a run is one job, which Slurm starts again after every interruption.
//!
//! The run folder stays the interface: the worker in the job reads requests and writes the log as everywhere. Slurm is
//! asked only for facts that no file has: whether a worker will come, and why there is none yet.

mod commands;
mod jobs;
pub mod probe;
mod script;
mod watch;
mod worker_side;

use std::io;

use commands::{QUESTION_TIMEOUT, SUBMISSION_TIMEOUT};

use super::{Launcher, StartError, Started};
use crate::domain::{Place, RunId};
use crate::runs::{Job, Liveness, Placement, RunFolder, RunStore};
use crate::supervise::kill::KillError;
use crate::supervise::launch::LaunchTime;

pub use watch::{keep_watching, refresh};
pub use worker_side::{claim_job, requeue_interrupted};

/// The name in a placement.
const NAME: &str = "slurm";

/// Submits workers to Slurm.
#[derive(Debug, Clone, Default)]
pub struct Slurm {
    /// The place to which jobs are submitted; `None` where a launcher only asks about jobs.
    pub place: Option<Place>,
}

/// The launcher that asks about jobs on every place.
pub static ANYWHERE: Slurm = Slurm { place: None };

impl Slurm {
    /// Returns the script of a job.
    ///
    /// # Errors
    /// If there is no place, or a path cannot stand in a script.
    pub fn script(&self, run: &RunFolder, job: Job) -> io::Result<String> {
        let place = self.place.as_ref().ok_or_else(|| io::Error::other("no place to submit the job to"))?;
        script::script(run, job, place, &super::program()?)
    }
}

impl Launcher for Slurm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, run: &RunFolder, job: Job, _: LaunchTime) -> Result<Started, StartError> {
        if run.worker_alive() {
            // Another process has started a worker meanwhile.
            return Ok(Started::Running);
        }
        run.write_job_script(&self.script(run, job)?)?;
        run.clear_job_report()?;
        let place = self.place.as_ref().map(|place| place.name.clone());
        let at = crate::domain::now();
        let mut placement = Placement { launcher: NAME.into(), at, place, ..Placement::default() };
        run.record_placement(&placement)?;
        run.set_place(self.place.as_ref())?;
        match submit(run) {
            Ok((job, cluster)) => {
                (placement.job, placement.cluster) = (Some(job), cluster);
                // Without it the job is found by its name.
                let _ = run.record_placement(&placement);
                Ok(Started::Submitted)
            }
            // Slurm may have accepted the job: it is found by its name, or the record is removed later.
            Err(commands::CommandError::Silent(..)) => Ok(Started::Submitted),
            Err(error) => {
                run.clear_placement()?;
                Err(StartError::Io(error.into()))
            }
        }
    }

    fn liveness(&self, run: &RunFolder) -> Liveness {
        match (run.liveness(), run.home()) {
            (Liveness::Submitted, Some(home)) => match refresh(&RunStore::new(home)) {
                Some(problem) => Liveness::Unknown(io::Error::other(problem)),
                None => run.liveness(),
            },
            (known, _) => known,
        }
    }

    fn kill(&self, id: &RunId, run: &RunFolder) -> Result<Option<u32>, KillError> {
        let refused = |source| KillError::Cancel { id: id.clone(), source };
        let placement = run.placement().map_err(io::Error::other).map_err(refused)?.unwrap_or_default();
        let Some(job) = placement.job else {
            return Err(refused(io::Error::other("its job has no id yet: try again in a moment")));
        };
        let cancelled = commands::run("scancel", &[&job], QUESTION_TIMEOUT);
        match cancelled {
            Ok(_) => {}
            Err(commands::CommandError::Refused(_, words)) if words.contains("Invalid job id") => {}
            Err(error) => return Err(refused(error.into())),
        }
        run.clear_placement().map_err(refused)?;
        watch::wait_for_end(run);
        Ok(None)
    }
}

/// Submits the run's script; returns the job's id and the cluster.
fn submit(run: &RunFolder) -> Result<(String, Option<String>), commands::CommandError> {
    let script = run.job_script().display().to_string();
    let dependency = dependency(run);
    let mut arguments = vec!["--parsable"];
    arguments.extend(dependency.as_deref());
    arguments.push(&script);
    let answer = commands::run("sbatch", &arguments, SUBMISSION_TIMEOUT)?;
    jobs::parse_submitted(&answer).ok_or_else(|| {
        let words = crate::domain::text::printable(answer.trim());
        commands::CommandError::Refused("sbatch".into(), format!("its answer has no job id: '{words}'"))
    })
}

/// Returns the option by which the job begins after the jobs of the runs that its run waits for. Otherwise it would
/// wait on a node.
fn dependency(run: &RunFolder) -> Option<String> {
    let (recipe, home) = (run.recipe().ok()?, run.home()?);
    let awaited = recipe.awaited(run.start_checkpoint().exists()).into_iter();
    let job = |id: RunId| home.run(&id).placement().ok().flatten()?.job;
    let jobs: Vec<String> = awaited.filter_map(job).collect();
    (!jobs.is_empty()).then(|| format!("--dependency=afterany:{}", jobs.join(":")))
}
