//! The comparison with runs that differ only in their seed merged into one column.

use super::metric::{Direction, Metric};
use super::{Comparison, best};
use crate::runs::statistics::Spread;

/// A line of the merged table.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedRow {
    /// The value of each column; `None` if a run has none, or they cannot be averaged.
    pub cells: Vec<Option<Spread>>,
    /// Whether each column's mean is the best.
    pub best: Vec<bool>,
}

/// A comparison with merged columns.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedComparison {
    /// The runs of each column as column indices of the comparison; the columns are ordered by their first runs.
    pub columns: Vec<Vec<usize>>,
    /// A line for each metric of the comparison.
    pub metrics: Vec<MergedRow>,
    /// The F1 of each class of the comparison.
    pub classes: Vec<MergedRow>,
}

impl Comparison {
    /// Merges each group of seeds into one column, at the position of its first run.
    #[must_use]
    pub fn merge_seeds(&self) -> MergedComparison {
        let columns = self.folded_columns();
        let metric = |row: &super::MetricRow| {
            let cell = |column: &Vec<usize>| self.cell(row, column);
            let cells: Vec<Option<Spread>> = columns.iter().map(cell).collect();
            let ranked = row.best.contains(&true);
            MergedRow { best: best_of(&cells, ranked, row.metric.direction() == Direction::Higher), cells }
        };
        let class = |row: &super::ClassRow| {
            let cells: Vec<Option<Spread>> = columns.iter().map(|column| spread(&row.f1, column)).collect();
            MergedRow { best: best_of(&cells, row.best.contains(&true), true), cells }
        };
        let (metrics, classes) = (self.metrics.iter().map(metric).collect(), self.classes.iter().map(class).collect());
        MergedComparison { columns, metrics, classes }
    }

    fn folded_columns(&self) -> Vec<Vec<usize>> {
        let group_of = |run: usize| self.groups.iter().find(|group| group.runs.contains(&run));
        (0..self.runs.len())
            .filter_map(|run| match group_of(run) {
                None => Some(vec![run]),
                Some(group) => (group.runs.first() == Some(&run)).then(|| group.runs.clone()),
            })
            .collect()
    }

    fn cell(&self, row: &super::MetricRow, column: &[usize]) -> Option<Spread> {
        if let [run] = column {
            return row.values[*run].and_then(|value| Spread::of(&[value]));
        }
        // A network's size does not depend on the seed: a single value instead of a mean.
        if matches!(row.metric, Metric::Parameters | Metric::Trainable) {
            return row.values[column[0]].and_then(|value| Spread::of(&[value]));
        }
        let group = self.groups.iter().find(|group| group.runs == column)?;
        group.metrics.iter().find(|(metric, _)| *metric == row.metric).map(|(_, spread)| *spread)
    }
}

fn spread(values: &[Option<f64>], column: &[usize]) -> Option<Spread> {
    let values: Option<Vec<f64>> = column.iter().map(|run| values[*run]).collect();
    Spread::of(&values?)
}

fn best_of(cells: &[Option<Spread>], ranked: bool, higher: bool) -> Vec<bool> {
    let means: Vec<Option<f64>> = cells.iter().map(|cell| cell.map(|spread| spread.mean)).collect();
    if ranked { best(&means, higher) } else { vec![false; means.len()] }
}
