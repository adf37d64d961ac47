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
/// A download that breaks off goes on where it stopped when the same command is run again.
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// vggface, imagenet, torchvision, or an address (https://…)
    what: String,
    /// What to call the weights [default: the name that they are known by; an address needs one]
    #[arg(long)]
    name: Option<WeightsName>,
    #[command(flatten)]
    options: WeightsOptions,
}

impl Fetch {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        let source = published::source(&self.what)?;
        let Some(name) = self.name.or(source.name) else {
            return Err(CommandError::Usage("weights from an address have no name yet: give --name and a name".into()));
        };
        if let Some(there) = present(home, &name, &source.url, self.options)? {
            output::note(&format!("{name} was fetched from there before"));
            print_weights(&name, &there, self.options.output)?;
            return Ok(Exit::Done);
        }
        if source.expected.is_none() {
            output::note(
                "no hash of this file is published: what comes is checked layer by layer, and its own hash is kept",
            );
        }
        let instead = format!(
            "Without a way to it from here, fetch {} on another machine, bring the file, and run\n  \
             mien weights import FILE --name {name}",
            source.url
        );
        let fetched =
            download::fetch(&source.url, &home.weights(), source.expected.as_ref(), &Progress::new(false)?, instead)?;
        fetched.import(|path| import(home, path, &name, Some(source.url), self.options))
    }
}

/// The weights that were fetched from there before; `None` where there are none of the name or they may be replaced.
///
/// # Errors
/// Refuses a name that other weights have, so that nothing is downloaded in vain.
fn present(
    home: &Home,
    name: &WeightsName,
    url: &str,
    options: WeightsOptions,
) -> Result<Option<Manifest>, CommandError> {
    let path = home.weights_file(name);
    if options.replace || !path.exists() {
        return Ok(None);
    }
    let there = weights::read_manifest(&path)?;
    if there.source == printable(url) && options.preprocessing.is_none_or(|asked| asked == there.preprocessing) {
        return Ok(Some(there));
    }
    let difference = format!("from {}", there.source);
    Err(WeightsError::Exists { name: name.clone(), difference }.into())
}
