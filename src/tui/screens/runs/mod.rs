//! The Runs screen: the list of runs, and progress, curves and log of the selected run.
//!
//! Below 180 columns the list is above the selected run, from 180 columns on to its left, as wide as it needs. A small
//! terminal has the list and a few facts.

mod backend;
mod bars;
mod columns;
mod compact;
mod curves;
mod detail;
mod list;
mod log;
mod panel;
mod predictions;
mod scores;
mod settings;
mod state;
mod status;
mod update;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::RunState;
use crate::tui::layout::{Canvas, Layout};
use crate::tui::messages::runs::LIST;
use crate::tui::messages::{Action, Binding, Effect, RunsAction, RunsEffect};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, wrap};
pub(super) use backend::run_effect;
pub use state::{
    Chart, Curves, EpochPositions, Filter, LimitsForm, LogLine, LogView, News, Pane, PendingRequest, PredictionStatus,
    Predictions, QueueTimes, Request, RunsPurpose, RunsState, parse_limits,
};
pub use update::{on_event, on_runs, see_endings};

/// The fewest columns with the list to the left of the run, so that the list has more columns than on a screen of 80.
const BESIDE: u16 = 180;

/// The fewest columns of a run to the right of the list.
const DETAIL: u16 = 90;

/// The fewest columns and rows for a list above the run with its curves.
const CURVES: (u16, u16) = (60, 14);

/// The columns and rows of a log under the settings, and the rows of most settings. They are constant, because
/// otherwise the log would move when another run is selected.
const LOG_COLUMNS: u16 = 66;
const LOG_ROWS: u16 = 10;
const SETTINGS: u16 = 20;

/// The maximum number of lines of a list above the run.
const LINES_ABOVE: u16 = 5;

/// The Runs screen's entry in the table of screens.
pub(super) struct Runs;

impl ScreenEntry for Runs {
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
        draw(state, canvas, area);
    }

    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn applies(&self, state: &State, action: Action) -> bool {
        applies(state, action)
    }

    fn hint(&self, state: &State, binding: &Binding) -> &'static str {
        if state.context() != LIST || state.runs.targets(&state.library).len() < 2 {
            return binding.hint;
        }
        // The line has room for few hints, and several marked runs are marked for a key that acts on all of them.
        match binding.action {
            Action::Open => "",
            Action::Runs(action) => match action {
                RunsAction::Stop | RunsAction::Limits | RunsAction::Resume | RunsAction::Tag => binding.hint,
                RunsAction::Note => "note",
                RunsAction::Delete => "delete",
                RunsAction::Unmark => "unmark",
                _ => "",
            },
            _ => binding.hint,
        }
    }

    fn complete_line(&self, state: &State, line: &str) -> Vec<Effect> {
        match state.runs.prompt {
            Some(RunsPurpose::Predict(_) | RunsPurpose::Export(_)) => {
                vec![Effect::Runs(RunsEffect::CompleteSources(line.to_owned()))]
            }
            _ => Vec::new(),
        }
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        if let Some(shown) = &state.runs.predictions {
            return Some(("the prediction".into(), predictions::as_text(shown)?));
        }
        let run = state.runs.current(&state.library)?;
        Some((format!("the run's name, {}", run.id), run.id.to_string()))
    }

    fn smallest(&self) -> (u16, u16) {
        (40, 10)
    }

    fn edit_line(&self, state: &mut State, action: Action) -> Option<(String, usize)> {
        update::prompts::edit_line(state, action)
    }

    fn check_line(&self, state: &mut State, line: &str) -> Result<(), String> {
        update::prompts::check_line(state, line)
    }

    fn accept_line(&self, state: &mut State, line: &str) -> Result<Vec<Effect>, String> {
        update::prompts::accept_line(state, line)
    }

    fn cancel_line(&self, state: &mut State) {
        update::prompts::cancel_line(state);
    }
}

fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(shown) = &state.runs.predictions {
        return predictions::render(state, shown, canvas, area);
    }
    let is_small = area.width < CURVES.0 || area.height < CURVES.1;
    if let Some(run) = state.runs.current(&state.library).filter(|_| is_small && state.library.runs.error.is_none()) {
        return compact::render(state, run, canvas, area);
    }
    let Canvas { buffer, layout, .. } = canvas;
    let theme = &state.theme;
    if let Some(error) = &state.library.runs.error {
        for (row, line) in (1..).zip(wrap(error, area.width - 4)) {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.bad());
        }
        return;
    }
    let Some(run) = state.runs.current(&state.library) else { return empty(state, buffer, area) };
    if state.runs.whole {
        detail::render(state, run, true, buffer, area);
        return;
    }
    // The list is as high as without a filter, so that it does not shrink while one is typed.
    let count = u16::try_from(state.library.runs.list.len()).unwrap_or(u16::MAX / 2);
    let head = 1 + list::heading_rows(state);
    if area.width >= BESIDE {
        let width = list::wanted(state).clamp(42, area.width - DETAIL);
        let left = Rect { width, ..area };
        let right = Rect { x: area.x + width, width: area.width - width, ..area };
        let settings = settings::rows(run, width);
        let rows =
            (count + head).min(area.height.saturating_sub(settings)).max((count + head).min(area.height / 4)).max(2);
        list::render(state, buffer, layout, Rect { height: rows, ..left });
        let below = Rect { y: left.y + rows + 1, height: left.height.saturating_sub(rows + 1), ..left };
        let log_below = width >= LOG_COLUMNS && below.height >= SETTINGS + LOG_ROWS && run.summary.is_ok();
        let place = Rect { height: if log_below { settings } else { below.height }, ..below }.intersection(below);
        settings::render(state, run, buffer, place);
        if log_below {
            log::render(
                state,
                run,
                buffer,
                Rect { y: place.bottom() + 1, height: below.height - place.height - 1, ..below },
            );
        }
        for row in 0..area.height {
            Pen::new(buffer, theme, right, row).write(theme.glyphs.bar, theme.dim());
        }
        detail::render(state, run, !log_below, buffer, Rect { x: right.x + 1, width: right.width - 1, ..right });
    } else {
        let most = if area.height >= 30 { LINES_ABOVE * 2 } else { LINES_ABOVE };
        let rows = count.min(most) + head;
        list::render(state, buffer, layout, Rect { height: rows, ..area });
        detail::render(state, run, true, buffer, Rect { y: area.y + rows, height: area.height - rows, ..area });
    }
}

/// Returns whether an action would have an effect now.
fn applies(state: &State, action: Action) -> bool {
    let run = state.runs.current(&state.library);
    let action = match action {
        Action::Runs(RunsAction::WatchFolder) => return state.runs.predictions.is_some(),
        Action::Runs(action) => action,
        Action::Open => return run.is_some(),
        _ => return true,
    };
    let Some(run) = run else { return action == RunsAction::Filter && !state.library.runs.list.is_empty() };
    let run_state = run.state(state.now);
    match action {
        RunsAction::Resume => {
            run_state.is_some_and(|run_state| !run_state.is_active() && run_state != RunState::Finished)
        }
        RunsAction::Stop | RunsAction::Pause => run_state.is_some_and(RunState::is_active),
        RunsAction::Repeat | RunsAction::Limits | RunsAction::Settings => run_state.is_some(),
        RunsAction::NextHit | RunsAction::PreviousHit => !state.runs.log.search.is_empty(),
        RunsAction::Filter | RunsAction::Sort => state.library.runs.list.len() > 1,
        _ => true,
    }
}

fn empty(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if !state.library.runs.loaded {
        Pen::new(buffer, theme, area, 1).skip(2).write("reading the runs …", theme.dim());
        return;
    }
    if !state.library.runs.list.is_empty() {
        list::render(state, buffer, &mut Layout::default(), Rect { height: 2, ..area });
        Pen::new(buffer, theme, area, 3).skip(2).write("No run matches the filter.", theme.strong());
        Pen::new(buffer, theme, area, 4).skip(2).write("Esc shows all runs; / changes the filter.", theme.text());
        return;
    }
    let lines = [
        ("There are no runs yet.", theme.strong()),
        ("", theme.text()),
        ("Press 2, then G and Enter, to train the small network with its defaults.", theme.accent()),
        ("", theme.text()),
        ("A run continues after the dashboard is closed or the connection drops.", theme.text()),
        ("From a shell:  mien train cnn --dataset demo --detach", theme.text()),
    ];
    for (row, (line, style)) in (1..).zip(lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, style);
    }
}
