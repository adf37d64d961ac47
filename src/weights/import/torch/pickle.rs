//! The reading of a pickle without running it, limited to the instructions that `torch.save` writes.
//!
//! A pure function of the bytes. An object of an unknown class is read past and holds the values that it was made of.
//! So the tensors of a whole module are found. All objects are in one list and refer to each other by index. Nothing is
//! copied, and a nested pickle cannot overflow the stack. A pickle with more objects than a model is rejected.

mod instructions;
mod rebuild;

use std::collections::HashMap;

use super::super::fault::Fault;
use super::globals::{Global, NumberType};

/// The most objects, values on the stack and memoized values; a VGG16 with its optimizer has about a thousand.
const MOST_PARTS: usize = 1 << 20;

/// A value of a pickle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// `None`, a float or bytes, which no tensor contains.
    Other,
    Bool,
    Int(i64),
    Text(&'a str),
    Global(Global),
    /// Module and name of an unknown class or function.
    Class(&'a str, &'a str),
    /// An index in [`Pickle::objects`].
    Object(usize),
    /// The `MARK` up to which some instructions pop.
    Mark,
}

/// An object made of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object<'a> {
    Sequence(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Storage<'a>),
    Tensor(Tensor<'a>),
    /// An object of an unknown class: the values that it was made of, and its entries if it is a dictionary.
    Instance(Vec<Value<'a>>, Vec<(Value<'a>, Value<'a>)>),
}

/// The storage of tensors' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub(super) numbers: NumberType,
    /// Its name among the storages.
    pub(super) key: &'a str,
    /// The length of the whole storage, in numbers.
    pub(super) length: usize,
    /// The offset of this view, in numbers.
    pub(super) offset: usize,
}

/// A tensor: offset, shape and strides in a storage, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Storage<'a>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(in super::super) struct Pickle<'a> {
    pub(super) objects: Vec<Object<'a>>,
    /// The first unknown class or function, as module and name.
    pub(super) unknown: Option<(&'a str, &'a str)>,
    /// The value of the whole pickle.
    pub(super) root: Value<'a>,
    /// The length of the pickle, in bytes.
    pub(in super::super) length: usize,
}

/// Reads the pickle at the beginning of the bytes.
pub(in super::super) fn load(bytes: &[u8]) -> Result<Pickle<'_>, Fault> {
    let mut machine =
        Machine { bytes, at: 0, stack: Vec::new(), memo: HashMap::new(), objects: Vec::new(), unknown: None };
    loop {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            break;
        }
        machine.step(opcode)?;
        if machine.objects.len().max(machine.stack.len()).max(machine.memo.len()) > MOST_PARTS {
            return Err(Fault::broken("its pickle builds more than a model consists of"));
        }
    }
    let root = machine.pop()?;
    Ok(Pickle { objects: machine.objects, unknown: machine.unknown, root, length: machine.at })
}

fn broken() -> Fault {
    Fault::broken("its pickle is invalid")
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    memo: HashMap<u32, Value<'a>>,
    objects: Vec<Object<'a>>,
    unknown: Option<(&'a str, &'a str)>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| Fault::broken("its pickle is cut short"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    /// Reads an unsigned number of up to eight bytes, little-endian.
    fn number(&mut self, width: usize) -> Result<u64, Fault> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Reads the bytes whose count is in the first `width` bytes.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], Fault> {
        let count = self.number(width)?;
        self.take(usize::try_from(count).map_err(|_| broken())?)
    }

    fn text(&mut self, width: usize) -> Result<(), Fault> {
        let text = std::str::from_utf8(self.counted(width)?).map_err(|_| broken())?;
        self.push(Value::Text(text))
    }

    /// Reads text up to the end of the line.
    fn line(&mut self) -> Result<&'a str, Fault> {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n');
        let length = length.ok_or_else(|| Fault::broken("its pickle is cut short"))?;
        let line = self.take(length)?;
        self.at += 1;
        std::str::from_utf8(line).map_err(|_| broken())
    }

    #[allow(clippy::unnecessary_wraps)] // so that every instruction ends alike
    fn push(&mut self, value: Value<'a>) -> Result<(), Fault> {
        self.stack.push(value);
        Ok(())
    }

    fn build(&mut self, object: Object<'a>) -> Result<(), Fault> {
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1))
    }

    fn pop(&mut self) -> Result<Value<'a>, Fault> {
        self.stack.pop().filter(|value| *value != Value::Mark).ok_or_else(broken)
    }

    fn pop_many<const N: usize>(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mut values = (0..N).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        values.reverse();
        Ok(values)
    }

    /// Pops all values above the last mark, and the mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).ok_or_else(broken)?;
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }
}
