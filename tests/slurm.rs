//! Slurm as the launcher, with simulated commands that give the false answers of real clusters. `scripts/slurm-trials`
//! has a real one.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use assert_cmd::Command;
use serde_json::Value;

/// A command of the made-up cluster: the files of its folder decide what it does.
const COMMAND: &str = r#"#!/bin/sh
name=$(basename "$0")
echo "$name $*" >> "$CLUSTER/calls"
env > "$CLUSTER/env.$name"
if [ -e "$CLUSTER/hang.$name" ]; then sleep 600; fi
if [ -e "$CLUSTER/fail.$name" ]; then cat "$CLUSTER/fail.$name" >&2; exit 1; fi
echo "Welcome to the cluster | have a nice day"
case "$name $*" in
sbatch*) echo 4711 ;;
squeue*) cat "$CLUSTER/queue" ;;
"scontrol --oneliner show job"*) cat "$CLUSTER/shown" ;;
esac
"#;

struct Cluster {
    lab: Lab,
    folder: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let commands = folder.path().join("bin");
        fs::create_dir(&commands).expect("created");
        for name in ["sbatch", "squeue", "scontrol", "scancel"] {
            fs::write(commands.join(name), COMMAND).expect("written");
            fs::set_permissions(commands.join(name), fs::Permissions::from_mode(0o755)).expect("set");
        }
        let config = "[places.gpu]\nengine = 'slurm'\npartition = 'gpu'\ntime = '2'\nprogram = '/shared/mien'\n";
        fs::write(folder.path().join("config.toml"), config).expect("written");
        let cluster = Self { lab: Lab::new(), folder };
        cluster.say("queue", "");
        cluster.say("shown", "");
        cluster.lab.faces(140);
        cluster
    }

    /// Sets a file by which the commands answer.
    fn say(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn no_longer(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).expect("removed");
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    fn mien(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.mien(arguments);
        command.envs(self.environment());
        command
    }

    /// Returns the variables of a shell on a login node, inside a job of another program.
    fn environment(&self) -> [(&str, OsString); 7] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let before = [self.folder.path().join("bin")];
        let paths = std::env::join_paths(before.into_iter().chain(std::env::split_paths(&path))).expect("a path");
        [
            ("PATH", paths),
            ("CLUSTER", self.folder.path().into()),
            ("MIEN_CONFIG", self.folder.path().join("config.toml").into()),
            ("MIEN_SLURM_INTERVAL", "0".into()),
            ("SLURM_CPU_BIND", "quiet,mask_cpu:0x1".into()),
            ("SBATCH_PARTITION", "secret".into()),
            ("SLURM_CONF", "kept".into()),
        ]
    }

    fn train(&self, name: &str, more: &[&str]) -> Command {
        let whole = ["train", "cnn", "--dataset", "faces", "--name", name, "--on", "gpu", "--detach"];
        self.mien(&[&whole, more].concat())
    }

    fn show(&self, id: &str) -> Value {
        let output = self.mien(&["show", id, "--json"]).assert().success().get_output().clone();
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.mien(arguments).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn placed(&self, id: &str) -> PathBuf {
        self.lab.folder(id).path().join("control/placed.json")
    }

    /// Makes a run's submission an old one.
    fn age(&self, id: &str) {
        let mut placed: Value = serde_json::from_slice(&fs::read(self.placed(id)).expect("a file")).expect("JSON");
        placed["at"] = 1.into();
        fs::write(self.placed(id), placed.to_string()).expect("written");
    }
}

const PENDING: &str = "mien|4711|PENDING||mien-heron|Resources\n";

#[test]
fn a_run_is_submitted_with_its_script_and_without_the_settings_of_a_job_around_it() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    let script = fs::read_to_string(cluster.lab.folder("heron").path().join("control/job.sh")).expect("a script");
    assert!(script.contains("#SBATCH --partition=gpu\n#SBATCH --time=2\n") && script.contains("USR2@30"), "{script}");
    assert!(script.contains("exec /shared/mien worker ") && script.ends_with(" --job train --placed\n"), "{script}");
    let environment = cluster.said("env.sbatch");
    assert!(environment.contains("SLURM_CONF=kept"), "{environment}");
    assert!(!environment.contains("SLURM_CPU_BIND") && !environment.contains("SBATCH_PARTITION"), "{environment}");

    cluster.say("queue", PENDING);
    let shown = cluster.show("heron");
    assert_eq!((shown["state"].as_str(), shown["cluster"]["job"].as_str()), (Some("queued"), Some("4711")));
    assert_eq!(shown["cluster"]["reason"], "Resources");
    let expected = "Slurm job 4711 on gpu is pending: Resources";
    for arguments in [&["runs"][..], &["queue"], &["show", "heron"]] {
        assert!(cluster.text(arguments).contains(expected), "{arguments:?}");
    }
    cluster.say("queue", "mien|4711|RUNNING|node7|mien-heron|None\n");
    assert!(cluster.text(&["runs"]).contains("Slurm job 4711 on gpu runs on node7"));

    // One question for all jobs, and none about single ones.
    let calls = cluster.said("calls");
    assert!(!calls.contains("scontrol") && calls.contains("squeue --noheader --array --states=all"), "{calls}");
    // A second worker is refused while a job may still become one.
    cluster.mien(&["resume", "heron"]).assert().failure();
    cluster.mien(&["delete", "heron", "--yes"]).assert().failure();
}

#[test]
fn a_run_without_a_place_starts_on_the_default_one_of_the_home() {
    let cluster = Cluster::new();
    let script = |more: &[&str]| {
        let train = ["train", "cnn", "--dataset", "faces", "--dry-run"];
        cluster.mien(&[&train, more].concat()).output().expect("it runs")
    };
    let told = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let here = script(&[]);
    assert!(!here.status.success() && told(&here).contains("with --on"), "{}", told(&here));
    assert_eq!(cluster.text(&["places", "default"]), "local\n");
    cluster.mien(&["places", "default", "gup"]).assert().failure();
    cluster.mien(&["places", "default", "gpu"]).assert().success();
    assert_eq!(cluster.text(&["places", "default"]), "gpu\n");
    assert!(cluster.text(&["places"]).contains("the default of this home"));
    let there = script(&[]);
    assert!(told(&there).contains("on gpu, the default place of this home"), "{}", told(&there));
    assert!(String::from_utf8_lossy(&there.stdout).contains("#SBATCH --partition=gpu"));
    assert!(!script(&["--on", "local"]).status.success(), "this machine has no script");
    fs::write(cluster.folder.path().join("config.toml"), "").expect("written");
    let gone = script(&[]);
    assert!(told(&gone).contains("the default place of this home is gone"), "{}", told(&gone));
    cluster.mien(&["places", "default", "local"]).assert().success();
    assert_eq!(cluster.text(&["places", "default"]), "local\n");
}

#[cfg(feature = "dashboard")]
#[test]
fn the_form_submits_to_a_place_by_keys() {
    use crate::terminal::{Dashboard, SMALL, mien};

    let cluster = Cluster::new();
    let mut command = mien(cluster.lab.home());
    cluster.environment().into_iter().for_each(|(name, value)| command.env(name, value));
    let mut dashboard = Dashboard::run(SMALL, command);
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.press("G");
    dashboard.wait("the launch line", |text| text.contains("▸ [ Launch ]"));
    dashboard.press("\u{1b}[A");
    dashboard.wait("the name", |text| text.contains("▸ run name"));
    dashboard.press("\u{1b}[A");
    dashboard.wait("the place", |text| text.contains("‹ local ›"));
    dashboard.press("\u{1b}[C");
    dashboard.wait("the place of the cluster", |text| text.contains("‹ gpu ›") && text.contains(", on gpu"));
    dashboard.launch("G");
    dashboard.wait("the submitted run", |text| text.contains("is launched"));
    let calls = cluster.said("calls");
    assert_eq!(calls.lines().filter(|call| call.starts_with("sbatch")).count(), 1, "{calls}");
    let runs = cluster.lab.json(&["runs", "--json"]);
    assert_eq!(runs.as_array().map(Vec::len), Some(1));
    dashboard.quit();
}

#[test]
fn a_dry_run_prints_the_script_and_leaves_nothing() {
    let cluster = Cluster::new();
    let script = cluster.text(&["train", "cnn", "--dataset", "faces", "--name", "heron", "--on", "gpu", "--dry-run"]);
    assert!(script.starts_with("#!/bin/bash\n") && script.contains("--job-name=mien-heron"), "{script}");
    assert!(cluster.lab.store().ids().expect("ids").is_empty());
    let output = cluster.mien(&["train", "cnn", "--on", "cpu"]).assert().code(2).get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("there is no place 'cpu' (did you mean gpu?): the config file has gpu"), "{words}");
}

#[test]
fn a_refused_submission_leaves_no_run_and_tells_slurms_words() {
    let cluster = Cluster::new();
    cluster.say("fail.sbatch", "sbatch: error: invalid partition specified: gpu\n");
    let output = cluster.train("heron", &[]).assert().failure().get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("sbatch refused: sbatch: error: invalid partition specified: gpu"), "{words}");
    assert!(cluster.lab.store().ids().expect("ids").is_empty());
}

#[test]
fn a_cluster_that_says_nothing_loses_no_run() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    cluster.age("heron");
    // An empty listing is no state, while Slurm shows the job alone.
    cluster.say("shown", "JobId=4711 JobName=mien-heron JobState=PENDING Reason=Priority NodeList=\n");
    assert_eq!(cluster.show("heron")["cluster"]["reason"], "Priority");
    // Nor is an error, or no answer at all, which takes seconds and not for ever.
    cluster.say("fail.squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n");
    assert_eq!(cluster.show("heron")["state"], "queued");
    cluster.no_longer("fail.squeue");
    cluster.say("fail.scontrol", "slurm_load_jobs error: Unable to contact slurm controller\n");
    assert_eq!(cluster.show("heron")["state"], "queued");
    cluster.say("hang.squeue", "");
    let begun = Instant::now();
    let output = cluster.mien(&["runs"]).assert().success().get_output().clone();
    assert!(begun.elapsed() < Duration::from_mins(5), "{:?}", begun.elapsed());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("Slurm's jobs are not known: squeue has not answered for 8 s"), "{words}");
    assert_eq!(cluster.show("heron")["state"], "queued");
}

#[test]
fn a_job_that_every_witness_lacks_is_gone_and_the_run_is_owed() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    cluster.say("fail.scontrol", "slurm_load_jobs error: Invalid job id specified\n");
    // It was submitted a moment ago.
    assert_eq!(cluster.show("heron")["state"], "queued");
    cluster.age("heron");
    let shown = cluster.show("heron");
    assert_eq!(shown["state"], "lost");
    assert!(shown["cluster_end"].as_str().expect("words").contains("Slurm does not know it any more"), "{shown}");
    // It is still in the queue, and is started where it was.
    cluster.no_longer("fail.scontrol");
    let restarted = cluster.text(&["queue", "restart"]);
    assert_eq!(restarted, "restarted heron\n");
    assert_eq!(cluster.said("calls").matches("sbatch --parsable").count(), 2);
    assert_eq!(cluster.show("heron")["state"], "queued");
}

#[test]
fn a_preempted_job_is_not_over_and_one_out_of_memory_is() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    for (queue, state) in [
        ("mien|4711|PREEMPTED|n1|mien-heron|None\n", "queued"),
        ("mien|4711|RUNNING|n2|mien-heron|None\n", "queued"),
        ("mien|4711|NODE_FAIL|n2|mien-heron|None\n", "queued"),
        (PENDING, "queued"),
        ("mien|4711|OUT_OF_MEMORY|n2|mien-heron|OutOfMemory\n", "lost"),
    ] {
        cluster.say("queue", queue);
        assert_eq!(cluster.show("heron")["state"], state, "{queue}");
    }
    let text = cluster.text(&["show", "heron"]);
    assert!(text.contains("lost: Slurm ended its job 4711 on n2 (OUT_OF_MEMORY): OutOfMemory"), "{text}");
}

#[test]
fn a_lost_answer_of_the_submission_is_found_by_the_jobs_name() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    fs::write(cluster.placed("heron"), r#"{"version":1,"launcher":"slurm","at":1,"place":"gpu"}"#).expect("written");
    cluster.say("queue", "mien|4712|PENDING||mien-heron|Resources\n");
    assert_eq!(cluster.show("heron")["cluster"]["job"], "4712");
}

#[test]
fn killing_a_run_cancels_its_job() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    cluster.say("queue", PENDING);
    let text = cluster.text(&["stop", "heron"]);
    assert!(text.contains("heron stops as soon as its job begins"), "{text}");
    cluster.say("fail.scancel", "scancel: error: Unable to contact slurm controller\n");
    cluster.mien(&["stop", "heron", "--kill", "--yes"]).assert().failure();
    assert_eq!(cluster.show("heron")["state"], "queued", "it was not cancelled");
    cluster.no_longer("fail.scancel");
    let text = cluster.text(&["stop", "heron", "--kill", "--yes"]);
    assert!(text.contains("withdrew the job of heron"), "{text}");
    assert!(cluster.said("calls").contains("scancel 4711"));
    assert_eq!(cluster.show("heron")["state"], "lost");
}

#[test]
fn a_run_waits_for_another_by_a_dependency_of_its_job() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    cluster.train("otter", &["--after", "heron"]).assert().success();
    assert!(
        cluster.said("calls").contains("sbatch --parsable --dependency=afterany:4711"),
        "{}",
        cluster.said("calls")
    );
}

#[test]
fn a_stray_job_does_nothing() {
    let cluster = Cluster::new();
    cluster.train("heron", &[]).assert().success();
    let folder = cluster.lab.folder("heron");
    let path = folder.path().to_str().expect("a plain path");
    let worker = |job: &str| {
        let mut command = cluster.mien(&["worker", path, "--placed"]);
        command.env("SLURM_JOB_ID", job);
        command
    };
    let output = worker("99").assert().success().get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("the run was not handed to this job"), "{words}");
    assert!(!folder.events_file().exists());
    cluster.mien(&["stop", "heron", "--kill", "--yes"]).assert().success();
    worker("4711").assert().success();
    assert!(!folder.events_file().exists(), "its job was cancelled");
}

#[test]
fn places_are_listed_with_their_errors() {
    let cluster = Cluster::new();
    assert!(cluster.text(&["places"]).contains("gpu    slurm, partition gpu, time 2, program /shared/mien"));
    cluster.say("config.toml", "[places.gpu]\nengine = 'slurm'\npartitoin = 'x'\n");
    let output = cluster.mien(&["places"]).assert().code(1).get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains(
            "config.toml:3: there is no setting 'places.gpu.partitoin' (did you mean partition?): the settings are"
        ),
        "{words}"
    );
}

#[test]
fn a_check_of_a_place_tells_why_there_is_no_answer() {
    let cluster = Cluster::new();
    cluster.say("shown", "JobId=4711 JobName=mien-check JobState=FAILED Reason=NonZeroExitCode NodeList=n1\n");
    let output = cluster.mien(&["places", "check", "gpu"]).assert().code(1).get_output().clone();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("it submits: Slurm took job 4711"), "{words}");
    assert!(words.contains("its job ended without an answer (FAILED, NonZeroExitCode)"), "{words}");
    assert!(cluster.said("calls").contains("scancel 4711"));
}
