//! `data mark`, `unmark` and `marked`: marks on training images, which runs may leave out.

use clap::Args;
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::table::{Side, Table};
use crate::cli::{datasets, output};
use crate::data::marked::{self, MarkedError, Marks};
use crate::data::{Dataset, Manifest};
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId, Split, figures};
use crate::runs::{Home, RunStore};
use crate::supervise;

/// Mark training images as doubtful, so that `train … --leave-out marked` trains without them
#[derive(Debug, Args)]
pub(super) struct Mark {
    /// The dataset's name
    name: DatasetName,
    /// Numbers in the training split, from 0, or paths in the imported source
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// The run whose predictions led to them
    #[arg(long, value_name = "RUN")]
    found_with: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Mark {
    pub(super) fn run(self, store: &RunStore) -> Result<Exit, CommandError> {
        let home = store.home();
        let manifest = datasets::find(home, &self.name)?;
        let run = self.found_with.map(|query| store.find(&query)).transpose()?;
        let dataset = Dataset::open(&home.dataset(&self.name))?;
        let mut changed = 0;
        let marked = marked::change(dataset.dir(), &manifest.fingerprint, |marked| {
            for image in &self.images {
                let index = marked::find(&dataset, image)?;
                changed += usize::from(marked.mark(&dataset, index, run.clone(), supervise::now())?);
            }
            Ok(())
        })?;
        output::note(&format!("marked {}, {} in all", count_images(changed), marked.images.len()));
        if let Err(reason) = manifest.check_left_out(&marked.left_out()) {
            output::print_error(&format!("no run can leave these images out: {reason}"));
        }
        print_marks(&manifest, &marked, self.output)?;
        Ok(Exit::Done)
    }
}

/// Remove marks from training images
#[derive(Debug, Args)]
pub(super) struct Unmark {
    /// The dataset's name
    name: DatasetName,
    /// Numbers in the training split, from 0, or paths in the imported source
    #[arg(required_unless_present = "all", value_name = "IMAGE")]
    images: Vec<String>,
    /// Remove all marks of the dataset
    #[arg(long, conflicts_with = "images")]
    all: bool,
    #[command(flatten)]
    output: Output,
}

impl Unmark {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        let manifest = datasets::find(home, &self.name)?;
        let folder = home.dataset(&self.name);
        if self.all {
            // Also damaged marks and marks of another dataset, which no other command removes.
            let none = marked::clear(&folder, &manifest.fingerprint)?;
            output::note("no image is marked any more");
            print_marks(&manifest, &none, self.output)?;
            return Ok(Exit::Done);
        }
        let dataset = Dataset::open(&folder)?;
        let marked = marked::change(&folder, &manifest.fingerprint, |marked| {
            self.images.iter().try_for_each(|image| {
                let index = marked::find(&dataset, image)?;
                if marked.unmark(index) { Ok(()) } else { Err(MarkedError::NotMarked(index)) }
            })
        })?;
        output::note(&format!("{} still marked", count_images(marked.images.len())));
        print_marks(&manifest, &marked, self.output)?;
        Ok(Exit::Done)
    }
}

/// Prints the marked images, or the command that marks one.
pub(super) fn list(home: &Home, name: &DatasetName, output: Output) -> Result<Exit, CommandError> {
    let manifest = datasets::find(home, name)?;
    let marked = marked::read(&home.dataset(name), &manifest.fingerprint)?;
    if marked.images.is_empty() && !output.json {
        output::note(&format!("no training image of {name} is marked: `mien data mark {name} IMAGE` marks one"));
        return Ok(Exit::Done);
    }
    if !output.json {
        output::note(&format!("`mien train cnn --dataset {name} --leave-out marked` trains without these"));
    }
    print_marks(&manifest, &marked, output)?;
    Ok(Exit::Done)
}

/// The marked images for scripts. Keys are stable: none is ever renamed.
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

/// Returns a number of images with the noun.
fn count_images(count: usize) -> String {
    figures::count(count, "image", "images")
}

/// Prints the marked images.
fn print_marks(manifest: &Manifest, marked: &Marks, Output { json }: Output) -> Result<(), CommandError> {
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
        output::table(&table.render())?;
    }
    Ok(())
}
