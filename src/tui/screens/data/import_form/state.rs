//! The state of the import form. The options are those of the importer's table.

use std::sync::Arc;

use crate::data::ImportOptions;
use crate::data::ImportPreview;
use crate::data::import::{IMPORT_OPTIONS, ImportOption};
use crate::domain::DatasetName;
use crate::tui::messages::Context;
use crate::tui::messages::data::{self, ImportSpec};
use crate::tui::state::Input;

/// The longest path or address.
const LONGEST: usize = 4096;

/// The value of an option that is only given or not.
const YES: &str = "yes";

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportField {
    /// The path or address.
    Source,
    /// The name of the dataset.
    Name,
    /// An option, by its index in the importer's table.
    Option(usize),
    /// The line that imports.
    Import,
}

impl ImportField {
    /// Returns the option of the line.
    #[must_use]
    pub fn option(self) -> Option<&'static ImportOption> {
        if let Self::Option(index) = self { IMPORT_OPTIONS.get(index) } else { None }
    }

    /// Returns the label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Name => "name",
            Self::Option(_) => self.option().map_or("", |option| option.name),
            Self::Import => "import",
        }
    }

    /// Returns whether a path is typed into the line.
    #[must_use]
    pub fn is_path(self) -> bool {
        self == Self::Source || self.option().is_some_and(|option| option.value == Some("FILE"))
    }

    /// Returns whether the line is typed, not chosen.
    #[must_use]
    pub fn takes_text(self) -> bool {
        self.option().map_or(self != Self::Import, |option| option.value.is_some())
    }
}

/// The preview of an import.
#[derive(Debug, Clone, PartialEq)]
pub enum PreviewStatus {
    /// The source is being read.
    Reading,
    /// The dataset that the import would make.
    Ready(Arc<ImportPreview>),
    /// The reason why the import would fail.
    Failed(String),
}

/// The import form.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportForm {
    /// The line with the keyboard focus.
    pub focus: ImportField,
    /// The typed path or address.
    source: Input,
    /// The typed or suggested name.
    name: Input,
    /// Whether the name was typed. A suggestion must not replace it then.
    is_named: bool,
    /// The typed values in the order of the importer's table.
    values: Vec<Input>,
    /// The latest preview.
    pub preview: Option<(ImportSpec, PreviewStatus)>,
}

impl Default for ImportForm {
    fn default() -> Self {
        Self {
            focus: ImportField::Source,
            source: Input::default().with_max_length(LONGEST),
            name: Input::default(),
            is_named: false,
            values: vec![Input::default().with_max_length(LONGEST); IMPORT_OPTIONS.len()],
            preview: None,
        }
    }
}

impl ImportForm {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.focus {
            field if field.is_path() => data::IMPORT_PATH,
            field if field.takes_text() => data::IMPORT_TEXT,
            _ => data::IMPORT_CHOICE,
        }
    }

    /// Returns the lines from the top.
    #[must_use]
    pub fn fields() -> Vec<ImportField> {
        let options = (0..IMPORT_OPTIONS.len()).map(ImportField::Option);
        [ImportField::Source, ImportField::Name].into_iter().chain(options).chain([ImportField::Import]).collect()
    }

    /// Returns the text of a line; `yes` or nothing for an option that is only given or not.
    #[must_use]
    pub fn input(&self, field: ImportField) -> Option<&Input> {
        match field {
            ImportField::Source => Some(&self.source),
            ImportField::Name => Some(&self.name),
            ImportField::Option(index) => self.values.get(index),
            ImportField::Import => None,
        }
    }

    /// Changes the text of the focused line, if it takes text, and adapts a suggested name to the source. `names` are
    /// the names of datasets.
    pub fn change(&mut self, names: &[&DatasetName], change: impl FnOnce(&mut Input)) {
        match self.focus {
            ImportField::Source => {
                change(&mut self.source);
                if !self.is_named {
                    self.name = Input::new(suggest_name(self.source.text(), names));
                }
            }
            ImportField::Name => {
                let before = self.name.text().to_owned();
                change(&mut self.name);
                self.is_named |= self.name.text() != before;
            }
            field if field.takes_text() => {
                if let ImportField::Option(index) = field
                    && let Some(input) = self.values.get_mut(index)
                {
                    change(input);
                }
            }
            _ => {}
        }
    }

    /// Sets the path of the focused line.
    pub fn set_path(&mut self, names: &[&DatasetName], path: &str) {
        self.change(names, |input| *input = Input::new(path).with_max_length(LONGEST));
    }

    /// Gives the focused option, which has no value, or takes it back.
    pub fn toggle(&mut self) {
        if let ImportField::Option(index) = self.focus
            && !self.focus.takes_text()
        {
            let is_given = !self.values[index].text().is_empty();
            self.values[index] = Input::new(if is_given { "" } else { YES });
        }
    }

    /// Returns the error of a line. `names` are the names of datasets.
    #[must_use]
    pub fn error(&self, field: ImportField, names: &[&DatasetName]) -> Option<String> {
        let text = self.input(field)?.text().trim();
        match field {
            ImportField::Source if text.is_empty() => Some("type a path or an address".into()),
            ImportField::Source | ImportField::Import => None,
            ImportField::Name => parse_name(text, self.taken(names)).err(),
            ImportField::Option(_) if text.is_empty() => None,
            ImportField::Option(_) => {
                let option = field.option()?;
                let is_given = |name: &&&str| {
                    let index = IMPORT_OPTIONS.iter().position(|option| option.name == **name);
                    index.is_some_and(|index| !self.values[index].text().trim().is_empty())
                };
                if let Some(other) = option.excludes.iter().find(is_given) {
                    return Some(format!("{} and {other} exclude each other: clear one", option.name));
                }
                option.set(&mut ImportOptions::default(), text).err()
            }
        }
    }

    /// Returns the first line with an error, and the error.
    #[must_use]
    pub fn first_error(&self, names: &[&DatasetName]) -> Option<(ImportField, String)> {
        Self::fields().into_iter().find_map(|field| Some((field, self.error(field, names)?)))
    }

    /// Returns the import that the form describes.
    ///
    /// # Errors
    /// The first line with an error, and the error.
    pub fn order(&self, names: &[&DatasetName]) -> Result<ImportSpec, (ImportField, String)> {
        if let Some(error) = self.first_error(names) {
            return Err(error);
        }
        let name =
            parse_name(self.name.text().trim(), self.taken(names)).map_err(|error| (ImportField::Name, error))?;
        let given = IMPORT_OPTIONS.iter().zip(&self.values).filter(|(_, value)| !value.text().trim().is_empty());
        let value = |option: &ImportOption, value: &Input| match option.value {
            Some(_) => value.text().trim().to_owned(),
            None => String::new(),
        };
        let options = given.map(|(option, text)| (option.name, value(option, text))).collect();
        Ok(ImportSpec { source: self.source.text().trim().to_owned(), name, options })
    }

    /// Returns the names that another dataset cannot get: none if it may replace that dataset.
    fn taken<'a>(&self, names: &'a [&'a DatasetName]) -> &'a [&'a DatasetName] {
        let index = IMPORT_OPTIONS.iter().position(|option| option.name == "replace");
        let replaces = index.is_some_and(|index| !self.values[index].text().trim().is_empty());
        if replaces { &[] } else { names }
    }

    /// Returns the preview of this import; none if the form was changed since.
    #[must_use]
    pub fn preview_of(&self, order: &ImportSpec) -> Option<&PreviewStatus> {
        self.preview.as_ref().filter(|(known, _)| known.has_same_images(order)).map(|(_, status)| status)
    }
}

/// Returns the name of a new dataset.
fn parse_name(text: &str, names: &[&DatasetName]) -> Result<DatasetName, String> {
    let name = DatasetName::new(text).map_err(|error| error.to_string())?;
    if name.as_str() == "demo" {
        return Err("demo is the built-in dataset's name: choose another".into());
    }
    if names.contains(&&name) {
        return Err(format!("a dataset {name} already exists: choose another name, or set replace"));
    }
    Ok(name)
}

/// Returns a free name from the last part of a path or address: `~/data/fer2013.tar.xz` is `fer2013`.
fn suggest_name(source: &str, names: &[&DatasetName]) -> String {
    let is_quote = |c: char| matches!(c, '\'' | '"' | '/') || c.is_whitespace();
    let plain = source.trim_matches(is_quote).replace("%20", " ").replace('\\', "");
    let last = plain.rsplit('/').next().unwrap_or_default();
    let stem = last.split(['.', '?', '#']).next().unwrap_or_default().to_lowercase();
    let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let mut candidates = std::iter::once(plain.to_owned()).chain((2..100).map(|number| format!("{plain}-{number}")));
    candidates.find(|candidate| parse_name(candidate, names).is_ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_suggested_from_paths_as_they_are_dropped() {
        let taken = DatasetName::new("taken").expect("a name");
        let table = [
            ("~/data/fer2013.tar.xz", "fer2013"),
            ("'/media/my faces/'", "my-faces"),
            ("/media/my\\ faces", "my-faces"),
            ("file:///media/my%20faces", "my-faces"),
            ("https://x.org/a/faces.zip?token=1", "faces"),
            ("/taken", "taken-2"),
            ("/demo", "demo-2"),
            ("", ""),
        ];
        for (source, name) in table {
            assert_eq!(suggest_name(source, &[&taken]), name, "{source}");
        }
    }

    #[test]
    fn every_option_of_the_importer_is_a_line_that_reaches_the_order() {
        let values = [
            ("protocol", "keras"),
            ("validation", "0.2"),
            ("test", "0.2"),
            ("by", "seed"),
            ("seed", "7"),
            ("size", "64x48"),
            ("fit", "crop"),
            ("labels", "/tmp/labels.csv"),
            ("map", "happy=joy"),
            ("encoding", "gbk"),
            ("password", "secret"),
        ];
        let mut form = ImportForm::default();
        form.set_path(&[], "/tmp/faces");
        for field in ImportForm::fields() {
            form.focus = field;
            let value = values.iter().find(|(name, _)| *name == field.label());
            match field.option() {
                Some(option) if option.value.is_none() && option.name != "colour" => form.toggle(),
                Some(_) => value.into_iter().for_each(|(_, value)| form.change(&[], |input| input.paste(value))),
                None => {}
            }
        }
        let order = form.order(&[]).expect("an order");
        let flags = ["replace", "strict", "gray", "follow-links"].map(|name| format!("--{name}"));
        let mut expected: Vec<String> = values.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        expected.extend(flags);
        let (mut arguments, name) = (order.arguments(), order.name.to_string());
        arguments.sort();
        expected.sort();
        assert_eq!((arguments, name.as_str()), (expected, "faces"));
        // A dataset of the name is replaced only if that was chosen.
        let faces = DatasetName::new("faces").expect("a name");
        assert!(form.order(&[&faces]).is_ok());
        form.focus = ImportForm::fields().into_iter().find(|field| field.label() == "replace").expect("a line");
        form.toggle();
        assert!(form.order(&[&faces]).is_err_and(|(field, _)| field == ImportField::Name));
        // What excludes another option, or cannot be read, is refused in its line.
        form.focus = ImportForm::fields().into_iter().find(|field| field.label() == "colour").expect("a line");
        form.toggle();
        assert!(form.order(&[]).is_err_and(|(field, error)| field.label() == "gray" && error.contains("colour")));
        form.toggle();
        form.focus = ImportForm::fields().into_iter().find(|field| field.label() == "size").expect("a line");
        form.change(&[], |input| input.paste("48,"));
        assert!(form.order(&[]).is_err_and(|(field, error)| field.label() == "size" && error.contains("64x4848,")));
    }
}
