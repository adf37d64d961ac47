//! The reading of a source by its kind: a folder, an archive, or tables of images.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::{self, ArchiveKind};
use super::layout::{self, ClassImage, ImagesByClass};
use super::listing::{Kind, Listing, Location, SourceBytes, SourceFile, SourceTable, Spool};
use super::pack::Encoding;
use super::split_names::{self, SplitName};
use super::{ImportError, ImportState, ParsedSource, csv, folder, labels, names, parquet};
use crate::domain::Split;
use crate::domain::text::printable;

impl ImportState<'_> {
    pub(super) fn read_source(&mut self) -> Result<ParsedSource, ImportError> {
        let source = self.request.source.as_path();
        let failed = |error| ImportError::Source { path: source.to_owned(), error };
        let options = &self.options;
        if source.is_dir() {
            let listing = folder::list(source, options, self.limits, &mut self.log, &mut self.progress)?;
            return self.plan_listing(listing, SourceBytes::default());
        }
        if let Some(kind) = ArchiveKind::detect(source).map_err(failed)? {
            let (listing, contents) =
                archive::list(kind, source, options, &self.work, self.limits, &mut self.log, &mut self.progress)?;
            return self.plan_listing(listing, contents);
        }
        if is_parquet(source).map_err(failed)? {
            let file = SourceFile { path: String::new(), kind: Kind::Parquet, at: Some(Location::File(source.into())) };
            return self.parquet(&[file], &SourceBytes::default());
        }
        archive::reject_unsupported(source)?;
        let is_table = source.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if !is_table && csv::columns_of_file(source).is_none() {
            return Err(ImportError::UnknownKind { path: source.to_owned() });
        }
        let table = TableSource { name: source.to_owned(), at: Location::File(source.to_owned()), split: None };
        self.tables(&[table], &SourceBytes::default())
    }

    /// Plans the images of a folder or archive, or reads its table if it has no images.
    fn plan_listing(&mut self, mut listing: Listing, contents: SourceBytes) -> Result<ParsedSource, ImportError> {
        let source = self.request.source.as_path();
        let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
        listing.files.retain(|file| !self.unreadable.contains(&file.path));
        if !listing.files.iter().any(SourceFile::is_image) && !listing.tables.is_empty() {
            let tables = std::mem::take(&mut listing.tables);
            let split_names = name_splits(&tables);
            let named = |(table, split): (SourceTable, Option<SplitName>)| TableSource {
                name: source.join(&table.path),
                at: table.at,
                split,
            };
            if let Some(splits) = split_names {
                let tables: Vec<_> = tables.into_iter().zip(splits.into_iter().map(Some)).map(named).collect();
                return self.tables(&tables, &contents);
            }
            let needs_usage = !self.options.pooled;
            let (mut whole, lacking): (Vec<SourceTable>, Vec<_>) =
                tables.into_iter().partition(|table| table.has_usage || !needs_usage);
            return match (whole.pop(), whole.is_empty()) {
                (Some(table), true) => self.tables(&[named((table, None))], &contents),
                (Some(table), false) => {
                    let (one, other) = (printable(&table.path), printable(&whole[0].path));
                    Err(wrong(format!("it holds several tables, '{other}' and '{one}' among them; import one of them")))
                }
                (None, _) => Err(wrong(format!("in '{}': {}", printable(&lacking[0].path), csv::NO_USAGE))),
            };
        }
        if !listing.files.iter().any(SourceFile::is_image) {
            let is_parquet = |file: &SourceFile| file.kind == Kind::Parquet;
            let (files, others): (Vec<_>, Vec<_>) = listing.files.into_iter().partition(is_parquet);
            listing.files = others;
            if !files.is_empty() {
                for file in &listing.files {
                    self.log.record_ignored(&file.path, "lies beside the Parquet files", 1);
                }
                return self.parquet(&files, &contents);
            }
        }
        let plan = layout::plan(source, &mut listing, &contents, &self.options, &mut self.log)?;
        Ok(ParsedSource { plan, contents, encoding: Encoding::Files, is_listed: true })
    }

    /// Reads the images of Parquet files.
    fn parquet(&mut self, files: &[SourceFile], contents: &SourceBytes) -> Result<ParsedSource, ImportError> {
        let (source, options) = (self.request.source.as_path(), &self.options);
        let mut spool = Spool::new(&self.work)?;
        let (limits, log, progress) = (self.limits, &mut self.log, &mut self.progress);
        let groups = parquet::read(
            parquet::ParquetFiles { source, shards: files, contents },
            options,
            &mut spool,
            limits,
            log,
            progress,
        )?;
        let plan = layout::arrange(source, groups, options, &mut self.log)?;
        Ok(ParsedSource { plan, contents: spool.finish()?, encoding: Encoding::Files, is_listed: false })
    }

    /// Reads one table, or one for each split.
    fn tables(&mut self, tables: &[TableSource], contents: &SourceBytes) -> Result<ParsedSource, ImportError> {
        let options = &self.options;
        let mut spool = Spool::new(&self.work)?;
        let (mut groups, mut side) = (ImagesByClass::new(), None);
        for TableSource { name, at, split } in tables {
            let failed = |error| ImportError::Source { path: name.clone(), error };
            let wrong = |reason: String| ImportError::Layout { path: name.clone(), reason };
            let bytes = at.length().map_err(failed)?;
            let reader = || contents.reader(at);
            let table = csv::read(name, &reader, bytes, &mut spool, self.limits, &mut self.log, &mut self.progress)?;
            if split.is_none() && table.rows.iter().all(|row| row.split.is_none()) && !options.pooled {
                return Err(wrong(csv::NO_USAGE.into()));
            }
            let first = *side.get_or_insert(table.side);
            if first != table.side {
                return Err(wrong(format!("its images have {} pixels a side where others have {first}", table.side)));
            }
            let labels = labels::for_rows(name, &options.labels)?;
            let file = name.file_name().filter(|_| tables.len() > 1).map(|file| file.to_string_lossy());
            for row in table.rows {
                let number = format!("row {}", row.number);
                let source = file.as_ref().map_or(number.clone(), |file| format!("{file} {number}"));
                let class = match labels.as_ref().map(|labels| labels.of_row(row.number)) {
                    None => &table.classes[row.class],
                    Some(Ok(label)) => &label.class.clone(),
                    Some(Err(reason)) => {
                        self.log.skip(&source, reason);
                        continue;
                    }
                };
                let split = row.split.or(*split).map_or(Split::Train, |split| split.split(options.protocol));
                let member = ClassImage { source, rest: 0, number: row.number, group: row.group, at: row.at };
                groups.entry(names::to_nfc(class)).or_default()[split as usize].push(member);
            }
        }
        let name = tables.first().map_or(self.request.source.as_path(), |table| &table.name);
        let plan = layout::arrange(name, groups, options, &mut self.log)?;
        Ok(ParsedSource {
            plan,
            contents: spool.finish()?,
            encoding: Encoding::Gray(side.unwrap_or_default()),
            is_listed: false,
        })
    }
}

/// Returns whether a file is Parquet by its first bytes.
fn is_parquet(path: &Path) -> std::io::Result<bool> {
    let mut head = Vec::new();
    std::io::Read::take(std::fs::File::open(path)?, parquet::MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head == parquet::MAGIC)
}

/// A table of images, and the split that its name states.
struct TableSource {
    name: PathBuf,
    at: Location,
    split: Option<SplitName>,
}

/// Returns the split of each table if there is one for each split, such as `train.csv` and `test.csv`.
fn name_splits(tables: &[SourceTable]) -> Option<Vec<SplitName>> {
    let stem = |table: &SourceTable| Path::new(&table.path).file_stem()?.to_str().and_then(split_names::parse_exactly);
    let splits: Vec<SplitName> = tables.iter().filter(|table| !table.has_usage).map(stem).collect::<Option<_>>()?;
    let distinct: BTreeSet<&SplitName> = splits.iter().collect();
    let is_whole = tables.len() > 1 && distinct.len() == tables.len() && splits.contains(&SplitName::Train);
    is_whole.then_some(splits)
}
