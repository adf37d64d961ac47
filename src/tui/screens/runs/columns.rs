//! The columns of the list of runs: which are shown, in which order, and what a typed line chooses.

use super::RunsState;
use crate::runs::facts::Field;
use crate::runs::query::SortKey;
use crate::tui::widgets::table::Column;

/// The columns in their usual order. The rank is low for those that decide between runs: accuracy and macro F1,
/// strategy and dataset precede the losses. `VAL LOSS` and `VAL ACC` are of the best epoch, `TEST ACC` and `MACRO F1`
/// of the test.
const COLUMNS: [(Field, Column); 13] = [
    (Field::State, Column::left("STATE", 12, 0)),
    (Field::Name, Column::left("RUN", 24, 0)),
    (Field::Strategy, Column::left("STRATEGY", 10, 4)),
    (Field::Dataset, Column::left("DATASET", 14, 5)),
    (Field::Epoch, Column::right("EPOCH", 1)),
    (Field::F1, Column::right("MACRO F1", 2)),
    (Field::TestAcc, Column::right("TEST ACC", 6)),
    (Field::ValAcc, Column::right("VAL ACC", 3)),
    (Field::ValLoss, Column::right("VAL LOSS", 7)),
    (Field::Duration, Column::right("TIME", 9)),
    (Field::Rate, Column::right("IMAGES/S", 11)),
    (Field::Age, Column::right("AGE", 8)),
    (Field::Tag, Column::left("TAGS", 24, 10)),
];

/// The highest rank of the columns for which names are cut rather than the columns omitted.
pub(super) const DECIDING: u8 = 6;

/// The names of the columns, for explanations.
pub(super) fn names() -> String {
    COLUMNS.iter().map(|(field, _)| field.name()).collect::<Vec<_>>().join(" ")
}

/// Returns the columns of the list. Chosen ones are omitted from the last one on where space is short.
pub(super) fn shown(runs: &RunsState) -> Vec<(Field, Column)> {
    if runs.columns.is_empty() {
        return COLUMNS.to_vec();
    }
    let chosen = runs.columns.iter().filter_map(|field| COLUMNS.iter().find(|(known, _)| known == field));
    let ranked = chosen.zip(0..).map(|((field, column), rank)| (*field, Column { rank, ..*column }));
    let always: Vec<(Field, Column)> =
        COLUMNS[..2].iter().filter(|(field, _)| !runs.columns.contains(field)).copied().collect();
    always.into_iter().chain(ranked).collect()
}

/// Returns the column with a name or a heading that begins with `text`.
fn find(text: &str) -> Result<Field, String> {
    let text = text.to_lowercase();
    let plain = |words: &str| words.to_lowercase().replace([' ', '/'], "_");
    let wanted = plain(&text);
    let exact = COLUMNS.iter().find(|(field, column)| field.name() == wanted || plain(column.title) == wanted);
    if let Some((field, _)) = exact {
        return Ok(*field);
    }
    let begins = |(field, column): &&(Field, Column)| {
        field.name().starts_with(&wanted) || plain(column.title).starts_with(&wanted)
    };
    let found: Vec<Field> = COLUMNS.iter().filter(begins).map(|(field, _)| *field).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("'{text}' is not a column; use {}", names())),
        several => {
            let names: Vec<&str> = several.iter().map(|field| field.name()).collect();
            Err(format!("'{text}' begins several columns: {}", names.join(", ")))
        }
    }
}

/// Parses a sort order: a column or the beginning of its name, `-` before it for the opposite direction; `None` for an
/// empty text.
pub(super) fn parse_sort(text: &str) -> Result<Option<SortKey>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (reversed, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name.trim()));
    let field = find(name)?;
    let key = SortKey::by(field).ok_or_else(|| format!("the list is not sorted by {}", field.name()))?;
    Ok(Some(if reversed { key.reversed() } else { key }))
}

/// Parses the names of columns in their order; an empty text means the usual ones.
pub(super) fn parse_columns(text: &str) -> Result<Vec<Field>, String> {
    let mut columns: Vec<Field> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let field = find(word)?;
        if columns.contains(&field) {
            return Err(format!("{} is named twice", field.name()));
        }
        columns.push(field);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_the_beginning_of_its_name_or_heading() {
        let by = |text: &str| parse_sort(text).map(|key| key.map(|key| (key.by, key.descending)));
        let table = [
            ("f1", Field::F1, true),
            ("macro", Field::F1, true),
            ("-m", Field::F1, false),
            ("val_l", Field::ValLoss, false),
            ("run", Field::Name, false),
            ("time", Field::Duration, false),
        ];
        for (text, field, descending) in table {
            assert_eq!(by(text), Ok(Some((field, descending))), "{text}");
        }
        assert_eq!(by(" "), Ok(None));
        assert_eq!(by("val"), Err("'val' begins several columns: val_acc, val_loss".into()));
        assert!(by("mood").is_err_and(|error| error.starts_with("'mood' is not a column; use state name")));
        assert!(by("tag").is_err());
    }

    #[test]
    fn chosen_columns_follow_state_and_name() {
        let columns = parse_columns("f1, age").expect("columns");
        assert_eq!(columns, [Field::F1, Field::Age]);
        let runs = RunsState { columns, ..RunsState::default() };
        let fields: Vec<Field> = shown(&runs).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [Field::State, Field::Name, Field::F1, Field::Age]);
        assert!(parse_columns("age age").is_err_and(|error| error == "age is named twice"));
        assert_eq!(shown(&RunsState::default()).len(), COLUMNS.len());
    }
}
