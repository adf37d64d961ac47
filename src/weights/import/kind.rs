//! The kind of a file, from its bytes.

use super::fault::Fault;

/// A kind of file that may hold weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hdf5,
    Zip,
    /// The format of `torch.save` before its zip archives.
    TorchLegacy,
    Safetensors,
}

/// The pickle of torch's magic number, with which its old files begin: protocol 2, `LONG1`, the number.
const TORCH_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Returns the kind of the bytes.
pub(super) fn kind(bytes: &[u8]) -> Result<Kind, Fault> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Ok(Kind::Zip);
    }
    if bytes.starts_with(TORCH_MAGIC) {
        return Ok(Kind::TorchLegacy);
    }
    // After a user block, HDF5 begins at a power of two.
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || (bytes.len() > 512 && hdf5_pure::is_hdf5_bytes(bytes)) {
        return Ok(Kind::Hdf5);
    }
    if is_safetensors(bytes) {
        return Ok(Kind::Safetensors);
    }
    Err(Fault::Unknown(describe_unknown(bytes).into()))
}

/// Whether the bytes begin with a length and a JSON object.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= 100_000_000 && header.starts_with(b"{\"")
}

/// Describes the content of another kind of file, if it is a common one.
fn describe_unknown(bytes: &[u8]) -> &'static str {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).trim_start().to_lowercase();
    match bytes {
        [] => "it is empty",
        _ if head.starts_with("<!doctype html") || head.starts_with("<html") => {
            "it is a web page: the address led to a page about the file, download the file itself"
        }
        _ if head.starts_with("version https://git-lfs.github.com/spec/") => {
            "it is a Git LFS pointer and not the file it stands for: fetch that with `git lfs pull`"
        }
        [0x1f, 0x8b, ..] => "it is compressed with gzip: unpack it first",
        [0x80, ..] => "it is a pickle, but not one of torch.save",
        _ if bytes.get(257..262) == Some(b"ustar") => {
            "it is a tar archive: unpack it, or, if torch wrote it, load it in PyTorch and save it again"
        }
        _ => "its format is unknown",
    }
}
