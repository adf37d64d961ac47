//! What a file that `mien export` wrote says of the network in it.

use super::entry::Entry;
use super::fault::Fault;
use super::licence;
use crate::domain::{Exported, NetworkName, Preprocessing};

/// The base of an exported network.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) preprocessing: Preprocessing,
    pub(super) licence: String,
    /// What stands before the names of its tensors.
    prefix: &'static str,
}

impl Base {
    /// The base that a file says it has, by its entry; `None` for a file that no export wrote.
    ///
    /// # Errors
    /// When the network has no base, or is none that this program knows.
    pub(super) fn of(entry: Option<&str>) -> Result<Option<Self>, Fault> {
        let Some(text) = entry else { return Ok(None) };
        let said = Exported::parse(text).map_err(|error| Fault::Broken(format!("what it says of itself: {error}")))?;
        let network = NetworkName::try_from(said.network.clone()).map_err(|error| Fault::Refused(error.to_string()))?;
        let (Some(preprocessing), Some(pretrained)) = (said.preprocessing, network.architecture().pretrained) else {
            return Err(Fault::OtherNetwork(format!(
                "it is the network '{}' of the run {}, which has no pretrained base and cannot be one; export a run of \
                 features or finetune",
                said.network, said.run
            )));
        };
        if !preprocessing.is_usable() {
            return Err(Fault::Broken("what it says of its preprocessing gives no numbers".into()));
        }
        let licence = said.licence.unwrap_or_else(|| licence::UNKNOWN.to_owned());
        Ok(Some(Self { preprocessing, licence, prefix: pretrained.prefix }))
    }

    /// The tensors of the base by their names in the store, without those of the head.
    pub(super) fn entries<'a>(&self, entries: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
        let own = |entry: Entry<'a>| Some(Entry { layer: entry.layer.strip_prefix(self.prefix)?.to_owned(), ..entry });
        entries.into_iter().filter_map(own).collect()
    }
}
