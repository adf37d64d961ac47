//! Tables of images like FER-2013's: `fer2013.csv` (emotion,pixels,Usage), Kaggle's `icml_face_data.csv`, whose headers
//! have spaces and another order, and tables of others in the same form.
//!
//! A row holds an emotion (a number from 0 to 7 or a word), the gray values of a square image and its usage:
//! `Training`, `PublicTest` or `PrivateTest`, or another name of a split. Rows stay in order within a class.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::ImportError;
use super::limits::{Limits, LineLimitedReader};
use super::listing::{Location, Spool};
use super::report::{ImportLog, ImportStage, Progress};
use super::split_names::{self, SplitName};
use crate::domain::text::{is_printable, printable};

/// FER-2013's classes by number; 7 is contempt where CK+ was brought to the same form.
pub(super) const EMOTIONS: [&str; 8] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"];

/// The longest word for a class, in bytes.
const LONGEST_CLASS: usize = 200;

/// The bytes at the beginning of a table within which its header line must end.
pub(super) const HEADER_BYTES: u64 = 64 << 10;

/// The separators of columns; of several that give the right columns the first counts.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The names of columns.
pub(super) const CLASS_COLUMNS: [&str; 8] =
    ["emotion", "emotions", "emotion_label", "label", "labels", "class", "expression", "target"];
/// The columns whose numbers are FER-2013's emotions; those of others are only numbers.
pub(super) const EMOTION_COLUMNS: [&str; 3] = ["emotion", "emotions", "emotion_label"];
const PIXEL_COLUMNS: [&str; 3] = ["pixels", "pixel", "pixel_values"];
pub(super) const SPLIT_COLUMNS: [&str; 6] = ["usage", "split", "set", "subset", "partition", "purpose"];
pub(super) const GROUP_COLUMNS: [&str; 8] =
    ["group", "person", "person_id", "subject", "subject_id", "identity", "actor", "user"];

/// The separator of a table, and the indices and meaning of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    delimiter: u8,
    class: usize,
    /// Whether numbers of classes are FER-2013's emotions.
    are_emotions: bool,
    /// The first column of pixels, and the number of such columns: one with all values, or one for each.
    pixels: (usize, usize),
    usage: Option<usize>,
    group: Option<usize>,
}

impl Columns {
    pub(super) fn has_usage(&self) -> bool {
        self.usage.is_some()
    }

    fn find(headers: &ByteRecord, delimiter: u8) -> Option<Self> {
        let column = |names: &[&str]| {
            let named = |name: &&str| headers.iter().position(|header| header.eq_ignore_ascii_case(name.as_bytes()));
            names.iter().find_map(named)
        };
        let class = column(&CLASS_COLUMNS)?;
        let is_emotion = |name: &str| headers[class].eq_ignore_ascii_case(name.as_bytes());
        let are_emotions = EMOTION_COLUMNS.iter().any(|name| is_emotion(name));
        let pixels = column(&PIXEL_COLUMNS).map(|column| (column, 1)).or_else(|| pixel_columns(headers))?;
        Some(Self {
            delimiter,
            class,
            are_emotions,
            pixels,
            usage: column(&SPLIT_COLUMNS),
            group: column(&GROUP_COLUMNS),
        })
    }
}

/// Returns the first of the columns `pixel0`, `pixel1` and so on, and their number.
fn pixel_columns(headers: &ByteRecord) -> Option<(usize, usize)> {
    let is_pixel = |header: &[u8]| {
        let text = std::str::from_utf8(header).unwrap_or_default().to_ascii_lowercase();
        let number = ["pixel", "px"].iter().find_map(|name| text.strip_prefix(name));
        number.is_some_and(|number| number.trim_start_matches(['_', ' ']).parse::<u32>().is_ok())
    };
    let first = headers.iter().position(is_pixel)?;
    let count = headers.iter().skip(first).take_while(|header| is_pixel(header)).count();
    (count > 1).then_some((first, count))
}

/// Returns the columns of a table from its beginning; `None` if emotion or pixels is missing.
pub(super) fn columns_of(reader: &mut dyn Read) -> Option<Columns> {
    let mut head = Vec::new();
    reader.take(HEADER_BYTES).read_to_end(&mut head).ok()?;
    let line = head.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    DELIMITERS.into_iter().find_map(|delimiter| {
        let mut reader = reader_of(line, delimiter);
        let headers = reader.byte_records().next()?.ok()?;
        Columns::find(&headers, delimiter)
    })
}

/// Returns the columns of a table in a file.
pub(super) fn columns_of_file(path: &Path) -> Option<Columns> {
    columns_of(&mut File::open(path).ok()?)
}

fn reader_of<R: Read>(input: R, delimiter: u8) -> csv::Reader<R> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).trim(Trim::All).buffer_capacity(1 << 16).delimiter(delimiter);
    builder.from_reader(input)
}

/// A valid row; its gray pixels are in the spool.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    /// The split; `None` if the table has no such column.
    pub(super) split: Option<SplitName>,
    /// The index in [`Table::classes`].
    pub(super) class: usize,
    pub(super) group: Option<String>,
    pub(super) at: Location,
    pixels: usize,
}

/// The images of a table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) classes: Vec<String>,
    /// Width and height of every image.
    pub(super) side: u32,
}

/// The columns that a table needs.
const NEEDED: &str = "the table needs the columns emotion, pixels and Usage in its first line";

/// The error for tables without the column Usage, such as Kaggle's `train.csv`.
pub(super) const NO_USAGE: &str = "the table has no column Usage, which separates training from test; use fer2013.csv \
                                   or icml_face_data.csv, or divide its rows by --split 80/10/10";

/// Reads a table of `bytes` bytes, which messages call `name`; bad rows are skipped by number. `reader` opens it;
/// pixels go to `spool`.
pub(super) fn read(
    name: &Path,
    reader: &dyn Fn() -> std::io::Result<Box<dyn Read>>,
    bytes: u64,
    spool: &mut Spool,
    limits: &Limits,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<Table, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: name.to_owned(), reason };
    let failed = |error| ImportError::Source { path: name.to_owned(), error };
    let Some(columns) = columns_of(&mut *reader().map_err(failed)?) else {
        return Err(wrong(name_wrong_columns(&mut *reader().map_err(failed)?)));
    };
    let bounded = LineLimitedReader::new(reader().map_err(failed)?, limits.row_bytes);
    let mut reader = reader_of(bounded, columns.delimiter);
    let mut record = ByteRecord::new();
    let (mut rows, mut classes) = (Vec::new(), Classes::default());
    let mut number = 0_u64;
    let broken = |error: csv::Error, number: u64| match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => ImportError::TooLarge {
            path: name.to_owned(),
            reason: format!("row {number} is longer than {} MiB", limits.row_bytes >> 20),
        },
        _ => wrong(format!("row {number}: {error}")),
    };
    let mut is_header = true;
    while reader.read_byte_record(&mut record).map_err(|error| broken(error, number + 1))? {
        if std::mem::take(&mut is_header) {
            continue;
        }
        number += 1;
        if number > limits.entries {
            let reason = format!("it has more than {} rows", limits.entries);
            return Err(ImportError::TooLarge { path: name.to_owned(), reason });
        }
        if number % 512 == 1 {
            progress.report(ImportStage::Reading, reader.position().byte(), Some(bytes))?;
        }
        match parse(&record, columns, &mut classes) {
            Ok((split, class, pixels)) => {
                let group = columns.group.and_then(|column| record.get(column));
                let group = group.map(|group| String::from_utf8_lossy(group).into_owned());
                let at = spool.append(&pixels)?;
                rows.push(Row { number, split, class, group, at, pixels: pixels.len() });
            }
            Err(reason) => log.skip(&format!("row {number}"), reason),
        }
    }
    let pixels = usual_square(&rows).ok_or_else(|| wrong("no row holds a square image with a valid emotion".into()))?;
    rows.retain(|row| {
        let fits = row.pixels == pixels;
        if !fits {
            log.skip(&format!("row {}", row.number), format!("has {} pixels where others have {pixels}", row.pixels));
        }
        fits
    });
    let contempt = classes.index.get(b"7".as_slice()).filter(|_| columns.are_emotions);
    if let Some(contempt) = rows.iter().find(|row| Some(&row.class) == contempt) {
        log.note(format!("the emotion 7 is taken for contempt, as in CK+, first in row {}", contempt.number));
    }
    if columns.are_emotions {
        note_few_emotions(&rows, &classes, log);
    }
    let side = u32::try_from(pixels.isqrt()).map_err(|_| wrong("its images are too large".into()))?;
    Ok(Table { rows, classes: classes.names, side })
}

/// Notes the names of numbered classes where FER-2013's numbers are not all there: the table may number other classes.
fn note_few_emotions(rows: &[Row], classes: &Classes, log: &mut ImportLog) {
    const FER_2013: usize = 7;
    let used: HashSet<usize> = rows.iter().map(|row| row.class).collect();
    let is_numbered = |number: &usize| {
        let index = classes.index.get(number.to_string().as_bytes());
        index.is_some_and(|index| used.contains(index))
    };
    let found: Vec<usize> = (0..FER_2013).filter(is_numbered).collect();
    if !found.is_empty() && found.len() < FER_2013 {
        let names: Vec<String> = found.iter().map(|number| format!("{number} {}", EMOTIONS[*number])).collect();
        log.note(format!("the numbers of classes are FER-2013's: {}; --map renames them", names.join(", ")));
    }
}

/// Explains which columns a table has instead of the needed ones.
fn name_wrong_columns(reader: &mut dyn Read) -> String {
    let mut head = Vec::new();
    let _ = reader.take(HEADER_BYTES).read_to_end(&mut head);
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return "the table is in UTF-16; save it in UTF-8".into();
    }
    let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\n').next().unwrap_or_default()).to_lowercase();
    if line.contains("neutral") && line.contains("contempt") {
        return "it holds FERPlus's votes without images: import fer2013.csv with --labels and this file".into();
    }
    if ["image", "file", "path"].iter().any(|word| line.contains(word)) {
        return format!("{NEEDED}; this one names image files: import their folder with --labels and this file");
    }
    let found: String = printable(line.trim()).chars().take(80).collect();
    if found.is_empty() { format!("{NEEDED}; no row is there") } else { format!("{NEEDED}; it begins with '{found}'") }
}

/// The classes of a table in the order in which they were met.
#[derive(Debug, Default)]
struct Classes {
    names: Vec<String>,
    index: HashMap<Vec<u8>, usize>,
}

impl Classes {
    /// Returns the index of the class that a field states. The error is the reason.
    fn find(&mut self, field: &[u8], are_emotions: bool) -> Result<usize, String> {
        if let Some(index) = self.index.get(field) {
            return Ok(*index);
        }
        let name = class_of(field, are_emotions)?;
        let index = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.index.insert(field.to_vec(), index);
        Ok(index)
    }
}

/// Returns the class that a number from 0 to 7 or a word states; any number where numbers are no emotions.
pub(super) fn class_of(field: &[u8], are_emotions: bool) -> Result<String, String> {
    let wrong = || {
        let shown = String::from_utf8_lossy(&field[..field.len().min(20)]).into_owned();
        format!("has the emotion '{shown}', which is neither a number from 0 to 7 nor a word")
    };
    let text = std::str::from_utf8(field).map_err(|_| wrong())?;
    if let Some(number) = whole_number(text) {
        if !are_emotions {
            return Ok(number.to_string());
        }
        return EMOTIONS.get(number).map(|name| (*name).to_owned()).ok_or_else(wrong);
    }
    let is_word = text.chars().any(char::is_alphabetic) && text.chars().all(is_printable);
    (is_word && text.len() <= LONGEST_CLASS).then(|| text.to_owned()).ok_or_else(wrong)
}

/// Returns a whole number, also written as `3.0`.
fn whole_number(text: &str) -> Option<usize> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    (is_whole && rest.bytes().all(|byte| byte == b'0')).then(|| whole.parse().ok()).flatten()
}

type ParsedRow = (Option<SplitName>, usize, Vec<u8>);

fn parse(record: &ByteRecord, columns: Columns, classes: &mut Classes) -> Result<ParsedRow, String> {
    let field =
        |column: usize, name: &str| record.get(column).ok_or_else(|| format!("has no {name}: the row is cut short"));
    let emotion = field(columns.class, "emotion")?;
    let usage = columns.usage.map(|column| field(column, "Usage")).transpose()?;
    let split = usage.map(|usage| {
        let text = String::from_utf8_lossy(&usage[..usage.len().min(20)]);
        let unknown = || format!("has the usage '{text}', not Training, PublicTest or PrivateTest");
        split_names::parse_exactly(&text).ok_or_else(unknown)
    });
    let split = split.transpose()?;
    let (first, count) = columns.pixels;
    let mut pixels = gray_values(field(first, "pixels")?)?;
    for column in first + 1..first + count {
        pixels.extend(gray_values(field(column, "pixels")?)?);
    }
    Ok((split, classes.find(emotion, columns.are_emotions)?, pixels))
}

/// Reads gray values, also written as `12.0` or as a list in brackets.
fn gray_values(field: &[u8]) -> Result<Vec<u8>, String> {
    let mut values = Vec::with_capacity(field.len() / 3);
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
    for word in field.split(is_between).filter(|word| !word.is_empty()) {
        let text = std::str::from_utf8(word).ok();
        let whole = || u8::try_from(whole_number(text?)?).ok();
        let value = text.and_then(|word| word.parse::<u8>().ok()).or_else(whole);
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
