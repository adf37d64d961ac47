//! Marks as a table: the columns `index` or `source`, and optionally `correction` and `run`, divided by commas,
//! semicolons or tabs.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::{Doubt, MarkedError};
use crate::data::store::Dataset;
use crate::domain::text::printable;
use crate::domain::{RunId, Split};

/// The separators of columns. Spreadsheets write semicolons where a comma divides decimals.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The headings of the columns that are read, in the order of [`Columns`].
const HEADINGS: [&str; 4] = ["index", "source", "correction", "run"];

/// The columns of a table, by their position.
struct Columns([Option<usize>; HEADINGS.len()]);

impl Columns {
    fn of(headings: &csv::StringRecord) -> Self {
        let position = |wanted| headings.iter().position(|heading| heading.trim().eq_ignore_ascii_case(wanted));
        Self(HEADINGS.map(position))
    }

    /// Returns whether the table names images.
    fn name_images(&self) -> bool {
        self.0[0].is_some() || self.0[1].is_some()
    }

    /// Returns the cells of a row; an empty one is `None`.
    fn cells<'a>(&self, row: &'a csv::StringRecord) -> [Option<&'a str>; HEADINGS.len()] {
        self.0.map(|column| row.get(column?).map(str::trim).filter(|cell| !cell.is_empty()))
    }
}

/// Returns the training images in a table, with the doubt about each. Other columns are not read.
///
/// # Errors
/// If the file cannot be read, has no column `index` or `source`, or a row names no training image, class or run.
pub fn read(path: &Path, dataset: &Dataset) -> Result<Vec<(u32, Doubt)>, MarkedError> {
    let bytes = fs::read(path).map_err(|source| MarkedError::Unreadable { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    parse(&text, dataset).map_err(|(line, reason)| MarkedError::Table { path: path.to_owned(), line, reason })
}

/// Returns the images and doubts of a table's text, or the number of a line from 1 and the problem with it.
fn parse(text: &str, dataset: &Dataset) -> Result<Vec<(u32, Doubt)>, (u64, String)> {
    // Excel begins UTF-8 with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reader = |delimiter| csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let found = DELIMITERS.into_iter().find_map(|delimiter| {
        let mut reader = reader(delimiter);
        let columns = Columns::of(reader.headers().ok()?);
        columns.name_images().then_some((reader, columns))
    });
    let Some((mut reader, columns)) = found else {
        return Err((1, "it has no column 'index' or 'source', as `mien data marked NAME --csv` writes them".into()));
    };
    let mut sources = None;
    let mut images = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| (1, printable(&error.to_string())))? {
        let cells = columns.cells(&record);
        if cells.iter().any(Option::is_some) {
            let line = || line_of(text, &record);
            images.push(entry(cells, dataset, &mut sources).map_err(|reason| (line(), reason))?);
        }
    }
    Ok(images)
}

/// Returns the number of the line, from 1, in which a record begins. The position of a record is before empty lines.
fn line_of(text: &str, record: &csv::StringRecord) -> u64 {
    let from = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let (before, rest) = text.split_at_checked(from).unwrap_or((text, ""));
    let empty = &rest[..rest.len() - rest.trim_start_matches(['\r', '\n']).len()];
    1 + before.chars().chain(empty.chars()).map(|c| u64::from(c == '\n')).sum::<u64>()
}

/// Returns the training image of a row and the doubt about it, or the problem with the row.
fn entry(
    [index, source, correction, run]: [Option<&str>; HEADINGS.len()],
    dataset: &Dataset,
    sources: &mut Option<HashMap<String, u32>>,
) -> Result<(u32, Doubt), String> {
    let index = match (index, source) {
        (Some(text), source) => {
            let index: u32 =
                text.parse().map_err(|_| format!("'{}' is not the number of an image", printable(text)))?;
            super::check_index(dataset, index).map_err(|error| error.to_string())?;
            let own = dataset.source(Split::Train, index as usize);
            if let Some(other) = source.filter(|source| *source != own) {
                let other = printable(other);
                return Err(format!(
                    "training image {index} is from '{own}' and not from '{other}': correct one of them, or leave the \
                     column 'index' out of a list of another dataset"
                ));
            }
            index
        }
        (None, Some(source)) => {
            let known = sources.get_or_insert_with(|| {
                let images = 0..dataset.len(Split::Train);
                (0..).zip(images).map(|(index, at)| (dataset.source(Split::Train, at), index)).collect()
            });
            *known.get(source).ok_or_else(|| MarkedError::NoSource(printable(source)).to_string())?
        }
        (None, None) => return Err("it names no image".into()),
    };
    let class = correction.map(|name| super::class_named(dataset, name)).transpose();
    let class = class.map_err(|error| error.to_string())?;
    super::check_class(dataset, index, class).map_err(|error| error.to_string())?;
    let run = run.map(RunId::new).transpose().map_err(|error| error.to_string())?;
    Ok((index, Doubt { class, run }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::marked::tests::dataset;

    #[test]
    fn tables_of_spreadsheets_are_read_and_problems_name_their_line() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let dataset = dataset(&dir);
        let read = |text: &str| parse(text, &dataset);
        let doubt = |class| Doubt { class, run: None };
        let expected = vec![(1, doubt(Some(1))), (3, doubt(None))];
        for text in [
            "index,correction\n1,b\n3,\n",
            "\u{feff}Index;Correction;note\r\n1;b;sure\r\n;;\r\n3;;\r\n",
            "source\tcorrection\n1.png\tb\n3.png\t\n",
            "source,index,correction\n1.png,1,b\n3.png,,\n",
        ] {
            assert_eq!(read(text).as_ref(), Ok(&expected), "{text}");
        }
        let run = Doubt { class: None, run: Some(RunId::new("calm-heron").expect("an id")) };
        assert_eq!(read("index,run\n0,calm-heron\n"), Ok(vec![(0, run)]));
        for (text, line, words) in [
            ("", 1, "no column 'index' or 'source'"),
            ("image,label\n1,b\n", 1, "no column 'index' or 'source'"),
            ("index\n\n\n9\n", 4, "there is no training image 9: there are 4"),
            ("index\nx\n", 2, "'x' is not the number of an image"),
            ("index,correction\n0,b\n1,c\n", 3, "no class 'c': its classes are a, b"),
            ("index,correction\n0,a\n", 2, "image 0 is labelled 'a' already"),
            ("index,source\n0,1.png\n", 2, "is from '0.png' and not from '1.png'"),
            ("source\nnowhere.png\n", 2, "no training image came from 'nowhere.png'"),
            ("index,source,correction\n,,b\n", 2, "it names no image"),
            ("index,run\n0,a/b\n", 2, "a/b"),
        ] {
            let (found, reason) = read(text).expect_err(text);
            assert!(found == line && reason.contains(words), "{text}: line {found}: {reason}");
        }
    }
}
