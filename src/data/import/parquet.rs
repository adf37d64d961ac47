//! Datasets in Parquet as Hugging Face ships them: a row for each image, with the bytes of its file and its label.
//!
//! The image is a struct of `bytes` and `path`, or a binary column. Labels are words, or numbers whose words are in the
//! metadata that Hugging Face's `datasets` writes. Splits are in the names of files or folders,
//! as `train-00000-of-00002`, or in a column. Bytes of images go to the spool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;

use super::csv::{self, CLASS_COLUMNS, EMOTION_COLUMNS, GROUP_COLUMNS, SPLIT_COLUMNS};
use super::layout::{ClassImage, ImagesByClass};
use super::limits::Limits;
use super::listing::{Location, SourceBytes, SourceFile, Spool};
use super::options::ImportOptions;
use super::report::{ImportLog, ImportStage, Progress};
use super::split_names::{self, SplitName};
use super::{ImportError, names};
use crate::domain::Split;
use crate::domain::similar::suggest;
use crate::domain::text::printable;

/// The first and the last bytes of a Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The names of binary columns that hold image files.
const IMAGE_COLUMNS: [&str; 10] =
    ["image", "img", "picture", "photo", "image_bytes", "img_bytes", "bytes", "jpg", "png", "data"];

/// The columns that an error lists.
const LISTED: usize = 12;

/// A part of a file, as the Parquet reader takes it.
struct FileRange {
    file: File,
    offset: u64,
    length: u64,
}

impl FileRange {
    fn open(at: &Location, contents: &SourceBytes) -> io::Result<Self> {
        let (file, offset, length) = contents.part(at)?;
        Ok(Self { file, offset, length })
    }
}

impl Length for FileRange {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileRange {
    type T = Take<BufReader<File>>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        // Clones share one position. The row reader reads a page whole before it asks for the next reader.
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(self.offset + start.min(self.length)))?;
        Ok(BufReader::new(file).take(self.length.saturating_sub(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.length);
        end.ok_or_else(|| ParquetError::EOF("a part lies beyond the end of the file".into()))?;
        let mut bytes = vec![0; length];
        std::os::unix::fs::FileExt::read_exact_at(&self.file, &mut bytes, self.offset + start)?;
        Ok(bytes.into())
    }
}

/// The columns of a file that matter.
struct Columns {
    image: TypePtr,
    label: TypePtr,
    /// The words of label numbers.
    names: Vec<String>,
    are_emotions: bool,
    usage: Option<TypePtr>,
    group: Option<TypePtr>,
}

/// The Parquet files of a source.
pub(super) struct ParquetFiles<'a> {
    /// The folder or archive.
    pub(super) source: &'a Path,
    pub(super) shards: &'a [SourceFile],
    pub(super) contents: &'a SourceBytes,
}

/// Reads the images of Parquet files into the spool, grouped by class and split.
pub(super) fn read(
    ParquetFiles { source, shards, contents }: ParquetFiles<'_>,
    options: &ImportOptions,
    spool: &mut Spool,
    limits: &Limits,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<ImagesByClass, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
    if options.pattern.is_some() {
        return Err(wrong(
            "--pattern takes classes from file names; --labels COLUMN names a column of Parquet files".into(),
        ));
    }
    let mut files: Vec<&SourceFile> = shards.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let splits = splits_of(&files).map_err(wrong)?;
    note_missing_shards(&files, log);
    let mut open = Vec::new();
    for (file, split) in files.into_iter().zip(splits) {
        let path = if file.path.is_empty() { source.to_owned() } else { source.join(&file.path) };
        let at = file.at.as_ref().ok_or_else(|| {
            wrong(format!("'{}' cannot be read from the archive: copy it again", printable(&file.path)))
        })?;
        let part = FileRange::open(at, contents).map_err(|error| ImportError::Source { path: path.clone(), error })?;
        let wrong = |reason: String| ImportError::Layout { path: path.clone(), reason };
        let reader = catch_reader_errors(|| SerializedFileReader::new(part)).map_err(wrong)?;
        open.push((file, path.clone(), split, reader));
    }
    let total: u64 = open.iter().map(|(.., reader)| rows_of(reader)).fold(0, u64::saturating_add);
    if total > limits.entries {
        let reason = format!("it has more than {} rows", limits.entries);
        return Err(ImportError::TooLarge { path: source.to_owned(), reason });
    }
    let several = open.len() > 1;
    let mut rows = Rows { groups: ImagesByClass::new(), number: 0, options, spool, limits, log };
    for (file, path, split, reader) in open {
        let wrong = |reason: String| ImportError::Layout { path: path.clone(), reason };
        let columns = Columns::find(&reader, options, rows.log).map_err(wrong)?;
        let bound = limits.unpacked(file.at.as_ref().and_then(|at| at.length().ok()).unwrap_or(0));
        let mut taken = 0;
        let mut iter = catch_reader_errors(|| reader.get_row_iter(Some(columns.projection()?))).map_err(wrong)?;
        let prefix = if several { format!("{} ", file.path) } else { String::new() };
        let mut number = 0_u64;
        while let Some(row) = catch_panics(|| iter.next()).map_err(wrong)? {
            let row = row.map_err(|error| wrong(damaged(&error)))?;
            if number.is_multiple_of(64) {
                progress.report(ImportStage::Reading, rows.number, Some(total))?;
            }
            number += 1;
            taken += rows.add(&format!("{prefix}row {number}"), row, &columns, split)?;
            if taken > bound {
                let reason = "its images take much more than the file".into();
                return Err(ImportError::TooLarge { path, reason });
            }
        }
    }
    Ok(rows.groups)
}

/// The rows read so far.
struct Rows<'a> {
    groups: ImagesByClass,
    number: u64,
    options: &'a ImportOptions,
    spool: &'a mut Spool,
    limits: &'a Limits,
    log: &'a mut ImportLog,
}

impl Rows<'_> {
    /// Adds the image of a row, or logs why it has none. Returns the bytes of the image.
    fn add(&mut self, source: &str, row: Row, columns: &Columns, split: Option<SplitName>) -> Result<u64, ImportError> {
        self.number += 1;
        let parsed = match parse(row, columns, self.limits) {
            Ok(parsed) => parsed,
            Err(reason) => {
                self.log.skip(source, reason);
                return Ok(0);
            }
        };
        let split = parsed.split.or(split).map_or(Split::Train, |split| split.split(self.options.protocol));
        let at = self.spool.append(&parsed.bytes)?;
        let member = ClassImage { source: source.into(), rest: 0, number: self.number, group: parsed.group, at };
        self.groups.entry(names::to_nfc(&parsed.class)).or_default()[split as usize].push(member);
        Ok(parsed.bytes.len() as u64)
    }
}

/// The image of a row.
struct ParsedRow {
    bytes: Vec<u8>,
    class: String,
    split: Option<SplitName>,
    group: Option<String>,
}

fn parse(row: Row, columns: &Columns, limits: &Limits) -> Result<ParsedRow, String> {
    let (mut bytes, mut class, mut split, mut group) = (None, None, None, None);
    for (name, field) in row.into_columns() {
        let is = |column: &TypePtr| column.name() == name;
        if is(&columns.image) {
            bytes = Some(image_bytes(field)?);
        } else if is(&columns.label) {
            class = Some(class_of(&field, columns)?);
        } else if columns.usage.as_ref().is_some_and(is) {
            let text = text_of(&field).ok_or("has no split")?;
            let shown: String = text.chars().take(20).collect();
            split = Some(split_names::parse_exactly(&text).ok_or_else(|| format!("has the split '{shown}'"))?);
        } else if columns.group.as_ref().is_some_and(is) {
            group = text_of(&field);
        }
    }
    let bytes = bytes.ok_or("has no image")?;
    if bytes.len() as u64 > limits.file_bytes {
        return Err(format!("is larger than {} MiB", limits.file_bytes >> 20));
    }
    Ok(ParsedRow { bytes, class: class.ok_or("has no label")?, split, group })
}

/// Returns the bytes of an image file from a struct of bytes and path, or from a binary value.
fn image_bytes(field: Field) -> Result<Vec<u8>, String> {
    match field {
        Field::Bytes(bytes) => Ok(bytes.data().to_vec()),
        Field::Group(row) => {
            let (mut found, mut path) = (None, None);
            for (name, field) in row.into_columns() {
                match field {
                    Field::Bytes(bytes) => found = Some(bytes.data().to_vec()),
                    Field::Str(text) if name == "path" => path = Some(text),
                    _ => {}
                }
            }
            found.ok_or_else(|| match path {
                Some(path) => format!("has only the path of its image, {path}, which is not in the file"),
                None => "has no image".into(),
            })
        }
        _ => Err("has no image".into()),
    }
}

fn class_of(field: &Field, columns: &Columns) -> Result<String, String> {
    if let Field::ListInternal(list) = field {
        return match list.elements() {
            [one] => class_of(one, columns),
            [] => Err("has no label".into()),
            _ => Err("has several labels".into()),
        };
    }
    let text = text_of(field).ok_or("has no label")?;
    let Ok(number) = text.parse::<i64>() else { return csv::class_of(text.trim().as_bytes(), false) };
    if number < 0 {
        return Err(format!("has the label {number}, which stands for \"no label\" in this dataset"));
    }
    if columns.names.is_empty() {
        return csv::class_of(text.as_bytes(), columns.are_emotions);
    }
    let name = usize::try_from(number).ok().and_then(|number| columns.names.get(number));
    name.cloned().ok_or_else(|| format!("has the label {number}, and names go to {}", columns.names.len() - 1))
}

/// Returns a number or a text as text.
fn text_of(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => bytes.as_utf8().ok().map(ToOwned::to_owned),
        Field::Bool(value) => Some(value.to_string()),
        Field::Byte(value) => Some(value.to_string()),
        Field::Short(value) => Some(value.to_string()),
        Field::Int(value) => Some(value.to_string()),
        Field::Long(value) => Some(value.to_string()),
        Field::UByte(value) => Some(value.to_string()),
        Field::UShort(value) => Some(value.to_string()),
        Field::UInt(value) => Some(value.to_string()),
        Field::ULong(value) => Some(value.to_string()),
        Field::Double(value) if value.fract() == 0.0 => Some(format!("{value:.0}")),
        Field::Float(value) if value.fract() == 0.0 => Some(format!("{value:.0}")),
        _ => None,
    }
}

impl Columns {
    /// Finds the columns by Hugging Face's description in the metadata, else by their types and names.
    fn find(
        reader: &SerializedFileReader<FileRange>,
        options: &ImportOptions,
        log: &mut ImportLog,
    ) -> Result<Self, String> {
        let metadata = reader.metadata().file_metadata();
        let features = features(metadata.key_value_metadata().into_iter().flatten());
        let fields = metadata.schema_descr().root_schema().get_fields();
        let kind = |field: &TypePtr| features.get(field.name()).and_then(|feature| feature["_type"].as_str());
        let of_kind = |wanted: &str| fields.iter().filter(|field| kind(field) == Some(wanted)).collect::<Vec<_>>();
        let listed = || list(fields.iter().map(|field| field.name()));
        let images = Some(of_kind("Image")).filter(|found| !found.is_empty()).unwrap_or_else(|| images_by_type(fields));
        let Some(image) = by_name(&images, &IMAGE_COLUMNS).or(images.first().copied()) else {
            return Err(format!("no column of it holds image files; its columns are {}", listed()));
        };
        let labels = Some(of_kind("ClassLabel")).filter(|found| !found.is_empty());
        let others: Vec<&TypePtr> = fields.iter().filter(|field| field.name() != image.name()).collect();
        let label = if let Some(wanted) = options.labels.first() {
            others.iter().find(|field| Path::new(field.name()) == wanted).copied()
        } else {
            let known = labels.as_ref().unwrap_or(&others);
            by_name(known, &CLASS_COLUMNS).or(labels.as_ref().and_then(|labels| labels.first().copied()))
        };
        let Some(label) = label else {
            if let Some(wanted) = options.labels.first() {
                let names = others.iter().map(|field| field.name());
                let wanted = wanted.to_string_lossy();
                let (shown, similar) = (printable(&wanted), suggest(&wanted, names));
                return Err(format!("--labels: it has no column '{shown}'{similar}; its columns are {}", listed()));
            }
            let advice = "--labels COLUMN names the column of labels";
            return Err(format!("no column of it is known to hold labels; its columns are {}; {advice}", listed()));
        };
        let all = labels.unwrap_or_default();
        let unused: Vec<&str> = all.iter().map(|field| field.name()).filter(|name| *name != label.name()).collect();
        if !unused.is_empty() && options.labels.is_empty() {
            let (label, unused) = (label.name(), list(unused.into_iter()));
            log.note_once(format!("classes are from the column {label}; --labels COLUMN takes another: {unused}"));
        }
        let names = features.get(label.name()).map(class_names).unwrap_or_default();
        let are_emotions = EMOTION_COLUMNS.iter().any(|name| label.name().eq_ignore_ascii_case(name));
        let beside: Vec<&TypePtr> = others.into_iter().filter(|field| field.name() != label.name()).collect();
        let find = |wanted: &[&str]| by_name(&beside, wanted).filter(|field| field.is_primitive()).cloned();
        let (usage, group) = (find(&SPLIT_COLUMNS), find(&GROUP_COLUMNS));
        Ok(Self { image: image.clone(), label: label.clone(), names, are_emotions, usage, group })
    }

    /// Returns the schema of these columns alone, so that others are not read.
    fn projection(&self) -> ParquetResult<Type> {
        let columns = [Some(&self.image), Some(&self.label), self.usage.as_ref(), self.group.as_ref()];
        let fields: Vec<TypePtr> = columns.into_iter().flatten().map(Arc::clone).collect();
        Type::group_type_builder("schema").with_fields(fields).build()
    }
}

/// Returns the columns that hold bytes, alone or in a struct.
fn images_by_type(fields: &[TypePtr]) -> Vec<&TypePtr> {
    let is_binary = |field: &TypePtr| {
        let is_text = |info: &parquet::schema::types::BasicTypeInfo| {
            info.converted_type() != ConvertedType::NONE || matches!(info.logical_type_ref(), Some(LogicalType::String))
        };
        field.is_primitive() && field.get_physical_type() == Physical::BYTE_ARRAY && !is_text(field.get_basic_info())
    };
    let has_bytes = |field: &TypePtr| {
        field.is_group() && field.get_fields().iter().any(|child| child.name() == "bytes" && is_binary(child))
    };
    fields.iter().filter(|field| is_binary(field) || has_bytes(field)).collect()
}

/// Returns the first of the fields that has one of these names, in the order of the names.
fn by_name<'f>(fields: &[&'f TypePtr], names: &[&str]) -> Option<&'f TypePtr> {
    names.iter().find_map(|name| fields.iter().find(|field| field.name().eq_ignore_ascii_case(name)).copied())
}

/// Returns what Hugging Face's metadata states of each column; empty if there is none.
fn features<'m>(metadata: impl Iterator<Item = &'m parquet::file::metadata::KeyValue>) -> BTreeMap<String, Value> {
    let text = metadata.filter(|pair| pair.key == "huggingface").find_map(|pair| pair.value.as_deref());
    let value: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let features = value.as_ref().and_then(|value| value["info"]["features"].as_object());
    features.into_iter().flatten().map(|(name, feature)| (name.clone(), feature.clone())).collect()
}

fn class_names(feature: &Value) -> Vec<String> {
    let names = feature["names"].as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap_or_default().trim().to_owned()).collect()
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(printable).collect();
    let more = names.len().saturating_sub(LISTED);
    let listed = names[..names.len() - more].join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// Returns the split of each file by its folders, else by its name. Files that all state one split state none, unless
/// it is training. Otherwise a single `test.parquet` would have no training images.
fn splits_of(files: &[&SourceFile]) -> Result<Vec<Option<SplitName>>, String> {
    let mut sets = BTreeSet::new();
    let mut splits = Vec::new();
    for file in files {
        let folders: Vec<&str> = file.folder().split('/').filter(|part| !part.is_empty()).collect();
        let of_folder = folders.iter().rev().find_map(|part| split_names::parse_exactly(part));
        let stem = file.name().rsplit_once('.').map_or(file.name(), |(stem, _)| stem);
        splits.push(of_folder.or_else(|| split_names::parse(stem).map(|named| named.split)));
        let set: Vec<&str> = folders.into_iter().filter(|part| split_names::parse_exactly(part).is_none()).collect();
        sets.insert(set.join("/"));
    }
    if sets.len() > 1 {
        let shown = list(sets.iter().map(|set| if set.is_empty() { "." } else { set }));
        return Err(format!(
            "it holds Parquet files in several folders, which may be several datasets ({shown}): import one"
        ));
    }
    let stated: BTreeSet<&Option<SplitName>> = splits.iter().collect();
    let is_one = stated.len() == 1 && !stated.contains(&Some(SplitName::Train));
    Ok(if is_one { vec![None; files.len()] } else { splits })
}

/// Records the numbered parts that are not there, as after an interrupted download.
fn note_missing_shards(files: &[&SourceFile], log: &mut ImportLog) {
    let mut found: BTreeMap<(String, u32), BTreeSet<u32>> = BTreeMap::new();
    for file in files {
        let shard = || {
            let (rest, total) = file.path.rsplit_once('.')?.0.rsplit_once("-of-")?;
            let (prefix, number) = rest.rsplit_once('-')?;
            Some(((prefix.to_owned(), total.parse().ok().filter(|total| *total < 100_000)?), number.parse().ok()?))
        };
        if let Some((set, number)) = shard() {
            found.entry(set).or_default().insert(number);
        }
    }
    for ((prefix, total), numbers) in found {
        for number in (0..total).filter(|number| !numbers.contains(number)) {
            let path = format!("{prefix}-{number:05}-of-{total:05}.parquet");
            log.skip(&path, "is missing: the dataset is not whole; download it again");
        }
    }
}

fn rows_of(reader: &SerializedFileReader<FileRange>) -> u64 {
    u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX)
}

fn damaged(error: &ParquetError) -> String {
    format!("is damaged, cut short or of an unknown kind ({error}); copy or download it again")
}

/// Runs a step of the reader. The error is the reason.
fn catch_reader_errors<T>(read: impl FnOnce() -> ParquetResult<T>) -> Result<T, String> {
    catch_panics(read)?.map_err(|error| damaged(&error))
}

/// Runs a step of the reader with panics as errors. Otherwise one hostile file would end the program.
fn catch_panics<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| "made the reader of Parquet fail: it is damaged".into())
}
