//! The datasets of a home, and the choice of the one to train on.

use super::exit::CommandError;
use super::output;
use crate::data::{self, Dataset, Manifest, StoreError, demo, manifest};
use crate::domain::DatasetName;
use crate::runs::Home;
use crate::supervise;

/// The dataset that a command without `--dataset` prefers.
const FAVOURITE: &str = "fer2013";

/// All datasets of a home.
#[derive(Debug)]
pub(super) struct Listed {
    /// Those that can be read, by name.
    pub(super) readable: Vec<Manifest>,
    /// A line about each of the others.
    pub(super) unreadable: Vec<String>,
}

/// Reads the manifests of all datasets.
pub(super) fn list(home: &Home) -> Result<Listed, CommandError> {
    let mut listed = Listed { readable: Vec::new(), unreadable: Vec::new() };
    for (name, entry) in data::list(&home.data())? {
        match entry {
            // Commands name a dataset by its folder, which somebody may have renamed.
            Ok(manifest) => listed.readable.push(Manifest { name, ..manifest }),
            Err(error) => listed.unreadable.push(format!("{name}: {error}")),
        }
    }
    Ok(listed)
}

/// The dataset of this name.
pub(super) fn find(home: &Home, name: &DatasetName) -> Result<Manifest, CommandError> {
    let folder = home.dataset(name);
    if !folder.join(manifest::FILE_NAME).exists() {
        return Err(CommandError::NoDataset { name: name.clone(), folder: home.data() });
    }
    Ok(Manifest { name: name.clone(), ..Dataset::open(&folder)?.manifest().clone() })
}

/// The demo dataset, drawn if it is not there yet.
pub(super) fn built_in(home: &Home) -> Result<Manifest, CommandError> {
    if !home.data().join(demo::NAME).join(manifest::FILE_NAME).exists() {
        output::note("drawing the demo dataset, which is done once");
    }
    Ok(demo::ensure(&home.data(), supervise::now())?)
}

/// The wanted dataset; else FER-2013 or the only imported one; else, where nothing was imported, the demo. A choice
/// that is not the user's is named on stderr.
pub(super) fn choose(home: &Home, wanted: Option<&DatasetName>) -> Result<Manifest, CommandError> {
    let name = match wanted {
        Some(name) => name.clone(),
        None => default(&data::list(&home.data())?)?,
    };
    let manifest = if name.as_str() == demo::NAME { built_in(home)? } else { find(home, &name)? };
    if wanted.is_none() {
        output::note(&format!("training on the dataset {name}; --dataset takes another"));
    }
    Ok(manifest)
}

fn default(present: &[(DatasetName, Result<Manifest, StoreError>)]) -> Result<DatasetName, CommandError> {
    let imported: Vec<&DatasetName> =
        present.iter().map(|(name, _)| name).filter(|name| name.as_str() != demo::NAME).collect();
    if let Some(favourite) = imported.iter().find(|name| name.as_str() == FAVOURITE) {
        return Ok((*favourite).clone());
    }
    match imported.as_slice() {
        [] => Ok(DatasetName::new(demo::NAME)?),
        [only] => Ok((*only).clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(CommandError::Usage(format!(
                "there are several datasets: give --dataset and one of {}",
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
            ("several imports", &["a", "b"], Err("there are several datasets: give --dataset and one of a, b")),
        ];
        for (case, present, expected) in table {
            assert_eq!(chosen(present), expected.map(Into::into).map_err(Into::into), "{case}");
        }
    }
}
