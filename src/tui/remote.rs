//! The dashboard on a home of another machine: actions run there as commands, and everything else reads the mirror.

use std::io::Read;
use std::sync::Arc;

use crate::data::marked::Doubt;
use crate::domain::hyperparameter::Patience;
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId, Split};
use crate::homes::entries::{HomeEntries, MAX_ENTRIES};
use crate::homes::launch_order::{LaunchOrder, Launched};
use crate::homes::protocol::RunFile;
use crate::homes::{Link, LinkState};
use crate::runs::annotations::AnnotationChange;
use crate::runs::queue::QueueMove;
use crate::tui::backend::{Backend, for_each};
use crate::tui::library::LinkView;
use crate::tui::messages::{ActionError, CompareEffect, Effect, Event, InspectEffect, RunsEffect, RunsEvent};
use crate::tui::messages::{DataEffect, DataEvent, TrainEffect, TrainEvent};
use crate::tui::screens;

/// The most bytes of a command's output that are kept.
const MAX_OUTPUT: usize = 64 << 10;

/// Runs an effect and returns its answer.
pub(super) fn run_effect(backend: &Backend, effect: Effect) -> Event {
    let Some(link) = &backend.link else { return screens::run_effect(backend, effect) };
    let effect = match act(link, effect) {
        Ok(event) => return event,
        Err(effect) => effect,
    };
    copy_predictions(backend, link, &effect);
    screens::run_effect(backend, effect)
}

/// Returns the state of the link as the dashboard shows it.
pub(super) fn view(link: &Link) -> LinkView {
    LinkView { name: printable(&link.address().name), state: link.state(), contact_at: link.contact_at() }
}

/// Performs an effect that changes the home, there. An effect that only reads is returned.
#[allow(clippy::result_large_err)] // an effect, which is handed on
fn act(link: &Link, effect: Effect) -> Result<Event, Effect> {
    match effect {
        Effect::Runs(effect) => runs(link, effect).map(Event::Runs).map_err(Effect::Runs),
        // Entries hold the marks of all datasets.
        Effect::ReadEntries | Effect::Inspect(InspectEffect::ReadMarks(_)) => {
            Ok(Event::EntriesRead(read_entries(link).map(Arc::new)))
        }
        Effect::Train(TrainEffect::Launch { id, recipe, .. }) => {
            let launched = launch(link, &LaunchOrder::One { id, recipe }).and_then(|ids| exactly(link, ids));
            Ok(Event::Train(TrainEvent::LaunchFinished(launched.map(|[id]| id).map_err(ActionError::Remote))))
        }
        Effect::Train(TrainEffect::LaunchAll { ids, recipes, .. }) => {
            let launched = launch(link, &LaunchOrder::All { ids, recipes }).and_then(|ids| exactly(link, ids));
            Ok(Event::Train(TrainEvent::LaunchAllFinished(launched.map_err(ActionError::Remote))))
        }
        Effect::Train(TrainEffect::LaunchSweep { stem, runs, .. }) => {
            let launched = launch(link, &LaunchOrder::Sweep { stem, runs });
            Ok(Event::Train(TrainEvent::LaunchSweepFinished(launched.map_err(ActionError::Remote))))
        }
        Effect::Data(DataEffect::LoadFaces(range)) => {
            Ok(Event::Data(DataEvent::Faces(range, Err(format!("the images stay on {}", name(link))))))
        }
        Effect::Data(DataEffect::MakeVariants(request)) => {
            Ok(Event::Data(DataEvent::Variants(request, Err(format!("the images stay on {}", name(link))))))
        }
        Effect::Data(DataEffect::ReadSkipped(dataset)) => {
            let shown = command(link, &["data", "show", dataset.as_str()]);
            let lines = shown.map(|text| text.lines().map(printable).collect());
            Ok(Event::Data(DataEvent::SkippedRead(dataset, lines)))
        }
        Effect::Data(DataEffect::CreateDemo) => {
            Ok(Event::Data(DataEvent::DemoFinished(Err(elsewhere(link, "data demo")))))
        }
        Effect::Data(DataEffect::StartImport(_) | DataEffect::Delete(_) | DataEffect::CancelImport) => {
            Ok(Event::Failed(elsewhere(link, "data")))
        }
        Effect::Inspect(InspectEffect::Mark { dataset, index, doubt }) => {
            let marked = mark(link, &dataset, index, doubt).and_then(|()| read_entries(link));
            Ok(marked.map_or_else(Event::Failed, |entries| Event::EntriesRead(Ok(Arc::new(entries)))))
        }
        effect => Err(effect),
    }
}

fn name(link: &Link) -> String {
    printable(&link.address().name)
}

/// Asks the home for its datasets, weights and devices.
fn read_entries(link: &Link) -> Result<HomeEntries, String> {
    let output = exchange(link, &["entries"], None, MAX_ENTRIES)?;
    HomeEntries::parse(output.as_bytes()).map_err(|error| error.to_string())
}

/// Marks a training image there, or unmarks it without a doubt.
fn mark(link: &Link, dataset: &DatasetName, index: usize, doubt: Option<Doubt>) -> Result<(), String> {
    let (dataset, index) = (dataset.as_str(), index.to_string());
    let Some(Doubt { class, run }) = doubt else {
        return command(link, &["data", "unmark", dataset, &index]).map(drop);
    };
    let mut arguments = vec!["data".to_owned(), "mark".into(), dataset.into(), index];
    arguments.extend(run.map(|run| format!("--found-with={run}")));
    if let Some(class) = class {
        // The command takes the name of the class, and the screen shows a printable form of it.
        let entries = read_entries(link)?;
        let overview = entries.datasets.iter().find(|(name, _)| name.as_str() == dataset);
        let overview = overview.and_then(|(_, overview)| overview.as_ref().ok());
        let class = overview.and_then(|overview| overview.manifest.classes.get(usize::from(class)));
        let class = class.ok_or_else(|| format!("{} has no such class in {dataset} any more", name(link)))?;
        arguments.push(format!("--class={}", class.name));
    }
    command(link, &arguments).map(drop)
}

/// Starts runs there, and returns their names.
fn launch(link: &Link, order: &LaunchOrder) -> Result<Vec<RunId>, String> {
    let order = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    let output = exchange(link, &["launch-recipes"], Some(&mut &order[..]), MAX_OUTPUT)?;
    let launched: Launched = serde_json::from_str(&output)
        .map_err(|_| format!("{} answered something else than the names of runs", name(link)))?;
    Ok(launched.ids)
}

fn exactly<const N: usize>(link: &Link, ids: Vec<RunId>) -> Result<[RunId; N], String> {
    ids.try_into().map_err(|_| format!("{} started another number of runs", name(link)))
}

/// Returns the command that does what the dashboard does only at home.
fn elsewhere(link: &Link, command: &str) -> String {
    let name = printable(&link.address().name);
    format!("in a home on another machine this is a command: `mien --home {name} {command} --help`")
}

fn runs(link: &Link, effect: RunsEffect) -> Result<RunsEvent, RunsEffect> {
    let done = |arguments: &[&str], message: String| RunsEvent::Done(command(link, arguments).map(|_| message));
    let action = |arguments: &[&str]| command(link, arguments).map(drop).map_err(ActionError::Remote);
    Ok(match effect {
        RunsEffect::Resume(ids) => {
            RunsEvent::ResumeFinished(for_each(ids, |id| action(&["resume", id.as_str(), "--detach"])))
        }
        RunsEffect::Stop(ids) => RunsEvent::StopFinished(for_each(ids, |id| action(&["stop", id.as_str()]))),
        RunsEffect::Pause(id) => {
            let result = command(link, &["pause", id.as_str()]).map(drop);
            RunsEvent::Requested(id, result)
        }
        RunsEffect::Continue(id) => {
            let result = command(link, &["unpause", id.as_str()]).map(drop);
            RunsEvent::Requested(id, result)
        }
        RunsEffect::Kill(id) => {
            done(&["stop", id.as_str(), "--kill", "--yes"], format!("the worker of {id} was killed: R resumes it"))
        }
        RunsEffect::Limits { id, epochs, patience } => {
            let result = command(link, &limits("set", &id, epochs, patience, &[])).map(drop);
            RunsEvent::Requested(id, result)
        }
        RunsEffect::Extend { id, epochs, patience } => {
            let message = format!("{id} continues: {epochs} epochs, patience {patience}");
            RunsEvent::Done(command(link, &limits("resume", &id, epochs, patience, &["--detach"])).map(|_| message))
        }
        RunsEffect::Evaluate(id) => {
            let result = command(link, &["evaluate", id.as_str()]).map(drop);
            RunsEvent::TestRequested(id, result)
        }
        RunsEffect::Move(id, to) => {
            let (option, other) = move_options(&to);
            let arguments: Vec<&str> = ["queue", "move", id.as_str(), option].into_iter().chain(other).collect();
            done(&arguments, format!("{id} was moved in the queue"))
        }
        RunsEffect::RestartQueue => {
            done(&["queue", "restart"], "queued runs that had lost their workers have new ones".into())
        }
        RunsEffect::Rename { from, to } => {
            let result = command(link, &["rename", from.as_str(), to.as_str()]).map(|_| to);
            RunsEvent::Renamed { from, result }
        }
        RunsEffect::Export(..) => RunsEvent::Done(Err(elsewhere(link, "export"))),
        RunsEffect::Annotate(changes) => {
            let mut each = changes.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
            let result = each.try_for_each(|(id, change)| annotate(link, id, change));
            RunsEvent::Done(result.map(|()| AnnotationChange::describe_saved(&changes)))
        }
        RunsEffect::Delete(ids) => {
            let mut gone = Vec::new();
            for id in ids {
                if let Err(words) = command(link, &["delete", id.as_str(), "--yes"]) {
                    return Ok(RunsEvent::Deleted(gone, Some(words)));
                }
                gone.push(id);
            }
            RunsEvent::Deleted(gone, None)
        }
        // The folders of the mirror have other sizes than those there.
        RunsEffect::Measure(_) => RunsEvent::Measured(Vec::new()),
        effect => return Err(effect),
    })
}

/// Returns a command that sets limits.
fn limits(verb: &str, id: &RunId, epochs: u32, patience: u32, more: &[&str]) -> Vec<String> {
    let numbers = [epochs.to_string(), Patience(patience).to_string()];
    let start = [verb, id.as_str(), "--epochs", &numbers[0], "--patience", &numbers[1]];
    start.iter().chain(more).map(|&word| word.to_owned()).collect()
}

fn move_options(to: &QueueMove) -> (&'static str, Option<&str>) {
    match to {
        QueueMove::First => ("--first", None),
        QueueMove::Last => ("--last", None),
        QueueMove::Up => ("--up", None),
        QueueMove::Down => ("--down", None),
        QueueMove::Before(run) => ("--before", Some(run.as_str())),
        QueueMove::After(run) => ("--after", Some(run.as_str())),
    }
}

fn annotate(link: &Link, id: &RunId, change: &AnnotationChange) -> Result<(), String> {
    let tag = |sign: &str, tag: &str| command(link, &["tag", id.as_str(), &format!("{sign}{tag}")]);
    match change {
        AnnotationChange::Tag(name) => tag("+", name.as_str()),
        AnnotationChange::Untag(name) => tag("-", name.as_str()),
        // Behind `--` a note may begin with a dash.
        AnnotationChange::Note(note) => command(link, &["note", id.as_str(), "--", note.as_str()]),
    }
    .map(drop)
}

/// Runs a command there and returns its output.
///
/// # Errors
/// Its last words, safe to print, or the reason why it was not asked for.
fn command(link: &Link, arguments: &[impl AsRef<str>]) -> Result<String, String> {
    exchange(link, arguments, None, MAX_OUTPUT)
}

/// Runs a command there with this standard input. Returns its output, of which `most` bytes are kept.
fn exchange(
    link: &Link,
    arguments: &[impl AsRef<str>],
    input: Option<&mut dyn Read>,
    most: usize,
) -> Result<String, String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
    let mut text = [Vec::new(), Vec::new()];
    let mut keep = |error: bool, bytes: &[u8]| {
        let kept = &mut text[usize::from(error)];
        kept.extend_from_slice(&bytes[..bytes.len().min(most.saturating_sub(kept.len()))]);
        Ok(())
    };
    let code = link.run(&arguments, input, &mut keep).map_err(|error| error.to_string())?;
    let [output, errors] = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if code == 0 {
        return Ok(output);
    }
    let last =
        [errors.as_str(), output.as_str()].into_iter().find_map(|text| text.lines().rfind(|line| !line.is_empty()));
    let words = last.map_or_else(|| format!("the command ended with exit code {code}"), str::to_owned);
    Err(printable(words.strip_prefix("mien: ").unwrap_or(&words)).chars().take(400).collect())
}

/// Copies the predictions that an effect reads into the mirror. Missing ones are reported by the effect.
fn copy_predictions(backend: &Backend, link: &Link, effect: &Effect) {
    let copy = |run: &RunId, file| {
        let _ = link.copy_predictions(run, file);
    };
    match effect {
        Effect::Compare(CompareEffect::ComputeVerdict { baseline, run }) => {
            copy(&baseline.id, RunFile::Test);
            copy(&run.id, RunFile::Test);
        }
        Effect::Inspect(InspectEffect::LoadPredictions { subject, .. }) => {
            for run in std::iter::once(&subject.run).chain(&subject.against) {
                let best = || backend.store.summary(run).map_or(1, |run| run.summary.early_stopping.best_epoch);
                copy(
                    run,
                    match subject.split {
                        Split::Test => RunFile::Test,
                        Split::Train => RunFile::Train,
                        Split::Validation => RunFile::Validation(subject.epoch.unwrap_or_else(best)),
                    },
                );
            }
        }
        _ => {}
    }
}

/// Returns the words about a link that the top line shows, and whether something is wrong. Examples: `box2`, `box2 cut,
/// 12s old, again in 4s`. `now` is in milliseconds since 1970.
#[must_use]
pub(super) fn words(link: &LinkView, now: u64) -> (String, bool) {
    use crate::domain::number_text::age;
    let name = &link.name;
    let since = |at: u64| age(now.saturating_sub(at));
    match &link.state {
        LinkState::Connecting => (format!("{name}: connecting"), link.contact_at.is_none()),
        LinkState::Live { .. } if link.contact_at.is_some_and(|at| now.saturating_sub(at) > LinkView::QUIET) => {
            (format!("{name} quiet for {}", since(link.contact_at.unwrap_or(now))), true)
        }
        LinkState::Live { pending: Some((runs, bytes)), .. } => {
            (format!("{name}: {runs} logs, {} to come", crate::domain::Size(*bytes)), false)
        }
        LinkState::Live { refused, .. } if *refused > 0 => (format!("{name}: mirror full, {refused} left out"), true),
        LinkState::Live { .. } => (name.clone(), false),
        LinkState::Cut { at, retry_at, .. } => {
            let shown = link.contact_at.unwrap_or(*at);
            match retry_at {
                Some(retry) => {
                    let again = retry.saturating_sub(now).div_ceil(1000);
                    (format!("{name} cut, {} old, again in {again}s", since(shown)), true)
                }
                None => (format!("{name} cut, {} old", since(shown)), true),
            }
        }
    }
}
