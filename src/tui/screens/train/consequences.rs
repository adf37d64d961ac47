//! The consequences of the form's settings: the network's size, the frozen part, the cost, and the end of the run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cost::Cost;
use super::network;
use super::{Field, Form, FormChoices, NOTHING_TO_TRAIN_ON};
use crate::domain::hyperparameter::Patience;
use crate::domain::{DeviceRequest, Hyperparameter, Monitor, Recipe, Size, StrategyChoice, Transfer};
use crate::tui::library::DatasetView;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{count, duration, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};
use crate::tui::widgets::table::{Column, Row, Table};
use crate::weights::Manifest;

/// The most different runs whose times are estimated for a frame.
const MOST_ESTIMATES: usize = 24;

/// The rows of the table of all strategies: its headings, and a line for each strategy.
const TABLE_ROWS: u16 = 5;

/// The number of hex digits shown of a hash.
const DIGITS: usize = 8;

/// Draws the consequences as sentences, and the layers where there is room.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let (theme, form, choices) = (&state.theme, &state.train, state.form_choices());
    if area.height < 2 {
        return;
    }
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("what this means", theme.strong())], "");
    let drafts: Option<Vec<Recipe>> = form.strategy_choice.strategies().map(|one| form.draft(one, &choices)).collect();
    let (Some(dataset), Some(drafts)) = (form.dataset(&choices), drafts) else {
        return draw_error(state, &choices, buffer, area);
    };
    // A wrong value has no consequences: those of the default would be taken for its own.
    let is_setting = |field: &Field| matches!(field, Field::Setting(_));
    if form.fields().into_iter().filter(is_setting).any(|field| form.error(field, &choices).is_some()) {
        return draw_error(state, &choices, buffer, area);
    }
    let mut row = 1;
    if form.strategy_choice == StrategyChoice::All {
        row +=
            draw_comparison(state, dataset, &drafts, buffer, Rect { y: area.y + 1, height: area.height - 1, ..area });
    }
    let sentences = match (form.strategy_choice, drafts.last()) {
        (StrategyChoice::All, Some(last)) => describe_all(form, dataset, &drafts, last, &choices),
        (_, Some(only)) => {
            let recipes = form.recipes(only, &choices).unwrap_or_else(|_| vec![only.clone()]);
            let sweep = describe_sweep(form, dataset, &recipes, &choices);
            let first = recipes.first().unwrap_or(only);
            sweep.into_iter().chain(describe_run(dataset, first, state)).collect()
        }
        (_, None) => Vec::new(),
    };
    let warning = warn_of_missing_gpu(form, &choices).map(|sentence| (sentence, theme.warning()));
    let sentences = warning.into_iter().chain(sentences.into_iter().map(|sentence| (sentence, theme.text())));
    for (sentence, style) in sentences {
        for line in wrap(&sentence, area.width.saturating_sub(3)) {
            if row < area.height {
                Pen::new(buffer, theme, area, row).skip(2).write(&line, style);
            }
            row += 1;
        }
    }
    if let Some(last) = drafts.last().filter(|_| area.height > row + 1) {
        let below = Rect { y: area.y + row + 1, height: area.height - row - 1, ..area };
        network::render(state, dataset, last, buffer, below);
    }
}

/// Returns a warning if a run would ask for a GPU on a machine that has none. Such a run fails at its start.
fn warn_of_missing_gpu(form: &Form, choices: &FormChoices<'_>) -> Option<String> {
    let machine = &choices.library.machine;
    let asks_for_gpu = |value: &String| matches!(value.parse(), Ok(DeviceRequest::Cuda(_)));
    let values = form.values(Hyperparameter::Device, choices).ok()?;
    let is_missing = !machine.has_gpu && form.place().is_none() && values.iter().any(asks_for_gpu);
    is_missing.then(|| format!("✗ {} has no GPU that this mien can use: a run on cuda would fail", machine.host))
}

/// Draws the reason why there are no consequences to show yet.
fn draw_error(state: &State, choices: &FormChoices<'_>, buffer: &mut Buffer, area: Rect) {
    let (theme, form) = (&state.theme, &state.train);
    let (words, style) = match form.first_error(choices) {
        // The explanation above shows this error already.
        Some((field, _)) if field == form.focus => (format!("depends on {}: see above", field.label()), theme.dim()),
        Some((field, error)) => (format!("✗ {}: {error}", field.label()), theme.bad()),
        None => (NOTHING_TO_TRAIN_ON.into(), theme.dim()),
    };
    for (row, line) in (1..area.height).zip(wrap(&words, area.width.saturating_sub(3))) {
        Pen::new(buffer, theme, area, row).skip(2).write(&line, style);
    }
}

/// Returns the preprocessing and the hash of a base: `keras-imagenet, a161c0f7`.
pub(super) fn describe_base(base: &Manifest) -> String {
    format!("{}, {}", base.preprocessing, base.hash.chars().take(DIGITS).collect::<String>())
}

/// Returns the base and the image size.
fn describe_transfer(transfer: &Transfer, choices: &FormChoices<'_>) -> String {
    let (name, size) = (&transfer.weights, transfer.size);
    let known = choices.base(name).map(|base| format!(" ({})", describe_base(base))).unwrap_or_default();
    format!("{name}{known} at {size}×{size}")
}

/// Returns the sentences about all runs of several values; none for a single run.
fn describe_sweep(form: &Form, dataset: &DatasetView, recipes: &[Recipe], choices: &FormChoices<'_>) -> Vec<String> {
    let (Ok(sweep), runs) = (form.sweep(choices), recipes.len()) else { return Vec::new() };
    if runs < 2 {
        return Vec::new();
    }
    let values = |setting: Hyperparameter| Some((setting.name(), form.values(setting, choices).ok()?));
    let varied = sweep.varied().filter_map(values).map(|(name, values)| format!("{name} {}", values.join(", ")));
    let folds = form.fold_count().map(|folds| format!("{folds} folds"));
    let varied: Vec<String> = varied.chain(folds).collect();
    let mut sentences = vec![format!("{runs} runs with one tag: {}", varied.join(" × "))];
    if let Some(seconds) = total_seconds(recipes, dataset, choices) {
        sentences.push(format!("all {runs} take at most {}", duration(seconds)));
    }
    sentences.push("of the first:".into());
    sentences
}

/// Returns the seconds that runs take at most, one after the other. `None` if one cannot be estimated, or if many
/// differ in more than the seed.
fn total_seconds(recipes: &[Recipe], dataset: &DatasetView, choices: &FormChoices<'_>) -> Option<f64> {
    let mut known: Vec<(Recipe, f64)> = Vec::new();
    let mut total = 0.0;
    for recipe in recipes {
        // The seed does not change the time.
        let alike = Recipe { seed: 0, ..recipe.clone() };
        total += match known.iter().find(|(recipe, _)| *recipe == alike) {
            Some((_, seconds)) => *seconds,
            // A frame would be late: an estimate looks at every run of the home.
            None if known.len() == MOST_ESTIMATES => return None,
            None => {
                let seconds = Cost::of(&alike, dataset, choices).ok()?.time?.total(recipe.epochs);
                known.push((alike, seconds));
                seconds
            }
        };
    }
    Some(total)
}

/// Returns the sentences of one run, the most important first.
fn describe_run(dataset: &DatasetView, recipe: &Recipe, state: &State) -> Vec<String> {
    let choices = &state.form_choices();
    let cost = match Cost::of(recipe, dataset, choices) {
        Ok(cost) => cost,
        Err(error) => return vec![format!("✗ {error}")],
    };
    let facts = dataset.facts();
    let facts = facts.as_split_by(recipe).unwrap_or(facts);
    let counts = facts.counts();
    let (parameters, memory) = (cost.parameters(), cost.memory());
    let mut sentences = Vec::from_iter(describe_other_version(dataset, state));
    if let Some(transfer) = &recipe.transfer {
        let frozen = recipe.frozen_stages_text().map(|stages| format!("; {stages} frozen")).unwrap_or_default();
        sentences.push(format!("{parameters}: {}{frozen}", recipe.trained_stages_text().unwrap_or_default()));
        sentences.push(format!("{}; {memory}", describe_transfer(transfer, choices)));
        if let Some(fine_tuning) = &transfer.fine_tuning {
            let run = choices.library.runs.list.iter().find(|run| run.id == fine_tuning.from);
            let is_active = run.is_some_and(|run| choices.is_active(run));
            let when = if is_active { ", once that run has ended" } else { "" };
            sentences.push(format!("starts from the best weights of {} on {}{when}", fine_tuning.from, dataset.name));
        }
        sentences.extend(cost.features());
    } else {
        sentences.push(format!("{parameters}; {memory}"));
    }
    sentences.push(cost.time(recipe.epochs, state));
    if let Some(twin) = choices.summaries().into_iter().find(|run| run.is_twin_of(recipe)) {
        sentences.push(format!("{} had the same settings and seed", twin.id));
    }
    sentences.extend(describe_other_beginning(recipe, state));
    let train = facts.trained_images(recipe);
    let steps = train.div_ceil(recipe.batch_size.max(1) as usize);
    sentences.push(format!(
        "an epoch: {} over {}, then {} for validation",
        count(steps, "step", "steps"),
        count(train, "image", "images"),
        thousands(counts.validation)
    ));
    sentences.push(describe_end(recipe));
    sentences.push(format!("then the best weights are tested on {}", count(counts.test, "image", "images")));
    if recipe.strategy.is_from_scratch() {
        sentences.push(describe_images(dataset));
    }
    sentences
}

/// Returns a sentence if the repeated run was trained on another version of the dataset: its images have other indices.
fn describe_other_version(dataset: &DatasetView, state: &State) -> Option<String> {
    let (id, repeated) = state.train.repeated.as_ref()?;
    if repeated.dataset != dataset.name || repeated.fingerprint == dataset.fingerprint {
        return None;
    }
    let version = format!("{id} was trained on another version of {}", dataset.name);
    let corrections = repeated.corrections();
    let images = corrections.left_out.len() + corrections.relabelled.len();
    Some(match images {
        0 => version,
        _ => format!(
            "{version}: the {} it corrected {} not found in this one; corrections (marked) takes the marks of today",
            count(images, "image", "images"),
            if images == 1 { "is" } else { "are" }
        ),
    })
}

/// Returns a sentence if the repeated run began with another number of epochs: its first ones had other learning rates.
fn describe_other_beginning(recipe: &Recipe, state: &State) -> Option<String> {
    let (id, in_force) = state.train.repeated.as_ref()?;
    let begun = state.library.runs.find(id)?.summary.as_ref().ok()?.recipe.epochs;
    let first = count(begun as usize, "epoch", "epochs");
    (begun != in_force.epochs && recipe.epochs == in_force.epochs).then(|| {
        format!("{id} began with {first}: it trained by another schedule than a run that begins with {}", recipe.epochs)
    })
}

fn describe_end(recipe: &Recipe) -> String {
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

fn describe_images(dataset: &DatasetView) -> String {
    let kind = if dataset.channels == 1 { "gray" } else { "colour" };
    format!("{}×{} {kind} → {}", dataset.width, dataset.height, count(dataset.classes.len(), "class", "classes"))
}

/// Returns the sentences that all four runs share.
fn describe_all(
    form: &Form,
    dataset: &DatasetView,
    drafts: &[Recipe],
    last: &Recipe,
    choices: &FormChoices<'_>,
) -> Vec<String> {
    let costs: Vec<Cost> = drafts.iter().filter_map(|recipe| Cost::of(recipe, dataset, choices).ok()).collect();
    let mut sentences = Vec::new();
    if costs.iter().any(|cost| cost.time.is_none()) {
        sentences.push(format!("–: no earlier run on device {} to estimate the time from", last.device));
    }
    if let (Some(transfer), Some(trained)) = (&last.transfer, last.trained_stages_text()) {
        sentences.push(format!("{}; finetune trains {trained}", describe_transfer(transfer, choices)));
    }
    sentences.push("each waits for the one before; finetune starts from features' best weights".into());
    sentences.extend(costs.iter().skip(2).take(1).filter_map(Cost::features));
    sentences.push(format!("runs: {0}-cnn, {0}-deep, {0}-features, {0}-finetune", form.name.text()));
    sentences
}

/// Draws a table with a line for each of the runs. Returns the number of rows used.
fn draw_comparison(state: &State, dataset: &DatasetView, drafts: &[Recipe], buffer: &mut Buffer, area: Rect) -> u16 {
    const COLUMNS: [Column; 7] = [
        Column::left("STRATEGY", 9, 0),
        Column::right("PARAMETERS", 4),
        Column::right("TRAINED", 0),
        Column::right("MEMORY", 0),
        Column::right("FEATURES", 2),
        Column::right("AN EPOCH", 0),
        Column::left("JUDGING BY", 24, 5),
    ];
    let (theme, choices) = (&state.theme, state.form_choices());
    let row = |recipe: &Recipe| -> Option<Row> {
        let Cost { training, time, .. } = Cost::of(recipe, dataset, &choices).ok()?;
        let dash = || "–".to_owned();
        let before = time.as_ref().filter(|time| time.feature_seconds >= 1.0);
        let about = |time: &crate::runs::Estimate| if time.rough { "roughly " } else { "" };
        let cells = [
            recipe.strategy.to_string(),
            thousands(training.parameters),
            thousands(training.trained),
            Size(training.memory).to_string(),
            before.map_or_else(dash, |time| duration(time.feature_seconds)),
            time.as_ref().map_or_else(dash, |time| format!("{}{}", about(time), duration(time.seconds_per_epoch))),
            time.as_ref().map_or_else(dash, |time| time.source_run.to_string()),
        ];
        Some(cells.into_iter().map(|text| (text, theme.text())).collect())
    };
    let rows: Vec<Row> = drafts.iter().filter_map(row).collect();
    let place =
        Rect { x: area.x + 1, width: area.width.saturating_sub(1), height: area.height.min(TABLE_ROWS), ..area };
    Table { columns: &COLUMNS, rows: &rows, selected: None, marked: false, gap: 2 }.render(buffer, theme, place);
    TABLE_ROWS
}
