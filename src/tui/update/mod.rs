//! Applies events to the state and returns the effects to perform. Pure: it uses no file, clock, terminal or drawing.
//! Positions on the screen come from the layout of the last frame.

mod everywhere;
mod mouse;

use std::sync::Arc;

use super::screens::{self, data, go_to, prompt, runs};
use crate::data::overview::Overview;
use crate::domain::DatasetName;
use crate::domain::text::printable;
use crate::homes::LinkState;
use crate::homes::entries::HomeEntries;
use crate::tui::key::Key;
use crate::tui::library::{DatasetEntry, DatasetView, LinkView, ThereView, WeightsEntry};
use crate::tui::messages::{Action, Effect, Event, RunsEffect, TrainEffect, moved};
use crate::tui::screen::Screen;
use crate::tui::state::{Help, Input, Overlay, Palette, State};

/// Returns the effects to perform at the start.
#[must_use]
pub fn start() -> Vec<Effect> {
    vec![
        Effect::Train(TrainEffect::SuggestName),
        Effect::Runs(RunsEffect::CheckQueue),
        Effect::Runs(RunsEffect::ReadLastLook),
        Effect::Runs(RunsEffect::ReadListView),
    ]
}

/// Applies an event that happened at `now`, in milliseconds since 1970.
pub fn update(state: &mut State, now: u64, event: Event) -> Vec<Effect> {
    state.now = now;
    match event {
        Event::Key(key) => {
            let seen = runs::see_endings(state);
            return seen.into_iter().chain(on_key(state, key)).collect();
        }
        Event::Paste(text) => paste(state, &text),
        Event::Click(at) => return mouse::click(state, at),
        Event::Scroll(lines) => return mouse::scroll(state, lines),
        Event::Drawn(layout) => return on_drawn(state, layout),
        Event::Redraw => {}
        Event::Tick => return state.notices.take_due(&state.library, now).map(Effect::Notify).into_iter().collect(),
        Event::Terminal(facts) => state.set_terminal(facts),
        Event::Resized { columns, rows } => (state.columns, state.rows) = (columns, rows),
        Event::RunsRead(list) => {
            let effects = runs::on_runs(state, list, runs::RunsState::replace);
            state.drop_untrue_message();
            return effects;
        }
        Event::RunsChanged(list) => {
            let effects = runs::on_runs(state, list, runs::RunsState::merge);
            state.drop_untrue_message();
            return effects;
        }
        Event::RunsUnreadable(error) => state.library.runs.error = Some(printable(&error)),
        Event::DatasetsRead(Ok(entries)) => return data::on_datasets(state, entries),
        Event::DatasetsRead(Err(error)) => state.library.datasets.error = Some(printable(&error)),
        Event::WeightsRead(read) => state.library.weights.put(read),
        Event::EntriesRead(read) => return on_entries(state, read),
        Event::Link(link) => return on_link(state, link),
        Event::Failed(error) => state.fail(&error),
        event => return screens::on_event(state, event),
    }
    Vec::new()
}

/// Stores the state of the connection to the home, and shows a message when it is lost or restored.
fn on_link(state: &mut State, link: LinkView) -> Vec<Effect> {
    let name = link.name.clone();
    match &link.state {
        LinkState::Cut { reason, .. } if !state.link_lost => {
            state.fail(&format!("{name} cannot be reached: {reason}"));
        }
        LinkState::Live { .. } if state.link_lost => state.notify(format!("{name} answers again")),
        _ => {}
    }
    state.link_lost = match &link.state {
        LinkState::Cut { .. } => true,
        LinkState::Live { .. } => false,
        LinkState::Connecting => state.link_lost,
    };
    let is_live = |link: &LinkView| matches!(link.state, LinkState::Live { .. });
    let answers_now = is_live(&link) && !state.library.link.as_ref().is_some_and(is_live);
    state.library.link = Some(link);
    let shows_entries = matches!(state.screen, Screen::Data | Screen::Train | Screen::Inspect);
    if answers_now && shows_entries { vec![Effect::ReadEntries] } else { Vec::new() }
}

/// Takes the datasets, weights and devices of a home on another machine.
fn on_entries(state: &mut State, read: Result<Arc<HomeEntries>, String>) -> Vec<Effect> {
    let entries = match read {
        Ok(entries) => Arc::unwrap_or_clone(entries),
        Err(words) => {
            state.library.weights.put(Err(words.clone()));
            state.library.datasets.put(Err(words));
            return Vec::new();
        }
    };
    let weights = |(name, manifest)| WeightsEntry { name, manifest };
    state.library.weights.put(Ok(entries.weights.into_iter().map(weights).collect()));
    state.library.machine = entries.machine;
    state.library.there = Some(ThereView { at: state.now, devices: entries.devices, can_train: entries.can_train });
    let dataset = |(name, overview): (DatasetName, Result<Overview, String>)| DatasetEntry {
        dataset: overview.map(|overview| DatasetView::new(&name, overview)),
        name,
    };
    data::on_datasets(state, entries.datasets.into_iter().map(dataset).collect())
}

fn on_key(state: &mut State, key: Key) -> Vec<Effect> {
    state.key_pressed = true;
    let shown = state.message.take().filter(|message| !message.is_expired(state.now));
    if everywhere::hide_tour(state, key) {
        return Vec::new();
    }
    match state.keymap.action(state.context(), key) {
        Some(Action::Yank) => everywhere::copy_selection(state, shown.as_ref()),
        Some(action) => apply(state, action),
        None => Vec::new(),
    }
}

fn paste(state: &mut State, text: &str) {
    if matches!(state.overlay, Some(Overlay::Prompt(_))) {
        prompt::paste(state, text);
    } else if state.overlay.is_some() || !screens::entry(state.screen).paste(state, text) {
        everywhere::paste(state, text);
    }
}

/// Stores the layout of a frame, and limits scroll positions to it.
fn on_drawn(state: &mut State, layout: super::layout::Layout) -> Vec<Effect> {
    if let Some(Overlay::Help(Help { line, .. }) | Overlay::Messages(line)) = &mut state.overlay {
        *line = (*line).min(layout.last_page);
    }
    state.layout = layout;
    screens::entry(state.screen).on_drawn(state)
}

/// Performs an action of the user on the overlay in front, else on the screen.
pub fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => everywhere::quit(state),
        Action::Help => {
            let filter = Input::default().with_max_length(everywhere::LONGEST_FILTER);
            state.overlay = Some(Overlay::Help(Help { line: 0, filter }));
        }
        Action::Palette => {
            let input = Input::default().with_max_length(everywhere::LONGEST_FILTER);
            state.overlay = Some(Overlay::Palette(Palette { input, selected: 0 }));
        }
        Action::Messages => state.overlay = Some(Overlay::Messages(0)),
        Action::Yank => return everywhere::copy_selection(state, None),
        Action::ToggleMouse => everywhere::toggle_mouse(state),
        Action::Tour => state.tour = true,
        Action::Suspend => return vec![Effect::Suspend],
        Action::GoTo(screen) => return go_to(state, screen),
        Action::NextScreen => return go_to(state, state.screen.step(1)),
        Action::PreviousScreen => return go_to(state, state.screen.step(-1)),
        _ => match &state.overlay {
            Some(Overlay::Help(_)) => everywhere::apply_to_help(state, action),
            Some(Overlay::Report(_)) => apply_to_report(state, action),
            Some(Overlay::Palette(_)) => return everywhere::apply_to_palette(state, action),
            Some(Overlay::Messages(line)) => everywhere::apply_to_messages(state, *line, action),
            Some(Overlay::Confirm(_)) => {
                let Some(Overlay::Confirm(confirm)) = state.overlay.take() else { return Vec::new() };
                return if action == Action::Yes { confirm.effects } else { Vec::new() };
            }
            Some(Overlay::Prompt(_)) => return prompt::apply(state, action),
            None => return screens::entry(state.screen).apply(state, action),
        },
    }
    Vec::new()
}

fn apply_to_report(state: &mut State, action: Action) {
    let end = state.layout.last_page;
    match &mut state.overlay {
        Some(Overlay::Report(report)) if action != Action::Back => {
            report.first = moved(report.first.min(end), action, end + 1);
        }
        overlay => *overlay = None,
    }
}
