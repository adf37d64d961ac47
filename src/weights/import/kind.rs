//! The kind of a file, from its bytes.

use super::fault::Fault;
use crate::domain::Placeholder;

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
    Err(Fault::Unknown(describe_unknown(bytes)))
}

/// Returns whether the bytes begin with a length and a JSON object.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= 100_000_000 && header.starts_with(b"{\"")
}

/// Beginnings of other kinds of files that people have, each with its description.
const KNOWN: [(&[u8], &str); 11] = [
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"BZh", "it is compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\0", "it is compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it first"),
    (b"Rar!", "it is a RAR archive: unpack it first"),
    (b"MATLAB 5.0", "it is a file of MATLAB, such as MatConvNet's: convert it to .h5, .npz or .safetensors"),
    (b"\x93NUMPY", "it is a single array of NumPy: save all of them with numpy.savez"),
    (b"GGUF", "it is a GGUF file, which holds language models"),
    (b"\x89PNG", "it is a picture"),
    (b"\xff\xd8\xff", "it is a picture"),
];

/// Describes the content of another kind of file, if it is a common one.
fn describe_unknown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "it is empty".into();
    }
    if let Some(placeholder) = Placeholder::of(bytes) {
        return format!("it is {placeholder}");
    }
    if let Some((_, words)) = KNOWN.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return (*words).into();
    }
    match bytes {
        [0x80, ..] => "it is a pickle, but not one of torch.save",
        _ if bytes.get(257..262) == Some(b"ustar") => {
            "it is a tar archive: unpack it, or, if torch wrote it, load it in PyTorch and save it again"
        }
        _ if bytes.get(4..8) == Some(b"TFL3") => "it is a TensorFlow Lite model, whose weights were fused or quantized: import the Keras model that it was made from",
        _ if is_text(bytes) => "it is text",
        _ => "its format is unknown",
    }
    .into()
}

/// Returns whether the beginning is readable text.
fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(256)];
    head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace()) && head.is_ascii()
}
