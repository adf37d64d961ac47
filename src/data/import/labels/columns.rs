//! The rows of a file of labels: separators, headers, and the meaning of columns.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::super::csv::{GROUP_COLUMNS, SPLIT_COLUMNS};
use super::super::split_names::{self, SplitName};
use super::{Label, vocabulary};
use crate::domain::text::printable;

const FILE_COLUMNS: [&str; 19] = [
    "image",
    "filename",
    "file",
    "path",
    "filepath",
    "file_path",
    "img",
    "image name",
    "image_name",
    "imagename",
    "file_name",
    "image_path",
    "img_path",
    "subdirectory_filepath",
    "pth",
    "pic",
    "name",
    "image_id",
    "id",
];
const CLASS_COLUMNS: [&str; 11] = [
    "label",
    "class",
    "emotion",
    "expression",
    "category",
    "target",
    "labels",
    "classes",
    "emotions",
    "label_name",
    "class_name",
];

/// A row of a file of labels.
#[derive(Debug)]
pub(super) struct Row {
    /// The image's name as the file writes it; `None` where the row has none.
    pub(super) key: Option<String>,
    pub(super) label: Result<Label, String>,
}

/// The rows of one file.
#[derive(Debug)]
pub(super) struct LabelRows {
    pub(super) rows: Vec<Row>,
    pub(super) are_votes: bool,
}

/// The meaning of a file's columns.
#[derive(Debug)]
struct Columns {
    file: usize,
    class: ClassColumns,
    split: Option<usize>,
    group: Option<usize>,
    /// The names of classes by number, and the first number.
    numbers: Option<(&'static [&'static str], usize)>,
}

/// The columns that state the class.
#[derive(Debug)]
enum ClassColumns {
    One(usize),
    /// Votes, or a 1 in one column.
    Votes(Vec<(usize, String)>),
}

/// Reads the rows of a file of labels.
pub(super) fn parse(bytes: &[u8], name: &str) -> Result<LabelRows, String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let records = records(text)?;
    let first = records.first().ok_or("it is empty")?;
    let (columns, has_header) = Columns::find(first, records.get(1), name).ok_or_else(|| {
        format!("its first row has no column for the image's name and the class, as image,label: '{}'", shown(first))
    })?;
    // The name of a file such as test_labels.csv.
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let whole_split = split_names::parse_exactly(&stem);
    let rows = records.iter().skip(usize::from(has_header)).map(|record| columns.row(record, whole_split)).collect();
    Ok(LabelRows { rows, are_votes: matches!(columns.class, ClassColumns::Votes(_)) })
}

/// Divides a text into rows and columns: by commas, semicolons, tabs, else by spaces.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let Some(delimiter) = [',', ';', '\t'].into_iter().find(|delimiter| first.contains(*delimiter)) else {
        let two = |line: &str| match line.trim().rsplit_once(char::is_whitespace) {
            Some((name, class)) => vec![name.trim().to_owned(), class.to_owned()],
            None => vec![line.trim().to_owned()],
        };
        return Ok(text.lines().filter(|line| !line.trim().is_empty()).map(two).collect());
    };
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).trim(Trim::All).delimiter(u8::try_from(delimiter).unwrap_or(b','));
    let fields = |record: StringRecord| record.iter().map(ToOwned::to_owned).collect();
    builder
        .from_reader(text.as_bytes())
        .records()
        .map(|record| record.map(fields).map_err(|error| error.to_string()))
        .collect()
}

fn shown(record: &[String]) -> String {
    printable(&record.join(",")).chars().take(80).collect()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

impl Columns {
    /// Returns the columns, and whether the first row names them.
    fn find(first: &[String], second: Option<&Vec<String>>, name: &str) -> Option<(Self, bool)> {
        let lower: Vec<String> = first.iter().map(|field| field.trim().to_lowercase()).collect();
        let column = |names: &[&str]| names.iter().find_map(|name| lower.iter().position(|field| field == name));
        let lists_raf_db = ["partition_label", "patition_label"].iter().any(|word| name.to_lowercase().contains(word));
        let raf_db: Option<(&'static [&'static str], usize)> = lists_raf_db.then_some((&vocabulary::RAF_DB, 1));
        if let Some(file) = column(&FILE_COLUMNS) {
            let is_affect_net = lower.iter().any(|field| ["valence", "arousal"].contains(&field.as_str()));
            let numbers = if is_affect_net { Some((vocabulary::AFFECT_NET.as_slice(), 0)) } else { raf_db };
            let (split, group) = (column(&SPLIT_COLUMNS), column(&GROUP_COLUMNS));
            let taken = [Some(file), split, group];
            let is_vote = |index: &usize| {
                let value = second.and_then(|row| row.get(*index));
                !taken.contains(&Some(*index)) && value.is_some_and(|value| number(value).is_some())
            };
            let votes = || {
                let votes: Vec<_> =
                    (0..lower.len()).filter(is_vote).map(|index| (index, first[index].trim().to_owned())).collect();
                (votes.len() >= 2).then_some(ClassColumns::Votes(votes))
            };
            let class = column(&CLASS_COLUMNS).filter(|class| *class != file).map(ClassColumns::One).or_else(votes)?;
            return Some((Self { file, class, split, group, numbers }, true));
        }
        // FERPlus's label.csv has no header: the image, its box, ten votes.
        let votes = vocabulary::FER_PLUS;
        if first.len() == votes.len() + 2 && first[2..].iter().all(|field| number(field).is_some()) {
            let votes = votes.iter().enumerate().map(|(index, name)| (index + 2, (*name).to_owned())).collect();
            let class = ClassColumns::Votes(votes);
            return Some((Self { file: 0, class, split: None, group: None, numbers: None }, false));
        }
        let is_file = |field: &String| field.contains('.') && number(field).is_none();
        let (file, class) = match first {
            [_, second, ..] if is_file(second) && !is_file(&first[0]) => (1, 0),
            [first, _, ..] if is_file(first) => (0, 1),
            _ => return None,
        };
        Some((Self { file, class: ClassColumns::One(class), split: None, group: None, numbers: raf_db }, false))
    }

    fn row(&self, record: &[String], whole_split: Option<SplitName>) -> Row {
        let field = |index: usize| record.get(index).map(|field| field.trim()).filter(|field| !field.is_empty());
        let key = field(self.file).map(|key| key.replace('\\', "/"));
        let key = key.map(|key| key.trim_start_matches("./").trim_start_matches('/').to_owned());
        let class = match &self.class {
            ClassColumns::One(index) => {
                field(*index).ok_or_else(|| "has no label".to_owned()).and_then(|text| self.name(text))
            }
            ClassColumns::Votes(columns) => majority_class(record, columns),
        };
        let split = self.split.and_then(field).and_then(split_names::parse_exactly).or(whole_split);
        let group = self.group.and_then(field).map(ToOwned::to_owned);
        Row { key, label: class.map(|class| Label { class, split, group }) }
    }

    /// Returns the class behind a number or word.
    fn name(&self, text: &str) -> Result<String, String> {
        let Some((names, first)) = self.numbers else { return Ok(text.to_owned()) };
        let Some(number) = text.parse::<usize>().ok() else { return Ok(text.to_owned()) };
        let name = number.checked_sub(first).and_then(|index| names.get(index));
        name.map(|name| (*name).to_owned()).ok_or_else(|| format!("has the label {number}, which is not an expression"))
    }
}

/// Returns the class with more than half of the votes, as FERPlus's authors count them: single votes are taken for
/// mistakes.
fn majority_class(record: &[String], columns: &[(usize, String)]) -> Result<String, String> {
    let votes: Vec<f64> =
        columns.iter().map(|(index, _)| record.get(*index).and_then(|field| number(field)).unwrap_or(0.0)).collect();
    // A single 1 marks the class and is no vote.
    let marks = votes.iter().sum::<f64>() <= 1.0;
    let counted = |vote: f64| if vote > 1.0 || marks { vote } else { 0.0 };
    let sum: f64 = votes.iter().copied().map(counted).sum();
    let most = votes.iter().zip(columns).find(|(vote, _)| counted(**vote) * 2.0 > sum && sum > 0.0);
    let (_, (_, name)) = most.ok_or("has no expression with more than half of the votes")?;
    if vocabulary::NO_CLASS.contains(&name.to_lowercase().as_str()) {
        return Err(format!("is {name} by most votes"));
    }
    Ok(vocabulary::to_fer2013_name(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the labels of one file as `image class split`.
    fn labels(name: &str, text: &str) -> Vec<String> {
        let parsed = parse(text.as_bytes(), name).expect(text);
        let row = |row: Row| {
            let label = row.label.map_or_else(
                |reason| format!("({reason})"),
                |label| label.class + &label.split.map(|split| format!(" {split:?}")).unwrap_or_default(),
            );
            format!("{} {label}", row.key.unwrap_or_default())
        };
        parsed.rows.into_iter().map(row).collect()
    }

    #[test]
    fn lists_and_tables_are_read_in_their_layouts() {
        let table: [(&str, &str, &[&str]); 10] = [
            ("l.txt", "a.jpg happy\nb c.jpg sad\n", &["a.jpg happy", "b c.jpg sad"]),
            (
                "list_patition_label.txt",
                "train_1.jpg 1\nx.jpg 9",
                &["train_1.jpg surprise", "x.jpg (has the label 9, which is not an expression)"],
            ),
            ("l.csv", "image,label\n./x\\a.jpg,happy\n", &["x/a.jpg happy"]),
            ("l.csv", "\u{feff}id;emotion;split\n1;3;val\n", &["1 3 Validation"]),
            ("test_labels.csv", "filename,class\na.jpg,joy\nb.jpg,\n", &["a.jpg joy Test", "b.jpg (has no label)"]),
            ("l.csv", "3,a.jpg\n", &["a.jpg 3"]),
            (
                "training.csv",
                "subDirectory_filePath,face_x,expression,valence\n689/a.jpg,1,1,0.5\nb.jpg,1,8,0",
                &["689/a.jpg happy Train", "b.jpg (has the label 8, which is not an expression)"],
            ),
            (
                "label.csv",
                "fer1.png,\"(0, 0, 48, 48)\",0,8,2,0,0,0,0,0,0,0\nfer2.png,\"(0, 0, 48, 48)\",3,3,2,0,1,1,0,0,0,0\n",
                &["fer1.png happy", "fer2.png (has no expression with more than half of the votes)"],
            ),
            (
                "fer2013new.csv",
                "Usage,Image name,neutral,happiness,NF\nTraining,,0,0,10\nPublicTest,f.png,1,9,0\n",
                &[" (is NF by most votes)", "f.png happy PublicTest"],
            ),
            ("_classes.csv", "filename, Anger, Joy\na.jpg, 0, 1\n", &["a.jpg Joy"]),
        ];
        for (name, text, expected) in table {
            assert_eq!(labels(name, text), expected, "{text}");
        }
        assert!(parse(b"a,b\n1,2\n", "l.csv").expect_err("no file column").contains("image,label"));
        assert!(parse(b"", "l.csv").is_err());
    }
}
