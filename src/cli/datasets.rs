//! The datasets of a home, and the choice of a dataset to train on.

use super::exit::CommandError;
use super::output;
use crate::data::{self, Dataset, Manifest, StoreError, demo, manifest};
use crate::domain::DatasetName;
use crate::domain::similar::suggest;
use crate::runs::Home;
use crate::supervise;

/// The dataset that commands prefer without `--dataset`.
const PREFERRED: &str = "fer2013";

/// All datasets of a home.
#[derive(Debug)]
pub(super) struct DatasetList {
    /// The readable datasets, by name.
    pub(super) readable: Vec<Manifest>,
    /// A line for each unreadable dataset, with the reason.
    pub(super) unreadable: Vec<String>,
}

/// Reads the manifests of all datasets.
pub(super) fn list(home: &Home) -> Result<DatasetList, CommandError> {
    let mut listed = DatasetList { readable: Vec::new(), unreadable: Vec::new() };
    for (name, entry) in data::list(&home.data())? {
        match entry {
            // Commands name a dataset by its folder, which may have been renamed since the import.
            Ok(manifest) => listed.readable.push(Manifest { name, ..manifest }),
            Err(error) => listed.unreadable.push(format!("{name}: {error}")),
        }
    }
    Ok(listed)
}

/// Returns the manifest of a dataset.
pub(super) fn find(home: &Home, name: &DatasetName) -> Result<Manifest, CommandError> {
    let folder = home.dataset(name);
    if !folder.join(manifest::FILE_NAME).exists() {
        let known = data::list(&home.data())?;
        let similar = suggest(name.as_str(), known.iter().map(|(name, _)| name.as_str()));
        return Err(CommandError::NoDataset { name: name.clone(), folder: home.data(), similar });
    }
    Ok(Manifest { name: name.clone(), ..Dataset::open(&folder)?.manifest().clone() })
}

/// Returns the manifest of the demo dataset, which is drawn if it does not exist.
pub(super) fn built_in(home: &Home) -> Result<Manifest, CommandError> {
    if !home.data().join(demo::NAME).join(manifest::FILE_NAME).exists() {
        output::note("drawing the demo dataset, only this once");
    }
    Ok(demo::ensure(&home.data(), supervise::now())?)
}

/// Returns the wanted dataset, else FER-2013, else the only imported one, else the demo dataset. A dataset that the
/// user did not name is printed on stderr.
///
/// # Errors
/// If several datasets are imported and none is wanted.
pub(super) fn choose(home: &Home, wanted: Option<&DatasetName>) -> Result<Manifest, CommandError> {
    let name = match wanted {
        Some(name) => name.clone(),
        None => default(&data::list(&home.data())?)?,
    };
    let manifest = if name.as_str() == demo::NAME { built_in(home)? } else { find(home, &name)? };
    if wanted.is_none() {
        output::note(&format!("training on the dataset {name}; --dataset chooses another"));
    }
    Ok(manifest)
}

fn default(present: &[(DatasetName, Result<Manifest, StoreError>)]) -> Result<DatasetName, CommandError> {
    let imported: Vec<&DatasetName> =
        present.iter().map(|(name, _)| name).filter(|name| name.as_str() != demo::NAME).collect();
    if let Some(preferred) = imported.iter().find(|name| name.as_str() == PREFERRED) {
        return Ok((*preferred).clone());
    }
    match imported.as_slice() {
        [] => Ok(DatasetName::new(demo::NAME)?),
        [only] => Ok((*only).clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(CommandError::Usage(format!(
                "there are several datasets: add --dataset with one of {}",
                names.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(present: &[&str]) -> Result<String, String> {
        let damaged = || StoreError::Corrupt { path: "manifest.json".into(), reason: "of no matter here".into() };
        let entry = |name: &&str| (DatasetName::new(*name).expect("a name"), Err(damaged()));
        let chosen = default(&present.iter().map(entry).collect::<Vec<_>>());
        chosen.map(|name| name.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_dataset_is_never_a_guess_between_imports() {
        let table = [
            ("nothing imported", &[][..], Ok("demo")),
            ("only the demo", &["demo"], Ok("demo")),
            ("the only import", &["demo", "faces"], Ok("faces")),
            ("FER-2013 among others", &["demo", "faces", "fer2013"], Ok("fer2013")),
            ("several imports", &["a", "b"], Err("there are several datasets: add --dataset with one of a, b")),
        ];
        for (case, present, expected) in table {
            assert_eq!(chosen(present), expected.map(Into::into).map_err(Into::into), "{case}");
        }
    }
}
