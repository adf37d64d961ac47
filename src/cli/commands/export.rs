//! `export`: writes a trained network, or the metrics of a run, as files of other programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::interrupt::Interrupts;
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::scores::temperature;
use crate::cli::{output, privacy, run_json};
use crate::domain::exported::NETWORK_ENDINGS;
use crate::domain::{Precision, RunId, Size};
use crate::export::tensorboard::EventFiles;
use crate::export::{
    ExportError, SavedWeights, TrainedNetwork, keras, onnx, state_dict, tables, torch, write_file, write_folder,
};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// The time between two reads of a followed run.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The kinds of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// An .onnx file: raw pixels in, logits and probabilities out
    Onnx,
    /// A .keras file that `keras.models.load_model` reads, or a .weights.h5 with only the weights
    Keras,
    /// A folder with model.py, model.safetensors and labels.json
    Torch,
    /// The file of weights by itself, under the names of PyTorch
    Safetensors,
    /// A folder of event files: losses, accuracies, learning rate, test metrics, settings
    Tensorboard,
    /// A folder of tables: epochs, predictions, confusion matrices; and run.json with everything about the run
    Csv,
}

/// Write a trained network for other programs (onnx, keras, torch), or a run's metrics (tensorboard, csv)
///
/// A network's file holds every operation from raw pixels to probabilities: scaling, crop, resizing, preprocessing, and
/// the frozen part. Its metadata contain the class names in order.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags of the command line
pub(in crate::cli) struct Export {
    #[command(flatten)]
    run: RunArgument,
    /// The kind of export [default: by the ending of --out: .onnx, .keras, .weights.h5, .safetensors]
    #[arg(long, value_enum)]
    to: Option<ExportFormat>,
    /// The file to write, or the folder for torch, tensorboard and csv
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The weights of the newest checkpoint instead of the best ones
    #[arg(long)]
    last: bool,
    /// Divide the logits by the temperature that `show` prints, so that probabilities agree with frequencies
    #[arg(long, conflicts_with = "last")]
    calibrated: bool,
    /// With --to tensorboard: continue to write until the run ends
    #[arg(long)]
    follow: bool,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: Output,
}

impl ExportFormat {
    /// Returns the format that the ending of a path names.
    fn of(path: &Path) -> Option<Self> {
        let formats = [Self::Onnx, Self::Keras, Self::Keras, Self::Safetensors];
        let mut by_ending = NETWORK_ENDINGS.into_iter().zip(formats);
        by_ending.find(|(ending, _)| ends_with(path, ending)).map(|(_, format)| format)
    }
}

/// The written files, as JSON.
#[derive(Debug, serde::Serialize)]
struct WrittenExport<'a> {
    run: &'a RunId,
    to: &'a str,
    path: &'a Path,
    bytes: u64,
}

impl Export {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let to = self.to.or_else(|| ExportFormat::of(&self.out)).ok_or_else(|| {
            let path = self.out.display();
            let kinds = "--to onnx, keras, torch, safetensors, tensorboard or csv chooses one";
            CommandError::Usage(format!("{path}: the ending names no kind of export: {kinds}"))
        })?;
        if self.follow && to != ExportFormat::Tensorboard {
            let message = "--follow is only for --to tensorboard: other files are written once";
            return Err(CommandError::Usage(message.into()));
        }
        if self.last && matches!(to, ExportFormat::Tensorboard | ExportFormat::Csv) {
            return Err(CommandError::Usage(
                "--last is only for weights: --to tensorboard and --to csv write none".into(),
            ));
        }
        if self.calibrated && matches!(to, ExportFormat::Tensorboard | ExportFormat::Csv) {
            return Err(CommandError::Usage("--calibrated is only for networks: use --to onnx, keras or torch".into()));
        }
        let id = self.run.find(&store)?;
        let exit = match to {
            ExportFormat::Tensorboard => self.write_events(&store, &id)?,
            ExportFormat::Csv => self.write_tables(&store, &id)?,
            ExportFormat::Onnx | ExportFormat::Keras | ExportFormat::Torch | ExportFormat::Safetensors => {
                self.write_network(&store, &id, to)?
            }
        };
        self.print_written(&id, to)?;
        Ok(exit)
    }

    /// Writes the trained network.
    fn write_network(&self, store: &RunStore, id: &RunId, to: ExportFormat) -> Result<Exit, CommandError> {
        let (path, force) = (self.out.as_path(), self.force);
        let mut network =
            TrainedNetwork::read(store, id, if self.last { SavedWeights::Last } else { SavedWeights::Best })?;
        if self.calibrated {
            network.calibrate(temperature(store, id, "without --calibrated it can be exported")?);
        }
        let precision = network.about.precision;
        if precision != Precision::F32 {
            output::note(&format!(
                "{id} was trained in {precision}, and the file computes in f32: logits differ slightly"
            ));
        }
        privacy::restore_umask();
        match to {
            ExportFormat::Onnx => write_file(path, &onnx::file(&network), force)?,
            ExportFormat::Keras if ends_with(path, ".weights.h5") => {
                write_file(path, &keras::weights_file(&network)?, force)?;
            }
            ExportFormat::Keras if ends_with(path, ".keras") => write_file(path, &keras::archive(&network)?, force)?,
            ExportFormat::Keras => {
                return Err(ExportError::Ending { path: path.to_owned(), endings: ".keras or .weights.h5" }.into());
            }
            ExportFormat::Torch => write_folder(path, &torch::files(&network)?, force)?,
            ExportFormat::Safetensors | ExportFormat::Tensorboard | ExportFormat::Csv => {
                write_file(path, &state_dict::file(&network)?, force)?;
            }
        }
        Ok(Exit::Done)
    }

    /// Writes the tables of a run.
    fn write_tables(&self, store: &RunStore, id: &RunId) -> Result<Exit, CommandError> {
        let run = store.summary(id)?;
        let mut files = tables::files(&run)?;
        let detail = run_json::detail(&run, run.state(supervise::now()));
        let text = serde_json::to_string_pretty(&detail).map_err(|error| CommandError::Output(error.into()))?;
        files.push(("run.json".into(), (text + "\n").into_bytes()));
        privacy::restore_umask();
        write_folder(&self.out, &files, self.force)?;
        Ok(Exit::Done)
    }

    /// Writes the event files of a run; with `--follow` until it ends or Ctrl-C.
    fn write_events(&self, store: &RunStore, id: &RunId) -> Result<Exit, CommandError> {
        let mut run = store.follow(id)?;
        let mut files = EventFiles::new(&run.summary.recipe);
        apply_new_records(&mut run, &mut files)?;
        privacy::restore_umask();
        files.create(&self.out, self.force)?;
        if !self.follow {
            return Ok(Exit::Done);
        }
        let interrupts = Interrupts::listen()?;
        while run.state(supervise::now()).is_active() {
            if interrupts.wait(POLL_INTERVAL) {
                return Ok(Exit::Stopped);
            }
            apply_new_records(&mut run, &mut files)?;
            files.append(&self.out)?;
        }
        Ok(Exit::Done)
    }

    /// Prints the run, the kind of export, the path and the size.
    fn print_written(&self, run: &RunId, to: ExportFormat) -> Result<(), CommandError> {
        let path = self.out.as_path();
        let bytes = size_of(path);
        let value = to.to_possible_value();
        let to = value.as_ref().map_or("", |value| value.get_name());
        let line = || format!("{run} as {to}: {}, {}\n", path.display(), Size(bytes));
        self.output.print(&WrittenExport { run, to, path, bytes }, line)
    }
}

fn ends_with(path: &Path, ending: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().ends_with(ending))
}

/// Adds the new records of the log to the event files.
fn apply_new_records(run: &mut FollowedRun, files: &mut EventFiles) -> Result<(), CommandError> {
    let mut records = Vec::new();
    run.poll(&mut records)?;
    records.iter().for_each(|record| files.apply(record));
    Ok(())
}

/// Returns the bytes of a file, or of all files in a folder.
fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let inside = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    inside.map(|entry| size_of(&entry.path())).sum()
}
