//! The tensors of a pickle, by name.

use super::super::entry::{Entry, layer_of};
use super::super::fault::Fault;
use super::globals::NumberType;
use super::pickle::{Object, Pickle, Storage, Tensor, Value};

/// Keys under which a module holds its parts, which are no part of a tensor's name.
const PARTS: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The deepest nesting of dictionaries, and the longest name in bytes. Otherwise names could fill memory.
const DEEPEST: usize = 32;
const LONGEST_NAME: usize = 512;

/// A file with the storages of tensors.
pub(super) trait Storages {
    /// Returns all bytes of a storage.
    fn bytes(&self, storage: &Storage) -> Result<&[u8], Fault>;
}

/// Returns the tensors in a pickle, wherever they are, named by the keys that lead to them, such as
/// `state_dict.features.0.weight`.
pub(super) fn entries<'a>(pickle: &Pickle<'a>, file: &'a dyn Storages) -> Result<Vec<Entry<'a>>, Fault> {
    let entries: Vec<Entry> = tensors(pickle)
        .into_iter()
        .map(|(name, tensor)| {
            let tensor = tensor.clone();
            let shape = tensor.shape.clone();
            let layer = layer_of(&name).to_owned();
            Entry { layer, shape, values: Box::new(move || values(&tensor, file.bytes(&tensor.storage)?)) }
        })
        .collect();
    if !entries.is_empty() {
        return Ok(entries);
    }
    let objects = pickle.unknown.map_or_else(String::new, |(module, name)| {
        format!("; its pickle has objects of '{module}.{name}', which were read past, and nothing was run")
    });
    Err(Fault::Refused(format!("there is no tensor in it{objects}. Save model.state_dict() in PyTorch")))
}

/// A value to visit: the name that leads to it, and its depth.
struct Visit<'a> {
    name: String,
    depth: usize,
    value: Value<'a>,
}

/// Returns the tensors with their names, in the order of the pickle. Each dictionary and list is visited once.
fn tensors<'p, 'a>(pickle: &'p Pickle<'a>) -> Vec<(String, &'p Tensor<'a>)> {
    let mut found = Vec::new();
    let mut visited = vec![false; pickle.objects.len()];
    let mut waiting = vec![Visit { name: String::new(), depth: 0, value: pickle.root }];
    while let Some(Visit { name, depth, value }) = waiting.pop() {
        let Value::Object(index) = value else { continue };
        let inner = |key: Option<&str>, value: &Value<'a>| {
            let name = match key {
                None => name.clone(),
                Some(key) if PARTS.contains(&key) => name.clone(),
                Some(key) if name.is_empty() => key.to_owned(),
                Some(key) => format!("{name}.{key}"),
            };
            let is_visited = matches!(value, Value::Object(_)) && depth < DEEPEST && name.len() <= LONGEST_NAME;
            is_visited.then_some(Visit { name, depth: depth + 1, value: *value })
        };
        let object = &pickle.objects[index];
        if let Object::Tensor(tensor) = object {
            found.push((name, tensor));
            continue;
        }
        if std::mem::replace(&mut visited[index], true) {
            continue;
        }
        let mut next: Vec<Visit> = Vec::new();
        match object {
            Object::Dict(entries) => next.extend(entries.iter().filter_map(|entry| keyed(entry, &inner))),
            Object::Sequence(values) => {
                next.extend(values.iter().enumerate().filter_map(|(at, value)| inner(Some(&at.to_string()), value)));
            }
            Object::Instance(values, entries) => {
                // Arguments and states are no part of a name.
                for value in values {
                    let sequence = match value {
                        Value::Object(index) if !visited[*index] => match &pickle.objects[*index] {
                            Object::Sequence(items) => Some((index, items)),
                            _ => None,
                        },
                        _ => None,
                    };
                    match sequence {
                        Some((index, items)) => {
                            visited[*index] = true;
                            next.extend(items.iter().filter_map(|item| inner(None, item)));
                        }
                        None => next.extend(inner(None, value)),
                    }
                }
                next.extend(entries.iter().filter_map(|entry| keyed(entry, &inner)));
            }
            Object::Storage(_) | Object::Tensor(_) => {}
        }
        waiting.extend(next.into_iter().rev());
    }
    found
}

/// Visits the value of an entry under its key.
fn keyed<'a>(
    (key, value): &(Value<'a>, Value<'a>),
    inner: &dyn Fn(Option<&str>, &Value<'a>) -> Option<Visit<'a>>,
) -> Option<Visit<'a>> {
    match key {
        Value::Text(key) => inner(Some(key), value),
        Value::Int(key) => inner(Some(&key.to_string()), value),
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
