//! The export of a run, done by another process: `mien export`, or `mien report` for a file that people read.

use std::path::Path;
use std::process::Stdio;

use super::child_lines::{describe_failure, error_output_line};
use super::launcher::command_on;
use crate::domain::exported::NETWORK_ENDINGS;
use crate::domain::{RunId, text::printable};
use crate::durable::umask;

/// The endings of reports.
const REPORTS: [&str; 4] = [".html", ".htm", ".md", ".markdown"];

/// Writes a run's best network, or a report, to `path`, whose ending names the kind. A folder gets the files for
/// PyTorch. Waits for the process, which replaces nothing that exists.
///
/// # Errors
/// The reason in words, safe to print.
pub fn export(home: &Path, run: &RunId, path: &str) -> Result<(), String> {
    let words = |error: std::io::Error| format!("{run} cannot be exported: {error}");
    if std::fs::symlink_metadata(path).is_ok() {
        return Err(format!("{} exists already: choose another path", printable(path)));
    }
    let mut command = command_on(home).map_err(words)?;
    command.args(arguments(run, path)?).stdin(Stdio::null());
    // Files of a home are private; an export is made to be shown.
    command.envs(umask::users().map(|users| (umask::VARIABLE, users)));
    let output = command.output().map_err(words)?;
    if output.status.success() {
        return Ok(());
    }
    Err(describe_failure(Ok(output.status), error_output_line(&String::from_utf8_lossy(&output.stderr))))
}

/// Returns the arguments after the home.
///
/// # Errors
/// If the ending of the path names no kind of export.
fn arguments(run: &RunId, path: &str) -> Result<Vec<String>, String> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let has = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let (command, to): (&str, &[&str]) = match () {
        () if has(&REPORTS) => ("report", &[]),
        () if has(&NETWORK_ENDINGS) => ("export", &[]),
        () if name.contains('.') => {
            return Err(format!(
                "the ending of '{name}' names no kind of export: use {}, .html, .md, or a folder for PyTorch",
                NETWORK_ENDINGS.join(", ")
            ));
        }
        () => ("export", &["--to", "torch"]),
    };
    let path = format!("--out={path}");
    Ok([command, run.as_str()].into_iter().chain(to.iter().copied()).chain([path.as_str()]).map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_path_names_the_kind_of_export() {
        let run = RunId::new("calm-heron").expect("an id");
        let table = [
            ("a.onnx", Ok("export calm-heron --out=a.onnx")),
            ("b/A.ONNX", Ok("export calm-heron --out=b/A.ONNX")),
            ("a.weights.h5", Ok("export calm-heron --out=a.weights.h5")),
            ("v1.2/model", Ok("export calm-heron --to torch --out=v1.2/model")),
            ("model/", Ok("export calm-heron --to torch --out=model/")),
            ("-x.html", Ok("report calm-heron --out=-x.html")),
            ("a.md", Ok("report calm-heron --out=a.md")),
            ("a.pt", Err("the ending of 'a.pt'")),
            ("a.h5", Err("the ending of 'a.h5'")),
        ];
        for (path, expected) in table {
            match (arguments(&run, path), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.join(" "), expected),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{error}"),
                (found, _) => panic!("{path}: {found:?}"),
            }
        }
    }
}
