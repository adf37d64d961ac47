//! Configures the cache of compiled kernels, so that only the first start on a CUDA device compiles and tunes them. By
//! default burn compiles in each process, and saves tuning results next to the nearest Cargo project.

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

/// Time between two counts of compiled kernels.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The condition of the kernel cache, where a user should know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KernelCacheStatus {
    /// The cache is empty: all kernels will be compiled and tuned.
    FirstStart,
    /// There is no cache, for this reason.
    Unavailable(String),
}

/// Configures the kernel cache of this process; call it before the device is touched. `None` for the CPU.
pub(crate) fn open_cache(kind: DeviceKind) -> Option<KernelCache> {
    let name = device::kernel_cache_name(kind)?;
    let base = choose_base_strategy().ok().map(|folders| folders.cache_dir());
    let cache = cache_in(base.as_deref(), &name);
    configure(cache.folder.as_deref());
    Some(cache)
}

/// The folder of compiled kernels, and its condition.
pub(crate) struct KernelCache {
    /// `None` where no folder can be created.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) status: Option<KernelCacheStatus>,
}

/// Logs the number of kernels that this process has compiled. Dropping it joins its thread, so that nothing is logged
/// afterwards.
pub(super) struct KernelWatch {
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl KernelWatch {
    /// Starts the thread; `None` where the system has none.
    pub(super) fn start(device: String, folder: PathBuf, log: SharedLog) -> Option<Self> {
        let (sender, ended) = channel::<()>();
        let before = compiled(&folder);
        let look = move || {
            let mut logged = 0;
            while ended.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let count = compiled(&folder).saturating_sub(before);
                if count > logged {
                    logged = count;
                    // A count that cannot be written now is part of the next one.
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
            // A panic in the thread loses a count and nothing else.
            let _ = thread.join();
        }
    }
}

/// Returns the number of compiled kernels in `folder`: burn's runtime lists them in a file, one on each line. 0 where
/// that cannot be read.
fn compiled(folder: &Path) -> usize {
    let versions = fs::read_dir(folder.join("cuda")).into_iter().flatten().flatten();
    let lists = versions.filter_map(|version| fs::read_to_string(version.path().join("ptx").join("toc.json.log")).ok());
    // A last line that is still being written is not counted.
    lists.map(|list| list.matches('\n').count()).sum()
}

/// Creates the folder `name` for kernels in the user's cache folder.
fn cache_in(base: Option<&Path>, name: &str) -> KernelCache {
    let unavailable = |why| KernelCache { folder: None, status: Some(KernelCacheStatus::Unavailable(why)) };
    let Some(base) = base else {
        return unavailable("there is no home folder for compiled kernels: every start compiles its own".into());
    };
    let folder = base.join("mien").join("kernels").join(name);
    match fs::create_dir_all(&folder).and_then(|()| fs::read_dir(&folder)) {
        Ok(mut there) => {
            let status = there.next().is_none().then_some(KernelCacheStatus::FirstStart);
            KernelCache { folder: Some(folder), status }
        }
        Err(error) => {
            let folder = printable(&folder.to_string_lossy());
            unavailable(format!("compiled kernels cannot be saved in {folder} ({error}): every start compiles its own"))
        }
    }
}

/// Sets the cache of burn's runtime, which accepts a configuration once.
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
            // Burn saves tuning results in any case. Without this folder they would go next to a Cargo project.
            None => {
                if let Ok(folder) = tempfile::tempdir() {
                    config.autotune.cache = CacheConfig::File(folder.keep());
                }
            }
        }
        CubeClRuntimeConfig::set(config);
    });
}

/// Does nothing: a build without CUDA has no kernel cache.
#[cfg(not(all(feature = "cuda", not(test))))]
fn configure(_folder: Option<&Path>) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventWriter;

    #[test]
    fn an_empty_cache_is_a_first_start_and_a_filled_one_is_not() {
        let cache = tempfile::tempdir().expect("a folder");
        let first = cache_in(Some(cache.path()), "sm_90-nvrtc-13.0");
        let folder = first.folder.expect("made");
        assert!(folder.ends_with("mien/kernels/sm_90-nvrtc-13.0") && folder.is_dir());
        assert_eq!(first.status, Some(KernelCacheStatus::FirstStart));
        fs::write(folder.join("ptx"), "kernels").expect("written");
        assert_eq!(cache_in(Some(cache.path()), "sm_90-nvrtc-13.0").status, None);
    }

    #[test]
    fn a_cache_that_cannot_be_created_is_reported_with_the_reason() {
        let cache = tempfile::NamedTempFile::new().expect("a file");
        for base in [Some(cache.path()), None] {
            let found = cache_in(base, "sm_90-nvrtc-13.0");
            assert!(found.folder.is_none());
            let Some(KernelCacheStatus::Unavailable(why)) = found.status else { panic!("{:?}", found.status) };
            assert!(why.contains("every start compiles its own"), "{why}");
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
        assert!(!log.is_shared(), "its thread has ended");
    }

    #[test]
    fn the_cpu_has_no_kernel_cache() {
        assert!(open_cache(DeviceKind::Cpu).is_none());
    }
}
