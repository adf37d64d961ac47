//! Safetensors with torchvision's or this program's names.

use safetensors::tensor::{Dtype, SafeTensors};

use super::entry::Entry;
use super::fault::Fault;
use super::number::Number;

/// Opens the file without copying its bytes.
pub(super) fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, Fault> {
    SafeTensors::deserialize(bytes).map_err(|error| Fault::Broken(error.to_string()))
}

/// Returns the tensors by name.
pub(super) fn entries<'a>(file: &SafeTensors<'a>) -> Vec<Entry<'a>> {
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, tensor)| {
            let (layer, dtype, bytes) = (name.clone(), tensor.dtype(), tensor.data());
            let values = move || match number(dtype) {
                Some(number) => Ok(number.decode(bytes)),
                None => Err(Fault::Refused(format!("the numbers of '{name}' are {dtype:?}, and weights are floats"))),
            };
            Entry { layer, shape: tensor.shape().to_vec(), values: Box::new(values) }
        })
        .collect()
}

fn number(dtype: Dtype) -> Option<Number> {
    match dtype {
        Dtype::F16 => Some(Number::F16),
        Dtype::BF16 => Some(Number::Bf16),
        Dtype::F32 => Some(Number::F32),
        Dtype::F64 => Some(Number::F64),
        _ => None,
    }
}
