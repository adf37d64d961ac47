//! `update`: folds an event into the state and says what is to be done. Pure: no file, no clock, no terminal.

mod compare;
mod data;
mod everywhere;
mod inspect;
mod mouse;
mod prompt;
mod runs;
mod train;

use super::screens::overlay::report_end;
use super::state::{Help, Input, Overlay, Palette, RunView, RunsState, State, WeightsState};
use super::widgets::figures::thousands;
use crate::domain::text::printable;
use crate::tui::messages::{Action, Effect, Event, RunsEffect, TrainEffect};
use crate::tui::screen::Screen;

/// What is wanted at the very start.
#[must_use]
pub fn start() -> Vec<Effect> {
    vec![Effect::Train(TrainEffect::SuggestName), Effect::Runs(RunsEffect::LookAtQueue)]
}

/// Takes in what happened at `now`, in milliseconds since 1970.
pub fn update(state: &mut State, now: u64, event: Event) -> Vec<Effect> {
    state.now = now;
    match event {
        Event::Key(key) => {
            state.touched = true;
            let shown = state.message.take();
            if everywhere::ends_tour(state, key) {
                return Vec::new();
            }
            return match state.keymap.action(state.context(), key) {
                Some(Action::Yank) => everywhere::yank(state, shown.as_ref()),
                Some(action) => apply(state, action),
                None => Vec::new(),
            };
        }
        Event::Paste(text) => {
            return match (&state.overlay, state.screen) {
                (Some(Overlay::Prompt(_)), _) => prompt::paste(state, &text),
                (None, Screen::Train) if state.train.focus.takes_text() => train::paste(state, &text),
                _ => everywhere::paste(state, &text),
            };
        }
        Event::Click { column, row, size } => return mouse::click(state, (column, row), size),
        Event::Scroll(lines) => return mouse::scroll(state, lines),
        Event::Redraw | Event::Tick => {}
        Event::Terminal(facts) => {
            state.learn(facts);
            return of_this_size(state);
        }
        Event::Resized { columns, rows } => {
            (state.columns, state.rows) = (columns, rows);
            everywhere::resized(state);
            return of_this_size(state);
        }
        Event::RunsRead(list) => return runs_read(state, list, RunsState::replace),
        Event::RunsChanged(list) => return runs_read(state, list, RunsState::merge),
        Event::RunsUnreadable(error) => state.runs.error = Some(printable(&error)),
        Event::DatasetsRead(Ok(entries)) => return data::datasets(state, entries),
        Event::DatasetsRead(Err(error)) => state.data.error = Some(printable(&error)),
        Event::WeightsRead(Ok(entries)) => {
            state.weights = WeightsState { loaded: true, error: None, entries };
        }
        Event::WeightsRead(Err(error)) => state.weights.error = Some(printable(&error)),
        Event::Failed(error) => fail(state, &error),
        Event::Data(event) => return data::heard(state, event),
        Event::Train(event) => return train::heard(state, event),
        Event::Runs(event) => return runs::heard(state, event),
        Event::Compare(event) => return compare::heard(state, event),
        Event::Inspect(event) => return inspect::heard(state, event),
    }
    Vec::new()
}

/// How news of runs are taken in; what came of it is to be told.
type Take = fn(&mut RunsState, Vec<RunView>, u64) -> Vec<String>;

fn runs_read(state: &mut State, list: Vec<RunView>, take: Take) -> Vec<Effect> {
    state.runs.error = None;
    let answers = take(&mut state.runs, list, state.now);
    runs::answered(state, answers);
    if !state.touched && !state.runs.list.is_empty() {
        // Who has runs opens the dashboard to see how they stand.
        state.screen = Screen::Runs;
    }
    let mut effects = inspect::runs_changed(state);
    effects.extend(compare::refresh(state));
    effects
}

/// Does what the user asked for.
pub fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => state.quit = true,
        Action::Help => state.overlay = Some(Overlay::Help(Help::default())),
        Action::Palette => {
            let input = Input::default().of_at_most(everywhere::LONGEST_FILTER);
            state.overlay = Some(Overlay::Palette(Palette { input, selected: 0 }));
        }
        Action::Messages => state.overlay = Some(Overlay::Messages(0)),
        Action::Yank => return everywhere::yank(state, None),
        Action::ToggleMouse => everywhere::toggle_mouse(state),
        Action::Tour => state.tour = true,
        Action::Suspend => return vec![Effect::Suspend],
        Action::GoTo(screen) => return go(state, screen),
        Action::NextScreen => return go(state, state.screen.step(1)),
        Action::PreviousScreen => return go(state, state.screen.step(-1)),
        _ => match (&state.overlay, state.screen) {
            (Some(Overlay::Help(_)), _) => everywhere::help(state, action),
            (Some(Overlay::Report(_)), _) => report(state, action),
            (Some(Overlay::Palette(_)), _) => return everywhere::palette(state, action),
            (Some(Overlay::Messages(line)), _) => everywhere::messages(state, *line, action),
            (Some(Overlay::Confirm(_)), _) => {
                let Some(Overlay::Confirm(confirm)) = state.overlay.take() else { return Vec::new() };
                return if action == Action::Yes { confirm.effects } else { Vec::new() };
            }
            (Some(Overlay::Prompt(_)), _) => return prompt::apply(state, action),
            (None, Screen::Data) => return data::apply(state, action),
            (None, Screen::Train) => return train::apply(state, action),
            (None, Screen::Runs) => return runs::apply(state, action),
            (None, Screen::Compare) => return compare::apply(state, action),
            (None, Screen::Inspect) => return inspect::apply(state, action),
        },
    }
    Vec::new()
}

fn go(state: &mut State, screen: Screen) -> Vec<Effect> {
    if state.screen != screen {
        state.before = state.screen;
        state.screen = screen;
    }
    state.runs.whole = false;
    match screen {
        Screen::Data => data::shown(state),
        Screen::Compare => compare::shown(state),
        Screen::Inspect => inspect::shown(state),
        Screen::Train | Screen::Runs => Vec::new(),
    }
}

/// What is wanted because there is more or less room.
fn of_this_size(state: &mut State) -> Vec<Effect> {
    if state.screen == Screen::Data { data::pictures(state) } else { Vec::new() }
}

fn report(state: &mut State, action: Action) {
    let end = report_end(state);
    match &mut state.overlay {
        Some(Overlay::Report(report)) if action != Action::Back => {
            report.first = moved(report.first.min(end), action, end + 1);
        }
        overlay => *overlay = None,
    }
}

/// Where a movement leads in a list of `count` lines.
fn moved(from: usize, action: Action, count: usize) -> usize {
    let to = match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => from + 1,
        Action::PageUp => from.saturating_sub(10),
        Action::PageDown => from + 10,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => from,
    };
    to.min(count.saturating_sub(1))
}

fn info(state: &mut State, text: String) {
    state.tell(text, false);
}

fn fail(state: &mut State, text: &str) {
    state.tell(printable(text), true);
}
