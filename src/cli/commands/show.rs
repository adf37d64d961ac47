//! `show`: prints one run in full.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Format, RunArgument};
use crate::cli::run_list::facts;
use crate::cli::scores::{test_probabilities, test_text};
use crate::cli::table::{Side, Table, age, metric_text, thousands};
use crate::cli::{output, run_json};
use crate::domain::hyperparameter::Patience;
use crate::domain::network::LayerRow;
use crate::domain::number_text::count;
use crate::domain::text::printable;
use crate::domain::{Hyperparameter, Limits, Load, RunId, RunState, Size, Tag};
use crate::runs::{Annotations, FollowedRun, RunFacts, Summary, WorkerDeath, event_text};
use crate::supervise;

/// Show a run: settings, epochs, early stopping, test metrics; with --csv, the metrics of its epochs
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    run: RunArgument,
    #[command(flatten)]
    format: Format,
}

impl Show {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        let problem = supervise::slurm::refresh(&store);
        let run = store.summary(&id)?;
        let now = supervise::now();
        let mut warnings = Vec::new();
        let facts = facts(&run, now, &mut warnings);
        match self.format {
            Format { json: true, .. } => output::json(&run_json::whole_run(&store, &run, &facts))?,
            Format { csv: true, .. } => output::records(&run.summary.epochs)?,
            Format { .. } => output::print(&text(&run, &facts, now, &run_json::layers(&store, &run.summary)))?,
        }
        warnings.iter().chain(&problem).for_each(|warning| output::print_error(warning));
        if !run.damage().is_none() {
            let log = run.folder().events_file();
            output::print_error(&format!("{}: {}; the rest is shown", log.display(), run.damage()));
        }
        Ok(Exit::Done)
    }
}

fn layer_table(layers: &[LayerRow]) -> String {
    let columns = [("LAYER", Side::Left), ("OUTPUT", Side::Right), ("PARAMETERS", Side::Right)];
    let [name, output, parameters] = columns;
    let mut table = Table::new([name, output, parameters, ("MULTIPLY-ADDS", Side::Right), ("", Side::Left)]);
    let count = |number: u64| if number == 0 { "–".into() } else { thousands(usize::try_from(number).unwrap_or(0)) };
    for layer in layers {
        let [channels, height, width] = layer.output;
        let output = if height * width == 1 { thousands(channels) } else { format!("{width}×{height}×{channels}") };
        let frozen = if layer.frozen { "frozen" } else { "" };
        let (parameters, multiply_adds) = (count(layer.parameters as u64), count(layer.multiply_adds));
        table.row(&[layer.name.clone(), output, parameters, multiply_adds, frozen.into()]);
    }
    table.render()
}

fn text(followed: &FollowedRun, facts: &RunFacts, now: u64, layers: &[LayerRow]) -> String {
    let (run, loss) = (&followed.summary, &followed.folder().worker_death());
    let job = followed.job_words().map(|words| format!("cluster     {words}\n")).unwrap_or_default();
    let head = head(run, facts.state(), loss, now) + &job + &annotations(facts.annotations());
    let mut parts = vec![head, settings(run)];
    if !layers.is_empty() {
        parts.push(layer_table(layers));
    }
    if !run.epochs.is_empty() {
        parts.push(epoch_table(run));
    }
    parts.push(early_stopping(run));
    parts.extend(test_text(run, test_probabilities(followed).as_ref()));
    let notice = followed.folder().notice_failure();
    let warnings: Vec<String> =
        run.warnings.iter().chain(&notice).map(|warning| format!("warning: {warning}")).collect();
    if !warnings.is_empty() {
        parts.push(warnings.iter().map(|warning| printable(warning) + "\n").collect());
    }
    parts.join("\n")
}

/// Returns a line for the tags and one for the note; empty without either.
fn annotations(annotations: &Annotations) -> String {
    let tags: Vec<&str> = annotations.tags.iter().map(Tag::as_str).collect();
    let lines = [("tags        ", tags.join(", ")), ("note        ", annotations.note.as_str().to_owned())];
    lines
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| printable(&format!("{name}{text}")) + "\n")
        .collect()
}

/// Returns `, found with RUN, RUN`; empty for no runs.
fn found_with(runs: &[RunId]) -> String {
    let runs: Vec<&str> = runs.iter().map(RunId::as_str).collect();
    if runs.is_empty() { String::new() } else { format!(", found with {}", runs.join(", ")) }
}

fn head(run: &Summary, state: RunState, loss: &WorkerDeath, now: u64) -> String {
    let is_active = state.is_active();
    let outcome = run.outcome.as_ref().filter(|_| !is_active).map(event_text::describe_outcome);
    let state = match (state, outcome) {
        (RunState::Interrupted, Some(outcome)) if matches!(loss, WorkerDeath::Scheduler(_)) => {
            format!("{outcome}; {loss}")
        }
        (_, Some(outcome)) => outcome,
        (RunState::Lost, None) if run.wait().is_some() && *loss != WorkerDeath::Killed => {
            "lost: it was waiting in the queue and has no worker; `mien queue restart` restarts it".into()
        }
        (RunState::Lost, None) => format!("lost: {loss}; `mien resume {}` continues it", run.id),
        (RunState::Queued, None) => run.wait().map_or_else(|| "queued".into(), |wait| format!("queued: {wait}")),
        (state, None) => state.to_string(),
    };
    let created = age(now.saturating_sub(run.recipe.created_at));
    let mut lines = vec![format!("{}  {state}, created {created} ago", run.id)];
    if let Some(device) = &run.device {
        lines.push(printable(&format!("device      {}: {}", device.name, device.description)));
    }
    if let Some(parameters) = run.parameters {
        let (total, trainable) = (thousands(parameters.total), thousands(parameters.trainable));
        lines.push(format!("parameters  {total}, {trainable} trained"));
    }
    if let Some(images) = run.images {
        let [train, validation, test] = [images.train, images.validation, images.test].map(thousands);
        lines.push(format!("images      {train} training, {validation} validation, {test} test"));
    }
    if let Some(fold) = run.recipe.fold {
        lines.push(format!("fold        {fold}, divided by seed {}", fold.seed));
    }
    if !run.recipe.left_out.is_empty() {
        let with = found_with(&run.recipe.left_out.found_with);
        let images = count(run.recipe.left_out.len(), "training image", "training images");
        lines.push(format!("left out    {images}{with}"));
    }
    if !run.recipe.relabelled.is_empty() {
        let relabelled = &run.recipe.relabelled;
        let images = count(relabelled.len(), "training image", "training images");
        let (classes, with) = (relabelled.by_class(&run.classes), found_with(&relabelled.found_with));
        lines.push(format!("relabelled  {images}, now {classes}{with}"));
    }
    if run.limits != Limits::of(&run.recipe) {
        let (Limits { epochs, patience }, begun) = (run.limits, Limits::of(&run.recipe));
        let at_first = |value: String, first: String| {
            if value == first { String::new() } else { format!(" ({first} at first)") }
        };
        let epochs_before = at_first(epochs.to_string(), begun.epochs.to_string());
        let patience_before = at_first(Patience(patience).to_string(), Patience(begun.patience).to_string());
        let patience = Patience(patience);
        lines.push(format!(
            "limits      changed to {epochs} epochs at most{epochs_before}, patience {patience}{patience_before}"
        ));
    }
    // A paused worker uses nothing; the last measurement is of the time before.
    if let Some(load) = run.load.as_ref().filter(|_| is_active && !run.paused) {
        lines.push(printable(&format!("load        {}", load_text(load))));
    }
    lines.join("\n") + "\n"
}

fn load_text(Load { cpu, memory, gpu }: &Load) -> String {
    let gpu = gpu.as_ref().map(|gpu| {
        let (used, total) = (Size(gpu.memory_used), Size(gpu.memory_total));
        format!("; {} {}% busy, {used} of {total}", gpu.name, gpu.utilization)
    });
    format!("{cpu:.0}% of a core, {}{}", Size(*memory), gpu.unwrap_or_default())
}

fn settings(run: &Summary) -> String {
    let recipe = run.recipe_in_force();
    let mut table = Table::new([("SETTING", Side::Left), ("VALUE", Side::Left)]);
    table.row(&["strategy".into(), run.recipe.strategy.to_string()]);
    table.row(&["dataset".into(), run.recipe.dataset.to_string()]);
    if let Some(transfer) = &run.recipe.transfer {
        table.row(&["weights".into(), transfer.weights.to_string()]);
        if let Some(fine_tuning) = &transfer.fine_tuning {
            table.row(&["from".into(), fine_tuning.from.to_string()]);
        }
    }
    if let Some(after) = &run.recipe.after {
        table.row(&["after".into(), after.to_string()]);
    }
    for field in Hyperparameter::of(run.recipe.strategy) {
        table.row(&[field.name().into(), field.get(&recipe)]);
    }
    table.render()
}

fn epoch_table(run: &Summary) -> String {
    let mut table = Table::new([
        ("EPOCH", Side::Right),
        ("TRAIN LOSS", Side::Right),
        ("TRAIN ACC", Side::Right),
        ("VAL LOSS", Side::Right),
        ("VAL ACC", Side::Right),
        ("LEARNING RATE", Side::Right),
        ("SECONDS", Side::Right),
        ("IMAGES/S", Side::Right),
        ("", Side::Left),
    ]);
    for epoch in &run.epochs {
        table.row(&[
            epoch.epoch.to_string(),
            metric_text(Some(epoch.train_loss)),
            metric_text(Some(epoch.train_accuracy)),
            metric_text(Some(epoch.val_loss)),
            metric_text(Some(epoch.val_accuracy)),
            format!("{:.2e}", epoch.learning_rate),
            format!("{:.1}", epoch.seconds),
            format!("{:.0}", epoch.images_per_second),
            if epoch.epoch == run.early_stopping.best_epoch { "best" } else { "" }.into(),
        ]);
    }
    table.render()
}

fn early_stopping(run: &Summary) -> String {
    let (rule, status) = (run.recipe.early_stopping, run.early_stopping);
    let best = match status.best_epoch {
        0 => "nothing to compare with yet".to_owned(),
        epoch => format!("best {:.4} in epoch {epoch}", status.best_value),
    };
    let patience = Patience(run.limits.patience);
    if patience.is_off() {
        return format!("early stopping is off; {}: {best}\n", rule.monitor);
    }
    format!("early stopping on {}: {best}, waited {} of {}\n", rule.monitor, status.waited, patience.in_epochs())
}
