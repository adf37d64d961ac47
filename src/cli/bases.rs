//! The choice of a run's base.

use super::exit::CommandError;
use super::output;
use crate::domain::WeightsName;
use crate::domain::similar::suggest;
use crate::runs::Home;
use crate::weights::{self, ADVICE, Manifest, WeightsError};

/// Returns the base of `--weights`, else the preferred or the only one. A base that the user did not name is printed on
/// stderr.
pub(super) fn choose(home: &Home, wanted: Option<&WeightsName>) -> Result<(WeightsName, Manifest), CommandError> {
    let present = weights::list(&home.weights())?;
    let name = match wanted {
        Some(name) => name.clone(),
        None => default(&present)?,
    };
    let found = present.into_iter().find(|(other, _)| *other == name);
    let (_, manifest) = found.ok_or_else(|| missing(home, &name))?;
    let manifest = manifest?;
    if wanted.is_none() {
        output::note(&format!("using the weights {name}; --weights chooses others"));
    }
    Ok((name, manifest))
}

/// Returns the error for weights that are not there.
pub(super) fn missing(home: &Home, name: &WeightsName) -> CommandError {
    let known = weights::list(&home.weights()).unwrap_or_default();
    let similar = suggest(name.as_str(), known.iter().map(|(name, _)| name.as_str()));
    CommandError::NoWeights { name: name.clone(), folder: home.weights(), similar }
}

fn default(present: &[(WeightsName, Result<Manifest, WeightsError>)]) -> Result<WeightsName, CommandError> {
    let names: Vec<&WeightsName> = present.iter().map(|(name, _)| name).collect();
    match weights::preferred(&names) {
        Some(name) => Ok(name.clone()),
        None if names.is_empty() => Err(CommandError::Usage(format!("there are no imported weights yet: {ADVICE}"))),
        None => {
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            Err(CommandError::Usage(format!(
                "there are several weights: add --weights with one of {}",
                names.join(", ")
            )))
        }
    }
}
