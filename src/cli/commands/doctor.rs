//! `doctor`: prints the abilities of this machine and this build.

use std::io::{self, IsTerminal};
use std::path::Path;

use clap::Args;
use rustix::fs::{Access, access, statvfs};
use serde::Serialize;

#[cfg(feature = "dashboard")]
use super::config;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::run_list::read_runs;
use crate::cli::{datasets, gpu};
use crate::domain::ascii::has_unicode;
use crate::domain::text::printable;
use crate::runs::{Home, RunStore};

/// Report what this machine and this build can do
#[derive(Debug, Args)]
pub(in crate::cli) struct Doctor {
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    features: Vec<&'static str>,
    home: HomeReport,
    cpu_cores: usize,
    memory_bytes: u64,
    gpu: Vec<String>,
    terminal: Terminal,
    #[cfg(feature = "dashboard")]
    config: config::Report,
    datasets: Holdings,
    runs: Holdings,
}

#[derive(Debug, Serialize)]
struct HomeReport {
    /// With replacements for what is no UTF-8.
    path: String,
    exists: bool,
    writable: bool,
    free_bytes: Option<u64>,
    /// The reason why locks do not work in it; `None` also if they cannot be tested, as for those below.
    lock_problem: Option<String>,
    /// Why folders cannot be synced.
    folder_sync_problem: Option<String>,
    /// Why folders cannot be renamed.
    folder_rename_problem: Option<String>,
    /// Why files cannot be mapped into memory.
    map_problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Terminal {
    on_stdout: bool,
    term: Option<String>,
    colorterm: Option<String>,
    columns: Option<u16>,
    rows: Option<u16>,
    utf8: bool,
}

/// The contents of a folder of the home.
#[derive(Debug, Default, Serialize)]
struct Holdings {
    count: usize,
    damaged: Vec<String>,
}

impl Doctor {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let report = examine(&invocation.open_home()?)?;
        self.output.print(&report, || text(&report))?;
        // Otherwise no run and no import can write.
        let home = &report.home;
        Ok(Exit::done_if(home.writable && home.lock_problem.is_none()))
    }
}

fn examine(store: &RunStore) -> Result<Report, CommandError> {
    let (readable, mut unreadable) = read_runs(store)?;
    let readable_count = readable.len();
    let damaged = readable.iter().filter(|run| !run.damage().is_none());
    unreadable.extend(damaged.map(|run| format!("{}: events.jsonl: {}", run.summary.id, run.damage())));
    let sets = datasets::list(store.home())?;
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        features: features(),
        home: home(store.home().path()),
        cpu_cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory_bytes: memory(),
        gpu: gpu::gpu_lines(),
        terminal: terminal(),
        #[cfg(feature = "dashboard")]
        config: config::examine(),
        datasets: Holdings { count: sets.readable.len(), damaged: sets.unreadable },
        runs: Holdings { count: readable_count, damaged: unreadable },
    })
}

fn features() -> Vec<&'static str> {
    let all = [
        ("trainer", cfg!(feature = "trainer")),
        ("dashboard", cfg!(feature = "dashboard")),
        ("cuda", cfg!(feature = "cuda")),
    ];
    all.into_iter().filter_map(|(name, compiled)| compiled.then_some(name)).collect()
}

/// Returns the report on the home. For a home that does not exist yet, its nearest existing folder is tested.
fn home(path: &Path) -> HomeReport {
    let nearest = path.ancestors().find(|folder| folder.exists()).unwrap_or(path);
    let writable = nearest.is_dir() && access(nearest, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let found = writable.then(|| Home::new(nearest).file_system());
    let [locks, sync, rename, maps] = found.map_or([const { None }; 4], |found| {
        [found.locks, found.folder_sync, found.folder_rename, found.maps]
            .map(|ability| ability.err().map(|error| error.to_string()))
    });
    HomeReport {
        path: path.to_string_lossy().into_owned(),
        exists: path.is_dir(),
        writable,
        lock_problem: locks,
        folder_sync_problem: sync,
        folder_rename_problem: rename,
        map_problem: maps,
        free_bytes: statvfs(nearest).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

#[cfg(target_os = "linux")]
fn memory() -> u64 {
    let system = rustix::system::sysinfo();
    // The kernel's types differ between machines; both are unsigned and fit.
    #[allow(clippy::useless_conversion)]
    u64::from(system.totalram).saturating_mul(u64::from(system.mem_unit))
}

#[cfg(not(target_os = "linux"))]
fn memory() -> u64 {
    0
}

fn terminal() -> Terminal {
    let on_stdout = io::stdout().is_terminal();
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Terminal {
        on_stdout,
        term: variable("TERM"),
        colorterm: variable("COLORTERM"),
        columns: size.map(|size| size.ws_col),
        rows: size.map(|size| size.ws_row),
        utf8: has_unicode(variable),
    }
}

fn text(report: &Report) -> String {
    let Report { home, terminal, .. } = report;
    let size = match (terminal.columns, terminal.rows) {
        (Some(columns), Some(rows)) => format!("{columns}×{rows}"),
        _ => "stdout is not a terminal".into(),
    };
    let or_unset = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".into());
    let utf8 = if terminal.utf8 { "UTF-8" } else { "the locale is not UTF-8: set LANG, for example to C.UTF-8" };
    let mut lines = vec![
        format!("mien       {} with {}", report.version, report.features.join(", ")),
        format!("home       {}, {}", home.path, writable(home)),
        format!("disk       {} free", home.free_bytes.map_or_else(|| "unknown".into(), gibibytes)),
        format!("cpu        {} cores, {} memory", report.cpu_cores, gibibytes(report.memory_bytes)),
    ];
    if home.writable {
        let locks = home.lock_problem.as_ref().map_or_else(
            || "work in the home".into(),
            |problem| {
                format!("do not work in the home ({problem}): running runs look lost; use another file system for it")
            },
        );
        lines.insert(2, format!("locks      {locks}"));
        let limits = file_system_limits(home);
        let limits = if limits.is_empty() { "syncs and renames folders, maps files".into() } else { limits.join("; ") };
        lines.insert(3, format!("files      {limits}"));
    }
    lines.extend(report.gpu.iter().map(|line| format!("gpu        {line}")));
    let (term, colorterm) = (or_unset(&terminal.term), or_unset(&terminal.colorterm));
    lines.push(format!("terminal   {size}, TERM {term}, COLORTERM {colorterm}, {utf8}"));
    #[cfg(feature = "dashboard")]
    lines.extend(config_lines(&report.config));
    for (name, holdings) in [("datasets ", &report.datasets), ("runs     ", &report.runs)] {
        lines.push(format!("{name}  {} readable, {} damaged", holdings.count, holdings.damaged.len()));
        lines.extend(holdings.damaged.iter().map(|damage| format!("           {damage}")));
    }
    let damaged = report.runs.damaged.len() + report.datasets.damaged.len();
    lines.push(match damaged {
        0 => "check      no damage found so far: `mien runs --check` reads every file".into(),
        _ => format!("check      {damaged} damaged: `mien runs --check` explains the damage and what to do"),
    });
    lines.iter().map(|line| printable(line) + "\n").collect()
}

/// Returns a line for each operation that the file system of the home refuses, with the consequence.
fn file_system_limits(home: &HomeReport) -> Vec<String> {
    let table = [
        (&home.folder_sync_problem, "folders cannot be synced", "the newest files may be lost in a power cut"),
        (&home.folder_rename_problem, "folders cannot be renamed", "datasets and runs are moved file by file"),
        (&home.map_problem, "files cannot be mapped", "datasets are read into memory whole"),
    ];
    let limit = |(problem, what, instead): (&Option<String>, &str, &str)| {
        problem.as_ref().map(|reason| format!("{what} ({reason}): {instead}"))
    };
    table.into_iter().filter_map(limit).collect()
}

#[cfg(feature = "dashboard")]
fn config_lines(report: &config::Report) -> Vec<String> {
    let path = report.path.as_deref().unwrap_or("no folder for config files");
    let state = match (report.exists, report.problems.len()) {
        (_, 1..) => "has errors; the rest of it is used:",
        (true, 0) => "no errors",
        (false, 0) => "does not exist: every setting has its default",
    };
    let mut lines = vec![format!("config     {path}, {state}")];
    lines.extend(report.problems.iter().map(|problem| format!("           {problem}")));
    lines
}

fn writable(home: &HomeReport) -> &'static str {
    match (home.exists, home.writable) {
        (true, true) => "writable",
        (false, true) => "does not exist yet, created on first use",
        (_, false) => "not writable: choose another with --home or MIEN_HOME",
    }
}

#[allow(clippy::cast_precision_loss)] // shown with one decimal
fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1_u32 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_home_is_tested_in_its_nearest_existing_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let report = home(&folder.path().join("new/lab"));
        assert!(!report.exists && report.writable && report.free_bytes.is_some_and(|bytes| bytes > 0));
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        assert!(!home(&file).writable);
    }
}
