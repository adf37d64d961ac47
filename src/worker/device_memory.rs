//! How much of a device's memory the images of a run may take, and what goes through a frozen base at once.
//!
//! It goes by the device's whole memory and not by what is free: which way batches are made decides the last bits of a
//! run.

use crate::domain::network::FORWARD_CHUNK;
use crate::domain::text::printable;
use crate::model::device::{self, DeviceKind};

/// The environment variable that says so, in MiB, for any kind of device; 0: batches are made on the host.
const VARIABLE: &str = "MIEN_RESIDENT_MIB";

/// The share of a GPU's memory otherwise: the rest is for the network, and for other runs.
const SHARE: u64 = 8;

/// Of a GPU that does not tell its memory.
const UNKNOWN_MEMORY: u64 = 8 << 30;

/// The share of a GPU's memory that a layer of a frozen base may take. A few of them are there at a time. On 80 GiB
/// that is 416 images of 224×224, on 8 GiB 41: a GPU wants as many at once as there are, and a processor so few that
/// they stay in its caches.
const LAYER: u64 = 16;

/// Numbers in f32 that the widest layer of a frozen base may have at once on this device.
pub(crate) fn forward_chunk(kind: DeviceKind) -> usize {
    match kind {
        DeviceKind::Cpu => FORWARD_CHUNK,
        DeviceKind::Cuda(_) => chunk_for_memory(device::memory(kind).unwrap_or(UNKNOWN_MEMORY)),
    }
}

fn chunk_for_memory(memory: u64) -> usize {
    // cuDNN takes no larger tensor.
    let most = i32::MAX.unsigned_abs() as usize;
    usize::try_from(memory / LAYER / 4).map_or(FORWARD_CHUNK, |numbers| numbers.clamp(FORWARD_CHUNK, most))
}

/// Bytes that the images of a run may take on this device, and what is wrong with the variable that says so.
pub(super) fn resident_limit(kind: DeviceKind) -> (u64, Option<String>) {
    parse_limit(kind, std::env::var(VARIABLE).ok().as_deref())
}

fn parse_limit(kind: DeviceKind, variable: Option<&str>) -> (u64, Option<String>) {
    let usual = match kind {
        // The processor samples from the memory map faster than tensor operations do.
        DeviceKind::Cpu => 0,
        DeviceKind::Cuda(_) => device::memory(kind).unwrap_or(UNKNOWN_MEMORY) / SHARE,
    };
    match variable.map(|text| (text.trim().parse::<u64>(), text)) {
        None => (usual, None),
        Some((Ok(mebibytes), _)) => (mebibytes.saturating_mul(1 << 20), None),
        Some((Err(_), text)) => {
            let wrong = format!("{VARIABLE} is '{}', which is no whole number: it is ignored", printable(text));
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
    fn the_processor_makes_batches_on_the_host_unless_told_otherwise() {
        assert_eq!(parse_limit(DeviceKind::Cpu, None), (0, None));
        assert_eq!(parse_limit(DeviceKind::Cpu, Some(" 2 ")), (2 << 20, None));
        let (bound, wrong) = parse_limit(DeviceKind::Cpu, Some("much"));
        assert!(bound == 0 && wrong.expect("a word").contains("MIEN_RESIDENT_MIB is 'much'"));
        assert_eq!(parse_limit(DeviceKind::Cuda(0), Some("0")), (0, None), "and a GPU can be told too");
        assert!(parse_limit(DeviceKind::Cuda(0), None).0 >= 1 << 27, "a share of its memory");
    }
}
