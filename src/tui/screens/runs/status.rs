//! A run's state in words: one or two for the list, a sentence for the detail.

use ratatui::style::Style;

use crate::domain::{FinishReason, Outcome, RunState, Split, text::printable};
use crate::runs::summary::SlotWait;
use crate::runs::{Summary, WorkerDeath};
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::number_text::thousands;

/// Returns whether the run's training has ended, though a worker may still evaluate its best weights.
pub(super) fn has_trained(summary: &Summary) -> bool {
    summary.evaluating.is_some() || summary.outcome.is_some()
}

/// Returns sign, word and style for the list.
pub(super) fn list_label(state: &State, run: &RunView) -> (String, Style) {
    let theme = &state.theme;
    let (Ok(summary), Some(run_state)) = (&run.summary, run.state(state.now)) else {
        return ("✗ unreadable".into(), theme.bad());
    };
    let (sign, style) = theme.state(run_state);
    let word = match (run_state, &summary.outcome) {
        _ if state.runs.pending_request(&run.id).is_some() => "asked",
        (RunState::Running, _) if summary.stopping => "stopping",
        (RunState::Running, _) if summary.kernels.is_some() => "compiling",
        (RunState::Running, _) if summary.features.is_some() => "features",
        (RunState::Running, _) if summary.evaluating.is_some() => "testing",
        (RunState::Finished | RunState::Interrupted, _) => summary.ending(),
        (RunState::Failed, Some(Outcome::Diverged { .. })) => "diverged",
        _ => run_state.name(),
    };
    (format!("{sign} {word}"), style)
}

/// Returns a sentence on the kernels that are being compiled.
fn describe_compilation(summary: &Summary) -> String {
    let device = summary.device.as_ref().map_or("the device", |device| device.name.as_str());
    let so_far = match summary.kernels {
        None | Some(0) => String::new(),
        Some(count) => format!(": {} so far", thousands(count)),
    };
    format!("compiling kernels for {}, once for all runs like this{so_far}", printable(device))
}

/// Returns a sentence on the state and the keys that help, if there is something to report.
pub(super) fn describe_state(
    theme: &Theme,
    summary: &Summary,
    run_state: RunState,
    loss: Option<&WorkerDeath>,
) -> Option<(String, Style)> {
    let epoch = summary.epoch();
    let next_step = match summary.saved {
        None => "R starts it again".into(),
        Some(saved) => format!("R resumes {saved}"),
    };
    let (sign, style) = theme.state(run_state);
    let text = match run_state {
        RunState::Running if summary.stopping => format!("stopping: it ends after the current batch; then {next_step}"),
        RunState::Running if summary.kernels.is_some() => describe_compilation(summary),
        RunState::Running if summary.features.is_some() => {
            "computing the frozen part's features of the images, once for all epochs".into()
        }
        RunState::Running if summary.evaluating.is_some() => {
            let on = if summary.evaluating == Some(Split::Train) { " on the training images" } else { "" };
            format!("testing the weights of epoch {}, the best{on}", summary.early_stopping.best_epoch)
        }
        RunState::Running if has_trained(summary) => "its training has ended; its worker is still running".into(),
        RunState::Running => return None,
        RunState::Queued => match (&summary.waiting_for, &summary.slot_wait) {
            (Some(other), _) => format!("queued: waits for {other} to end"),
            (None, Some(SlotWait { device, .. })) => format!("queued: waits for {device}"),
            (None, None) => "queued: waits for its device".into(),
        },
        RunState::Paused => format!("paused {}: p continues it", summary.describe_pause()),
        RunState::Starting => "starting: the worker opens the data and builds the network".into(),
        RunState::Lost if summary.wait().is_some() && loss != Some(&WorkerDeath::Killed) => {
            "lost: it was waiting and has no worker; R or Q restarts it".into()
        }
        RunState::Lost => format!("lost: {}; {next_step}", loss.unwrap_or(&WorkerDeath::Silent)),
        RunState::Stopped => format!("stopped on request; {next_step}"),
        RunState::Interrupted => {
            let signal = match &summary.outcome {
                Some(Outcome::Interrupted { signal }) => printable(signal),
                _ => "a signal".into(),
            };
            format!("interrupted by {signal}; {next_step}")
        }
        RunState::Finished => describe_finish(summary),
        RunState::Failed => {
            let cause = summary.cause().map(printable).unwrap_or_default();
            let what = if matches!(summary.outcome, Some(Outcome::Diverged { .. })) { "diverged" } else { "failed" };
            format!("{what} after epoch {epoch}: {cause}; {next_step}")
        }
    };
    Some((format!("{sign} {text}"), style))
}

fn describe_finish(summary: &Summary) -> String {
    let epoch = summary.epoch();
    match &summary.outcome {
        Some(Outcome::Finished { reason: FinishReason::EarlyStop }) => {
            let rule = &summary.recipe.early_stopping;
            let best = summary.early_stopping.best_epoch;
            format!("finished at epoch {epoch}, early stop: {} did not improve after epoch {best}", rule.monitor)
        }
        _ if epoch == 1 => "finished: 1 epoch done".into(),
        _ => format!("finished: all {epoch} epochs done"),
    }
}
