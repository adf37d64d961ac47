//! The script of a run's job, which `sbatch` gets and the run folder keeps.

use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::domain::Place;
use crate::domain::text::shell_word;
use crate::runs::{Job, RunFolder};

/// Returns the script for a worker of `run` on `place`; `program` is the path of mien here.
///
/// # Errors
/// If a path has a line break, which no script can hold.
pub(super) fn script(run: &RunFolder, job: Job, place: &Place, program: &Path) -> io::Result<String> {
    let folder = path(run.path())?;
    let home = run.home().map_or_else(|| Ok(folder.clone()), |home| path(home.path()))?;
    let options = [
        "--requeue".to_owned(),
        format!("--signal=B:USR2@{}", place.warning_seconds()),
        format!("--job-name={}", job_name(run)),
        format!("--output={}", path(&run.worker_log())?.replace('%', "%%")),
        "--open-mode=append".to_owned(),
        format!("--chdir={home}"),
    ];
    let id = run.id().map(|id| id.to_string()).unwrap_or_default();
    let about =
        format!("The job of the run {id} on {}, by mien. Slurm starts it again after an interruption.", place.name);
    let worker = format!("{} {} --job {job} --placed", crate::supervise::WORKER_COMMAND, shell_word(&folder));
    text(&about, &options, place, program, &worker)
}

/// Returns the script of a check of `place`, whose job answers in `folder`.
///
/// # Errors
/// If a path has a line break.
pub(super) fn probe_script(folder: &Path, place: &Place, program: &Path) -> io::Result<String> {
    let folder = path(folder)?;
    let options = ["--job-name=mien-check".to_owned(), "--output=/dev/null".to_owned()];
    let command = format!("places probe {}", shell_word(&folder));
    text(&format!("A check of {} by mien.", place.name), &options, place, program, &command)
}

/// Returns a script with the options, then those of the place, which ends as `program` with these arguments.
fn text(about: &str, options: &[String], place: &Place, program: &Path, arguments: &str) -> io::Result<String> {
    let names = [
        ("partition", "partition"),
        ("account", "account"),
        ("qos", "qos"),
        ("time", "time"),
        ("gres", "gres"),
        ("gpus", "gpus"),
        ("cpus", "cpus-per-task"),
        ("memory", "mem"),
    ];
    let values = names.iter().filter_map(|(setting, option)| Some(format!("--{option}={}", place.value(setting)?)));
    let whole = ["--nodes=1".to_owned(), "--ntasks=1".to_owned()];
    let mut text = format!("#!/bin/bash\n# {about}\n");
    for option in options.iter().cloned().chain(whole).chain(values) {
        let quoted = option.split_once('=').map(|(name, value)| format!("{name}={}", shell_word(value)));
        let _ = writeln!(text, "#SBATCH {}", quoted.unwrap_or(option));
    }
    for option in &place.extra {
        let _ = writeln!(text, "#SBATCH {option}");
    }
    // Without it, a worker on a shared node would compute on the cores of other jobs too.
    text.push_str("[ -z \"$SLURM_CPUS_ON_NODE\" ] || export RAYON_NUM_THREADS=$SLURM_CPUS_ON_NODE\n");
    text.push_str("export RUST_BACKTRACE=0\n");
    place.setup.iter().for_each(|line| text.extend([line, "\n"]));
    let here = path(program)?;
    // `exec`: the signals of the scheduler reach the worker, not a shell that waits for it.
    let _ = writeln!(text, "exec {} {arguments}", shell_word(place.program.as_deref().unwrap_or(&here)));
    Ok(text)
}

/// Returns the name of the run's job in Slurm's lists.
pub(super) fn job_name(run: &RunFolder) -> String {
    format!("mien-{}", run.id().map(|id| id.to_string()).unwrap_or_default())
}

fn path(path: &Path) -> io::Result<String> {
    let absolute = std::path::absolute(path)?;
    let text = absolute.to_str().filter(|text| !text.chars().any(char::is_control));
    let words = || format!("{}: the path of a job must be UTF-8 without line breaks", absolute.display());
    text.map(str::to_owned).ok_or_else(|| io::Error::other(words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_the_settings_of_its_place_and_ends_as_the_worker() {
        let run = RunFolder::at("/home/a b/mien/checkpoints/heron");
        let mut place = Place { name: "gpu".into(), ..Place::default() };
        for (setting, value) in [("partition", "gpu"), ("time", "2"), ("cpus", "4"), ("gpus", "1"), ("memory", "8G")] {
            place.set(setting, value).expect(setting);
        }
        place.setup.push("module load cuda".into());
        place.extra.push("--exclusive".into());
        let text = script(&run, Job::Train, &place, Path::new("/opt/mien")).expect("a script");
        let expected = "\
#!/bin/bash
# The job of the run heron on gpu, by mien. Slurm starts it again after an interruption.
#SBATCH --requeue
#SBATCH --signal=B:USR2@30
#SBATCH --job-name=mien-heron
#SBATCH --output='/home/a b/mien/checkpoints/heron/worker.log'
#SBATCH --open-mode=append
#SBATCH --chdir='/home/a b/mien'
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --partition=gpu
#SBATCH --time=2
#SBATCH --gpus=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --exclusive
[ -z \"$SLURM_CPUS_ON_NODE\" ] || export RAYON_NUM_THREADS=$SLURM_CPUS_ON_NODE
export RUST_BACKTRACE=0
module load cuda
exec /opt/mien worker '/home/a b/mien/checkpoints/heron' --job train --placed
";
        assert_eq!(text, expected);
        place.program = Some("/shared/mien".into());
        let text = script(&run, Job::Evaluate, &place, Path::new("/opt/mien")).expect("a script");
        assert!(
            text.ends_with("exec /shared/mien worker '/home/a b/mien/checkpoints/heron' --job evaluate --placed\n")
        );
        assert!(script(&RunFolder::at("/a\nb"), Job::Train, &place, Path::new("/opt/mien")).is_err());
    }
}
