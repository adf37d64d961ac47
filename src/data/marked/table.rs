//! Marks as comma-separated values: the columns `index` or `source`, and optionally `correction` and `run`.

use std::collections::HashMap;
use std::path::Path;

use super::{Doubt, MarkedError};
use crate::data::store::Dataset;
use crate::domain::text::printable;
use crate::domain::{RunId, Split};

/// The headings of the columns that are read, in the order of [`Columns`].
const HEADINGS: [&str; 4] = ["index", "source", "correction", "run"];

/// The columns of a table, by their position.
struct Columns([Option<usize>; HEADINGS.len()]);

impl Columns {
    fn of(headings: &csv::StringRecord) -> Self {
        let position = |wanted| headings.iter().position(|heading| heading.trim().eq_ignore_ascii_case(wanted));
        Self(HEADINGS.map(position))
    }

    /// Returns the cells of a row; an empty one is `None`.
    fn cells<'a>(&self, row: &'a csv::StringRecord) -> [Option<&'a str>; HEADINGS.len()] {
        self.0.map(|column| row.get(column?).map(str::trim).filter(|cell| !cell.is_empty()))
    }
}

/// Returns the training images in a table of comma-separated values, with the doubt about each. Other columns are not
/// read.
///
/// # Errors
/// If the file cannot be read, has no column `index` or `source`, or a row names no training image, class or run.
pub fn read(path: &Path, dataset: &Dataset) -> Result<Vec<(u32, Doubt)>, MarkedError> {
    let failed = |row, reason| MarkedError::Table { path: path.to_owned(), row, reason };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .map_err(|error| failed(1, printable(&error.to_string())))?;
    let headings = reader.headers().map_err(|error| failed(1, printable(&error.to_string())))?;
    // Excel begins UTF-8 with a byte order mark.
    let headings: csv::StringRecord = headings.iter().map(|heading| heading.trim_start_matches('\u{feff}')).collect();
    let columns = Columns::of(&headings);
    if columns.0[0].is_none() && columns.0[1].is_none() {
        return Err(failed(1, "it has no column 'index' or 'source'".into()));
    }
    let mut sources = None;
    let mut found = Vec::new();
    for (row, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|error| failed(row, printable(&error.to_string())))?;
        let cells = columns.cells(&record);
        if cells.iter().all(Option::is_none) {
            continue;
        }
        found.push(entry(cells, dataset, &mut sources).map_err(|reason| failed(row, reason))?);
    }
    Ok(found)
}

/// Returns the training image of a row and the doubt about it, or the problem with the row.
fn entry(
    [index, source, correction, run]: [Option<&str>; HEADINGS.len()],
    dataset: &Dataset,
    sources: &mut Option<HashMap<String, u32>>,
) -> Result<(u32, Doubt), String> {
    let count = dataset.len(Split::Train);
    let index = match (index, source) {
        (Some(text), source) => {
            let index: u32 =
                text.parse().map_err(|_| format!("'{}' is not the number of an image", printable(text)))?;
            if index as usize >= count {
                return Err(MarkedError::NoImage { index, count }.to_string());
            }
            let own = dataset.source(Split::Train, index as usize);
            if let Some(other) = source.filter(|source| *source != own) {
                let other = printable(other);
                return Err(format!(
                    "training image {index} is from '{own}' and not from '{other}': correct one of them"
                ));
            }
            index
        }
        (None, Some(source)) => {
            let known = sources.get_or_insert_with(|| {
                (0..).zip(0..count).map(|(index, at)| (dataset.source(Split::Train, at), index)).collect()
            });
            *known.get(source).ok_or_else(|| MarkedError::NoSource(printable(source)).to_string())?
        }
        (None, None) => return Err("it names no image".into()),
    };
    let class = correction.map(|name| super::class_named(dataset, name)).transpose();
    let class = class.map_err(|error| error.to_string())?;
    let run = run.map(RunId::new).transpose().map_err(|error| error.to_string())?;
    Ok((index, Doubt { class, run }))
}
