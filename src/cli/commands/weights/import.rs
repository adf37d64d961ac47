//! `weights import`: imports a file of weights.

use std::path::{Path, PathBuf};

use clap::Args;

use super::sheet::print_weights;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::output;
use crate::domain::{Preprocessing, WeightsName};
use crate::runs::Home;
use crate::supervise;
use crate::weights::{self, ImportOptions};

/// Import the convolutional base of VGG16 from Keras's .h5, .weights.h5 or .keras, PyTorch's .pth, .pt or .bin,
/// .safetensors, or .npz
///
/// The network is recognized by the shapes of its layers, whatever their names and whatever is around them. What is
/// not taken, such as a classifier, is counted and named.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file, or `-` for the standard input
    file: PathBuf,
    /// The name of the weights
    #[arg(long)]
    name: WeightsName,
    #[command(flatten)]
    options: WeightsOptions,
}

/// The options of every import of weights.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WeightsOptions {
    /// The preprocessing of the input: keras-imagenet (caffe), vggface, torchvision (torch), caffe-rgb, vggface-rgb,
    /// symmetric (tf), unit [default: by the file, with the reason]
    ///
    /// symmetric is from -1 to 1, unit from 0 to 1.
    #[arg(long, value_name = "NAME")]
    pub(super) preprocessing: Option<Preprocessing>,
    /// Replace other weights of this name
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

impl Import {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        import(home, &self.file, &self.name, None, self.options)
    }
}

/// Imports the file and prints the weights. `source` is the address of a file that was downloaded.
pub(super) fn import(
    home: &Home,
    file: &Path,
    name: &WeightsName,
    source: Option<String>,
    options: WeightsOptions,
) -> Result<Exit, CommandError> {
    let WeightsOptions { preprocessing, replace, output } = options;
    let now = supervise::now();
    let request = ImportOptions { preprocessing, replace, source, imported_at: now };
    let manifest = weights::import(file, name, &home.weights(), &request)?;
    if manifest.imported_at != now {
        output::note(&format!("{name} was imported before and is unchanged"));
    }
    print_weights(name, &manifest, output)?;
    Ok(Exit::Done)
}
