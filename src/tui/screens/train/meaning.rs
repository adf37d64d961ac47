//! What a form amounts to: the network's size, what is frozen, what it costs, when the run ends.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cost::Cost;
use super::{label, network};
use crate::domain::hyperparameter::Patience;
use crate::domain::{Monitor, Recipe, Size, StrategyChoice, Transfer};
use crate::tui::state::{DatasetView, Form, Ground, State};
use crate::tui::widgets::figures::{count, duration, thousands};
use crate::tui::widgets::paint::{Pen, rule, wrap};
use crate::tui::widgets::table::{Column, Row, Table};
use crate::weights::Manifest;

/// Hex digits of a hash that are shown.
const DIGITS: usize = 8;

/// Draws what the form means: sentences, and the layers where there is room.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let (theme, form, ground) = (&state.theme, &state.form, state.ground());
    if area.height < 2 {
        return;
    }
    rule(buffer, theme, Rect { height: 1, ..area }, &[("what this means", theme.strong())], "");
    let drafts: Option<Vec<Recipe>> = form.strategy_choice.strategies().map(|one| form.draft(one, &ground)).collect();
    let (Some(dataset), Some(drafts)) = (form.dataset(&ground), drafts) else {
        return nothing(state, &ground, buffer, area);
    };
    let mut row = 1;
    if form.strategy_choice == StrategyChoice::All {
        row += comparison(state, dataset, &drafts, buffer, Rect { y: area.y + 1, height: area.height - 1, ..area });
    }
    let sentences = match (form.strategy_choice, drafts.last()) {
        (StrategyChoice::All, Some(last)) => of_all(form, dataset, &drafts, last, &ground),
        (_, Some(only)) => of_one(dataset, only, &ground),
        (_, None) => Vec::new(),
    };
    for line in sentences.iter().flat_map(|sentence| wrap(sentence, area.width.saturating_sub(3))) {
        if row < area.height {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.text());
        }
        row += 1;
    }
    if let Some(last) = drafts.last().filter(|_| area.height > row + 1) {
        let below = Rect { y: area.y + row + 1, height: area.height - row - 1, ..area };
        network::render(state, dataset, last, buffer, below);
    }
}

/// What is missing, where nothing can be said yet.
fn nothing(state: &State, ground: &Ground<'_>, buffer: &mut Buffer, area: Rect) {
    let (theme, form) = (&state.theme, &state.form);
    let (words, style) = match form.first_error(ground) {
        // Told right above.
        Some((field, _)) if field == form.focus => {
            (format!("that depends on {}, see above", label(field)), theme.dim())
        }
        Some((field, error)) => (format!("✗ {}: {error}", label(field)), theme.bad()),
        None => ("something to train on is missing".into(), theme.dim()),
    };
    for (row, line) in (1..area.height).zip(wrap(&words, area.width.saturating_sub(3))) {
        Pen::new(buffer, theme, area, row).skip(2).write(&line, style);
    }
}

/// `keras-imagenet, a161c0f7`: how pixels become input, and which weights exactly.
pub(super) fn base_words(base: &Manifest) -> String {
    format!("{}, {}", base.preprocessing, base.hash.chars().take(DIGITS).collect::<String>())
}

/// Which base at which size.
fn base(transfer: &Transfer, ground: &Ground<'_>) -> String {
    let (name, size) = (&transfer.weights, transfer.size);
    let known = ground.base(name).map(|base| format!(" ({})", base_words(base))).unwrap_or_default();
    format!("{name}{known} at {size}×{size}")
}

/// The sentences of one run, the most important first.
fn of_one(dataset: &DatasetView, recipe: &Recipe, ground: &Ground<'_>) -> Vec<String> {
    let cost = match Cost::of(recipe, dataset, ground) {
        Ok(cost) => cost,
        Err(error) => return vec![format!("✗ {error}")],
    };
    let counts = dataset.counts();
    let (parameters, memory) = (cost.parameters(), cost.memory());
    let mut sentences = Vec::new();
    if let Some(transfer) = &recipe.transfer {
        let frozen = recipe.frozen_stages_text().map(|stages| format!("; {stages} frozen")).unwrap_or_default();
        sentences.push(format!("{parameters}: {}{frozen}", recipe.trained_stages_text().unwrap_or_default()));
        sentences.push(format!("{}; {memory}", base(transfer, ground)));
        if let Some(fine_tuning) = &transfer.fine_tuning {
            let run = ground.runs.list.iter().find(|run| run.id == fine_tuning.from);
            let waits = run.is_some_and(|run| ground.is_active(run));
            let when = if waits { "waits until it ends, then " } else { "" };
            sentences.push(format!("{when}starts from the best weights of {} on {}", fine_tuning.from, dataset.name));
        }
        sentences.extend(cost.features());
    } else {
        sentences.push(format!("{parameters}; {memory}"));
    }
    sentences.push(cost.time());
    let train = counts.train.saturating_sub(recipe.left_out.len());
    let steps = train.div_ceil(recipe.batch_size.max(1) as usize);
    sentences.push(format!(
        "an epoch: {} over {}, then {} to validate on",
        count(steps, "step", "steps"),
        count(train, "image", "images"),
        thousands(counts.validation)
    ));
    sentences.push(end(recipe));
    sentences.push(format!("then the best weights are tested on {}", count(counts.test, "image", "images")));
    if recipe.strategy.is_from_scratch() {
        sentences.push(image_words(dataset));
    }
    sentences
}

fn end(recipe: &Recipe) -> String {
    let better = match recipe.early_stopping.monitor {
        Monitor::ValLoss => "without a lower val loss",
        Monitor::ValAccuracy => "without a higher val accuracy",
    };
    let (epochs, patience) =
        (count(recipe.epochs as usize, "epoch", "epochs"), Patience(recipe.early_stopping.patience));
    let from = match recipe.early_stopping.start_from {
        0 | 1 => String::new(),
        epoch => format!(" from epoch {epoch} on"),
    };
    if patience.is_off() {
        return format!("ends after {epochs}");
    }
    format!("ends after {epochs}, or {} in a row{from} {better}", patience.in_epochs())
}

fn image_words(dataset: &DatasetView) -> String {
    let kind = if dataset.channels == 1 { "gray" } else { "colour" };
    format!("{}×{} {kind} → {}", dataset.width, dataset.height, count(dataset.classes.len(), "class", "classes"))
}

/// What runs in a row have in common.
fn of_all(form: &Form, dataset: &DatasetView, drafts: &[Recipe], last: &Recipe, ground: &Ground<'_>) -> Vec<String> {
    let costs: Vec<Cost> = drafts.iter().filter_map(|recipe| Cost::of(recipe, dataset, ground).ok()).collect();
    let mut sentences = Vec::new();
    if costs.iter().any(|cost| cost.time.is_none()) {
        sentences.push(format!("–: no run on device {} to judge the time by yet", last.device));
    }
    if let (Some(transfer), Some(trained)) = (&last.transfer, last.trained_stages_text()) {
        sentences.push(format!("{}; finetune trains {trained}", base(transfer, ground)));
    }
    sentences.push("each waits for the one before; finetune goes on from features' best weights".into());
    sentences.extend(costs.iter().skip(2).take(1).filter_map(Cost::features));
    sentences.push(format!("runs: {0}-cnn, {0}-deep, {0}-features, {0}-finetune", form.name.text()));
    sentences
}

/// A line for each of the runs. Returns the rows used.
fn comparison(state: &State, dataset: &DatasetView, drafts: &[Recipe], buffer: &mut Buffer, area: Rect) -> u16 {
    const COLUMNS: [Column; 7] = [
        Column::left("STRATEGY", 9, 0),
        Column::right("PARAMETERS", 4),
        Column::right("TRAINED", 0),
        Column::right("MEMORY", 0),
        Column::right("FEATURES", 2),
        Column::right("AN EPOCH", 0),
        Column::left("JUDGING BY", 24, 5),
    ];
    let (theme, ground) = (&state.theme, state.ground());
    let row = |recipe: &Recipe| -> Option<Row> {
        let Cost { work, time, .. } = Cost::of(recipe, dataset, &ground).ok()?;
        let dash = || "–".to_owned();
        let before = time.as_ref().filter(|time| time.seconds_before >= 1.0);
        let about = |time: &crate::runs::Estimate| if time.rough { "roughly " } else { "" };
        let cells = [
            recipe.strategy.to_string(),
            thousands(work.parameters),
            thousands(work.trained),
            Size(work.memory).to_string(),
            before.map_or_else(dash, |time| duration(time.seconds_before)),
            time.as_ref().map_or_else(dash, |time| format!("{}{}", about(time), duration(time.seconds_per_epoch))),
            time.as_ref().map_or_else(dash, |time| time.from.to_string()),
        ];
        Some(cells.into_iter().map(|text| (text, theme.text())).collect())
    };
    let rows: Vec<Row> = drafts.iter().filter_map(row).collect();
    let place = Rect { x: area.x + 1, width: area.width.saturating_sub(1), height: area.height.min(4), ..area };
    Table { columns: &COLUMNS, rows: &rows, selected: None, marked: false, gap: 2 }.render(buffer, theme, place);
    4
}
