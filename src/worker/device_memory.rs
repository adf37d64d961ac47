//! Limits the memory that resident images and a pass of the frozen part may take on a device.
//!
//! The limits depend on the device's total memory and not on its free memory. Otherwise other programs would decide
//! whether the host or the device makes batches, and with it the last bits of a run.

use crate::domain::network::FORWARD_CHUNK;
use crate::domain::text::printable;
use crate::model::device::{self, DeviceKind};

/// The environment variable that sets the limit for resident images in MiB, on any device; 0 makes batches on the host.
const VARIABLE: &str = "MIEN_RESIDENT_MIB";

/// By default, resident images take at most 1/8 of a GPU's memory; the rest is for the network and for other runs.
const SHARE: u64 = 8;

/// The assumed bytes of a GPU whose driver does not report its memory.
const UNKNOWN_MEMORY: u64 = 8 << 30;

/// A layer of a frozen part takes at most 1/16 of a GPU's memory, because a few of them exist at a time. On 80 GiB that
/// is 416 images of 224×224, on 8 GiB 41. Larger passes fill a GPU; on a CPU, smaller ones stay in its caches.
const LAYER: u64 = 16;

/// Returns the number of f32 values that the widest output of a frozen part may have on this device.
pub(crate) fn forward_chunk(kind: DeviceKind) -> usize {
    match kind {
        DeviceKind::Cpu => FORWARD_CHUNK,
        DeviceKind::Cuda(_) => chunk_for_memory(device::memory(kind).unwrap_or(UNKNOWN_MEMORY)),
    }
}

/// Returns the number of f32 values of the widest output, for a GPU with `memory` bytes.
fn chunk_for_memory(memory: u64) -> usize {
    // cuDNN rejects larger tensors.
    let most = i32::MAX.unsigned_abs() as usize;
    usize::try_from(memory / LAYER / 4).map_or(FORWARD_CHUNK, |numbers| numbers.clamp(FORWARD_CHUNK, most))
}

/// Returns the bytes that resident images may take on this device, and a warning where the variable is no number.
pub(super) fn resident_limit(kind: DeviceKind) -> (u64, Option<String>) {
    parse_limit(kind, std::env::var(VARIABLE).ok().as_deref())
}

fn parse_limit(kind: DeviceKind, variable: Option<&str>) -> (u64, Option<String>) {
    let usual = match kind {
        // On the CPU, sampling from the memory map is faster than tensor operations.
        DeviceKind::Cpu => 0,
        DeviceKind::Cuda(_) => device::memory(kind).unwrap_or(UNKNOWN_MEMORY) / SHARE,
    };
    match variable.map(|text| (text.trim().parse::<u64>(), text)) {
        None => (usual, None),
        Some((Ok(mebibytes), _)) => (mebibytes.saturating_mul(1 << 20), None),
        Some((Err(_), text)) => {
            let wrong = format!("{VARIABLE} is '{}', which is not a whole number: it is ignored", printable(text));
            (usual, Some(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_takes_as_many_images_at_once_as_its_memory_has_room_for() {
        let images = |gibibytes: u64| chunk_for_memory(gibibytes << 30) / (64 * 224 * 224);
        assert_eq!([2, 8, 24, 80, 141].map(images), [10, 41, 125, 417, 668]);
        assert_eq!(forward_chunk(DeviceKind::Cpu), FORWARD_CHUNK);
    }

    #[test]
    fn the_cpu_makes_batches_on_the_host_unless_the_variable_sets_a_limit() {
        assert_eq!(parse_limit(DeviceKind::Cpu, None), (0, None));
        assert_eq!(parse_limit(DeviceKind::Cpu, Some(" 2 ")), (2 << 20, None));
        let (bound, wrong) = parse_limit(DeviceKind::Cpu, Some("much"));
        assert!(bound == 0 && wrong.expect("a warning").contains("MIEN_RESIDENT_MIB is 'much'"));
        assert_eq!(parse_limit(DeviceKind::Cuda(0), Some("0")), (0, None), "the variable holds for a GPU too");
        assert!(parse_limit(DeviceKind::Cuda(0), None).0 >= 1 << 27, "a share of its memory");
    }
}
