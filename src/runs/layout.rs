//! Where everything lies: the home, and the folder of a run.
//!
//! ```text
//! HOME/data/NAME/                     a dataset, with what frozen bases made of it in `features/`
//! HOME/weights/NAME.safetensors       a pretrained base
//! HOME/checkpoints/RUN/recipe.json    the frozen recipe
//!                     /events.jsonl   the event log
//!                     /worker.lock    held by the worker as long as it lives
//!                     /worker.log     what the worker printed, which should be nothing
//!                     /control/       requests, as files: see `requests`
//!                     /about.json     tags, note and former names
//!                     /summary.fold, /detail.fold   what the log up to some byte amounts to; derived
//!                     /start.ckpt     the weights that fine-tuning starts from
//!                     /best.ckpt      weights of the best epoch
//!                     /last.ckpt      everything needed to go on: after an epoch, or within a long one
//!                     /previous.ckpt  what last.ckpt was before, should that be damaged
//!                     /*.damaged      a damaged checkpoint, kept aside
//!                     /test.safetensors   the prediction for every test image
//!                     /train.safetensors  the best weights' prediction for every training image, not augmented
//!                     /validation/NNNN.safetensors   the prediction for every validation image after epoch NNNN
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{DatasetName, Hyperparameter, Recipe, RunId, WeightsName, recipe::RECIPE_VERSION};
use crate::durable::lock;
use crate::durable::versioned::{self, FileError, FileKind, Problem};
use crate::{durable, events};

/// The folder that holds datasets, weights and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// The home at this path, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where datasets lie.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Where this dataset lies.
    #[must_use]
    pub fn dataset(&self, name: &DatasetName) -> PathBuf {
        self.data().join(name.as_str())
    }

    /// Where pretrained weights lie.
    #[must_use]
    pub fn weights(&self) -> PathBuf {
        self.0.join("weights")
    }

    /// The file of these weights.
    #[must_use]
    pub fn weights_file(&self, name: &WeightsName) -> PathBuf {
        self.weights().join(format!("{name}.safetensors"))
    }

    /// Where runs lie.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// Tests whether locks hold in the home: without them a live worker and a dead one look the same.
    ///
    /// # Errors
    /// When a lock is refused, or two programs would get the same one.
    pub fn test_locks(&self) -> io::Result<()> {
        lock::test(&self.0)
    }

    /// The folder of this run.
    #[must_use]
    pub fn run(&self, id: &RunId) -> RunFolder {
        RunFolder(self.checkpoints().join(id.as_str()))
    }
}

/// How long a run that was created may take to get its worker.
pub const SPAWN_GRACE: Duration = Duration::from_secs(10);

/// Whether a run of this moment may not have its worker yet; both in milliseconds since 1970. A clock that was set back
/// makes no run new again.
pub(super) fn is_recent(created_at: u64, now: u64) -> bool {
    u128::from(now.abs_diff(created_at)) < SPAWN_GRACE.as_millis()
}

/// `recipe.json`, which carries the number of its own format: the oldest that can say what it says.
static RECIPE: FileKind =
    FileKind { name: "recipe", newest: RECIPE_VERSION, pretty: true, damaged: "is no recipe of a run", advice: "" };

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The run whose folder is at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The run's id: the folder's name. `None` if that is no valid id.
    #[must_use]
    pub fn id(&self) -> Option<RunId> {
        RunId::new(self.0.file_name()?.to_str()?).ok()
    }

    /// The home that the run lies in, where a worker finds what its recipe names.
    #[must_use]
    pub fn home(&self) -> Option<Home> {
        Some(Home::new(self.0.parent()?.parent()?))
    }

    /// The recipe's file.
    #[must_use]
    pub fn recipe_file(&self) -> PathBuf {
        self.0.join("recipe.json")
    }

    /// The event log.
    #[must_use]
    pub fn events_file(&self) -> PathBuf {
        self.0.join(events::FILE_NAME)
    }

    /// What the worker printed.
    #[must_use]
    pub fn worker_log(&self) -> PathBuf {
        self.0.join("worker.log")
    }

    /// Opens what the worker prints for more of it.
    ///
    /// # Errors
    /// When it cannot be opened, or is a link.
    pub fn open_worker_log(&self) -> io::Result<File> {
        durable::own(self.path())?;
        durable::in_place().create(true).append(true).open(self.worker_log())
    }

    /// The weights that fine-tuning starts from: the best ones of another run, copied, so that this run outlives it.
    #[must_use]
    pub fn start_checkpoint(&self) -> PathBuf {
        self.0.join("start.ckpt")
    }

    /// The weights of the best epoch.
    #[must_use]
    pub fn best_checkpoint(&self) -> PathBuf {
        self.0.join("best.ckpt")
    }

    /// Everything needed to go on from where training stood when it was saved.
    #[must_use]
    pub fn last_checkpoint(&self) -> PathBuf {
        self.0.join("last.ckpt")
    }

    /// What [`Self::last_checkpoint`] was before.
    #[must_use]
    pub fn previous_checkpoint(&self) -> PathBuf {
        self.0.join("previous.ckpt")
    }

    /// Whether there is anything to go on from.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        [self.last_checkpoint(), self.previous_checkpoint(), self.best_checkpoint()].iter().any(|file| file.exists())
    }

    /// The predictions for every test image.
    #[must_use]
    pub fn test_predictions(&self) -> PathBuf {
        self.0.join("test.safetensors")
    }

    /// The predictions for every test image by several views of each.
    #[must_use]
    pub fn test_views_predictions(&self) -> PathBuf {
        self.0.join("test-views.safetensors")
    }

    /// What a person says about the run.
    #[must_use]
    pub fn about_file(&self) -> PathBuf {
        self.0.join("about.json")
    }

    /// The kept summary: derived from the event log, and of no worth without it.
    #[must_use]
    pub fn summary_fold(&self) -> PathBuf {
        self.0.join("summary.fold")
    }

    /// The kept curve and end of the log, likewise.
    #[must_use]
    pub fn detail_fold(&self) -> PathBuf {
        self.0.join("detail.fold")
    }

    /// The best weights' predictions for every image of the training split, not augmented, in the dataset's order: what
    /// training left out is in it too.
    #[must_use]
    pub fn train_predictions(&self) -> PathBuf {
        self.0.join("train.safetensors")
    }

    fn validation_folder(&self) -> PathBuf {
        self.0.join("validation")
    }

    /// The predictions for every validation image after an epoch.
    #[must_use]
    pub fn validation_predictions(&self, epoch: u32) -> PathBuf {
        self.validation_folder().join(format!("{epoch:04}.safetensors"))
    }

    /// The epochs whose validation predictions are there, ascending.
    #[must_use]
    pub fn validation_epochs(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(self.validation_folder()) else { return Vec::new() };
        let epoch = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let epoch = name.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
            // Only what this program calls so.
            (self.validation_predictions(epoch).file_name() == Some(name.as_os_str())).then_some(epoch)
        };
        let mut epochs: Vec<u32> = entries.filter_map(Result::ok).filter_map(epoch).collect();
        epochs.sort_unstable();
        epochs
    }

    /// Removes the validation predictions of later epochs: a run that goes on from `epoch` trains those again.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn forget_validation_after(&self, epoch: u32) -> io::Result<()> {
        // Through a link they are somebody else's.
        if fs::symlink_metadata(self.validation_folder()).is_ok_and(|there| there.is_symlink()) {
            return Ok(());
        }
        let later = self.validation_epochs().into_iter().filter(|found| *found > epoch);
        later.map(|found| self.validation_predictions(found)).try_for_each(fs::remove_file)
    }

    /// Held while a worker lives; who holds it stands in it.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.0.join("worker.lock")
    }

    /// Reads the recipe.
    ///
    /// # Errors
    /// When it is missing, no recipe, or of a newer format.
    pub fn recipe(&self) -> Result<Recipe, FileError> {
        self.parse_recipe(&self.recipe_text()?)
    }

    /// The recipe's file as it is.
    pub(super) fn recipe_text(&self) -> Result<Vec<u8>, FileError> {
        let path = self.recipe_file();
        fs::read(&path).map_err(|error| RECIPE.error(&path, Problem::Read(error)))
    }

    /// The recipe that this file holds.
    pub(super) fn parse_recipe(&self, text: &[u8]) -> Result<Recipe, FileError> {
        let refused = |problem| RECIPE.error(&self.recipe_file(), problem);
        let recipe = versioned::parse(text, RECIPE.newest).map_err(refused)?;
        Hyperparameter::check(&recipe).map_err(|error| refused(Problem::Malformed(error.to_string())))?;
        Ok(recipe)
    }

    /// Writes the recipe.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_recipe(&self, recipe: &Recipe) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(recipe)?;
        text.push(b'\n');
        durable::write(&self.recipe_file(), &text)
    }

    /// Whether a worker is alive on this run, is to come, or may be alive because that cannot be told.
    #[must_use]
    pub fn worker_alive(&self) -> bool {
        self.liveness().may_be_alive()
    }

    /// Whether the run may get its worker any moment: it was handed to another system, or has just been created.
    #[must_use]
    pub fn is_starting(&self, now: u64) -> bool {
        // A placement that cannot be read counts: nothing is deleted because of it.
        if !matches!(self.placement(), Ok(None)) {
            return true;
        }
        !self.events_file().exists() && self.recipe().is_ok_and(|recipe| is_recent(recipe.created_at, now))
    }

    /// The bytes that the folder takes on disk.
    #[must_use]
    pub fn disk_usage(&self) -> u64 {
        durable::disk_usage(self.path())
    }

    /// Takes the run's lock for as long as the returned file lives. `None` if another worker holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made, or the file system cannot lock.
    pub fn lock(&self) -> io::Result<Option<File>> {
        // A watcher that asks `worker_alive` holds a shared lock for an instant: outlast it.
        const PATIENCE: Duration = Duration::from_millis(500);
        durable::own(self.path())?;
        lock::take(&self.lock_file(), PATIENCE)
    }
}
