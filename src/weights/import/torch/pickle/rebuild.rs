//! What the names that a pickle of tensors asks for would build.

use super::super::super::fault::Fault;
use super::super::globals::Global;
use super::{Machine, Object, Storage, Tensor, Value, broken};

/// Most arguments that are looked at; those of a tensor are six.
const MOST_ARGUMENTS: usize = 8;

/// Most sides of a tensor.
const MOST_SIDES: usize = 8;

impl<'a> Machine<'a> {
    fn values(&self, value: Value) -> Result<&[Value<'a>], Fault> {
        match value {
            Value::Object(index) => match &self.objects[index] {
                Object::Sequence(values) => Ok(values),
                _ => Err(broken()),
            },
            _ => Err(broken()),
        }
    }

    /// The sides or strides of a tensor.
    fn counts(&self, value: Value) -> Result<Vec<usize>, Fault> {
        let values = self.values(value)?;
        if values.len() > MOST_SIDES { Err(broken()) } else { values.iter().map(count).collect() }
    }

    /// What calling the known name would give.
    pub(super) fn reduce(&mut self, global: Global, arguments: Value<'a>) -> Result<(), Fault> {
        // Bounded, so that a long list cannot be walked through again and again.
        let arguments = self.values(arguments)?;
        let arguments = arguments[..arguments.len().min(MOST_ARGUMENTS)].to_vec();
        match (global, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.build(Object::Dict(Vec::new())),
            // Python 2 wrote all entries as a list of pairs.
            (Global::OrderedDict, [Value::Object(list)]) => {
                let entries = self.pairs(*list)?;
                self.build(Object::Dict(entries))
            }
            (Global::Size, [sides]) => self.push(*sides),
            // The parameter's other arguments say whether it is trained.
            (Global::RebuildParameter, [tensor, ..]) => self.push(*tensor),
            (Global::RebuildTensor, [Value::Object(storage), offset, shape, strides, ..]) => {
                let Object::Storage(storage) = self.objects[*storage] else { return Err(broken()) };
                let (shape, strides) = (self.counts(*shape)?, self.counts(*strides)?);
                if shape.len() != strides.len() {
                    return Err(broken());
                }
                self.build(Object::Tensor(Tensor { storage, offset: count(offset)?, shape, strides }))
            }
            _ => Err(broken()),
        }
    }

    /// Takes the pairs out of a list, so that a list is never copied twice.
    fn pairs(&mut self, list: usize) -> Result<Vec<(Value<'a>, Value<'a>)>, Fault> {
        let Object::Sequence(list) = &mut self.objects[list] else { return Err(broken()) };
        let list = std::mem::take(list);
        list.into_iter()
            .map(|pair| match self.values(pair)? {
                [key, value] => Ok((*key, *value)),
                _ => Err(broken()),
            })
            .collect()
    }

    /// `("storage", type, key, device, length)`, in old files with a view `(key, offset, length)` or `None` behind.
    pub(super) fn storage(&self, arguments: Value) -> Result<Storage<'a>, Fault> {
        let [Value::Text("storage"), Value::Global(Global::Storage(holds)), Value::Text(key), _, length, rest @ ..] =
            self.values(arguments)?
        else {
            return Err(broken());
        };
        let offset = match rest {
            [view @ Value::Object(_)] => self.values(*view)?.get(1).map(count).ok_or_else(broken)??,
            _ => 0,
        };
        Ok(Storage { holds: *holds, key, length: count(length)?, offset })
    }
}

fn count(value: &Value) -> Result<usize, Fault> {
    match value {
        Value::Int(number) => usize::try_from(*number).map_err(|_| broken()),
        _ => Err(broken()),
    }
}
