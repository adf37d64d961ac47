//! The columns and the order of the list of runs that the dashboard shows, kept for each home.

use serde::{Deserialize, Serialize};

use super::facts::Field;
use super::layout::Home;
use super::query::SortKey;
use crate::durable::versioned::{FileError, FileKind};

/// The columns and the order of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListView {
    /// The chosen columns in their order; empty for the usual ones.
    pub columns: Vec<Field>,
    /// The order; `None` for active runs first.
    pub sort: Option<SortKey>,
}

/// The content of the file. Names that this program does not know are ignored.
#[derive(Debug, Serialize, Deserialize)]
struct ListViewFile {
    columns: Vec<String>,
    sort: Option<String>,
    #[serde(default)]
    descending: bool,
}

/// `list-view.json`.
static KIND: FileKind =
    FileKind { name: "list view", newest: 1, pretty: true, damaged: "is damaged", advice: "; remove it" };

impl Home {
    /// Returns the columns and the order that were chosen last; the usual ones if none were.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has a newer format.
    pub fn list_view(&self) -> Result<ListView, FileError> {
        let Some(saved) = KIND.read::<ListViewFile>(&self.list_view_file())? else { return Ok(ListView::default()) };
        let sort = saved.sort.and_then(|name| name.parse::<SortKey>().ok());
        Ok(ListView {
            columns: saved.columns.iter().filter_map(|name| name.parse().ok()).collect(),
            sort: sort.map(|key| SortKey { descending: saved.descending, ..key }),
        })
    }

    /// Keeps the columns and the order.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record_list_view(&self, view: &ListView) -> Result<(), FileError> {
        let saved = ListViewFile {
            columns: view.columns.iter().map(|field| field.name().to_owned()).collect(),
            sort: view.sort.map(|key| key.by.name().to_owned()),
            descending: view.sort.is_some_and(|key| key.descending),
        };
        KIND.write(&self.list_view_file(), &saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_order_are_kept_and_unknown_names_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        assert_eq!(home.list_view().expect("no file"), ListView::default());
        let sort = SortKey { by: Field::F1, descending: false };
        let view = ListView { columns: vec![Field::State, Field::F1], sort: Some(sort) };
        home.record_list_view(&view).expect("written");
        assert_eq!(home.list_view().expect("read"), view);
        let text = r#"{"version":1,"columns":["mood","age"],"sort":"mood"}"#;
        std::fs::write(home.list_view_file(), text).expect("written");
        assert_eq!(home.list_view().expect("read"), ListView { columns: vec![Field::Age], sort: None });
    }
}
