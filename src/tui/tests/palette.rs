//! Tests of names typed into the command palette.

use super::fixtures::{self, NOW, id};
use super::screens::at;
use super::update::press;
use crate::tui::messages::{self, Action, Effect, RunsEffect};
use crate::tui::palette::{Command, matches};
use crate::tui::screen::Screen;
use crate::tui::state::State;
use crate::tui::update::{apply, update};

fn first(state: &mut State, query: &str) -> Command {
    apply(state, Action::Palette);
    update(state, NOW, messages::Event::Paste(query.into()));
    let first = matches(state).into_iter().next().unwrap_or_else(|| panic!("nothing matches {query}")).command;
    state.overlay = None;
    first
}

#[test]
fn every_exact_name_and_alias_of_a_command_chooses_it() {
    for screen in Screen::ALL {
        let mut state = at(screen, fixtures::with_data(fixtures::all()));
        let context = state.screen_context();
        let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
        let here: Vec<_> = messages::all().filter(|binding| binding.works_in(context)).collect();
        for binding in &here {
            for name in std::iter::once(&binding.name).chain(binding.aliases) {
                assert_eq!(first(&mut state, name), Command::Perform(binding.action), "{name} on {screen:?}");
            }
            // Its last part may be the last part of others too, or a screen's name.
            let short = last(binding.name);
            let named = here.iter().filter(|other| last(other.name) == short || other.aliases.contains(&short));
            let named: Vec<Command> = named.map(|other| Command::Perform(other.action)).collect();
            let chosen = first(&mut state, short);
            assert!(named.contains(&chosen), "{short} on {screen:?}: {chosen:?}");
        }
        let elsewhere = messages::all().filter(|binding| !binding.works_in(context));
        for binding in elsewhere.filter(|binding| binding.contexts().any(|context| context.screen.is_some())) {
            assert!(
                matches!(first(&mut state, binding.name), Command::Explain(_)),
                "{} on {screen:?}: nothing else is done",
                binding.name
            );
        }
    }
}

#[test]
fn habits_of_other_programs_quit_and_go_to_screens() {
    for query in ["q", "q!", "wq", "quit", "exit"] {
        for screen in Screen::ALL {
            let mut state = at(screen, fixtures::with_data(fixtures::all()));
            assert_eq!(first(&mut state, query), Command::Perform(Action::Quit), "{query} on {screen:?}");
        }
    }
    for screen in Screen::ALL {
        for from in Screen::ALL {
            let mut state = at(from, fixtures::with_data(fixtures::all()));
            let query = screen.title().to_lowercase();
            assert_eq!(first(&mut state, &query), Command::Perform(Action::GoTo(screen)), "{query} on {from:?}");
        }
    }
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    assert_eq!(first(&mut state, "calm-heron"), Command::ShowRun(id("calm-heron")));
}

#[test]
fn an_exact_name_that_has_no_effect_now_says_so_and_does_nothing_else() {
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    state.runs.selected = Some(id("brisk-otter"));
    assert_eq!(press(&mut state, ":pause<enter>"), []);
    let message = state.message.clone().expect("a message");
    assert!(message.text.contains("brisk-otter") && state.screen == Screen::Runs, "{message:?}");
    let mut state = at(Screen::Data, state);
    assert_eq!(press(&mut state, ":pause<enter>"), []);
    assert_eq!(
        state.message.clone().map(|message| message.text).as_deref(),
        Some("pause works on Runs (3): pause the run, or continue it")
    );
    let mut state = at(Screen::Runs, state);
    state.runs.selected = Some(id("calm-heron"));
    assert_eq!(press(&mut state, ":pause<enter>"), [Effect::Runs(RunsEffect::Pause(id("calm-heron")))]);
}
