//! FER-2013 as a table: `fer2013.csv` (emotion,pixels,Usage) and Kaggle's `icml_face_data.csv`, whose headers have
//! spaces and another order.
//!
//! A row holds an emotion from 0 to 6, the gray values of a square image and its usage: `Training`, `PublicTest` or
//! `PrivateTest`. The protocol maps usages to splits. Rows stay in order within a class.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::ImportError;
use super::limits::{Limits, ShortLines};
use super::listing::{Contents, Location, Spool};
use super::report::{ImportStage, Progress, SkipLog};
use crate::data::split::Usage;

/// FER-2013's classes by number.
const EMOTIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

/// The bytes at the beginning of a table within which its header line must end.
pub(super) const HEADER_BYTES: u64 = 4096;

/// The indices of a table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    emotion: usize,
    pixels: usize,
    pub(super) usage: Option<usize>,
}

/// Returns the columns of a table from its beginning; `None` if emotion or pixels is missing.
pub(super) fn columns_of(reader: &mut dyn Read) -> Option<Columns> {
    let mut head = Vec::new();
    reader.take(HEADER_BYTES).read_to_end(&mut head).ok()?;
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).has_headers(false).from_reader(line);
    let headers = reader.byte_records().next()?.ok()?;
    let column = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name.as_bytes()));
    Some(Columns { emotion: column("emotion")?, pixels: column("pixels")?, usage: column("usage") })
}

/// A valid row; its gray pixels are in the spool.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) usage: Usage,
    pub(super) class: &'static str,
    pub(super) at: Location,
    pixels: usize,
}

/// The images of a table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// Width and height of every image.
    pub(super) side: u32,
    pub(super) contents: Contents,
}

/// Reads a table of `bytes` bytes, which messages call `name`; bad rows are skipped by number.
pub(super) fn read(
    name: &Path,
    reader: Box<dyn Read>,
    bytes: u64,
    work: &Path,
    limits: &Limits,
    log: &mut SkipLog,
    progress: &mut Progress,
) -> Result<Table, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: name.to_owned(), reason };
    let bounded = ShortLines::new(reader, limits.row_bytes);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .buffer_capacity(1 << 16)
        .from_reader(bounded);
    let mut record = ByteRecord::new();
    let mut spool = Spool::new(work)?;
    let mut rows = Vec::new();
    let mut columns = None;
    let mut number = 0_u64;
    let broken = |error: csv::Error, number: u64| match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => ImportError::TooLarge {
            path: name.to_owned(),
            reason: format!("row {number} is longer than {} MiB", limits.row_bytes >> 20),
        },
        _ => wrong(format!("row {number}: {error}")),
    };
    while reader.read_byte_record(&mut record).map_err(|error| broken(error, number + 1))? {
        let Some(columns) = columns else {
            columns = Some(header(&record).map_err(&wrong)?);
            continue;
        };
        number += 1;
        if number > limits.entries {
            let reason = format!("it has more than {} rows", limits.entries);
            return Err(ImportError::TooLarge { path: name.to_owned(), reason });
        }
        if number % 512 == 1 {
            progress.report(ImportStage::Reading, reader.position().byte(), Some(bytes))?;
        }
        match parse(&record, columns) {
            Ok((usage, class, pixels)) => {
                let at = spool.append(&pixels)?;
                rows.push(Row { number, usage, class, at, pixels: pixels.len() });
            }
            Err(reason) => log.skip(&format!("row {number}"), reason),
        }
    }
    let pixels = usual_square(&rows).ok_or_else(|| wrong("no row holds a square image".into()))?;
    rows.retain(|row| {
        let fits = row.pixels == pixels;
        if !fits {
            log.skip(&format!("row {}", row.number), format!("has {} pixels where others have {pixels}", row.pixels));
        }
        fits
    });
    let side = u32::try_from(pixels.isqrt()).map_err(|_| wrong("its images are too large".into()))?;
    Ok(Table { rows, side, contents: spool.finish()? })
}

/// Returns the columns, or an error that names the required ones.
fn header(record: &ByteRecord) -> Result<(Columns, usize), String> {
    let column = |name: &str| record.iter().position(|header| header.eq_ignore_ascii_case(name.as_bytes()));
    match (column("emotion"), column("pixels"), column("usage")) {
        (Some(emotion), Some(pixels), Some(usage)) => Ok((Columns { emotion, pixels, usage: Some(usage) }, usage)),
        (Some(_), Some(_), None) => Err(NO_USAGE.into()),
        _ => Err("the table needs the columns emotion, pixels and Usage in its first line".into()),
    }
}

/// The error for tables without the column Usage, such as Kaggle's `train.csv`.
pub(super) const NO_USAGE: &str =
    "the table has no column Usage, which separates training from test; use fer2013.csv or icml_face_data.csv";

fn parse(record: &ByteRecord, (columns, usage): (Columns, usize)) -> Result<(Usage, &'static str, Vec<u8>), String> {
    let field =
        |column: usize, name: &str| record.get(column).ok_or_else(|| format!("has no {name}: the row is cut short"));
    let emotion = field(columns.emotion, "emotion")?;
    let usage = field(usage, "Usage")?;
    let shown = |field: &[u8]| String::from_utf8_lossy(&field[..field.len().min(20)]).into_owned();
    let class = match emotion {
        [digit @ b'0'..=b'6'] => EMOTIONS[usize::from(digit - b'0')],
        _ => return Err(format!("has the emotion '{}', which is not a number from 0 to 6", shown(emotion))),
    };
    let unknown = || format!("has the usage '{}', not Training, PublicTest or PrivateTest", shown(usage));
    let usage = Usage::from_name(usage).ok_or_else(unknown)?;
    Ok((usage, class, gray_values(field(columns.pixels, "pixels")?)?))
}

fn gray_values(field: &[u8]) -> Result<Vec<u8>, String> {
    let mut values = Vec::with_capacity(field.len() / 3);
    for word in field.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let value = std::str::from_utf8(word).ok().and_then(|word| word.parse::<u8>().ok());
        values.push(value.ok_or_else(|| {
            let word = String::from_utf8_lossy(&word[..word.len().min(20)]).into_owned();
            format!("has '{word}' for pixel {}, which is not a number from 0 to 255", values.len() + 1)
        })?);
    }
    Ok(values)
}

/// Returns the most frequent pixel count that makes a square, the larger one of equally frequent counts.
fn usual_square(rows: &[Row]) -> Option<usize> {
    let mut counts = HashMap::new();
    for row in rows.iter().filter(|row| row.pixels > 0 && row.pixels.isqrt().pow(2) == row.pixels) {
        *counts.entry(row.pixels).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(pixels, count)| (*count, *pixels)).map(|(pixels, _)| pixels)
}
