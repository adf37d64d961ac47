//! What the focused line is and accepts, or what is wrong with it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::label;
use crate::domain::{Strategy, StrategyChoice};
use crate::tui::state::{Field, State};
use crate::tui::widgets::paint::{Pen, rule, wrap};

/// Rows on a terminal that has many.
pub(super) const ROOMY: u16 = 6;

/// Rows on one that has few: what is accepted then stands on the rule.
pub(super) const TIGHT: u16 = 3;

fn strategy(strategy_choice: StrategyChoice) -> &'static str {
    match strategy_choice {
        StrategyChoice::One(Strategy::Cnn) => "a network from scratch, on images as they are stored",
        StrategyChoice::One(Strategy::Deep) => "a deeper network with batch norm from scratch: the one to use",
        StrategyChoice::One(Strategy::Features) => "a small head on what a frozen pretrained VGG16 makes of the images",
        StrategyChoice::One(Strategy::Finetune) => {
            "the head and the upper blocks of the base, from the best weights of a features run"
        }
        StrategyChoice::All => {
            "all four in order: cnn, deep, features, finetune from features; each waits for the one before, and has its \
             own learning rates"
        }
    }
}

/// What a line is, and what it accepts.
fn words(state: &State, field: Field) -> (&'static str, String) {
    match field {
        Field::Strategy => (strategy(state.form.strategy_choice), "← → chooses".into()),
        Field::Dataset => ("the images to train on; Data (1) shows what is in them", "← → chooses".into()),
        Field::Weights => {
            ("the pretrained base: five blocks of VGG16, trained on other pictures before", "← → chooses".into())
        }
        Field::From => (
            "the run whose best weights are the start, newest first; a run still at work is waited for",
            "← → chooses".into(),
        ),
        Field::Without => (
            "training images to do without: those that were marked on Inspect (5) as wrongly labelled",
            "← → chooses".into(),
        ),
        Field::Setting(setting) => {
            let default = state.form.default_of(setting, &state.ground());
            let default = default.unwrap_or_else(|| "each strategy's own".into());
            (setting.explanation(), format!("accepts {} · default {default}", setting.range()))
        }
        Field::Name if state.form.strategy_choice == StrategyChoice::All => {
            ("what the four runs' names begin with", "letters, digits, - _ and .".into())
        }
        Field::Name => ("the run's name and the name of its folder", "letters, digits, - _ and .".into()),
        Field::Launch => ("Enter starts a worker of its own: it goes on when the dashboard is closed", String::new()),
    }
}

pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let field = state.form.focus;
    let (what, accepted) = words(state, field);
    let tight = area.height <= TIGHT;
    let note = if tight { accepted.as_str() } else { "" };
    rule(buffer, theme, Rect { height: 1, ..area }, &[(label(field), theme.strong())], note);
    let columns = area.width.saturating_sub(3);
    let plain = |text: &str| wrap(text, columns).into_iter().map(|line| (line, theme.text())).collect::<Vec<_>>();
    let mut lines = match state.form.error(field, &state.ground()) {
        Some(error) => {
            let wrong = wrap(&format!("✗ {error}"), columns).into_iter().map(|line| (line, theme.bad()));
            // Where room is scarce, what is wrong comes before what the line is.
            if tight { wrong.collect() } else { plain(what).into_iter().chain(wrong).collect() }
        }
        None => plain(what),
    };
    if !tight {
        lines.extend(wrap(&accepted, columns).into_iter().map(|line| (line, theme.dim())));
    }
    for (row, (line, style)) in (1..area.height).zip(&lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, *style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Hyperparameter;

    #[test]
    fn no_explanation_is_cut_on_a_small_terminal() {
        let settings = Hyperparameter::ALL.map(Hyperparameter::explanation);
        for text in settings.into_iter().chain(StrategyChoice::EACH.map(strategy)) {
            assert!(wrap(text, 77).len() < usize::from(TIGHT), "{text}");
        }
    }
}
