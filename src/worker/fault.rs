//! A panic in words. Burn's device threads panic where memory runs out or a device fails; what the training thread then
//! hears is only that a call failed. So what every thread says is kept, and looked through for what a person can act
//! on.

use std::panic;
use std::sync::{Mutex, PoisonError};

use crate::domain::{FailureKind, text::printable};

/// So many panics are kept, and printed to the worker's log. A device that has failed causes one for every call.
const MAX_RECORDED: usize = 8;

/// Characters of a message that are looked at.
const MAX_CHARACTERS: usize = 4096;

/// What burn's runtime, the driver and cuDNN say where memory runs out.
const NO_MEMORY: [&str; 3] = ["can't allocate buffer of size", "CUDA_ERROR_OUT_OF_MEMORY", "ALLOCATION_FAILED"];

/// How the names of the driver's errors begin.
const DRIVER: &str = "CUDA_ERROR_";

/// How a panic of convolutions by cuDNN begins.
const CUDNN: &str = "cuDNN's part of a step failed";

static RECORDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What is printed of panics while they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicOutput {
    /// The first ones, whole: for a log.
    First,
    /// Nothing: what they come to is told in words.
    Nothing,
}

/// From now on keeps what panics say.
pub(crate) fn record_panics(print: PanicOutput) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let first = {
            let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
            if recorded.len() < MAX_RECORDED {
                recorded.push(message(panicked.payload()).chars().take(MAX_CHARACTERS).collect());
            }
            recorded.len() < MAX_RECORDED
        };
        if first && print == PanicOutput::First {
            usual(panicked);
        }
    }));
}

/// What a panic says.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// A panic as what a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    /// Whether memory ran out, the device failed, or this program did.
    pub kind: FailureKind,
    /// What happened and what to do, safe to print.
    pub words: String,
}

/// Why work on batches of this size ended by a panic that says this.
pub(crate) fn explain(said: &str, batch: Option<usize>) -> Fault {
    let recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    judge(said, &recorded, batch)
}

fn judge(said: &str, recorded: &[String], batch: Option<usize>) -> Fault {
    let fault = |kind, words: String| Fault { kind, words };
    let all = || std::iter::once(said).chain(recorded.iter().map(String::as_str));
    if all().any(|text| NO_MEMORY.iter().any(|sign| text.contains(sign))) {
        let advice = match batch {
            Some(batch) if batch > 1 => format!("a batch of {batch} does not fit, {} may; ", batch / 2),
            _ => String::new(),
        };
        let words = format!("the device has no memory left: {advice}`nvidia-smi` shows what else is on it");
        return fault(FailureKind::OutOfMemory, words);
    }
    if let Some(error) = all().find_map(driver_error) {
        let words = format!(
            "the device failed ({error}): the system's log (`dmesg`, Xid) may tell why; runs go on from their last checkpoint \
             when they are resumed"
        );
        return fault(FailureKind::Device, words);
    }
    // The thread that reads hears less than the one that called.
    if let Some(error) = all().filter(|text| text.starts_with(CUDNN)).max_by_key(|text| text.len()) {
        let words = format!("the device failed ({}): MIEN_CONVOLUTIONS=burn does without cuDNN", printable(error));
        return fault(FailureKind::Device, words);
    }
    fault(FailureKind::Panic, format!("a fault of this program: {}", printable(said)))
}

/// The first error of the driver's that a text names.
fn driver_error(text: &str) -> Option<&str> {
    let error = &text[text.find(DRIVER)?..];
    let end = error.find(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit());
    Some(&error[..end.unwrap_or(error.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_as_what_a_person_can_act_on() {
        let call = "called `Result::unwrap()` on an `Err` value: CallError";
        let launch = "Launch(DriverError(CUDA_ERROR_LAUNCH_FAILED, \"unspecified launch failure\"))";
        let memory = "called `Result::unwrap()` on an `Err` value: can't allocate buffer of size: 150994944";
        let (memory_kind, device) = (FailureKind::OutOfMemory, FailureKind::Device);
        for (kind, said, recorded, parts) in [
            (
                memory_kind,
                call,
                vec!["first", memory],
                ["no memory left: a batch of 512 does not fit, 256 may", "nvidia-smi"],
            ),
            (memory_kind, memory, vec![], ["no memory left", "256 may; `nvidia-smi`"]),
            (device, call, vec![launch], ["the device failed (CUDA_ERROR_LAUNCH_FAILED)", "resumed"]),
            (device, launch, vec![], ["the device failed (CUDA_ERROR_LAUNCH_FAILED)", "dmesg"]),
            // Memory that ran out is why a device fails later, and not the other way round.
            (memory_kind, launch, vec![memory], ["no memory left", "nvidia-smi"]),
            (
                device,
                "cuDNN's part of a step failed",
                vec!["cuDNN's part of a step failed: X"],
                ["the device failed (cuDNN's part of a step failed: X)", "MIEN_CONVOLUTIONS=burn"],
            ),
            (FailureKind::Panic, call, vec!["something else"], ["a fault of this program: called", "CallError"]),
        ] {
            let recorded: Vec<String> = recorded.into_iter().map(str::to_owned).collect();
            let told = judge(said, &recorded, Some(512));
            assert_eq!(told.kind, kind, "{told}");
            assert!(parts.iter().all(|part| told.words.contains(part)), "{told}");
        }
        for batch in [None, Some(1)] {
            let one = judge(memory, &[], batch);
            assert!(one.words.contains("left: `nvidia-smi`"), "{one}");
        }
        assert_eq!(driver_error("CUDA_ERROR_"), Some("CUDA_ERROR_"));
        assert_eq!(driver_error("nothing"), None);
    }
}
