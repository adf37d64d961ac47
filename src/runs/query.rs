//! The language that lists of runs are filtered with, and the orders that they stand in.
//!
//! A query is words apart by spaces, all of which have to hold: `state:running val_acc>0.6 !cnn`. A bare word is looked
//! for in name, strategy, dataset, tags and note; `field`, a comparison and a value compare one field. `,` or `|`
//! between values means any of them, `!` before a word its opposite. Pure: a run is told by its [`Facts`].

use std::cmp::Ordering;
use std::fmt;

use super::facts::{Facts, Field, STATES, Value};
use crate::domain::text::printable;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    /// The word that cannot be read, in bytes of the query, so that it can be shown as typed.
    pub at: std::ops::Range<usize>,
    /// What is wrong with it and what is accepted, safe to print.
    pub reason: String,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `:`, of words: contains.
    Has,
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer signs first: `<=` is not `<`.
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

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// In small letters.
    Text(String),
    Number(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// Any of these words, in small letters, is somewhere in the run's texts.
    Word(Vec<String>),
    /// Any of these is what the comparison of the field asks for.
    Field(Field, Comparison, Vec<Operand>),
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    negated: bool,
    test: Test,
}

/// What runs are looked for. The empty one lets every run through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    terms: Vec<Term>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// At the first word that is none, with what is accepted in its place.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut terms = Vec::new();
        for word in text.split_whitespace() {
            // Where the word stands: both are parts of one text.
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let at = start..start + word.len();
            terms.push(term(word).map_err(|reason| QueryError { at, reason: printable(&reason) })?);
        }
        Ok(Self { terms })
    }

    /// Whether every run matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a run is one of those looked for.
    #[must_use]
    pub fn matches(&self, run: &Facts) -> bool {
        self.terms.iter().all(|term| term.test.holds(run) != term.negated)
    }
}

impl Test {
    fn holds(&self, run: &Facts) -> bool {
        match self {
            Self::Word(words) => words.iter().any(|word| run.mentions(word)),
            Self::Field(field, comparison, operands) => {
                let holds = |operand| compare(&run.value(*field), *comparison, operand);
                // `!=` of several means none of them.
                if *comparison == Comparison::IsNot { operands.iter().all(holds) } else { operands.iter().any(holds) }
            }
        }
    }
}

/// A run without a value fulfils no comparison but `!=`.
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
    let sign = plain.char_indices().find_map(|(place, _)| {
        let found = COMPARISONS.iter().find(|(sign, _)| plain[place..].starts_with(sign))?;
        Some((place, *found))
    });
    let Some((place, (sign, comparison))) = sign else {
        return Ok(Term { negated, test: Test::Word(alternatives(plain, word)?.map(str::to_lowercase).collect()) });
    };
    let name = &plain[..place];
    let field: Field =
        name.parse().map_err(|()| format!("'{name}' is no field; use {}", Field::ALL.map(Field::name).join(", ")))?;
    if field.is_text() && !matches!(comparison, Comparison::Has | Comparison::Is | Comparison::IsNot) {
        return Err(format!("'{sign}' does not compare words: use {name}:word, {name}=word or {name}!=word"));
    }
    let values = alternatives(&plain[place + sign.len()..], word)?;
    let operands: Result<Vec<Operand>, String> = values.map(|value| operand(field, value)).collect();
    Ok(Term { negated, test: Test::Field(field, comparison, operands?) })
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
            let small = value.to_lowercase();
            let mut meant = STATES.iter().filter(|state| state.starts_with(&small));
            match (meant.next(), meant.next()) {
                (Some(state), None) => Ok(Operand::Text((*state).to_owned())),
                _ => Err(format!("'{value}' is no state; use {}", STATES.join(", "))),
            }
        }
        field if field.is_text() => Ok(Operand::Text(value.to_lowercase())),
        Field::Age => age(value)
            .map(Operand::Number)
            .ok_or_else(|| format!("'{value}' is no age; use a number with s, m, h or d, such as age<2h")),
        field if field.is_share() => share(value)
            .map(Operand::Number)
            .ok_or_else(|| format!("'{value}' is no share; use a number such as {0}>0.6 or {0}>60%", field.name())),
        field => number()
            .map(Operand::Number)
            .ok_or_else(|| format!("'{value}' is no number; use one such as {}", field.example())),
    }
}

/// A fraction, or a percentage as one.
fn share(text: &str) -> Option<f64> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    number.parse::<f64>().ok().map(|number| number / scale).filter(|share| share.is_finite())
}

/// The seconds that an age such as `30d` or `90m` means.
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

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// The field.
    pub by: Field,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl SortKey {
    /// The fields that order a list.
    pub const FIELDS: [Field; 11] = [
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
        Field::Age,
    ];

    /// The order of this field in which the best, the newest or the first letter comes first; `None` where a list
    /// cannot be ordered by it.
    #[must_use]
    pub fn by(field: Field) -> Option<Self> {
        let descending = matches!(field, Field::Epoch | Field::ValAcc | Field::TestAcc | Field::F1 | Field::Rate);
        Self::FIELDS.contains(&field).then_some(Self { by: field, descending })
    }

    /// The opposite order.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }

    /// Which of two runs comes first; runs without a value last in either direction, and names decide among equals.
    #[must_use]
    pub fn compare(self, one: &Facts, other: &Facts) -> Ordering {
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
            format!("'{}' is no column; use {}", printable(text), Self::FIELDS.map(Field::name).join(", "))
        })
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.by.name())
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod query_tests;
