//! Merging a source into an existing dataset.

use std::collections::BTreeSet;

use super::layout::{ImportPlan, PlannedImage};
use super::listing::Location;
use super::options::ImportOptions;
use super::{ImportError, ImportRequest};
use crate::data::manifest::{Manifest, MergedSource};
use crate::data::store::Dataset;
use crate::domain::similar::suggest;

/// Opens the dataset into which the request merges its source; `None` if it merges nothing.
pub(super) fn open_merge_target(request: &ImportRequest) -> Result<Option<Dataset>, ImportError> {
    let Some(into) = &request.options.into else { return Ok(None) };
    let folder = request.data_dir.join(into.as_str());
    if !folder.join(crate::data::manifest::FILE_NAME).is_file() {
        let known = crate::data::store::list(&request.data_dir)?;
        let similar = suggest(into.as_str(), known.iter().map(|(name, _)| name.as_str()));
        let folder = request.data_dir.display();
        return Err(ImportError::Options(format!("--into: there is no dataset '{into}' in {folder}{similar}")));
    }
    Ok(Some(Dataset::open(&folder)?))
}

/// Returns the options with which a source is read that comes into this dataset.
pub(super) fn options_for(options: &ImportOptions, base: Option<&Dataset>) -> ImportOptions {
    let Some(manifest) = base.map(Dataset::manifest) else { return options.clone() };
    let image = manifest.image;
    ImportOptions {
        size: Some((image.width, image.height)),
        gray: Some(image.channels == 1),
        fit: Some(options.fit.unwrap_or(manifest.fit)),
        known_classes: manifest.class_names().into_iter().map(ToOwned::to_owned).collect(),
        ..options.clone()
    }
}

/// Returns the import plan of a dataset with a source merged in: within each class of a split, the stored images come
/// first.
pub(super) fn merge_plans(plan: ImportPlan, base: &Dataset) -> ImportPlan {
    let stored = base.manifest().class_names();
    let new = plan.classes.iter().map(String::as_str);
    let classes: BTreeSet<&str> = stored.iter().copied().chain(new).collect();
    let classes: Vec<String> = classes.into_iter().map(ToOwned::to_owned).collect();
    let label_of = |class: &str| classes.binary_search_by(|known| known.as_str().cmp(class)).unwrap_or_default();
    let stored: Vec<usize> = stored.into_iter().map(label_of).collect();
    let added: Vec<usize> = plan.classes.iter().map(|class| label_of(class)).collect();
    let groups = base.groups();
    let images = base.places().into_iter().enumerate().map(|(position, place)| PlannedImage {
        split: place.split,
        label: stored[usize::from(place.label)],
        source: base.source(place.split, place.index as usize),
        at: Location::Stored(position),
        group: groups.get(position).copied(),
    });
    let first_group = base.manifest().groups.as_ref().map_or(0, |groups| u32::try_from(groups.len()).unwrap_or(0));
    let new = plan.items.into_iter().map(|item| PlannedImage {
        label: added[item.label],
        group: item.group.map(|group| group.saturating_add(first_group)),
        ..item
    });
    let mut items: Vec<PlannedImage> = images.chain(new).collect();
    // Stable: stored images stay before new ones.
    items.sort_by_key(|item| (item.split, item.label));
    ImportPlan { classes, items, split: plan.split }
}

/// Returns the sources of a dataset.
pub(super) fn parts_of(manifest: &Manifest) -> Vec<MergedSource> {
    if !manifest.parts.is_empty() {
        return manifest.parts.clone();
    }
    vec![MergedSource {
        source: manifest.source.clone(),
        images: manifest.counts().total() as u64,
        created_at: manifest.created_at,
        fingerprint: Some(manifest.fingerprint.clone()),
        split: manifest.split,
        fit: manifest.fit,
    }]
}
