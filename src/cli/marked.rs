//! `data mark`, `unmark` and `marked`: training images that a next run may leave out.

use serde::Serialize;

use super::arguments::{Mark, Output, Unmark};
use super::exit::{CommandError, Exit};
use super::table::{Side, Table};
use super::{datasets, output};
use crate::data::marked::{self, MarkedError, Marks};
use crate::data::{Dataset, Manifest};
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId, Split, figures};
use crate::runs::{Home, RunStore};
use crate::supervise;

/// The list as scripts see it. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    dataset: &'a DatasetName,
    fingerprint: &'a str,
    images: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    index: u32,
    class: &'a str,
    source: &'a str,
    run: Option<&'a RunId>,
    at: u64,
}

/// `data mark`.
pub(super) fn mark(home: &Home, options: Mark) -> Result<Exit, CommandError> {
    let manifest = datasets::find(home, &options.name)?;
    let run = options.found_with.map(|query| RunStore::new(home.clone()).find(&query)).transpose()?;
    let dataset = Dataset::open(&home.dataset(&options.name))?;
    let mut changed = 0;
    let marked = marked::change(dataset.dir(), &manifest.fingerprint, |marked| {
        for index in options.images {
            changed += usize::from(marked.mark(&dataset, index, run.clone(), supervise::now())?);
        }
        Ok(())
    })?;
    output::note(&format!("marked {}, {} in all", images(changed), marked.images.len()));
    if let Err(reason) = manifest.check_left_out(&marked.left_out()) {
        output::complain(&format!("a run cannot leave these out: {reason}"));
    }
    tell(&manifest, &marked, options.output)
}

/// `data unmark`.
pub(super) fn unmark(home: &Home, options: &Unmark) -> Result<Exit, CommandError> {
    let manifest = datasets::find(home, &options.name)?;
    let folder = home.dataset(&options.name);
    if options.all {
        // Also marks that are of another dataset or damaged: there is no other way to be rid of them.
        let none = marked::clear(&folder, &manifest.fingerprint)?;
        output::note("no image is marked any more");
        return tell(&manifest, &none, options.output);
    }
    let marked = marked::change(&folder, &manifest.fingerprint, |marked| {
        let missing = options.images.iter().find(|index| !marked.unmark(**index));
        missing.map_or(Ok(()), |index| Err(MarkedError::NotMarked(*index)))
    })?;
    output::note(&format!("{} stay marked", images(marked.images.len())));
    tell(&manifest, &marked, options.output)
}

/// `data marked`.
pub(super) fn list(home: &Home, name: &DatasetName, output: Output) -> Result<Exit, CommandError> {
    let (manifest, marked) = open(home, name)?;
    if marked.images.is_empty() && !output.json {
        output::note(&format!("no training image of {name} is marked: `mien data mark {name} IMAGE` marks one"));
        return Ok(Exit::Done);
    }
    if !output.json {
        output::note(&format!("`mien train cnn --dataset {name} --leave-out marked` trains without these"));
    }
    tell(&manifest, &marked, output)
}

fn images(count: usize) -> String {
    figures::count(count, "image", "images")
}

fn open(home: &Home, name: &DatasetName) -> Result<(Manifest, Marks), CommandError> {
    let manifest = datasets::find(home, name)?;
    let marked = marked::read(&home.dataset(name), &manifest.fingerprint)?;
    Ok((manifest, marked))
}

fn tell(manifest: &Manifest, marked: &Marks, Output { json }: Output) -> Result<Exit, CommandError> {
    let entries: Vec<Entry<'_>> = marked
        .images
        .iter()
        .map(|mark| Entry {
            index: mark.index,
            class: manifest.class_of(Split::Train, mark.index as usize).map_or("", |class| class.name.as_str()),
            source: &mark.source,
            run: mark.run.as_ref(),
            at: mark.at,
        })
        .collect();
    if json {
        output::json(&Listed { dataset: &manifest.name, fingerprint: &marked.fingerprint, images: entries })?;
    } else if !entries.is_empty() {
        let mut table = Table::new([
            ("IMAGE", Side::Right),
            ("CLASS", Side::Left),
            ("SOURCE", Side::Left),
            ("FOUND WITH", Side::Left),
        ]);
        for entry in &entries {
            let run = entry.run.map(ToString::to_string).unwrap_or_default();
            table.row(&[entry.index.to_string(), printable(entry.class), printable(entry.source), run]);
        }
        output::print(&table.render())?;
    }
    Ok(Exit::Done)
}
