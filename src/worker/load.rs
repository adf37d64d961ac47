//! Measures the load of this process on a separate thread. A driver may take long to answer, and that must neither slow
//! a run nor end it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::domain::{GpuLoad, Load};
use crate::model::device::DeviceKind;

/// Time between two measurements; the first comes sooner, so that a new run soon shows its load.
const INTERVAL: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_secs(1);

/// A thread that measures the load, and its latest result. Dropping it ends the thread.
pub(super) struct LoadMeter {
    latest: Arc<Mutex<Option<Load>>>,
    _ends_the_thread: Sender<()>,
}

impl LoadMeter {
    /// Starts to measure a run on `device`; `None` where the system has no thread.
    pub(super) fn start(device: DeviceKind) -> Option<Self> {
        let latest = Arc::new(Mutex::new(None));
        let (sender, ended) = channel::<()>();
        let slot = Arc::clone(&latest);
        let measure = move || {
            let (mut process, gpu) = (Process::new(), Gpu::of(device));
            let mut interval = FIRST;
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                interval = INTERVAL;
                let Some((cpu, memory)) = process.measure() else { continue };
                let load = Load { cpu, memory, gpu: gpu.as_ref().and_then(Gpu::measure) };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(load);
            }
        };
        thread::Builder::new().name("load".into()).spawn(measure).ok()?;
        Some(Self { latest, _ends_the_thread: sender })
    }

    /// Removes and returns the latest measurement; `None` where there is no new one.
    pub(super) fn take(&self) -> Option<Load> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The CPU time and memory of this process.
struct Process {
    system: System,
    pid: Pid,
}

impl Process {
    fn new() -> Self {
        let mut process = Self { system: System::new(), pid: Pid::from_u32(std::process::id()) };
        // A CPU share is measured between two refreshes.
        process.measure();
        process
    }

    /// Returns the percentage of one core since the last call, and the resident bytes.
    fn measure(&mut self) -> Option<(f64, u64)> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), true, what);
        self.system.process(self.pid).map(|process| (f64::from(process.cpu_usage()), process.memory()))
    }
}

/// The GPU of a run in NVIDIA's management library (NVML).
#[cfg(feature = "cuda")]
struct Gpu {
    library: nvml_wrapper::Nvml,
    /// The PCI slot: CUDA and NVML number devices differently.
    slot: String,
}

#[cfg(feature = "cuda")]
impl Gpu {
    /// Opens the GPU; `None` for the CPU, and where the library or the device is not found.
    fn of(device: DeviceKind) -> Option<Self> {
        let slot = crate::model::device::pci_slot(device)?;
        // Every driver installs this name; the one without a number belongs to development packages.
        let library = nvml_wrapper::Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init().ok()?;
        Some(Self { library, slot })
    }

    fn measure(&self) -> Option<GpuLoad> {
        let device = self.library.device_by_pci_bus_id(self.slot.as_str()).ok()?;
        let memory = device.memory_info().ok()?;
        Some(GpuLoad {
            name: device.name().ok()?,
            utilization: device.utilization_rates().ok()?.gpu,
            memory_used: memory.used,
            memory_total: memory.total,
        })
    }
}

/// The GPU of a build without CUDA: none.
#[cfg(not(feature = "cuda"))]
struct Gpu;

#[cfg(not(feature = "cuda"))]
impl Gpu {
    fn of(_device: DeviceKind) -> Option<Self> {
        None
    }

    #[allow(clippy::unused_self)] // as in a build with CUDA
    fn measure(&self) -> Option<GpuLoad> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_busy_process_is_seen_as_busy() {
        let mut process = Process::new();
        let begun = Instant::now();
        // A busy machine gives this process less than a core, for an unknown time.
        loop {
            let since = Instant::now();
            while since.elapsed() < Duration::from_millis(300) {
                std::hint::black_box(since);
            }
            let (cpu, memory) = process.measure().expect("this process is there");
            assert!(memory > 1 << 20, "{memory}");
            if cpu > 5.0 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "{cpu} percent of a core while computing all the time");
        }
    }

    #[test]
    fn a_run_on_the_processor_has_no_gpu_and_a_measurement_is_taken_once() {
        let meter = LoadMeter::start(DeviceKind::Cpu).expect("a thread");
        let begun = Instant::now();
        let load = loop {
            if let Some(load) = meter.take() {
                break load;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "nothing was measured");
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(load.gpu, None);
        assert_eq!(meter.take(), None, "the next one comes in some seconds");
    }
}
