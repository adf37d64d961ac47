//! `export`: a trained network, or the figures of a run, as files of other programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::{json, output};
use crate::domain::{Precision, RunId, Size};
use crate::export::tensorboard::Events;
use crate::export::{
    ExportError, TrainedNetwork, Which, keras, onnx, state_dict, tables, torch, write_file, write_folder,
};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// Between two looks at the run.
const GLANCE: Duration = Duration::from_millis(500);

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One .onnx file: raw pixels in, logits and probabilities out
    Onnx,
    /// One .keras file that `keras.models.load_model` takes, or one .weights.h5 with the weights alone
    Keras,
    /// A folder with model.py, model.safetensors and labels.json
    Torch,
    /// The file of weights by itself, under the names of PyTorch
    Safetensors,
    /// A folder of event files: losses, accuracies, learning rate, test figures, settings
    Tensorboard,
    /// A folder of tables: epochs, predictions, confusion matrices; and run.json with all that is known of the run
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Id, beginning of an id, or `latest`
    run: String,
    /// What to write
    #[arg(long, value_enum)]
    to: Form,
    /// Where: a file, or a folder for torch, tensorboard and csv
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The weights of the newest checkpoint instead of the best ones
    #[arg(long)]
    last: bool,
    /// With --to tensorboard: go on writing until the run ends
    #[arg(long)]
    follow: bool,
    /// Replace what is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: super::arguments::Output,
}

/// What was written, for scripts.
#[derive(Debug, serde::Serialize)]
struct Written<'a> {
    run: &'a RunId,
    to: String,
    path: &'a Path,
    bytes: u64,
}

/// `export`.
pub(super) fn run(store: &RunStore, export: &Export) -> Result<Exit, CommandError> {
    if export.follow && export.to != Form::Tensorboard {
        return Err(CommandError::Usage("--follow is for --to tensorboard: the other files are written once".into()));
    }
    if export.last && matches!(export.to, Form::Tensorboard | Form::Csv) {
        return Err(CommandError::Usage("--last is for weights, and these files have none".into()));
    }
    let id = store.find(&export.run)?;
    let exit = match export.to {
        Form::Tensorboard => events(store, &id, export)?,
        Form::Csv => csv(store, &id, export)?,
        Form::Onnx | Form::Keras | Form::Torch | Form::Safetensors => network(store, &id, export)?,
    };
    tell(&id, export)?;
    Ok(exit)
}

/// The trained network in one of its forms.
fn network(store: &RunStore, id: &RunId, export: &Export) -> Result<Exit, CommandError> {
    let (path, force) = (export.out.as_path(), export.force);
    let network = TrainedNetwork::read(store, id, if export.last { Which::Last } else { Which::Best })?;
    if network.about.precision != Precision::F32 {
        let words = format!(
            "{id} computed in {}, and the file computes in f32: logits differ a little",
            network.about.precision
        );
        output::note(&words);
    }
    match export.to {
        Form::Onnx => write_file(path, &onnx::file(&network), force)?,
        Form::Keras if ends(path, ".weights.h5") => write_file(path, &keras::weights_file(&network)?, force)?,
        Form::Keras if ends(path, ".keras") => write_file(path, &keras::archive(&network)?, force)?,
        Form::Keras => {
            return Err(ExportError::Ending { path: path.to_owned(), endings: ".keras or .weights.h5" }.into());
        }
        Form::Torch => write_folder(path, &torch::files(&network)?, force)?,
        Form::Safetensors | Form::Tensorboard | Form::Csv => {
            write_file(path, &state_dict::file(&network)?, force)?;
        }
    }
    Ok(Exit::Done)
}

fn ends(path: &Path, ending: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending))
}

/// Tables of a run.
fn csv(store: &RunStore, id: &RunId, export: &Export) -> Result<Exit, CommandError> {
    let run = store.summary(id)?;
    let mut files = tables::files(&run)?;
    let detail = json::detail(&run.summary, run.state(supervise::now()));
    let text = serde_json::to_string_pretty(&detail).map_err(|error| CommandError::Output(error.into()))?;
    files.push(("run.json".into(), (text + "\n").into_bytes()));
    write_folder(&export.out, &files, export.force)?;
    Ok(Exit::Done)
}

/// Event files of a run; with `--follow` until it ends or Ctrl-C says enough.
fn events(store: &RunStore, id: &RunId, export: &Export) -> Result<Exit, CommandError> {
    let mut run = store.follow(id)?;
    let mut events = Events::new(&run.summary.recipe);
    take(&mut run, &mut events)?;
    events.create(&export.out, export.force)?;
    if !export.follow {
        return Ok(Exit::Done);
    }
    let interrupts = Interrupts::listen()?;
    while run.state(supervise::now()).is_active() {
        if interrupts.wait(GLANCE) {
            return Ok(Exit::Stopped);
        }
        take(&mut run, &mut events)?;
        events.append(&export.out)?;
    }
    Ok(Exit::Done)
}

/// Takes what is new in the log into the event files.
fn take(run: &mut FollowedRun, events: &mut Events) -> Result<(), CommandError> {
    let mut records = Vec::new();
    run.poll(&mut records)?;
    records.iter().for_each(|record| events.apply(record));
    Ok(())
}

/// Says what was written.
fn tell(run: &RunId, export: &Export) -> Result<(), CommandError> {
    let path = export.out.as_path();
    let bytes = bytes(path);
    let to = export.to.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    if export.output.json {
        return output::json(&Written { run, to, path, bytes });
    }
    output::line(&format!("{run} as {to}: {}, {}", path.display(), Size(bytes)))
}

/// The bytes of a file, or of all files in a folder.
fn bytes(path: &Path) -> u64 {
    let Ok(about) = std::fs::symlink_metadata(path) else { return 0 };
    if !about.is_dir() {
        return about.len();
    }
    let inside = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    inside.map(|entry| bytes(&entry.path())).sum()
}
