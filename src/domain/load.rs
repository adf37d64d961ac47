//! What a run takes of its machine, measured while it trains.

use serde::{Deserialize, Serialize};

/// What a worker's process takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Processor time as a share of one core, in percent: 200 is two cores at full work.
    pub processor: f64,
    /// Resident memory in bytes.
    pub memory: u64,
    /// The GPU that the run is on; `None` on the processor, or where the driver does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuLoad>,
}

/// What a GPU is doing, for all of its users together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuLoad {
    /// What it calls itself.
    pub name: String,
    /// Percent of the time in which it computed something.
    pub utilization: u32,
    /// Bytes in use.
    pub memory_used: u64,
    /// Bytes in all.
    pub memory_total: u64,
}
