//! The heat maps of an image, computed by another process: `mien inspect … --heat-maps --json`.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;

use super::child_lines::{describe_failure, error_output_line};
use super::launcher::command_on;
use crate::domain::{HeatMap, RunId, Split};

/// The heat maps of an image for two classes.
#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize)]
pub struct HeatMaps {
    /// The places that speak for the predicted class.
    pub predicted: HeatMap,
    /// The places that speak for the true class.
    pub truth: HeatMap,
}

/// The part of the process's output that is read.
#[derive(Deserialize)]
struct Inspected {
    images_listed: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    heat_maps: Option<HeatMaps>,
}

/// Returns the heat maps of an image of a split by a run's best weights. Waits for the process, which reads them.
///
/// # Errors
/// The reason in words, safe to print.
pub fn heat_maps(home: &Path, run: &RunId, split: Split, index: usize) -> Result<HeatMaps, String> {
    let words = |error: std::io::Error| format!("heat maps cannot be computed: {error}");
    let mut command = command_on(home).map_err(words)?;
    command.args(["inspect", run.as_str(), "--split", split.name(), "--image", &index.to_string()]);
    let output = command.args(["--heat-maps", "--json"]).stdin(Stdio::null()).output().map_err(words)?;
    if !output.status.success() {
        let error_output = error_output_line(&String::from_utf8_lossy(&output.stderr));
        return Err(describe_failure(Ok(output.status), error_output));
    }
    parse(&output.stdout)
}

fn parse(output: &[u8]) -> Result<HeatMaps, String> {
    let inspected: Inspected =
        serde_json::from_slice(output).map_err(|error| format!("heat maps cannot be read: {error}"))?;
    let listed = inspected.images_listed.into_iter().next();
    listed.and_then(|image| image.heat_maps).ok_or_else(|| "the network has no convolution, so no heat map".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_from_the_output_and_their_absence_is_stated() {
        let map = r#"{"width":1,"height":1,"values":[0.5],"crop":0}"#;
        let text = format!(
            r#"{{"id":"one","images_listed":[{{"index":3,"heat_maps":{{"predicted":{map},"truth":{map}}}}}]}}"#
        );
        assert_eq!(parse(text.as_bytes()).expect("maps").predicted.values, [0.5]);
        let none = parse(br#"{"images_listed":[{"heat_maps":null}]}"#).expect_err("none");
        assert!(none.contains("no convolution"), "{none}");
        assert!(parse(b"not json").is_err_and(|words| words.contains("cannot be read")));
    }
}
