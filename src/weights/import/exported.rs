//! The description of the network in a file of `mien export`.

use super::fault::Fault;
use super::licence;
use crate::domain::{ExportDescription, NetworkName, Preprocessing};

/// The base of an exported network.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) preprocessing: Preprocessing,
    pub(super) licence: String,
}

impl Base {
    /// Reads the base's description from the entry of a file; `None` for a file that no export wrote.
    ///
    /// # Errors
    /// If the network has no base, or is unknown to this program.
    pub(super) fn of(entry: Option<&str>) -> Result<Option<Self>, Fault> {
        let Some(text) = entry else { return Ok(None) };
        let exported = ExportDescription::parse(text)
            .map_err(|error| Fault::Broken(format!("its description by mien export: {error}")))?;
        let network =
            NetworkName::try_from(exported.network.clone()).map_err(|error| Fault::Refused(error.to_string()))?;
        let (Some(preprocessing), true) = (exported.preprocessing, network.architecture().pretrained.is_some()) else {
            return Err(Fault::OtherNetwork(format!(
                "it is the network '{}' of the run {}, which has no base and cannot be one; export a run of \
                 features or finetune",
                exported.network, exported.run
            )));
        };
        if !preprocessing.is_usable() {
            return Err(Fault::Broken("the preprocessing in its description gives no finite numbers".into()));
        }
        let licence = exported.licence.unwrap_or_else(|| licence::UNKNOWN.to_owned());
        Ok(Some(Self { preprocessing, licence }))
    }
}
