//! The explanation of the focused line with its accepted values, or its error.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Field;
use crate::domain::{Hyperparameter, Strategy, StrategyChoice};
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, draw_rule, width, wrap};

/// The number of rows on a high terminal.
pub(super) const ROOMY: u16 = 6;

/// The number of rows on a low terminal, where the rule shows the accepted values.
pub(super) const TIGHT: u16 = 3;

/// Cells of a rule around its title and its note.
const MARGINS: u16 = 12;

fn strategy(strategy_choice: StrategyChoice) -> &'static str {
    match strategy_choice {
        StrategyChoice::One(Strategy::Cnn) => "a small network from scratch, on images as they are stored",
        StrategyChoice::One(Strategy::Deep) => "a deeper network with batch norm, from scratch: the best choice",
        StrategyChoice::One(Strategy::Features) => "a small head on the features of a frozen, pretrained VGG16",
        StrategyChoice::One(Strategy::Finetune) => {
            "the head and the upper blocks of the base, from the best weights of a features run"
        }
        StrategyChoice::All => {
            "all four in order: cnn, deep, features, finetune from features; each waits for the one before, and has its \
             own learning rates"
        }
    }
}

/// Returns the explanation of a line and its accepted values.
fn words(state: &State, field: Field) -> (&'static str, String) {
    match field {
        Field::Strategy => (strategy(state.train.strategy_choice), "← → to choose".into()),
        Field::Dataset => ("the images to train on; Data (1) shows them", "← → to choose".into()),
        Field::Weights => ("the base: five blocks of VGG16, trained on other images", "← → to choose".into()),
        Field::From => (
            "the run whose best weights are the start, newest first; an active run is waited for",
            "← → to choose".into(),
        ),
        Field::Corrections => {
            let words = "training images to leave out or relabel: marked on Inspect (5), or found by `mien data check`";
            (words, "← → to choose".into())
        }
        Field::Setting(setting) => {
            let choices = state.form_choices();
            let default = state.train.default_of(setting, &choices).unwrap_or_else(|| "each strategy's own".into());
            let range = setting.range(&state.train.sample(&choices));
            (setting.explanation(), format!("accepts {range} · default {default}"))
        }
        Field::Folds => (
            "cross-validation: one run for each part of all images, which tests it; official test images are included",
            "← → to choose".into(),
        ),
        Field::Place => (
            "local is this machine; a place of the config file gets the run as a job (`mien places` lists them)",
            "← → to choose".into(),
        ),
        Field::Name if state.train.strategy_choice == StrategyChoice::All => {
            ("the beginning of the four runs' names", "letters, digits, - _ and .".into())
        }
        Field::Name => ("the run's name and the name of its folder", "letters, digits, - _ and .".into()),
        Field::Launch => ("Enter starts a worker, which continues after the dashboard is closed", String::new()),
    }
}

/// Returns the way to give a setting several values.
fn several(state: &State, field: Field) -> &'static str {
    match (field, state.train.strategy_choice) {
        (Field::Setting(setting), StrategyChoice::One(_)) if setting.has_choices() => " · a run for each of several: +",
        (Field::Setting(setting), StrategyChoice::One(_)) if setting.accepts("0.01") => {
            " · a run for each of 0.01,0.02"
        }
        (Field::Setting(_), StrategyChoice::One(_)) => " · a run for each of 1,2 or 1..5",
        _ => "",
    }
}

/// Returns the accepted values of a line, on a home of another machine with the age of its answer.
fn accepted_there(state: &State, field: Field, accepted: String) -> String {
    match (field, state.library.there_age(state.now)) {
        (Field::Dataset | Field::Weights | Field::Setting(Hyperparameter::Device), Some((name, ago))) => {
            format!("{accepted} · {name} {ago} ago")
        }
        _ => accepted,
    }
}

/// Returns the devices of the machine of a home elsewhere, for the line of the device.
fn devices_there(state: &State, field: Field) -> Option<String> {
    let (name, _) = state.library.there_age(state.now)?;
    let devices = &state.library.there.as_ref()?.devices;
    (field == Field::Setting(Hyperparameter::Device)).then(|| format!("{name}: {}", devices.join(", ")))
}

pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let field = state.train.focus;
    let (what, accepted) = words(state, field);
    let accepted = accepted_there(state, field, accepted);
    let tight = area.height <= TIGHT;
    let roomy = format!("{accepted}{}", several(state, field));
    let note = match width(&roomy) + width(field.label()) + MARGINS <= area.width {
        _ if !tight => "",
        true => roomy.as_str(),
        false => accepted.as_str(),
    };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(field.label(), theme.strong())], note);
    let columns = area.width.saturating_sub(3);
    let plain = |text: &str| wrap(text, columns).into_iter().map(|line| (line, theme.text())).collect::<Vec<_>>();
    let mut lines = match state.train.error(field, &state.form_choices()) {
        Some(error) => {
            let wrong = wrap(&format!("✗ {error}"), columns).into_iter().map(|line| (line, theme.bad()));
            // A low terminal has no room for both, and the error matters more.
            if tight { wrong.collect() } else { plain(what).into_iter().chain(wrong).collect() }
        }
        None => plain(what),
    };
    lines.extend(devices_there(state, field).iter().flat_map(|words| plain(words)));
    if !tight {
        lines.extend(wrap(&roomy, columns).into_iter().map(|line| (line, theme.dim())));
    }
    for (row, (line, style)) in (1..area.height).zip(&lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, *style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_explanation_is_cut_on_a_small_terminal() {
        let settings = Hyperparameter::ALL.map(Hyperparameter::explanation);
        for text in settings.into_iter().chain(StrategyChoice::EACH.map(strategy)) {
            assert!(wrap(text, 77).len() < usize::from(TIGHT), "{text}");
        }
    }
}
