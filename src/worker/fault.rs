//! Turns panics into errors with advice. Burn's device threads panic where memory runs out or a device fails, and the
//! training thread then receives only "a call failed". Therefore the messages of all panics are recorded and searched
//! for a known cause.

use std::panic;
use std::sync::{Mutex, PoisonError};

use crate::domain::{FailureKind, text::printable};

/// The most panics that are recorded and printed. A failed device causes one for every call.
const MAX_RECORDED: usize = 8;

/// Characters of a panic message that are recorded.
const MAX_CHARACTERS: usize = 4096;

/// Messages of burn's runtime, the driver and cuDNN where memory runs out.
const NO_MEMORY: [&str; 3] = ["can't allocate buffer of size", "CUDA_ERROR_OUT_OF_MEMORY", "ALLOCATION_FAILED"];

/// The prefix of the driver's error names.
const DRIVER: &str = "CUDA_ERROR_";

/// The prefix of panics of the convolutions by cuDNN.
const CUDNN: &str = "cuDNN's part of a step failed";

static RECORDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The output of panics while they are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicOutput {
    /// The first panics, in full: for the worker log.
    First,
    /// No output: the caller prints the resulting [`Fault`].
    Nothing,
}

/// Installs a panic hook that records the messages of this process's panics.
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

/// Returns the message of a panic.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// A panic, explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    /// The cause: memory, the device, or this program.
    pub kind: FailureKind,
    /// The cause and the remedy, safe to print.
    pub words: String,
}

/// Returns the cause of a panic with this message, in work on batches of `batch` images.
pub(crate) fn explain(message: &str, batch: Option<usize>) -> Fault {
    let recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    classify(message, &recorded, batch)
}

fn classify(message: &str, recorded: &[String], batch: Option<usize>) -> Fault {
    let fault = |kind, words: String| Fault { kind, words };
    let all = || std::iter::once(message).chain(recorded.iter().map(String::as_str));
    if all().any(|text| NO_MEMORY.iter().any(|sign| text.contains(sign))) {
        let advice = match batch {
            Some(batch) if batch > 1 => format!("a batch of {batch} does not fit, {} may; ", batch / 2),
            _ => String::new(),
        };
        let words = format!("the device has no memory left: {advice}`nvidia-smi` shows which programs use it");
        return fault(FailureKind::OutOfMemory, words);
    }
    if let Some(error) = all().find_map(driver_error) {
        let words = format!(
            "the device failed ({error}): the system's log (`dmesg`, Xid) may name the cause; runs continue from their last checkpoint \
             when they are resumed"
        );
        return fault(FailureKind::Device, words);
    }
    // The thread that reads reports less than the one that called cuDNN.
    if let Some(error) = all().filter(|text| text.starts_with(CUDNN)).max_by_key(|text| text.len()) {
        let words = format!("the device failed ({}): MIEN_CONVOLUTIONS=burn trains without cuDNN", printable(error));
        return fault(FailureKind::Device, words);
    }
    fault(FailureKind::Panic, format!("internal error, a bug in mien: {}", printable(message)))
}

/// Returns the first name of a driver error in `text`.
fn driver_error(text: &str) -> Option<&str> {
    let error = &text[text.find(DRIVER)?..];
    let end = error.find(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit());
    Some(&error[..end.unwrap_or(error.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_explained_with_a_remedy() {
        let call = "called `Result::unwrap()` on an `Err` value: CallError";
        let launch = "Launch(DriverError(CUDA_ERROR_LAUNCH_FAILED, \"unspecified launch failure\"))";
        let memory = "called `Result::unwrap()` on an `Err` value: can't allocate buffer of size: 150994944";
        let (memory_kind, device) = (FailureKind::OutOfMemory, FailureKind::Device);
        for (kind, message, recorded, parts) in [
            (
                memory_kind,
                call,
                vec!["first", memory],
                ["no memory left: a batch of 512 does not fit, 256 may", "nvidia-smi"],
            ),
            (memory_kind, memory, vec![], ["no memory left", "256 may; `nvidia-smi`"]),
            (device, call, vec![launch], ["the device failed (CUDA_ERROR_LAUNCH_FAILED)", "resumed"]),
            (device, launch, vec![], ["the device failed (CUDA_ERROR_LAUNCH_FAILED)", "dmesg"]),
            // Memory that ran out makes a device fail later, not the other way round.
            (memory_kind, launch, vec![memory], ["no memory left", "nvidia-smi"]),
            (
                device,
                "cuDNN's part of a step failed",
                vec!["cuDNN's part of a step failed: X"],
                ["the device failed (cuDNN's part of a step failed: X)", "MIEN_CONVOLUTIONS=burn"],
            ),
            (FailureKind::Panic, call, vec!["something else"], ["internal error, a bug in mien: called", "CallError"]),
        ] {
            let recorded: Vec<String> = recorded.into_iter().map(str::to_owned).collect();
            let fault = classify(message, &recorded, Some(512));
            assert_eq!(fault.kind, kind, "{fault}");
            assert!(parts.iter().all(|part| fault.words.contains(part)), "{fault}");
        }
        for batch in [None, Some(1)] {
            let one = classify(memory, &[], batch);
            assert!(one.words.contains("left: `nvidia-smi`"), "{one}");
        }
        assert_eq!(driver_error("CUDA_ERROR_"), Some("CUDA_ERROR_"));
        assert_eq!(driver_error("nothing"), None);
    }
}
