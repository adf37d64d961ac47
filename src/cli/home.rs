//! The choice of the home.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

use super::exit::CommandError;
use crate::config::Homes;
use crate::domain::HomeAddress;

/// The candidates for the home.
#[derive(Debug, Clone, Default)]
struct Candidates {
    /// `--home`.
    option: Option<PathBuf>,
    /// `MIEN_HOME`.
    variable: Option<OsString>,
    /// The current folder.
    current: Option<PathBuf>,
    /// Whether the current folder has `data/` or `checkpoints/`.
    current_has_either: bool,
    /// The user's data folder.
    user_data: Option<PathBuf>,
}

/// A home on this machine or another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HomeChoice {
    /// The folder, absolute, because workers run in other folders.
    Here(PathBuf),
    /// The address.
    There(HomeAddress),
}

/// Returns `--home`, else `MIEN_HOME`, else the current folder if it has `data/` or `checkpoints/`, else `mien` in the
/// user's data folder. The first two may name a home on another machine.
pub(super) fn resolve(option: Option<PathBuf>) -> Result<HomeChoice, CommandError> {
    let candidates = candidates(option);
    let chosen = choose(&candidates).ok_or(CommandError::NoHome)?;
    if let (Some(text), true) = (chosen.to_str(), is_named(&candidates, &chosen))
        && let HomeChoice::There(address) = parse_home(text)?
    {
        return Ok(HomeChoice::There(address));
    }
    local_home(&candidates).map(HomeChoice::Here)
}

/// Returns the home of this machine, which is used where `--home` names one on another machine.
pub(super) fn of_this_machine() -> Result<PathBuf, CommandError> {
    let all = candidates(None);
    let variable = all.variable.as_ref().and_then(|text| text.to_str());
    let is_there = variable.is_some_and(|text| matches!(parse_home(text), Ok(HomeChoice::There(_))));
    local_home(&if is_there { Candidates { variable: None, ..all } } else { all })
}

fn candidates(option: Option<PathBuf>) -> Candidates {
    let current = std::env::current_dir().ok();
    let has = |name: &str| current.as_ref().is_some_and(|folder| folder.join(name).is_dir());
    Candidates {
        option,
        variable: std::env::var_os("MIEN_HOME"),
        current_has_either: has("data") || has("checkpoints"),
        user_data: choose_base_strategy().ok().map(|strategy| strategy.data_dir()),
        current,
    }
}

fn local_home(candidates: &Candidates) -> Result<PathBuf, CommandError> {
    let chosen = choose(candidates).ok_or(CommandError::NoHome)?;
    let absolute = absolute(&chosen, candidates.current.as_deref());
    absolute.map_err(|source| CommandError::Home { path: chosen, source })
}

/// Returns whether the home was named by a person.
fn is_named(from: &Candidates, chosen: &Path) -> bool {
    [from.option.as_deref(), from.variable.as_deref().map(Path::new)].contains(&Some(chosen))
}

/// Returns the home that a text names: `ssh://user@box/path`, the name of a home in the config file, or a folder. A
/// folder with such a name is `./NAME`.
pub(super) fn parse_home(text: &str) -> Result<HomeChoice, CommandError> {
    if HomeAddress::is_meant(text) {
        return Ok(HomeChoice::There(
            HomeAddress::parse(text).map_err(|error| CommandError::Usage(error.to_string()))?,
        ));
    }
    if text.contains('/') {
        return Ok(HomeChoice::Here(text.into()));
    }
    let homes = Homes::load();
    match homes.get(text) {
        Some(address) => Ok(HomeChoice::There(address.clone())),
        // Otherwise an error in the config file would make a new home of this name.
        None if homes.problem_of(text).is_some() => {
            Err(CommandError::Usage(homes.find(text).err().unwrap_or_default()))
        }
        None => Ok(HomeChoice::Here(text.into())),
    }
}

/// Returns the home on another machine of this name or address.
pub(super) fn elsewhere(text: &str) -> Result<HomeAddress, CommandError> {
    match parse_home(text)? {
        HomeChoice::There(address) => Ok(address),
        HomeChoice::Here(_) => {
            Err(CommandError::Usage(Homes::load().find(text).err().unwrap_or_else(|| format!("no home '{text}'"))))
        }
    }
}

fn choose(from: &Candidates) -> Option<PathBuf> {
    let given = from.option.clone().filter(|path| !path.as_os_str().is_empty());
    let variable = || from.variable.clone().filter(|value| !value.is_empty()).map(PathBuf::from);
    let current = || from.current.clone().filter(|_| from.current_has_either);
    let user = || from.user_data.as_ref().map(|folder| folder.join("mien"));
    given.or_else(variable).or_else(current).or_else(user)
}

fn absolute(path: &Path, current: Option<&Path>) -> io::Result<PathBuf> {
    match current {
        _ if path.is_absolute() => Ok(path.to_owned()),
        Some(_) => std::path::absolute(path),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "the current folder does not exist any more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_chosen_in_order() {
        let all = Candidates {
            option: Some("/option".into()),
            variable: Some("/variable".into()),
            current: Some("/current".into()),
            current_has_either: true,
            user_data: Some("/user/share".into()),
        };
        let none = Candidates::default();
        let table = [
            ("the option wins", all.clone(), Some("/option")),
            ("then the variable", Candidates { option: None, ..all.clone() }, Some("/variable")),
            (
                "an empty variable counts as none",
                Candidates { option: None, variable: Some("".into()), ..all.clone() },
                Some("/current"),
            ),
            (
                "then the current folder if it looks like a home",
                Candidates { option: None, variable: None, ..all.clone() },
                Some("/current"),
            ),
            (
                "else the user's data folder",
                Candidates { option: None, variable: None, current_has_either: false, ..all },
                Some("/user/share/mien"),
            ),
            ("without any there is none", none, None),
        ];
        for (case, candidates, expected) in table {
            assert_eq!(choose(&candidates), expected.map(PathBuf::from), "{case}");
        }
    }

    #[test]
    fn a_relative_home_is_made_absolute_where_that_is_possible() {
        let here = std::env::current_dir().expect("a folder");
        assert_eq!(absolute(Path::new("lab"), Some(&here)).expect("absolute"), here.join("lab"));
        assert_eq!(absolute(Path::new("/lab"), None).expect("absolute"), Path::new("/lab"));
        assert!(absolute(Path::new("lab"), None).is_err());
    }
}
