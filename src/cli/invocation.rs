//! The input that every command gets in addition to its own arguments.

use std::path::PathBuf;
use std::rc::Rc;

use super::exit::CommandError;
use super::home::HomeChoice;
use super::{home, privacy, remote};
use crate::domain::RunId;
use crate::homes::Link;
use crate::homes::protocol::RunFile;
use crate::runs::{Home, RunStore};

/// A call of the program.
pub(super) struct Invocation {
    /// The folder or the home given by `--home`.
    pub(super) home: Option<PathBuf>,
    /// The home on another machine, where this call is about one.
    pub(super) link: Option<Rc<Link>>,
    /// Whether the call is about all homes of the config file.
    pub(super) all_homes: bool,
}

impl Invocation {
    /// Returns the runs of the home, or those of its mirror, and sets the umask to the home's permissions.
    pub(super) fn open_home(&self) -> Result<RunStore, CommandError> {
        match &self.link {
            Some(link) => {
                privacy::set_umask(None);
                Ok(RunStore::new(link.home()))
            }
            None => self.open_local_home(),
        }
    }

    /// Returns the runs of a home on this machine, and sets the umask to its permissions.
    fn open_local_home(&self) -> Result<RunStore, CommandError> {
        match home::resolve(self.home.clone())? {
            HomeChoice::Here(path) => {
                let home = Home::new(path);
                privacy::set_umask(Some(home.path()));
                Ok(RunStore::new(home))
            }
            HomeChoice::There(address) => {
                let words = format!(
                    "this command needs a home on this machine, and {} is on another one: leave out --home, or run mien \
                     there",
                    address.name
                );
                Err(CommandError::Usage(words))
            }
        }
    }

    /// Returns the runs of the home on this machine, also where the call names another one, and sets the umask to its
    /// permissions.
    pub(super) fn open_home_here(&self) -> Result<RunStore, CommandError> {
        if self.link.is_none() {
            return self.open_local_home();
        }
        let home = Home::new(home::of_this_machine()?);
        privacy::set_umask(Some(home.path()));
        Ok(RunStore::new(home))
    }

    /// Returns the home in which datasets are opened. Those of another machine stay there; one of this machine with the
    /// same fingerprint shows the same images.
    pub(super) fn dataset_home(&self) -> Result<Home, CommandError> {
        match &self.link {
            None => Ok(self.open_local_home()?.home().clone()),
            Some(_) => home::of_this_machine().map(Home::new),
        }
    }

    /// Copies predictions of a run from its home, if that is on another machine.
    pub(super) fn fetch(&self, run: &RunId, file: RunFile) {
        if let Some(link) = &self.link {
            remote::fetch(link, run, file);
        }
    }
}
