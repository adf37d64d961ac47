//! The tensors of a pickled `state_dict`, by name.

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::globals::NumberType;
use super::pickle::{Object, Pickle, Storage, Tensor, Value};

/// Keys under which training scripts save a model's `state_dict`.
const WRAPPERS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// A file with the storages of tensors.
pub(super) trait Storages {
    /// Returns all bytes of a storage.
    fn bytes(&self, storage: &Storage) -> Result<&[u8], Fault>;
}

/// Returns the tensors of the dictionary, by name.
pub(super) fn entries<'a>(pickle: &Pickle<'a>, file: &'a dyn Storages) -> Result<Vec<Entry<'a>>, Fault> {
    let entries: Vec<Entry> = tensors(pickle)
        .map(|(name, tensor)| {
            let (layer, tensor) = (name.to_owned(), tensor.clone());
            let shape = tensor.shape.clone();
            Entry { layer, shape, values: Box::new(move || values(&tensor, file.bytes(&tensor.storage)?)) }
        })
        .collect();
    if entries.is_empty() {
        return Err(Fault::Refused("there is no state_dict of tensors in it; save model.state_dict()".into()));
    }
    Ok(entries)
}

fn tensors<'p, 'a>(pickle: &'p Pickle<'a>) -> impl Iterator<Item = (&'a str, &'p Tensor<'a>)> {
    let root = dict(pickle, pickle.root).unwrap_or_default();
    let wrapped = WRAPPERS.iter().find_map(|key| {
        let (_, value) = root.iter().find(|(name, _)| *name == Value::Text(key))?;
        dict(pickle, *value)
    });
    wrapped.unwrap_or(root).iter().filter_map(|entry| match entry {
        (Value::Text(name), Value::Object(index)) => match &pickle.objects[*index] {
            Object::Tensor(tensor) => Some((*name, tensor)),
            _ => None,
        },
        _ => None,
    })
}

fn dict<'p, 'a>(pickle: &'p Pickle<'a>, value: Value<'a>) -> Option<&'p [(Value<'a>, Value<'a>)]> {
    match value {
        Value::Object(index) => match &pickle.objects[index] {
            Object::Dict(entries) => Some(entries),
            _ => None,
        },
        _ => None,
    }
}

/// Reads a tensor's numbers from its storage by offset and strides; its shape has been checked.
fn values(tensor: &Tensor, bytes: &[u8]) -> Result<Vec<f32>, Fault> {
    let NumberType::Float(number) = tensor.storage.numbers else {
        return Err(Fault::Refused("its weights are whole numbers, and weights are floats".into()));
    };
    let width = number.width();
    let outside = || Fault::broken("a tensor lies outside of its storage");
    let begin = tensor.offset.checked_add(tensor.storage.offset).ok_or_else(outside)?;
    // The index of the last number.
    let reach =
        |sum: usize, (side, stride): (&usize, &usize)| sum.checked_add(side.checked_sub(1)?.checked_mul(*stride)?);
    let sides = tensor.shape.iter().zip(&tensor.strides);
    let span = sides.clone().try_fold(0, reach).and_then(|span| span.checked_add(1)).ok_or_else(outside)?;
    let from = begin.checked_mul(width).ok_or_else(outside)?;
    let to = begin.checked_add(span).and_then(|end| end.checked_mul(width)).ok_or_else(outside)?;
    let bytes = bytes.get(from..to).ok_or_else(outside)?;
    if is_contiguous(tensor) {
        return Ok(number.decode(bytes));
    }
    let places = sides.fold(vec![0], |places: Vec<usize>, (side, stride)| {
        places.iter().flat_map(|place| (0..*side).map(move |index| place + index * stride)).collect()
    });
    let stored = number.decode(bytes);
    Ok(places.into_iter().map(|place| stored[place]).collect())
}

fn is_contiguous(tensor: &Tensor) -> bool {
    let mut expected = 1;
    tensor.shape.iter().zip(&tensor.strides).rev().all(|(side, stride)| {
        let fits = *side == 1 || *stride == expected;
        expected *= side;
        fits
    })
}
