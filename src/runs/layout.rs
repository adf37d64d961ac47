//! The paths of the home and of a run's folder.
//!
//! ```text
//! HOME/data/NAME/                     a dataset, with cached features in `features/`
//! HOME/weights/NAME.safetensors       imported weights
//! HOME/last-look.json                 the time when somebody last looked at the runs
//! HOME/list-view.json                 the columns and the order of the dashboard's list of runs
//! HOME/checkpoints/RUN/recipe.json    the frozen recipe
//!                     /events.jsonl   the event log
//!                     /worker.lock    held by the worker as long as it lives
//!                     /worker.log     the worker's printed output, normally empty
//!                     /control/       requests, as files: see `requests`
//!                     /about.json     tags, note and former names
//!                     /summary.fold, /detail.fold   folds of the log up to some byte; derived
//!                     /start.ckpt     the weights that fine-tuning starts from
//!                     /best.ckpt      weights of the best epoch
//!                     /last.ckpt      the complete training state after an epoch or within a long one
//!                     /previous.ckpt  the state before last.ckpt, in case that is damaged
//!                     /*.damaged      a damaged checkpoint, set aside
//!                     /test.safetensors   the prediction for every test image
//!                     /train.safetensors  the best weights' prediction for every training image, not augmented
//!                     /validation/NNNN.safetensors   the prediction for every validation image after epoch NNNN
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{DatasetName, Hyperparameter, Recipe, RunId, WeightsName, recipe::RECIPE_VERSION};
use crate::durable::versioned::{self, FileError, FileKind, Problem};
use crate::durable::{FileSystemLimits, lock};
use crate::{durable, events};

/// The folder that holds datasets, weights and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    /// Whether this is the mirror of a home on another machine, in which no worker runs: see `mirrored`.
    is_mirror: bool,
}

impl Home {
    /// Returns the home at this path, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), is_mirror: false }
    }

    /// Returns the mirror of a home on another machine, whose copy is at this path.
    #[must_use]
    pub fn mirror(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), is_mirror: true }
    }

    /// Returns whether this is the mirror of a home on another machine. Only its mirroring may change its runs.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.is_mirror
    }

    /// Returns the home's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of datasets.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Returns the folder of this dataset.
    #[must_use]
    pub fn dataset(&self, name: &DatasetName) -> PathBuf {
        self.data().join(name.as_str())
    }

    /// Returns the folder of imported weights.
    #[must_use]
    pub fn weights(&self) -> PathBuf {
        self.root.join("weights")
    }

    /// Returns the file of these weights.
    #[must_use]
    pub fn weights_file(&self, name: &WeightsName) -> PathBuf {
        self.weights().join(format!("{name}.safetensors"))
    }

    /// Returns the folder of runs.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Returns the file with the time of the last look at the runs.
    #[must_use]
    pub fn last_look_file(&self) -> PathBuf {
        self.root.join("last-look.json")
    }

    /// Returns the file with the columns and the order of the list of runs.
    #[must_use]
    pub fn list_view_file(&self) -> PathBuf {
        self.root.join("list-view.json")
    }

    /// Returns the file with the default place of runs.
    #[must_use]
    pub fn default_place_file(&self) -> PathBuf {
        self.root.join("default-place.json")
    }

    /// Tests what the file system of the home can do. Without locks, a live worker would seem dead.
    #[must_use]
    pub fn file_system(&self) -> FileSystemLimits {
        FileSystemLimits::test(&self.root)
    }

    /// Returns the folder of this run.
    #[must_use]
    pub fn run(&self, id: &RunId) -> RunFolder {
        RunFolder { path: self.checkpoints().join(id.as_str()), is_mirrored: self.is_mirror }
    }
}

/// The time that a new run may take to get its worker.
pub const SPAWN_GRACE: Duration = Duration::from_secs(10);

/// Returns whether a run of this time may not have its worker yet; both in milliseconds since 1970. A future time
/// counts by its distance: otherwise a run would stay new for long after a clock was set back.
pub(super) fn is_recent(created_at: u64, now: u64) -> bool {
    u128::from(now.abs_diff(created_at)) < SPAWN_GRACE.as_millis()
}

/// The file of the recipe, without which a folder is no run.
pub(super) const RECIPE_FILE: &str = "recipe.json";

/// `recipe.json`, whose version is the oldest that represents the recipe.
static RECIPE: FileKind =
    FileKind { name: "recipe", newest: RECIPE_VERSION, pretty: true, damaged: "is not a recipe", advice: "" };

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    /// Whether this is a copy of a folder on another machine, whose worker runs there.
    is_mirrored: bool,
}

impl RunFolder {
    /// Returns the run whose folder is at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), is_mirrored: false }
    }

    /// Returns whether this is a copy of a folder on another machine.
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.is_mirrored
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the run's id, which is the folder's name; `None` if the name is no valid id.
    #[must_use]
    pub fn id(&self) -> Option<RunId> {
        RunId::new(self.path.file_name()?.to_str()?).ok()
    }

    /// Returns the home of the run, in which a worker finds the entries that its recipe names.
    #[must_use]
    pub fn home(&self) -> Option<Home> {
        let root = self.path.parent()?.parent()?.to_owned();
        Some(Home { root, is_mirror: self.is_mirrored })
    }

    /// Returns the path of the recipe.
    #[must_use]
    pub fn recipe_file(&self) -> PathBuf {
        self.path.join(RECIPE_FILE)
    }

    /// Returns the path of the event log.
    #[must_use]
    pub fn events_file(&self) -> PathBuf {
        self.path.join(events::FILE_NAME)
    }

    /// Returns the path of the worker's printed output.
    #[must_use]
    pub fn worker_log(&self) -> PathBuf {
        self.path.join("worker.log")
    }

    /// Opens the worker's printed output for appending.
    ///
    /// # Errors
    /// If it cannot be opened, or is a link.
    pub fn open_worker_log(&self) -> io::Result<File> {
        durable::check_folder(self.path())?;
        durable::in_place_options().create(true).append(true).open(self.worker_log())
    }

    /// Returns the path of the weights from which fine-tuning starts. They are a copy of another run's best weights, so
    /// that this run does not depend on that one.
    #[must_use]
    pub fn start_checkpoint(&self) -> PathBuf {
        self.path.join("start.ckpt")
    }

    /// Returns the path of the best epoch's weights.
    #[must_use]
    pub fn best_checkpoint(&self) -> PathBuf {
        self.path.join("best.ckpt")
    }

    /// Returns the path of the newest complete training state.
    #[must_use]
    pub fn last_checkpoint(&self) -> PathBuf {
        self.path.join("last.ckpt")
    }

    /// Returns the path of the training state before [`Self::last_checkpoint`].
    #[must_use]
    pub fn previous_checkpoint(&self) -> PathBuf {
        self.path.join("previous.ckpt")
    }

    /// Returns whether the weights of the best epoch are saved.
    #[must_use]
    pub fn has_best_weights(&self) -> bool {
        if self.is_mirrored { self.reported_worker().best_weights } else { self.best_checkpoint().exists() }
    }

    /// Returns whether there is a checkpoint to resume from.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        if self.is_mirrored {
            return self.reported_worker().checkpoint;
        }
        [self.last_checkpoint(), self.previous_checkpoint(), self.best_checkpoint()].iter().any(|file| file.exists())
    }

    /// Returns the path of the predictions for every test image.
    #[must_use]
    pub fn test_predictions(&self) -> PathBuf {
        self.path.join("test.safetensors")
    }

    /// Returns the path of the predictions for every test image by several views.
    #[must_use]
    pub fn test_views_predictions(&self) -> PathBuf {
        self.path.join("test-views.safetensors")
    }

    /// Returns the path of the annotations.
    #[must_use]
    pub fn annotations_file(&self) -> PathBuf {
        self.path.join("about.json")
    }

    /// Returns the path of the saved summary, which is derived from the event log.
    #[must_use]
    pub fn summary_fold(&self) -> PathBuf {
        self.path.join("summary.fold")
    }

    /// Returns the path of the saved detail, which is derived from the event log.
    #[must_use]
    pub fn detail_fold(&self) -> PathBuf {
        self.path.join("detail.fold")
    }

    /// Returns the path of the best weights' predictions for every image of the training split, in the dataset's order.
    /// The images are not augmented, and left-out images are included.
    #[must_use]
    pub fn train_predictions(&self) -> PathBuf {
        self.path.join("train.safetensors")
    }

    fn validation_folder(&self) -> PathBuf {
        self.path.join("validation")
    }

    /// Returns the path of the predictions for every validation image after an epoch.
    #[must_use]
    pub fn validation_predictions(&self, epoch: u32) -> PathBuf {
        self.validation_folder().join(format!("{epoch:04}.safetensors"))
    }

    /// Returns the epochs with saved validation predictions, ascending.
    #[must_use]
    pub fn validation_epochs(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(self.validation_folder()) else { return Vec::new() };
        let epoch = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let epoch = name.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
            // Other spellings of a number are not files of this program.
            (self.validation_predictions(epoch).file_name() == Some(name.as_os_str())).then_some(epoch)
        };
        let mut epochs: Vec<u32> = entries.filter_map(Result::ok).filter_map(epoch).collect();
        epochs.sort_unstable();
        epochs
    }

    /// Removes the validation predictions of epochs after `epoch`, from which a resumed run trains again.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_validation_after(&self, epoch: u32) -> io::Result<()> {
        // Behind a link the files belong to something else.
        if fs::symlink_metadata(self.validation_folder()).is_ok_and(|there| there.is_symlink()) {
            return Ok(());
        }
        let later = self.validation_epochs().into_iter().filter(|found| *found > epoch);
        later.map(|found| self.validation_predictions(found)).try_for_each(fs::remove_file)
    }

    /// Returns the path of the worker's lock, which contains its holder.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.path.join("worker.lock")
    }

    /// Reads the recipe.
    ///
    /// # Errors
    /// If the recipe is missing, damaged, or of a newer format.
    pub fn recipe(&self) -> Result<Recipe, FileError> {
        self.parse_recipe(&self.recipe_text()?)
    }

    /// Returns the bytes of the recipe's file.
    pub(super) fn recipe_text(&self) -> Result<Vec<u8>, FileError> {
        let path = self.recipe_file();
        fs::read(&path).map_err(|error| RECIPE.error(&path, Problem::Read(error)))
    }

    /// Parses the bytes of a recipe's file.
    pub(super) fn parse_recipe(&self, text: &[u8]) -> Result<Recipe, FileError> {
        let refused = |problem| RECIPE.error(&self.recipe_file(), problem);
        let recipe = versioned::parse(text, RECIPE.newest).map_err(refused)?;
        Hyperparameter::check(&recipe).map_err(|error| refused(Problem::Malformed(error.to_string())))?;
        Ok(recipe)
    }

    /// Writes the recipe.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write_recipe(&self, recipe: &Recipe) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(recipe)?;
        text.push(b'\n');
        durable::write(&self.recipe_file(), &text)
    }

    /// Returns whether a worker is alive or submitted, or may be because its state is unknown.
    #[must_use]
    pub fn worker_alive(&self) -> bool {
        self.liveness().may_be_alive()
    }

    /// Returns whether the run may get its worker at any moment: it has a placement or was just created.
    #[must_use]
    pub fn is_starting(&self, now: u64) -> bool {
        // An unreadable placement counts: otherwise a run with a submitted worker could be deleted.
        if !matches!(self.placement(), Ok(None)) {
            return true;
        }
        !self.events_file().exists() && self.recipe().is_ok_and(|recipe| is_recent(recipe.created_at, now))
    }

    /// Returns the bytes of the folder on disk.
    #[must_use]
    pub fn disk_usage(&self) -> u64 {
        durable::disk_usage(self.path())
    }

    /// Takes the run's lock until the returned file is dropped. Returns `None` if another worker holds it.
    ///
    /// # Errors
    /// If the lock file cannot be created, or the file system has no locks.
    pub fn lock(&self) -> io::Result<Option<File>> {
        // The wait outlasts the shared lock that `worker_alive` holds for an instant. Otherwise a watcher could block a
        // worker's start.
        const TIMEOUT: Duration = Duration::from_millis(500);
        durable::check_folder(self.path())?;
        lock::acquire(&self.lock_file(), TIMEOUT)
    }
}
