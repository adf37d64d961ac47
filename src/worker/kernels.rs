//! Where the kernels of a CUDA device are kept once they are compiled and tuned, so that only the first start on it
//! waits for that. By itself burn compiles anew in each process, and keeps what tuning found beside the nearest Cargo
//! project.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

use super::run_reporter::SharedLog;
use crate::domain::text::printable;
use crate::events::Event;
use crate::model::device::{self, DeviceKind};

/// Between two looks at how many there are.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What there is to tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KernelCacheStatus {
    /// Nothing is kept yet: everything that the device has to be given is compiled and tuned first.
    FirstStart,
    /// Nothing can be kept, and why.
    Unavailable(String),
}

/// Settles it for this process, before the device is touched. `None` for a device without kernels.
pub(crate) fn open_cache(kind: DeviceKind) -> Option<KernelCache> {
    let name = device::kernel_cache_name(kind)?;
    let cache = choose_base_strategy().ok().map(|folders| folders.cache_dir());
    let place = place(cache.as_deref(), &name);
    configure(place.folder.as_deref());
    Some(place)
}

/// Where they are kept, and what there is to tell.
pub(crate) struct KernelCache {
    /// `None` where nothing can be kept.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) status: Option<KernelCacheStatus>,
}

/// Tells how many kernels were compiled while a device is given what it has not had before, which may take minutes.
/// Dropping it ends the thread that looks and waits for it: nothing is logged afterwards.
pub(super) struct KernelWatch {
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl KernelWatch {
    /// Begins; `None` where no thread is to be had.
    pub(super) fn start(device: String, folder: PathBuf, log: SharedLog) -> Option<Self> {
        let (sender, ended) = channel::<()>();
        let before = compiled(&folder);
        let look = move || {
            let mut told = 0;
            while ended.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let count = compiled(&folder).saturating_sub(before);
                if count > told {
                    told = count;
                    // What cannot be recorded now is told by the next count.
                    let _ = log.append(Event::KernelsCompiled { device: device.clone(), count });
                }
            }
        };
        let thread = thread::Builder::new().name("kernels".into()).spawn(look).ok()?;
        Some(Self { ended: Some(sender), thread: Some(thread) })
    }
}

impl Drop for KernelWatch {
    fn drop(&mut self) {
        self.ended = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has cost a count and nothing else.
            let _ = thread.join();
        }
    }
}

/// How many compiled kernels are kept in a folder: burn's runtime lists them in a file, a line each. 0 where that
/// cannot be read.
fn compiled(folder: &Path) -> usize {
    let versions = fs::read_dir(folder.join("cuda")).into_iter().flatten().flatten();
    let lists = versions.filter_map(|version| fs::read_to_string(version.path().join("ptx").join("toc.json.log")).ok());
    // A last line that is still being written does not count.
    lists.map(|list| list.matches('\n').count()).sum()
}

/// A folder for the kernels called `name` in the user's cache folder.
fn place(cache: Option<&Path>, name: &str) -> KernelCache {
    let nowhere = |status: String| KernelCache { folder: None, status: Some(KernelCacheStatus::Unavailable(status)) };
    let Some(cache) = cache else {
        return nowhere("there is no home folder to keep compiled kernels in: every start compiles its own".into());
    };
    let folder = cache.join("mien").join("kernels").join(name);
    match fs::create_dir_all(&folder).and_then(|()| fs::read_dir(&folder)) {
        Ok(mut there) => {
            let status = there.next().is_none().then_some(KernelCacheStatus::FirstStart);
            KernelCache { folder: Some(folder), status }
        }
        Err(error) => {
            let folder = printable(&folder.to_string_lossy());
            nowhere(format!("compiled kernels cannot be kept in {folder} ({error}): every start compiles its own"))
        }
    }
}

/// Tells burn's runtime, which takes it once.
#[cfg(all(feature = "cuda", not(test)))]
fn configure(folder: Option<&Path>) {
    use burn::cubecl::config::cache::CacheConfig;
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let mut config = CubeClRuntimeConfig::default().override_from_env();
        match folder {
            Some(folder) => {
                config.autotune.cache = CacheConfig::File(folder.to_owned());
                config.compilation.cache = Some(CacheConfig::File(folder.to_owned()));
            }
            // Tuning is kept somewhere in any case.
            None => {
                if let Ok(folder) = tempfile::tempdir() {
                    config.autotune.cache = CacheConfig::File(folder.open_cache());
                }
            }
        }
        CubeClRuntimeConfig::set(config);
    });
}

/// A build without CUDA has no such runtime.
#[cfg(not(all(feature = "cuda", not(test))))]
fn configure(_folder: Option<&Path>) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventWriter;

    #[test]
    fn the_first_start_is_told_that_it_compiles_and_the_next_is_not() {
        let cache = tempfile::tempdir().expect("a folder");
        let first = place(Some(cache.path()), "sm_90-nvrtc-13.0");
        let folder = first.folder.expect("made");
        assert!(folder.ends_with("mien/kernels/sm_90-nvrtc-13.0") && folder.is_dir());
        assert_eq!(first.status, Some(KernelCacheStatus::FirstStart));
        fs::write(folder.join("ptx"), "kernels").expect("written");
        assert_eq!(place(Some(cache.path()), "sm_90-nvrtc-13.0").status, None);
    }

    #[test]
    fn where_nothing_can_be_kept_that_is_told() {
        let cache = tempfile::NamedTempFile::new().expect("a file");
        for cache in [Some(cache.path()), None] {
            let place = place(cache, "sm_90-nvrtc-13.0");
            let told = matches!(&place.status, Some(KernelCacheStatus::Unavailable(why)) if why.contains("every start compiles its own"));
            assert!(place.folder.is_none() && told, "{:?}", place.status);
        }
    }

    #[test]
    fn compiled_kernels_are_counted_in_whole_lines_of_every_version() {
        let cache = tempfile::tempdir().expect("a folder");
        assert_eq!(compiled(cache.path()), 0);
        for (version, list) in [("0.10.0", "one\ntwo\nthr"), ("0.11.0", "four\n")] {
            let folder = cache.path().join("cuda").join(version).join("ptx");
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("toc.json.log"), list).expect("written");
        }
        assert_eq!(compiled(cache.path()), 3);
    }

    #[test]
    fn nothing_is_logged_once_the_watch_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = EventWriter::open(&folder.path().join("events.jsonl"), 1).expect("a log");
        let log = SharedLog::new(log);
        let watch = KernelWatch::start("cuda:0".into(), folder.path().to_owned(), log.clone()).expect("a thread");
        assert!(log.is_shared());
        drop(watch);
        assert!(!log.is_shared(), "its thread is over");
    }

    #[test]
    fn the_processor_has_no_kernels_to_keep() {
        assert!(open_cache(DeviceKind::Cpu).is_none());
    }
}
