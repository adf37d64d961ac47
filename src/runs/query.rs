//! The query language that filters lists of runs, and their sort orders.
//!
//! A query is words separated by spaces, all of which must match: `state:running val_acc>0.6 !cnn`. A bare word is
//! searched in name, strategy, dataset, tags and note, or is a state. A field, a comparison and a value compare one
//! field. `,` or `|` between values matches any of them; `!` before a word negates it. Pure: a run is represented by
//! its [`RunFacts`].

use std::cmp::Ordering;
use std::fmt;

use super::facts::{ENDINGS, Field, RunFacts, STATES, Value};
use crate::domain::similar::suggest;
use crate::domain::text::printable;

/// An error in a query, with its position.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    /// The wrong word's byte range in the query, so that it can be marked.
    pub at: std::ops::Range<usize>,
    /// The error and the accepted forms, safe to print.
    pub reason: String,
}

/// A comparison of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `:` on text: contains.
    Has,
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer signs first: otherwise `<=` would be read as `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("!=", Comparison::IsNot),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    (":", Comparison::Has),
    ("=", Comparison::Is),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Has | Self::Is => order.is_eq(),
            Self::IsNot => order.is_ne(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// Lowercase text.
    Text(String),
    Number(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// Any of these lowercase words occurs in the run's texts.
    Word(Vec<String>),
    /// The field compares to any of these operands.
    Field(Field, Comparison, Vec<Operand>),
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    negated: bool,
    test: Test,
}

/// A condition on runs. The empty query matches every run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    terms: Vec<Term>,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// The first wrong word, with the accepted forms.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut terms = Vec::new();
        for word in text.split_whitespace() {
            // The word's offset: both are slices of one text.
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let at = start..start + word.len();
            terms.push(term(word).map_err(|reason| QueryError { at, reason: printable(&reason) })?);
        }
        Ok(Self { terms })
    }

    /// Returns whether every run matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the settings by which a list is sorted and that the query compares, each once.
    #[must_use]
    pub fn settings(&self, sort: Option<SortKey>) -> Vec<Field> {
        let compared = self.terms.iter().filter_map(|term| match term.test {
            Test::Field(field, ..) => Some(field),
            Test::Word(_) => None,
        });
        let mut settings = Vec::new();
        for field in sort.map(|key| key.by).into_iter().chain(compared) {
            if matches!(field, Field::Setting(_)) && !settings.contains(&field) {
                settings.push(field);
            }
        }
        settings
    }

    /// Returns whether a run matches.
    #[must_use]
    pub fn matches(&self, run: &RunFacts) -> bool {
        self.terms.iter().all(|term| term.test.holds(run) != term.negated)
    }
}

impl Test {
    fn holds(&self, run: &RunFacts) -> bool {
        match self {
            Self::Word(words) => words.iter().any(|word| run.mentions(word)),
            Self::Field(field, comparison, operands) => {
                let holds = |operand| compare(&run.value(*field), *comparison, operand);
                // `!=` with several operands excludes all of them.
                if *comparison == Comparison::IsNot { operands.iter().all(holds) } else { operands.iter().any(holds) }
            }
        }
    }
}

/// Compares a value with an operand. A run without a value matches only `!=`.
fn compare(value: &Value, comparison: Comparison, operand: &Operand) -> bool {
    match (value, operand) {
        (Value::Number(value), Operand::Number(operand)) => {
            value.partial_cmp(operand).is_some_and(|order| comparison.holds(order))
        }
        (Value::Words(words), Operand::Text(operand)) => match comparison {
            Comparison::Has => words.iter().any(|word| word.to_lowercase().contains(operand)),
            Comparison::IsNot => words.iter().all(|word| word.to_lowercase() != *operand),
            _ => words.iter().any(|word| comparison.holds(word.to_lowercase().as_str().cmp(operand))),
        },
        _ => comparison == Comparison::IsNot,
    }
}

fn term(word: &str) -> Result<Term, String> {
    let (negated, plain) = match word.strip_prefix('!') {
        Some(plain) => (true, plain),
        None => (false, word),
    };
    let sign = plain.char_indices().find_map(|(index, _)| {
        let found = COMPARISONS.iter().find(|(sign, _)| plain[index..].starts_with(sign))?;
        Some((index, *found))
    });
    let Some((index, (sign, comparison))) = sign else {
        return Ok(Term { negated, test: Test::Word(alternatives(plain, word)?.map(str::to_lowercase).collect()) });
    };
    let name = &plain[..index];
    let field: Field = name.parse().map_err(|()| {
        let names = Field::ALL.map(Field::name);
        let similar = suggest(name, names.into_iter().chain(settings_as_long_as(name)));
        format!("'{name}' is not a field{similar}; use {}, or a setting such as learning-rate", names.join(", "))
    })?;
    if field.is_text() && !matches!(comparison, Comparison::Has | Comparison::Is | Comparison::IsNot) {
        return Err(format!("'{sign}' does not compare words: use {name}:word, {name}=word or {name}!=word"));
    }
    let values = alternatives(&plain[index + sign.len()..], word)?;
    let operands = values.map(|value| operand(field, value)).collect::<Result<Vec<Operand>, String>>()?;
    let orders = !matches!(comparison, Comparison::Has | Comparison::Is | Comparison::IsNot);
    if orders && operands.len() > 1 {
        return Err(format!(
            "'{word}' compares with several numbers: use one; decimals have a point, such as {name}{sign}0.3"
        ));
    }
    if orders && operands.iter().any(|operand| matches!(operand, Operand::Text(_))) {
        return Err(format!("'{sign}' compares numbers only: use one, or {name}:word, {name}=word or {name}!=word"));
    }
    Ok(Term { negated, test: Test::Field(field, comparison, operands) })
}

/// Returns the names of settings that are about as long as `text`: some of so many are similar to any word.
fn settings_as_long_as(text: &str) -> impl Iterator<Item = &'static str> {
    Field::settings().map(Field::name).filter(|name| name.len().abs_diff(text.len()) <= 2)
}

fn alternatives<'a>(values: &'a str, word: &str) -> Result<impl Iterator<Item = &'a str>, String> {
    let parts = values.split([',', '|']);
    if parts.clone().any(str::is_empty) {
        return Err(format!("'{word}' lacks a value: use word, !word, or field and value such as val_acc>0.6"));
    }
    Ok(parts)
}

fn operand(field: Field, value: &str) -> Result<Operand, String> {
    let number = || value.parse::<f64>().ok().filter(|number| number.is_finite());
    match field {
        Field::State => {
            let small = value.to_lowercase().replace(['-', '_'], " ");
            let mut meant = STATES.iter().chain(&ENDINGS).filter(|state| state.starts_with(&small));
            if let (Some(state), None) = (meant.next(), meant.next()) {
                return Ok(Operand::Text((*state).to_owned()));
            }
            let endings = ENDINGS.map(|ending| ending.replace(' ', "-"));
            let similar = suggest(value, STATES.into_iter().chain(endings.iter().map(String::as_str)));
            let states = STATES.join(", ");
            Err(format!("'{value}' is not a state{similar}; use {states}, {}", endings.join(", ")))
        }
        Field::Setting(setting) => match number() {
            Some(number) => Ok(Operand::Number(number)),
            // A word such as `off`, or the beginning of a choice.
            None if setting.has_choices() || setting.accepts(value) => Ok(Operand::Text(value.to_lowercase())),
            None => {
                Err(format!("'{value}' is not a value of {0}; use one such as {0}=1, {0}>=1 or {0}<=3", field.name()))
            }
        },
        field if field.is_text() => Ok(Operand::Text(value.to_lowercase())),
        Field::Age | Field::Duration => age(value).map(Operand::Number).ok_or_else(|| {
            format!("'{value}' is not a time; use a number with s, m, h or d, such as {}<2h", field.name())
        }),
        field if field.is_share() => share(value)
            .map(Operand::Number)
            .ok_or_else(|| format!("'{value}' is not a share; use a number such as {0}>0.6 or {0}>60%", field.name())),
        field => number()
            .map(Operand::Number)
            .ok_or_else(|| format!("'{value}' is not a number; use one such as {}", field.example())),
    }
}

/// Parses a fraction or a percentage.
fn share(text: &str) -> Option<f64> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    number.parse::<f64>().ok().map(|number| number / scale).filter(|share| share.is_finite())
}

/// Parses an age such as `30d` or `90m` into seconds.
#[must_use]
pub fn age(text: &str) -> Option<f64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3_600.0,
        'd' => 86_400.0,
        'w' => 604_800.0,
        _ => return None,
    };
    let number: f64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    Some(number * seconds).filter(|age| age.is_finite() && *age >= 0.0)
}

/// The sort order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// The field.
    pub by: Field,
    /// Whether the largest value comes first.
    pub descending: bool,
}

impl SortKey {
    /// The fields for sorting a list, besides the settings.
    pub const FIELDS: [Field; 12] = [
        Field::Name,
        Field::State,
        Field::Strategy,
        Field::Dataset,
        Field::Epoch,
        Field::ValLoss,
        Field::ValAcc,
        Field::TestAcc,
        Field::F1,
        Field::Rate,
        Field::Duration,
        Field::Age,
    ];

    /// Returns the order of this field with the best, the newest or the first letter first; `None` for a field without
    /// order.
    #[must_use]
    pub fn by(field: Field) -> Option<Self> {
        let descending = matches!(field, Field::Epoch | Field::ValAcc | Field::TestAcc | Field::F1 | Field::Rate);
        let sorts = matches!(field, Field::Setting(_)) || Self::FIELDS.contains(&field);
        sorts.then_some(Self { by: field, descending })
    }

    /// Returns the opposite order.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }

    /// Compares two runs. Runs without a value come last in either direction; equal values are ordered by name.
    #[must_use]
    pub fn compare(self, one: &RunFacts, other: &RunFacts) -> Ordering {
        let directed = |order: Ordering| if self.descending { order.reverse() } else { order };
        let order = match (one.value(self.by), other.value(self.by)) {
            (Value::Number(one), Value::Number(other)) => directed(one.total_cmp(&other)),
            _ if self.by == Field::State => directed(one.state_rank().cmp(&other.state_rank())),
            (Value::Words(one), Value::Words(other)) => directed(one.cmp(&other)),
            (Value::None, Value::None) => Ordering::Equal,
            (Value::None, _) => Ordering::Greater,
            (_, Value::None) => Ordering::Less,
            _ => Ordering::Equal,
        };
        order.then_with(|| one.name().cmp(other.name()))
    }
}

impl std::str::FromStr for SortKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = text.parse().ok().and_then(Self::by);
        key.ok_or_else(|| {
            let names = Self::FIELDS.map(Field::name);
            let similar = suggest(text, names.into_iter().chain(settings_as_long_as(text)));
            let names = names.join(", ");
            format!("'{}' is not a column{similar}; use {names}, or a setting such as learning-rate", printable(text))
        })
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.by.name())
    }
}

#[cfg(test)]
mod tests;
