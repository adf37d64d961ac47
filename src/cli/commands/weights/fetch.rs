//! `weights fetch`: downloads weights and imports them.

use clap::Args;

use super::import::{WeightsOptions, import};
use super::published;
use super::sheet::print_weights;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::progress::Progress;
use crate::cli::{download, output};
use crate::domain::WeightsName;
use crate::domain::text::printable;
use crate::runs::Home;
use crate::weights::{self, Manifest, WeightsError};

/// Download weights and import them: vggface, imagenet, torchvision, or an address
///
/// After an interruption the same command resumes the download.
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// vggface, imagenet, torchvision, or an address (https://…)
    what: String,
    /// The name of the weights [default: the published name; required for an address]
    #[arg(long)]
    name: Option<WeightsName>,
    #[command(flatten)]
    options: WeightsOptions,
}

impl Fetch {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        let source = published::source(&self.what)?;
        let Some(name) = self.name.or(source.name) else {
            return Err(CommandError::Usage("weights from an address need a name: add --name NAME".into()));
        };
        if let Some(manifest) = fetched_before(home, &name, &source.url, self.options)? {
            output::note(&format!("{name} was downloaded from this address before"));
            print_weights(&name, &manifest, self.options.output)?;
            return Ok(Exit::Done);
        }
        if source.expected.is_none() {
            output::note(
                "no hash of this file is published: its layers are checked, and the hash of the download is saved",
            );
        }
        let instead = format!(
            "Without network access here, download {} on another machine, copy the file, and run\n  \
             mien weights import FILE --name {name}",
            source.url
        );
        let fetched =
            download::fetch(&source.url, &home.weights(), source.expected.as_ref(), &Progress::new(false)?, instead)?;
        fetched.import(|path| import(home, path, &name, Some(source.url), self.options))
    }
}

/// Returns the weights of this name if they came from this address; `None` if there are none or they may be replaced.
///
/// # Errors
/// If other weights have the name. Otherwise they would be downloaded in vain.
fn fetched_before(
    home: &Home,
    name: &WeightsName,
    url: &str,
    options: WeightsOptions,
) -> Result<Option<Manifest>, CommandError> {
    let path = home.weights_file(name);
    if options.replace || !path.exists() {
        return Ok(None);
    }
    let manifest = weights::read_manifest(&path)?;
    if manifest.source == printable(url) && options.preprocessing.is_none_or(|asked| asked == manifest.preprocessing) {
        return Ok(Some(manifest));
    }
    let difference = format!("from {}", manifest.source);
    Err(WeightsError::Exists { name: name.clone(), difference }.into())
}
