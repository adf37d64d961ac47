//! Safetensors, whose file lists tensors in no order of layers.

use safetensors::tensor::{Dtype, SafeTensors};

use super::entry::{Entry, layer_of};
use super::fault::Fault;
use super::name_order::compare;
use super::number::Number;

/// Opens the file without copying its bytes.
pub(super) fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, Fault> {
    SafeTensors::deserialize(bytes).map_err(|error| Fault::Broken(error.to_string()))
}

/// Returns an entry of the file's metadata.
pub(super) fn text(bytes: &[u8], name: &str) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get(name).cloned()
}

/// Returns the tensors in the order of their names.
pub(super) fn entries<'a>(file: &SafeTensors<'a>) -> Vec<Entry<'a>> {
    let mut tensors = file.tensors();
    tensors.sort_by(|(one, _), (other, _)| compare(one, other));
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            let (layer, dtype, bytes) = (layer_of(&name).to_owned(), tensor.dtype(), tensor.data());
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
