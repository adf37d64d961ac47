//! Reading a pickle without running it: the instructions that a dictionary of tensors consists of, and no others.
//!
//! A pure function over bytes. Everything that is built lies in one list and is referred to by its place in it, so that
//! nothing is copied and nothing nests: no pickle takes any depth of the stack, and one that builds or keeps more than
//! a model consists of is refused.

mod instructions;
mod rebuild;

use std::collections::HashMap;

use super::super::fault::Fault;
use super::globals::{Global, Stored};

/// Most objects, values on the stack and remembered values; a VGG16 with its optimizer has some thousand.
const MOST_PARTS: usize = 1 << 20;

/// Something that a pickle builds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// `None`, a float or bytes: nothing that a tensor consists of.
    Other,
    Bool,
    Int(i64),
    Text(&'a str),
    Global(Global),
    /// A place in [`Pickle::objects`].
    Object(usize),
    /// The `MARK` that some instructions reach back to.
    Mark,
}

/// Something that is built of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object<'a> {
    Sequence(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Storage<'a>),
    Tensor(Tensor<'a>),
}

/// Where the numbers of tensors lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub(super) holds: Stored,
    /// Its name among the storages.
    pub(super) key: &'a str,
    /// How many numbers the whole of it has.
    pub(super) length: usize,
    /// Where this view of it begins.
    pub(super) offset: usize,
}

/// A tensor: a way to walk through a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Storage<'a>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// What was read.
#[derive(Debug)]
pub(in super::super) struct Pickle<'a> {
    pub(super) objects: Vec<Object<'a>>,
    /// What the pickle stands for.
    pub(super) root: Value<'a>,
    /// How long it is.
    pub(in super::super) length: usize,
}

/// Reads the pickle that the bytes begin with.
pub(in super::super) fn load(bytes: &[u8]) -> Result<Pickle<'_>, Fault> {
    let mut machine = Machine { bytes, at: 0, stack: Vec::new(), memo: HashMap::new(), objects: Vec::new() };
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
    Ok(Pickle { objects: machine.objects, root, length: machine.at })
}

fn broken() -> Fault {
    Fault::broken("its pickle makes no sense")
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    memo: HashMap<u32, Value<'a>>,
    objects: Vec<Object<'a>>,
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

    /// A number of up to eight bytes, little-endian and without a sign.
    fn number(&mut self, width: usize) -> Result<u64, Fault> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// That many bytes, their number in the first `width`.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], Fault> {
        let count = self.number(width)?;
        self.take(usize::try_from(count).map_err(|_| broken())?)
    }

    fn text(&mut self, width: usize) -> Result<(), Fault> {
        let text = std::str::from_utf8(self.counted(width)?).map_err(|_| broken())?;
        self.push(Value::Text(text))
    }

    /// Text up to the end of the line.
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

    /// Everything above the last mark, which goes too.
    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).ok_or_else(broken)?;
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }
}
