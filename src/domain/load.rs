//! The load of a run on its machine, measured during training.

use serde::{Deserialize, Serialize};

/// The load of a worker process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// CPU time as a share of one core, in percent: 200 is two busy cores.
    #[serde(rename = "processor")]
    pub cpu: f64,
    /// Resident memory in bytes.
    pub memory: u64,
    /// The GPU of the run; `None` on the CPU, or if the driver does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuLoad>,
}

/// The state of a GPU, over all of its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuLoad {
    /// The name that the driver reports.
    pub name: String,
    /// The percentage of time in which the GPU computed.
    pub utilization: u32,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// Total memory, in bytes.
    pub memory_total: u64,
}
