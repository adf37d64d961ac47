//! Escape sequences in every text of a run and a dataset, on every screen: no cell holds a control character.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::fixtures::{self, Logbook};
use super::screens::at;
use super::update::press;
use crate::domain::Outcome;
use crate::domain::text::printable;
use crate::events::Event as Logged;
use crate::tui::library::DatasetEntry;
use crate::tui::screen::Screen;
use crate::tui::state::State;
use crate::tui::view;
use crate::tui::widgets::faces::Pictures;

const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{61c}\u{2028}\u{7f}\r\u{8}owned";

fn evil() -> String {
    format!("word{EVIL}")
}

fn planted() -> State {
    let log = Logbook::new("calm-heron", 60)
        .started()
        .log(Logged::WorkerStarted { pid: 1, host: evil(), resumed_from: 0, resumed_step: 0 })
        .log(Logged::DeviceChosen { device: evil(), description: evil(), note: Some(evil()) })
        .epochs(3, 2)
        .log(Logged::Warning { message: evil() })
        .ended(Outcome::Failed { cause: evil(), kind: crate::domain::FailureKind::Disk });
    let mut broken = fixtures::finished();
    broken.summary = Err(evil());
    let mut dataset = fixtures::fer2013();
    dataset.fingerprint = evil();
    dataset.marks_error = Some(evil());
    dataset.classes.iter_mut().for_each(|(name, _)| name.push_str(EVIL));
    let damaged = DatasetEntry { name: fixtures::dataset_name("damaged"), dataset: Err(evil()) };
    let mut state = fixtures::state(vec![fixtures::entry(dataset), damaged], vec![log.view(false), broken]);
    state.notify(evil());
    state
}

#[test]
fn no_cell_steers_the_terminal() {
    let mut shown = 0;
    for screen in Screen::ALL {
        for keys in ["", "?", ":", "!", "/", "j", "<enter>", "jj<enter>"] {
            let mut state = at(screen, planted());
            if !(screen == Screen::Train && keys.contains("<enter>")) {
                press(&mut state, keys);
            }
            for size in [(80, 24), (160, 50)] {
                let area = Rect::new(0, 0, size.0, size.1);
                let mut buffer = Buffer::empty(area);
                view::render(&state, &mut buffer, area, &mut Pictures::new(false));
                for cell in buffer.content() {
                    assert_eq!(printable(cell.symbol()), cell.symbol(), "{screen:?} after {keys:?}");
                }
                let text: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
                shown += text.matches("owned").count();
            }
        }
    }
    assert!(shown > 20, "what is planted is shown {shown} times");
}
