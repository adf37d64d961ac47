//! Shell completions: names of runs, datasets, weights, tags, homes and places, read when the shell asks for them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Command};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{ArgValueCandidates, CompletionCandidate};

use super::exit::CommandError;
use super::home::{self, HomeChoice};
use crate::config::{Homes, Places};
use crate::domain::RunId;
use crate::homes::MirrorFolder;
use crate::runs::{Home, RunStore, SortKey};
use crate::{data, weights};

/// The environment variable by which a completion script asks for candidates.
const VARIABLE: &str = "MIEN_COMPLETE";

/// The commands whose `NAME` is a new one.
const NEW_NAMES: [&str; 3] = ["import", "fetch", "demo"];

/// Prints candidates for the arguments of `definition` if a completion script asks for them. Returns whether it did.
///
/// # Errors
/// If the shell is not known, or the output is closed.
pub(super) fn answer(definition: fn() -> Command, arguments: &[OsString]) -> clap::error::Result<bool> {
    let current = std::env::current_dir().ok();
    let words = arguments.to_vec();
    let definition = move || with_candidates(definition(), &[], &words);
    CompleteEnv::with_factory(definition).var(VARIABLE).try_complete(arguments, current.as_deref())
}

/// Returns the completion script of a shell of this name.
///
/// # Errors
/// If the shell is not known.
pub(super) fn script(shell: &str) -> Result<String, CommandError> {
    let shells = Shells::builtins();
    let known = shells.completer(shell);
    let known = known.ok_or_else(|| CommandError::Usage(format!("there are no completions for '{shell}'")))?;
    let mut text = Vec::new();
    known.write_registration(VARIABLE, "mien", "mien", "mien", &mut text).map_err(CommandError::Output)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns the command below `path` with candidates for its arguments. `words` is the line that is being typed.
fn with_candidates(command: Command, path: &[String], words: &[OsString]) -> Command {
    let path = [path, &[command.get_name().to_owned()]].concat();
    let here = path.clone();
    let command = command.mut_args(|argument| match names_of(&argument, &here) {
        Some(names) => {
            let home = home_option(words);
            argument.add(ArgValueCandidates::new(move || candidates(names, home.clone())))
        }
        None => argument,
    });
    command.mut_subcommands(|command| with_candidates(command, &path, words))
}

/// The names that an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Runs,
    Datasets,
    Weights,
    Homes,
    Places,
    Tags,
    /// Tags with `+`, which adds one, or `-`, which removes it.
    TagChanges,
    SortKeys,
}

/// Returns the names that an argument of the command at this path takes.
pub(super) fn names_of(argument: &Arg, path: &[String]) -> Option<Names> {
    let value = argument.get_value_names().unwrap_or_default().first().map_or("", |name| name.as_str());
    let [.., group, command] = path else { return None };
    let takes_name = argument.get_id() == "name" && !NEW_NAMES.contains(&command.as_str());
    match (argument.get_id().as_str(), value) {
        (_, "RUN" | "RUNS") => Some(Names::Runs),
        ("dataset", _) => Some(Names::Datasets),
        ("weights", _) => Some(Names::Weights),
        ("home", _) => Some(Names::Homes),
        (_, "PLACE") => Some(Names::Places),
        ("tag", _) => Some(Names::Tags),
        ("changes", _) if command == "tag" => Some(Names::TagChanges),
        ("sort", _) => Some(Names::SortKeys),
        _ if takes_name && group == "data" => Some(Names::Datasets),
        _ if takes_name && group == "weights" => Some(Names::Weights),
        _ if takes_name && group == "homes" => Some(Names::Homes),
        _ if takes_name && group == "places" => Some(Names::Places),
        _ => None,
    }
}

/// Returns the value of `--home` in the line that is being typed.
fn home_option(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == OsStr::new("--home") {
            return words.next().map(PathBuf::from);
        }
        if let Some(value) = word.to_str().and_then(|word| word.strip_prefix("--home=")) {
            return Some(value.into());
        }
    }
    None
}

/// Returns the names of this kind in a home; none if it cannot be read, because a shell shows no errors.
fn candidates(names: Names, home: Option<PathBuf>) -> Vec<CompletionCandidate> {
    let mut found: Vec<String> = match names {
        Names::Homes => Homes::load().entries.into_iter().map(|home| home.name).collect(),
        Names::Places => Places::load().entries.into_iter().map(|place| place.name).collect(),
        Names::Runs => folder(home).map_or_else(Vec::new, |home| {
            let runs = RunStore::new(home).ids().unwrap_or_default();
            runs.iter().map(ToString::to_string).collect()
        }),
        Names::Tags => tags(home),
        Names::TagChanges => tags(home).iter().flat_map(|tag| [format!("+{tag}"), format!("-{tag}")]).collect(),
        Names::SortKeys => SortKey::FIELDS.iter().map(|field| field.name().to_owned()).collect(),
        Names::Datasets => folder(home).map_or_else(Vec::new, |home| {
            let datasets = data::list(&home.data()).unwrap_or_default();
            datasets.iter().map(|(name, _)| name.to_string()).collect()
        }),
        Names::Weights => folder(home).map_or_else(Vec::new, |home| {
            let weights = weights::list(&home.weights()).unwrap_or_default();
            weights.iter().map(|(name, _)| name.to_string()).collect()
        }),
    };
    found.sort();
    found.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the tags of all runs.
fn tags(home: Option<PathBuf>) -> Vec<String> {
    let Some(home) = folder(home) else { return Vec::new() };
    let store = RunStore::new(home);
    let of = |id: &RunId| store.folder(id).annotations().unwrap_or_default().tags;
    let ids = store.ids().unwrap_or_default();
    let tags: BTreeSet<String> = ids.iter().flat_map(of).map(|tag| tag.to_string()).collect();
    tags.into_iter().collect()
}

/// Returns the folder of the home, or of the mirror of a home on another machine, which is not asked.
fn folder(home: Option<PathBuf>) -> Option<Home> {
    match home::resolve(home).ok()? {
        HomeChoice::Here(folder) => Some(Home::new(folder)),
        HomeChoice::There(address) => MirrorFolder::of(&address).ok().map(|mirror| mirror.home()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_read_from_the_line() {
        let words = |words: &[&str]| home_option(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(words(&["mien", "--", "mien", "--home", "x", "show", ""]), Some("x".into()));
        assert_eq!(words(&["mien", "--", "mien", "show", "--home=x/y", ""]), Some("x/y".into()));
        assert_eq!(words(&["mien", "--", "mien", "show", ""]), None);
    }
}
