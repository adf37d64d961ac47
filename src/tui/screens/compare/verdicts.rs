//! Who is better, and whether that could be luck, in words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::choice::left_out;
use super::tables::letter;
use super::{ComparePane, VerdictStatus};
use crate::domain::text::printable;
use crate::runs::comparison::{Comparison, Metric, Verdict};
use crate::runs::statistics::RESAMPLES;
use crate::tui::state::State;
use crate::tui::widgets::figures::thousands;
use crate::tui::widgets::paint::{Pen, width, wrap};

/// What is said of one run: a heading and sentences.
pub(super) struct Block {
    /// Whom it is about: `B against A`.
    pub about: String,
    /// The run's colour.
    pub style: Style,
    /// What is said.
    pub sentences: Vec<(String, Style)>,
}

/// Everything that is said, run by run, then of seeds, then of runs that are not shown.
pub(super) fn blocks(state: &State, comparison: &Comparison) -> Vec<Block> {
    let theme = &state.theme;
    let of_run = |run: usize| Block {
        about: format!("{} − A", letter(run)),
        style: theme.run_color(run).patch(theme.strong()),
        sentences: sentences(state, run),
    };
    let mut blocks: Vec<Block> = (1..state.compare.runs.len()).map(of_run).collect();
    blocks.extend(seeds(state, comparison));
    blocks.extend(left_out(state).into_iter().map(|(id, reason)| Block {
        about: "also".into(),
        style: theme.dim(),
        sentences: vec![(format!("{id} is marked and not shown: {}", printable(&reason)), theme.dim())],
    }));
    blocks
}

fn sentences(state: &State, run: usize) -> Vec<(String, Style)> {
    let theme = &state.theme;
    match state.compare.standing(run) {
        VerdictStatus::Known(verdict) => {
            let judged = |certain: bool, change: f64| match (certain, change > 0.0) {
                (false, _) => theme.text(),
                (true, true) => theme.good(),
                (true, false) => theme.bad(),
            };
            vec![
                (verdict.accuracy_sentence(), judged(verdict.accuracy_is_certain(), verdict.accuracy)),
                (verdict.f1_sentence(), judged(verdict.f1_is_certain(), verdict.f1)),
            ]
        }
        VerdictStatus::Impossible(reason) => vec![(printable(&reason.to_string()), theme.warning())],
        VerdictStatus::Untested(run) => vec![(untested(state, run), theme.dim())],
        VerdictStatus::Computing => {
            let draws = thousands(RESAMPLES as usize);
            vec![(format!("working it out: both runs' answers, image by image, drawn anew {draws} times"), theme.dim())]
        }
    }
}

fn untested(state: &State, run: usize) -> String {
    let id = &state.compare.runs[run].id;
    let stands = state.library.runs.find(id).and_then(|run| run.state(state.now));
    match stands {
        Some(stands) if stands.is_active() => format!("{id} is {}: the verdict comes with its test", stands.name()),
        Some(stands) => {
            format!("{id} is {} and not tested: `mien evaluate {id}` tests its best weights", stands.name())
        }
        None => format!("{id} is not tested"),
    }
}

/// What is said of runs that differ only in the seed.
fn seeds(state: &State, comparison: &Comparison) -> Vec<Block> {
    let theme = &state.theme;
    let told = |group: &crate::runs::comparison::SeedGroup| {
        let letters: Vec<&str> = group.runs.iter().map(|run| letter(*run)).collect();
        let figure = |wanted: Metric| {
            let (_, spread) = group.metrics.iter().find(|(metric, _)| *metric == wanted)?;
            let deviation = spread.deviation.map(|deviation| format!(" ± {deviation:.4}")).unwrap_or_default();
            Some(format!("{} {:.4}{deviation}", wanted.name(), spread.mean))
        };
        let figures: Vec<String> =
            [Metric::Accuracy, Metric::F1, Metric::ValLoss].into_iter().filter_map(figure).collect();
        let figures = if figures.is_empty() { String::new() } else { format!(": {}", figures.join(", ")) };
        let words = format!("differ only in the {}{figures}", group.describe());
        Block { about: letters.join(" "), style: theme.strong(), sentences: vec![(words, theme.text())] }
    };
    comparison.groups.iter().map(told).collect()
}

/// Columns before the sentences.
fn indent(blocks: &[Block]) -> u16 {
    blocks.iter().map(|block| width(&block.about)).max().unwrap_or(0).min(14) + 3
}

/// Rows that all of it would like to have on so many columns.
pub(super) fn rows(blocks: &[Block], columns: u16) -> u16 {
    let room = columns.saturating_sub(indent(blocks) + 1);
    let lines = blocks.iter().flat_map(|block| &block.sentences).map(|(text, _)| wrap(text, room).len());
    u16::try_from(lines.sum::<usize>()).unwrap_or(u16::MAX)
}

/// On how many images the first two were compared.
pub(super) fn note(state: &State) -> String {
    let verdict = |run: usize| match state.compare.standing(run) {
        VerdictStatus::Known(Verdict { images, .. }) => usize::try_from(*images).ok(),
        _ => None,
    };
    let images = (1..state.compare.runs.len()).find_map(verdict);
    images.map(|images| format!("on the same {} test images", thousands(images))).unwrap_or_default()
}

/// Draws as much as there is room for, from the block that the keyboard is on.
pub(super) fn render(state: &State, blocks: &[Block], buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let compare = &state.compare;
    // Who looks elsewhere sees what is said of the selected run.
    let cursor = match compare.pane {
        ComparePane::Verdicts => compare.line(ComparePane::Verdicts),
        _ => compare.position().saturating_sub(1),
    };
    let indent = indent(blocks);
    let room = area.width.saturating_sub(indent + 1);
    // Block, whether it is its first line, the text.
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
