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
            b'2' => self.duplicate(),                                   // DUP
            b'1' => self.pop_to_mark().map(|_| ()),                     // POP_MARK
            b'N' => self.push(Value::Other),                            // NONE
            0x88 | 0x89 => self.push(Value::Bool),                      // NEWTRUE, NEWFALSE
            b'G' => self.take(8).and_then(|_| self.push(Value::Other)), // BINFLOAT
            b'J' | b'K' | b'M' | 0x8a | 0x8b => self.integer(opcode),
            b'X' | b'T' => self.text(4), // BINUNICODE, BINSTRING
            0x8c | b'U' => self.text(1), // SHORT_BINUNICODE, SHORT_BINSTRING
            0x8d => self.text(8),        // BINUNICODE8
            b'B' => self.counted(4).and_then(|_| self.push(Value::Other)), // BINBYTES
            b'C' => self.counted(1).and_then(|_| self.push(Value::Other)), // SHORT_BINBYTES
            0x8e | 0x96 => self.counted(8).and_then(|_| self.push(Value::Other)), // BINBYTES8, BYTEARRAY8
            b'q' | b'r' | 0x94 => self.memoize(opcode),
            b'h' | b'j' => self.recall(opcode),
            b')' | 0x85..=0x87 | b't' | b']' | b'l' | 0x8f | 0x91 => self.sequence(opcode),
            b'}' | b'd' | b's' | b'u' | b'a' | b'e' | 0x90 => self.collect(opcode),
            b'c' | 0x93 => self.global(opcode),
            b'R' | b'Q' | b'b' | 0x81 | 0x92 => self.make(opcode),
            other => Err(Fault::Refused(format!(
                "its pickle has the instruction 0x{other:02x}, which torch.save does not write; nothing was run"
            ))),
        }
    }

    fn duplicate(&mut self) -> Result<(), Fault> {
        let top = *self.stack.last().filter(|value| **value != Value::Mark).ok_or_else(broken)?;
        self.push(top)
    }

    /// Executes `BININT`, `BININT1`, `BININT2`, `LONG1`, `LONG4`.
    fn integer(&mut self, opcode: u8) -> Result<(), Fault> {
        let bytes = match opcode {
            b'K' => self.take(1)?,
            b'M' => self.take(2)?,
            b'J' => self.take(4)?,
            0x8b => self.counted(4)?,
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

    /// Builds tuples, empty or marked lists, and sets.
    fn sequence(&mut self, opcode: u8) -> Result<(), Fault> {
        let values = match opcode {
            0x85 => self.pop_many::<1>()?,
            0x86 => self.pop_many::<2>()?,
            0x87 => self.pop_many::<3>()?,
            b't' | b'l' | 0x91 => self.pop_to_mark()?,
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
        let is_pairs = matches!(opcode, b's' | b'u');
        match &mut self.objects[*target] {
            Object::Dict(entries) | Object::Instance(_, entries) if is_pairs => entries.extend(pairs),
            Object::Sequence(entries) | Object::Instance(entries, _) if !is_pairs => entries.extend(&values),
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
        let known = Global::find(module, name)?;
        if known.is_none() {
            self.unknown.get_or_insert((module, name));
        }
        self.push(known.map_or(Value::Class(module, name), Value::Global))
    }

    /// Executes `REDUCE`, `BINPERSID`, `BUILD`, `NEWOBJ`, `NEWOBJ_EX`.
    fn make(&mut self, opcode: u8) -> Result<(), Fault> {
        let arguments = self.pop()?;
        if opcode == b'Q' {
            return match self.storage(arguments)? {
                Some(storage) => self.build(Object::Storage(storage)),
                None => self.push(arguments),
            };
        }
        let named = if opcode == 0x92 { Some(self.pop()?) } else { None };
        let target = self.pop()?;
        match (opcode, target) {
            (b'R', Value::Global(global)) => self.reduce(global, arguments),
            (b'b', Value::Object(object)) => {
                // A `state_dict` has an attribute `_metadata`, which is ignored.
                if let Object::Instance(values, _) = &mut self.objects[object] {
                    values.push(arguments);
                }
                self.push(target)
            }
            (b'b', Value::Class(..)) => self.push(target),
            (b'b', _) | (_, Value::Mark) => Err(broken()),
            // Otherwise a method of an object would lose the object.
            _ => self.build(Object::Instance(
                [Some(target), named, Some(arguments)].into_iter().flatten().collect(),
                Vec::new(),
            )),
        }
    }
}
