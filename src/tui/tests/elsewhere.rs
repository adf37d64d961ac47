//! Tests of the Data and Train screens on a home of another machine.

use std::sync::Arc;

use super::fixtures::{self, NOW};
use super::screens::{draw, snapshot};
use super::update::press;
use crate::homes::entries::HomeEntries;
use crate::homes::{LinkError, LinkState};
use crate::tui::library::{LinkView, Listing};
use crate::tui::messages::{Effect, Event, TrainEffect};
use crate::tui::screen::Screen;
use crate::tui::state::State;
use crate::tui::update::update;

const SIZE: (u16, u16) = (80, 24);

fn link(state: LinkState) -> Event {
    Event::Link(LinkView { name: "box2".into(), state, contact_at: Some(NOW) })
}

fn live() -> LinkState {
    LinkState::Live { complete: true, pending: None, refused: 0 }
}

/// Returns the dashboard of a home elsewhere that was asked for nothing yet.
fn connected() -> State {
    let mut state = fixtures::state(vec![], vec![fixtures::finished()]);
    (state.library.datasets, state.data.creating_demo) = (Listing::default(), false);
    update(&mut state, NOW, link(live()));
    state
}

fn entries(can_train: bool) -> HomeEntries {
    crate::homes::entries::tests::entries(&["cuda:0 H100", "cuda:1 H100"], can_train)
}

/// Returns that dashboard twelve seconds after the home answered.
fn answered(can_train: bool) -> State {
    let mut state = connected();
    update(&mut state, NOW - 12_000, Event::EntriesRead(Ok(Arc::new(entries(can_train)))));
    update(&mut state, NOW, Event::Tick);
    state
}

#[test]
fn entries_are_asked_for_when_a_screen_shows_them_and_when_the_line_is_mended() {
    let mut state = connected();
    for (key, asks) in [("1", true), ("3", false), ("2", true), ("4", false), ("5", true)] {
        assert_eq!(press(&mut state, key).contains(&Effect::ReadEntries), asks, "{key}");
    }
    let cut = LinkState::Cut { reason: LinkError::Cut("no route to host".into()), at: NOW, retry_at: None };
    assert_eq!(update(&mut state, NOW, link(cut)), []);
    assert_eq!(update(&mut state, NOW, link(live())), [Effect::ReadEntries]);
    assert_eq!(update(&mut state, NOW, link(live())), [], "once");
    // The answer itself asks for nothing more.
    press(&mut state, "1");
    let effects = update(&mut state, NOW, Event::EntriesRead(Ok(Arc::new(entries(true)))));
    assert!(!effects.contains(&Effect::ReadEntries), "{effects:?}");
}

#[test]
fn an_empty_home_elsewhere_gets_no_demo_dataset() {
    let mut state = connected();
    press(&mut state, "1");
    assert!(draw(&state, SIZE).contains("asking box2 for its datasets"));
    let none = HomeEntries { datasets: vec![], ..entries(true) };
    assert_eq!(update(&mut state, NOW, Event::EntriesRead(Ok(Arc::new(none)))), []);
    let screen = draw(&state, SIZE);
    assert!(screen.contains("There is no dataset on box2 yet.") && screen.contains("mien --home box2 data import"));
}

#[test]
fn data_and_train_show_the_machine_of_the_home() {
    let mut state = answered(true);
    press(&mut state, "1");
    snapshot("elsewhere_data", &state, SIZE);
    press(&mut state, "2j");
    snapshot("elsewhere_train", &state, SIZE);
    state.train.focus = crate::tui::screens::train::Field::Setting(crate::domain::Hyperparameter::Device);
    snapshot("elsewhere_device", &state, (120, 40));
    let launched = press(&mut state, "G<enter>");
    assert!(matches!(&launched[..], [Effect::Train(TrainEffect::Launch { .. })]), "{launched:?}");
    assert_eq!(state.library.machine.host, "box2", "estimates are for the machine that answered");
}

#[test]
fn a_launch_is_refused_in_words_until_it_can_be_done_there() {
    let refused = |mut state: State, words: &str| {
        press(&mut state, "2j");
        assert_eq!(state.screen, Screen::Train);
        let screen = draw(&state, SIZE);
        assert!(screen.contains(words), "{words}: {screen}");
        let effects = press(&mut state, "G<enter>");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Train(_))), "{effects:?}");
    };
    refused(connected(), "the datasets of box2 are asked for");
    refused(answered(false), "the mien of box2 was built without the trainer");
    let mut cut = answered(true);
    let reason = LinkError::Cut("no route to host".into());
    update(&mut cut, NOW, link(LinkState::Cut { reason, at: NOW, retry_at: None }));
    refused(cut, "box2 cannot be reached, so nothing can be started there");
}
