//! The verdicts in words: which run is better, and whether the difference could be chance.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::choice::left_out;
use super::tables::{letter, other_images};
use super::{ComparePane, VerdictStatus};
use crate::domain::text::printable;
use crate::runs::comparison::{Comparison, MeanVerdict, Metric, SeedVerdict, Significance, Verdict, seed_note};
use crate::runs::statistics::RESAMPLES;
use crate::tui::state::State;
use crate::tui::widgets::number_text::thousands;
use crate::tui::widgets::paint::{Pen, width, wrap};

/// The sentences about one run, with a heading.
pub(super) struct Block {
    /// The heading: `B − A`.
    pub about: String,
    /// The run's colour.
    pub style: Style,
    /// The sentences with their styles.
    pub sentences: Vec<(String, Style)>,
}

/// Returns the blocks of all runs, then of seeds, then of marked runs that are not shown.
pub(super) fn blocks(state: &State, comparison: &Comparison) -> Vec<Block> {
    let theme = &state.theme;
    let runs = 1..state.compare.runs.len();
    let known = |run: usize| match state.compare.verdict_status(run) {
        VerdictStatus::Known(verdict) => Some((run, verdict)),
        _ => None,
    };
    let known: Vec<(usize, &Verdict)> = runs.clone().filter_map(known).collect();
    let significance = Significance::of(&known.iter().map(|(_, verdict)| *verdict).collect::<Vec<_>>());
    let certain = known.iter().zip(&significance).filter(|((_, verdict), among)| verdict.is_certain(among));
    let compared: Vec<usize> = certain.flat_map(|((run, _), _)| [0, *run]).collect();
    let mut significance = significance.into_iter();
    let of_run = |run: usize| Block {
        about: format!("{} − A", letter(run)),
        style: theme.run_color(run).patch(theme.strong()),
        sentences: sentences(state, run, &mut significance),
    };
    let single: Vec<Block> = runs.map(of_run).collect();
    let mut blocks = seeds(state, comparison);
    blocks.extend(comparison.seed_verdicts.iter().map(|verdict| seed_verdict(state, comparison, verdict)));
    // Where runs that differ only in the seed are one column, the verdicts on columns precede those on single runs.
    let after = if state.compare.fold { blocks.len() } else { 0 };
    blocks.splice(after..after, single);
    blocks.extend(
        seed_note(&comparison.runs, &comparison.groups, &comparison.seed_verdicts, &compared).map(|note| Block {
            about: "note".into(),
            style: theme.dim(),
            sentences: vec![(note, theme.dim())],
        }),
    );
    blocks.extend(left_out(state).into_iter().map(|(id, reason)| Block {
        about: "also".into(),
        style: theme.dim(),
        sentences: vec![(format!("{id} is marked but not shown: {}", printable(&reason)), theme.dim())],
    }));
    blocks
}

/// Returns the sentences about a run. Takes the significance of its verdict, if it has one.
fn sentences(state: &State, run: usize, significance: &mut impl Iterator<Item = Significance>) -> Vec<(String, Style)> {
    let theme = &state.theme;
    match state.compare.verdict_status(run) {
        VerdictStatus::Known(verdict) => {
            let Some(among) = &significance.next() else { return Vec::new() };
            let judged = |certain: bool, change: f64| match (certain && !verdict.seed_alone, change > 0.0) {
                (false, _) => theme.text(),
                (true, true) => theme.good(),
                (true, false) => theme.bad(),
            };
            vec![
                (verdict.accuracy_sentence(among), judged(verdict.accuracy_is_certain(among), verdict.accuracy)),
                (verdict.f1_sentence(among), judged(verdict.f1_is_certain(among), verdict.f1)),
            ]
        }
        VerdictStatus::Impossible(reason) => vec![(printable(&reason.to_string()), theme.warning())],
        VerdictStatus::Untested(run) => vec![(untested(state, run), theme.dim())],
        VerdictStatus::Computing => {
            let draws = thousands(RESAMPLES as usize);
            vec![(format!("computing: both runs' predictions, image by image, resampled {draws} times"), theme.dim())]
        }
    }
}

fn untested(state: &State, run: usize) -> String {
    let id = &state.compare.runs[run].id;
    let run_state = state.library.runs.find(id).and_then(|run| run.state(state.now));
    match run_state {
        Some(run_state) if run_state.is_active() => {
            format!("{id} is {}: the verdict follows its test", run_state.name())
        }
        Some(run_state) if state.compare.runs[run].epochs.is_empty() => {
            format!("{id} is {} and has completed no epoch: `mien resume {id}` continues it", run_state.name())
        }
        Some(run_state) => {
            format!("{id} is {} and not tested: `mien evaluate {id}` tests its best weights", run_state.name())
        }
        None => format!("{id} is not tested"),
    }
}

/// Returns the blocks of runs that differ only in the seed.
fn seeds(state: &State, comparison: &Comparison) -> Vec<Block> {
    let theme = &state.theme;
    let block = |group: &crate::runs::comparison::SeedGroup| {
        let letters: Vec<&str> = group.runs.iter().map(|run| letter(*run)).collect();
        let metric_text = |wanted: Metric| {
            let (_, spread) = group.metrics.iter().find(|(metric, _)| *metric == wanted)?;
            let deviation = spread.deviation.map(|deviation| format!(" ± {deviation:.4}")).unwrap_or_default();
            Some(format!("{} {:.4}{deviation}", wanted.name(), spread.mean))
        };
        let metrics: Vec<String> =
            [Metric::Accuracy, Metric::F1, Metric::ValLoss].into_iter().filter_map(metric_text).collect();
        let metrics = if metrics.is_empty() { String::new() } else { format!(": {}", metrics.join(", ")) };
        let words = format!("differ only in the {}{metrics}", group.describe());
        Block { about: letters.join(" "), style: theme.strong(), sentences: vec![(words, theme.text())] }
    };
    comparison.groups.iter().map(block).collect()
}

/// Returns the block of a group of seeds against the baseline's group.
fn seed_verdict(state: &State, comparison: &Comparison, verdict: &SeedVerdict) -> Block {
    let theme = &state.theme;
    let letters =
        |group: usize| comparison.groups[group].runs.iter().map(|run| letter(*run)).collect::<Vec<_>>().join(" ");
    let judged = |mean: &MeanVerdict| match (mean.is_certain(), mean.found.difference > 0.0) {
        (false, _) => theme.text(),
        (true, true) => theme.good(),
        (true, false) => theme.bad(),
    };
    Block {
        about: format!("{} − {}", letters(verdict.group), letters(verdict.baseline)),
        style: theme.strong(),
        sentences: verdict.sentences().into_iter().zip(verdict.means.iter().map(judged)).collect(),
    }
}

/// Returns the columns before the sentences.
fn indent(blocks: &[Block]) -> u16 {
    blocks.iter().map(|block| width(&block.about)).max().unwrap_or(0).min(14) + 3
}

/// Returns the number of rows of all blocks on so many columns.
pub(super) fn rows(blocks: &[Block], columns: u16) -> u16 {
    let room = columns.saturating_sub(indent(blocks) + 1);
    let lines = blocks.iter().flat_map(|block| &block.sentences).map(|(text, _)| wrap(text, room).len());
    u16::try_from(lines.sum::<usize>()).unwrap_or(u16::MAX)
}

/// Returns a note on the number of images of the first known verdict; empty if not all runs were tested on the same.
pub(super) fn note(state: &State) -> String {
    if other_images(state).is_some() {
        return String::new();
    }
    let verdict = |run: usize| match state.compare.verdict_status(run) {
        VerdictStatus::Known(Verdict { images, .. }) => usize::try_from(*images).ok(),
        _ => None,
    };
    let images = (1..state.compare.runs.len()).find_map(verdict);
    images.map(|images| format!("on the same {} test images", thousands(images))).unwrap_or_default()
}

/// Draws the blocks that fit, beginning with that of the cursor.
pub(super) fn render(state: &State, blocks: &[Block], buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let compare = &state.compare;
    // While another pane has the keyboard focus, the block of the selected run is visible.
    let cursor = match compare.pane {
        ComparePane::Verdicts => compare.line(ComparePane::Verdicts),
        _ => compare.position().saturating_sub(1),
    };
    let indent = indent(blocks);
    let room = area.width.saturating_sub(indent + 1);
    // Each line has the index of its block and whether it is its first line.
    let mut lines: Vec<(usize, bool, String, Style)> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let mut first = true;
        for (text, style) in &block.sentences {
            for line in wrap(text, room) {
                lines.push((index, std::mem::take(&mut first), line, *style));
            }
        }
    }
    let visible = usize::from(area.height);
    let end = lines.len().saturating_sub(visible);
    let last = compare.count(ComparePane::Verdicts).saturating_sub(1);
    let start = lines.iter().position(|(block, ..)| *block == cursor).unwrap_or(0);
    let from = if cursor == last && cursor > 0 { end } else { start.min(end) };
    for (row, (index, first, text, style)) in (0..).zip(lines.iter().skip(from).take(visible)) {
        let here = compare.pane == ComparePane::Verdicts && *index == cursor && *first && lines.len() > visible;
        let about = if *first { blocks[*index].about.as_str() } else { "" };
        Pen::new(buffer, theme, area, row)
            .left(if here { theme.glyphs.focus } else { "" }, 1, theme.accent())
            .left(about, indent - 1, blocks[*index].style)
            .write(text, *style);
    }
    if lines.len() > from + visible && visible > 0 {
        let below = lines.len() - from - visible;
        Pen::new(buffer, theme, area, area.height - 1).flush_right(&format!(" {below} more ↓ "), theme.accent());
    }
}
