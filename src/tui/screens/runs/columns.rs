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
    (Field::Duration, Column::right("TIME", 10)),
    (Field::Rate, Column::right("IMAGES/S", 11)),
    (Field::Age, Column::right("AGE", 9)),
    (Field::Tag, Column::left("TAGS", 24, 8)),
];

/// The highest rank of the columns for which names are cut rather than the columns omitted.
pub(super) const DECIDING: u8 = 6;

/// The names of the columns, for explanations.
pub(super) fn names() -> String {
    COLUMNS.iter().map(|(field, _)| field.name()).collect::<Vec<_>>().join(" ")
}

/// Returns the columns of the list, and the settings by which it is filtered or sorted. Chosen columns are omitted from
/// the last one on where space is short.
pub(super) fn shown(runs: &RunsState) -> Vec<(Field, Column)> {
    let mut settings = runs.filter.query.settings(runs.sort);
    settings.retain(|field| !runs.columns.contains(field));
    if runs.columns.is_empty() {
        let (first, rest) = COLUMNS.split_at(4);
        return first
            .iter()
            .copied()
            .chain(settings.into_iter().filter_map(column))
            .chain(rest.iter().copied())
            .collect();
    }
    let chosen = runs.columns.iter().copied().chain(settings).filter_map(column);
    let ranked = chosen.zip(0..).map(|((field, column), rank)| (field, Column { rank, ..column }));
    let always: Vec<(Field, Column)> =
        COLUMNS[..2].iter().filter(|(field, _)| !runs.columns.contains(field)).copied().collect();
    always.into_iter().chain(ranked).collect()
}

/// Returns the column of a field. A setting's heading is the name of its option.
fn column(field: Field) -> Option<(Field, Column)> {
    let setting = || matches!(field, Field::Setting(_)).then(|| (field, Column::right(field.name(), 2)));
    COLUMNS.iter().find(|(known, _)| *known == field).copied().or_else(setting)
}

/// Returns the column with a name or a heading that begins with `text`, or the setting whose name does.
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
    let mut found: Vec<Field> = COLUMNS.iter().filter(begins).map(|(field, _)| *field).collect();
    if found.is_empty() {
        // The columns come first: `b` of a best value must not become ambiguous by `batch-size`.
        let setting = text.replace('_', "-");
        found = text.parse().ok().filter(|field| matches!(field, Field::Setting(_))).into_iter().collect();
        if found.is_empty() {
            found = Field::settings().filter(|field| field.name().starts_with(&setting)).collect();
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("'{text}' is not a column; use {}, or a setting such as learning-rate", names())),
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

/// Returns the names of the chosen or usual columns, as a line that [`parse_columns`] reads.
pub(super) fn chosen(runs: &RunsState) -> String {
    if runs.columns.is_empty() {
        return names();
    }
    runs.columns.iter().map(|field| field.name()).collect::<Vec<_>>().join(" ")
}

/// Parses the names of columns in their order; an empty text, or the usual names, mean the usual ones.
pub(super) fn parse_columns(text: &str) -> Result<Vec<Field>, String> {
    let mut columns: Vec<Field> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let field = find(word)?;
        if columns.contains(&field) {
            return Err(format!("{} is named twice", field.name()));
        }
        columns.push(field);
    }
    let usual = columns.iter().eq(COLUMNS.iter().map(|(field, _)| field));
    Ok(if usual { Vec::new() } else { columns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Hyperparameter;
    use crate::runs::query::Query;

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
        let setting = |setting| Field::Setting(setting);
        assert_eq!(by("learning"), Ok(Some((setting(Hyperparameter::LearningRate), false))));
        assert_eq!(by("-seed"), Ok(Some((setting(Hyperparameter::Seed), true))));
        assert_eq!(by("label_s"), Ok(Some((setting(Hyperparameter::LabelSmoothing), false))));
    }

    #[test]
    fn settings_that_the_list_is_filtered_or_sorted_by_have_columns() {
        let fields = |runs: &RunsState| shown(runs).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        let [seed, rate] = [Hyperparameter::Seed, Hyperparameter::LearningRate].map(Field::Setting);
        let mut runs = RunsState { sort: SortKey::by(seed), ..RunsState::default() };
        runs.filter.query = Query::parse("learning-rate<0.1 seed>1 lr>0 seed<9").expect("a query");
        assert_eq!(fields(&runs)[..6], [Field::State, Field::Name, Field::Strategy, Field::Dataset, seed, rate]);
        runs.columns = parse_columns("f1 seed").expect("columns");
        assert_eq!(fields(&runs), [Field::State, Field::Name, Field::F1, seed, rate]);
    }

    #[test]
    fn the_line_of_columns_begins_with_those_of_the_list() {
        let mut runs = RunsState::default();
        assert_eq!(parse_columns(&chosen(&runs)), Ok(Vec::new()));
        runs.columns = parse_columns(&format!("{} seed", chosen(&runs))).expect("columns");
        assert_eq!((runs.columns.len(), chosen(&runs).ends_with(" tag seed")), (COLUMNS.len() + 1, true));
    }

    #[test]
    fn chosen_columns_follow_state_and_name() {
        let columns = parse_columns("f1, age").expect("columns");
        assert_eq!(columns, [Field::F1, Field::Age]);
        let runs = RunsState { columns, ..RunsState::default() };
        let fields: Vec<Field> = shown(&runs).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [Field::State, Field::Name, Field::F1, Field::Age]);
        assert!(parse_columns("note").is_err_and(|error| error.starts_with("'note' is not a column")), "a field only");
        assert!(parse_columns("age age").is_err_and(|error| error == "age is named twice"));
        assert_eq!(shown(&RunsState::default()).len(), COLUMNS.len());
    }
}
