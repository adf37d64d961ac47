//! The known instructions of a pickle.

use super::super::super::fault::Fault;
use super::super::globals::Global;
use super::{Machine, Object, Value, broken};

impl Machine<'_> {
    pub(super) fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            0x80 => self.take(1).map(|_| ()),                           // PROTO
            0x95 => self.take(8).map(|_| ()),                           // FRAME
            b'(' => self.push(Value::Mark),                             // MARK
            b'0' => self.pop().map(|_| ()),                             // POP
            b'1' => self.pop_to_mark().map(|_| ()),                     // POP_MARK
            b'N' => self.push(Value::Other),                            // NONE
            0x88 | 0x89 => self.push(Value::Bool),                      // NEWTRUE, NEWFALSE
            b'G' => self.take(8).and_then(|_| self.push(Value::Other)), // BINFLOAT
            b'J' | b'K' | b'M' | 0x8a => self.integer(opcode),
            b'X' | b'T' => self.text(4), // BINUNICODE, BINSTRING
            0x8c | b'U' => self.text(1), // SHORT_BINUNICODE, SHORT_BINSTRING
            0x8d => self.text(8),        // BINUNICODE8
            b'B' => self.counted(4).and_then(|_| self.push(Value::Other)), // BINBYTES
            b'C' => self.counted(1).and_then(|_| self.push(Value::Other)), // SHORT_BINBYTES
            b'q' | b'r' | 0x94 => self.memoize(opcode),
            b'h' | b'j' => self.recall(opcode),
            b')' | 0x85..=0x87 | b't' | b']' | b'l' => self.sequence(opcode),
            b'}' | b'd' | b's' | b'u' | b'a' | b'e' => self.collect(opcode),
            b'c' | 0x93 => self.global(opcode),
            b'R' | b'Q' | b'b' => self.make(opcode),
            other => Err(Fault::Refused(format!(
                "its pickle has the instruction 0x{other:02x}, which a state_dict of tensors does not need; nothing was run"
            ))),
        }
    }

    /// Executes `BININT`, `BININT1`, `BININT2`, `LONG1`.
    fn integer(&mut self, opcode: u8) -> Result<(), Fault> {
        let bytes = match opcode {
            b'K' => self.take(1)?,
            b'M' => self.take(2)?,
            b'J' => self.take(4)?,
            _ => self.counted(1)?,
        };
        // `BININT1` and `BININT2` are unsigned.
        let signed = !matches!(opcode, b'K' | b'M') && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if signed { 0xff } else { 0 }; 8];
        // No tensor has a longer number.
        let Some(low) = wide.get_mut(..bytes.len()) else { return self.push(Value::Other) };
        low.copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(wide)))
    }

    /// Executes `BINPUT`, `LONG_BINPUT`, `MEMOIZE`.
    fn memoize(&mut self, opcode: u8) -> Result<(), Fault> {
        let index = match opcode {
            b'q' => self.number(1)?,
            b'r' => self.number(4)?,
            _ => self.memo.len() as u64,
        };
        let value = *self.stack.last().filter(|value| **value != Value::Mark).ok_or_else(broken)?;
        self.memo.insert(u32::try_from(index).map_err(|_| broken())?, value);
        Ok(())
    }

    /// Executes `BINGET`, `LONG_BINGET`.
    fn recall(&mut self, opcode: u8) -> Result<(), Fault> {
        let index = self.number(if opcode == b'h' { 1 } else { 4 })?;
        let value = u32::try_from(index).ok().and_then(|index| self.memo.get(&index).copied());
        self.push(value.ok_or_else(broken)?)
    }

    /// Builds tuples and empty or marked lists.
    fn sequence(&mut self, opcode: u8) -> Result<(), Fault> {
        let values = match opcode {
            0x85 => self.pop_many::<1>()?,
            0x86 => self.pop_many::<2>()?,
            0x87 => self.pop_many::<3>()?,
            b't' | b'l' => self.pop_to_mark()?,
            _ => Vec::new(),
        };
        self.build(Object::Sequence(values))
    }

    /// Builds dictionaries, and adds entries to dictionaries and lists.
    fn collect(&mut self, opcode: u8) -> Result<(), Fault> {
        let values = match opcode {
            b'}' => Vec::new(),
            b's' => self.pop_many::<2>()?,
            b'a' => self.pop_many::<1>()?,
            _ => self.pop_to_mark()?,
        };
        let pairs = values.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value));
        if matches!(opcode, b'}' | b'd') {
            return self.build(Object::Dict(pairs.collect()));
        }
        let Some(Value::Object(target)) = self.stack.last() else { return Err(broken()) };
        match &mut self.objects[*target] {
            Object::Dict(entries) if matches!(opcode, b's' | b'u') => entries.extend(pairs),
            Object::Sequence(entries) if matches!(opcode, b'a' | b'e') => entries.extend(&values),
            _ => return Err(broken()),
        }
        Ok(())
    }

    /// Executes `GLOBAL`, `STACK_GLOBAL`.
    fn global(&mut self, opcode: u8) -> Result<(), Fault> {
        let (module, name) = if opcode == b'c' {
            (self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            let (Value::Text(module), Value::Text(name)) = (module, name) else { return Err(broken()) };
            (module, name)
        };
        self.push(Value::Global(Global::find(module, name)?))
    }

    /// Executes `REDUCE`, `BINPERSID`, `BUILD`.
    fn make(&mut self, opcode: u8) -> Result<(), Fault> {
        let arguments = self.pop()?;
        if opcode == b'Q' {
            let storage = self.storage(arguments)?;
            return self.build(Object::Storage(storage));
        }
        let target = self.pop()?;
        match (opcode, target) {
            (b'R', Value::Global(global)) => self.reduce(global, arguments),
            // A `state_dict` has an attribute `_metadata`, which is ignored.
            (b'b', Value::Object(dict)) if matches!(self.objects[dict], Object::Dict(_)) => self.push(target),
            _ => Err(broken()),
        }
    }
}
