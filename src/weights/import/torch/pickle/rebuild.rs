//! The objects that the known global names build.

use super::super::super::fault::Fault;
use super::super::globals::Global;
use super::{Machine, Object, Storage, Tensor, Value, broken};

/// The most arguments that are read; a tensor has six.
const MOST_ARGUMENTS: usize = 8;

/// The most sides of a tensor.
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

    /// Returns the sides or strides of a tensor.
    fn counts(&self, value: Value) -> Result<Vec<usize>, Fault> {
        let values = self.values(value)?;
        if values.len() > MOST_SIDES { Err(broken()) } else { values.iter().map(count).collect() }
    }

    /// Pushes the result of calling the known name.
    pub(super) fn reduce(&mut self, global: Global, arguments: Value<'a>) -> Result<(), Fault> {
        // Bounded. Otherwise repeated calls with one long list would take quadratic time.
        let arguments = self.values(arguments)?;
        let arguments = arguments[..arguments.len().min(MOST_ARGUMENTS)].to_vec();
        match (global, arguments.as_slice()) {
            // Python 2 wrote all entries as a list of pairs.
            (Global::OrderedDict, [Value::Object(list)]) if matches!(self.objects[*list], Object::Sequence(_)) => {
                let entries = self.pairs(*list)?;
                self.build(Object::Dict(entries))
            }
            // A `defaultdict` is made from the class of its values.
            (Global::OrderedDict, _) => self.build(Object::Dict(Vec::new())),
            (Global::Size, [sides]) => self.push(*sides),
            // The remaining arguments concern training.
            (Global::RebuildParameter, [tensor, ..]) => self.push(*tensor),
            (Global::RebuildTensor, [Value::Object(storage), offset, shape, strides, ..]) => {
                let Object::Storage(storage) = self.objects[*storage] else { return Err(broken()) };
                let (shape, strides) = (self.counts(*shape)?, self.counts(*strides)?);
                if shape.len() != strides.len() {
                    return Err(broken());
                }
                self.build(Object::Tensor(Tensor { storage, offset: count(offset)?, shape, strides }))
            }
            (Global::RebuildFromType, [Value::Global(Global::RebuildTensor), _, arguments, ..]) => {
                self.reduce(Global::RebuildTensor, *arguments)
            }
            (Global::RebuildFromType, _) => self.build(Object::Instance(arguments, Vec::new())),
            _ => Err(broken()),
        }
    }

    /// Moves the pairs out of a list, so that no list is copied twice.
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

    /// Reads `("storage", type, key, device, length)`; old files append a view `(key, offset, length)` or `None`.
    /// `None` for objects that are no storages, such as the source of a module's class.
    pub(super) fn storage(&self, arguments: Value) -> Result<Option<Storage<'a>>, Fault> {
        let [Value::Text("storage"), Value::Global(Global::Storage(numbers)), Value::Text(key), _, length, rest @ ..] =
            self.values(arguments)?
        else {
            return match self.values(arguments)? {
                [Value::Text(kind), ..] if *kind != "storage" => Ok(None),
                [Value::Text(_), Value::Class(..), ..] => Ok(None),
                _ => Err(broken()),
            };
        };
        let offset = match rest {
            [view @ Value::Object(_)] => self.values(*view)?.get(1).map(count).ok_or_else(broken)??,
            _ => 0,
        };
        Ok(Some(Storage { numbers: *numbers, key, length: count(length)?, offset }))
    }
}

fn count(value: &Value) -> Result<usize, Fault> {
    match value {
        Value::Int(number) => usize::try_from(*number).map_err(|_| broken()),
        _ => Err(broken()),
    }
}
