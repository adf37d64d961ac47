//! What this process takes of its machine, measured beside the training by a thread of its own: asking a driver may
//! take its time, and nothing of it may slow a run or end it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::domain::{GpuLoad, Load};
use crate::model::device::DeviceKind;

/// Between two measurements; the first comes sooner, so that something is shown.
const INTERVAL: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_secs(1);

/// The latest measurement. Dropping it ends the thread.
pub(super) struct LoadMeter {
    latest: Arc<Mutex<Option<Load>>>,
    _ends_the_thread: Sender<()>,
}

impl LoadMeter {
    /// Begins to measure a run on this device; `None` where no thread is to be had.
    pub(super) fn start(device: DeviceKind) -> Option<Self> {
        let latest = Arc::new(Mutex::new(None));
        let (sender, ended) = channel::<()>();
        let slot = Arc::clone(&latest);
        let measure = move || {
            let (mut process, gpu) = (Process::new(), Gpu::of(device));
            let mut interval = FIRST;
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                interval = INTERVAL;
                let Some((processor, memory)) = process.measure() else { continue };
                let load = Load { processor, memory, gpu: gpu.as_ref().and_then(Gpu::measure) };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(load);
            }
        };
        thread::Builder::new().name("load".into()).spawn(measure).ok()?;
        Some(Self { latest, _ends_the_thread: sender })
    }

    /// The latest measurement, once.
    pub(super) fn take(&self) -> Option<Load> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// This process, as the system counts it.
struct Process {
    system: System,
    pid: Pid,
}

impl Process {
    fn new() -> Self {
        let mut process = Self { system: System::new(), pid: Pid::from_u32(std::process::id()) };
        // The share of the processor is that of the time between two looks.
        process.measure();
        process
    }

    /// Percent of one core since the last look, and resident bytes.
    fn measure(&mut self) -> Option<(f64, u64)> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), true, what);
        self.system.process(self.pid).map(|process| (f64::from(process.cpu_usage()), process.memory()))
    }
}

/// The GPU of a run, as its driver's management library tells of it.
#[cfg(feature = "cuda")]
struct Gpu {
    library: nvml_wrapper::Nvml,
    /// CUDA and the management library count devices in orders of their own: the slot is what they share.
    slot: String,
}

#[cfg(feature = "cuda")]
impl Gpu {
    /// `None` on the processor, and where the library or the device cannot be found.
    fn of(device: DeviceKind) -> Option<Self> {
        let slot = crate::model::device::pci_slot(device)?;
        // The name that every driver installs; the one without a number is for developers.
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

/// A build without CUDA trains on no GPU.
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
        // A machine with more to do lends less than a core, for as long as it likes.
        loop {
            let since = Instant::now();
            while since.elapsed() < Duration::from_millis(300) {
                std::hint::black_box(since);
            }
            let (processor, memory) = process.measure().expect("this process is there");
            assert!(memory > 1 << 20, "{memory}");
            if processor > 5.0 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "{processor} percent of a core, at work all the time");
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
