//! `data mark`, `unmark` and `marked`: marks on training images, which runs may leave out or train with another class.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Format;
use crate::cli::table::{Side, Table};
use crate::cli::{datasets, output};
use crate::data::marked::{self, Doubt, MarkedError, Marks};
use crate::data::{Dataset, Manifest};
use crate::domain::text::printable;
use crate::domain::{Corrections, DatasetName, RunId, Split, number_text};
use crate::runs::{Home, RunStore};
use crate::supervise;

/// Mark training images as doubtful, so that `train … --leave-out marked` trains without them
///
/// With --class, `train … --relabel marked` trains them with that class. --from reads the table of
/// `data marked --csv`. It has the columns index or source, and correction, which is a class or empty.
#[derive(Debug, Args)]
pub(super) struct Mark {
    /// The dataset's name
    name: DatasetName,
    /// Numbers in the training split, from 0, or paths in the imported source
    #[arg(required_unless_present = "from", value_name = "IMAGE")]
    images: Vec<String>,
    /// The class that the images should have
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// A file of comma-separated values with the images and their classes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["images", "class"])]
    from: Option<PathBuf>,
    /// The run whose predictions led to them
    #[arg(long, value_name = "RUN")]
    found_with: Option<String>,
    #[command(flatten)]
    format: Format,
}

impl Mark {
    pub(super) fn run(self, store: &RunStore) -> Result<Exit, CommandError> {
        let home = store.home();
        let manifest = datasets::find(home, &self.name)?;
        let run = self.found_with.map(|query| store.find(&query)).transpose()?;
        let dataset = Dataset::open(&home.dataset(&self.name))?;
        let wanted = if let Some(path) = &self.from {
            marked::table::read(path, &dataset)?
        } else {
            let class = self.class.map(|name| marked::class_named(&dataset, &name)).transpose()?;
            let doubt = Doubt { class, run: None };
            let image = |image: &String| Ok((marked::find(&dataset, image)?, doubt.clone()));
            self.images.iter().map(image).collect::<Result<Vec<_>, MarkedError>>()?
        };
        let mut changed = 0;
        let marked = marked::change(dataset.dir(), &manifest.fingerprint, |marked| {
            for (index, doubt) in wanted {
                let doubt = Doubt { run: doubt.run.or_else(|| run.clone()), ..doubt };
                changed += usize::from(marked.mark(&dataset, index, doubt, supervise::now())?);
            }
            Ok(())
        })?;
        output::note(&format!("marked {}, {} in all", count_images(changed), marked.images.len()));
        if let Err(reason) = manifest.check_corrections(&marked.corrections()) {
            output::print_error(&format!("no run can make these corrections: {reason}"));
        }
        print_marks(&manifest, &marked, self.format)?;
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
    format: Format,
}

impl Unmark {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        let manifest = datasets::find(home, &self.name)?;
        let folder = home.dataset(&self.name);
        if self.all {
            // Also damaged marks and marks of another dataset, which no other command removes.
            let none = marked::clear(&folder, &manifest.fingerprint)?;
            output::note("no image is marked any more");
            print_marks(&manifest, &none, self.format)?;
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
        print_marks(&manifest, &marked, self.format)?;
        Ok(Exit::Done)
    }
}

/// Prints the marked images, or the command that marks one.
pub(super) fn list(home: &Home, name: &DatasetName, format: Format) -> Result<Exit, CommandError> {
    let manifest = datasets::find(home, name)?;
    let marked = marked::read(&home.dataset(name), &manifest.fingerprint)?;
    let for_scripts = format.json || format.csv;
    if marked.images.is_empty() && !for_scripts {
        output::note(&format!("no training image of {name} is marked: `mien data mark {name} IMAGE` marks one"));
        return Ok(Exit::Done);
    }
    if !for_scripts {
        let Corrections { left_out, relabelled } = marked.corrections();
        let options = [("--leave-out marked", left_out.is_empty()), ("--relabel marked", relabelled.is_empty())];
        let options: Vec<&str> = options.into_iter().filter(|(_, empty)| !empty).map(|(option, _)| option).collect();
        output::note(&format!("`mien train cnn --dataset {name} {}` corrects these", options.join(" ")));
    }
    print_marks(&manifest, &marked, format)?;
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
    correction: Option<&'a str>,
    source: &'a str,
    run: Option<&'a RunId>,
    at: u64,
}

impl<'a> Entry<'a> {
    fn new(manifest: &'a Manifest, mark: &'a marked::Mark) -> Self {
        let class = manifest.class_of(Split::Train, mark.index as usize);
        let correction = mark.class.and_then(|class| manifest.classes.get(usize::from(class)));
        Self {
            index: mark.index,
            class: class.map_or("", |class| &class.name),
            correction: correction.map(|class| class.name.as_str()),
            source: &mark.source,
            run: mark.run.as_ref(),
            at: mark.at,
        }
    }
}

/// Returns a number of images with the noun.
fn count_images(count: usize) -> String {
    number_text::count(count, "image", "images")
}

/// Prints the marked images.
fn print_marks(manifest: &Manifest, marked: &Marks, format: Format) -> Result<(), CommandError> {
    let entries: Vec<Entry<'_>> = marked.images.iter().map(|mark| Entry::new(manifest, mark)).collect();
    if format.json {
        return output::json(&Listed { dataset: &manifest.name, fingerprint: &marked.fingerprint, images: entries });
    }
    if format.csv {
        return output::records(&entries);
    }
    if entries.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        ("IMAGE", Side::Right),
        ("CLASS", Side::Left),
        ("SHOULD BE", Side::Left),
        ("SOURCE", Side::Left),
        ("FOUND WITH", Side::Left),
    ]);
    for entry in &entries {
        let run = entry.run.map(ToString::to_string).unwrap_or_default();
        let [class, correction, source] =
            [entry.class, entry.correction.unwrap_or_default(), entry.source].map(printable);
        table.row(&[entry.index.to_string(), class, correction, source, run]);
    }
    output::table(&table.render())
}
