//! The global names that a pickle of tensors may use. They are only compared, never looked up or called.

use super::super::fault::Fault;
use super::super::number::Number;

/// A known global name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch.Size`.
    Size,
    /// `torch._utils._rebuild_tensor`, and its second version, which has more arguments after the same four.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`.
    RebuildParameter,
    /// The type of a storage.
    Storage(NumberType),
}

/// The number type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberType {
    Float(Number),
    /// Integers of this many bytes, as batch normalization counts with; never weights.
    Integer(usize),
}

impl NumberType {
    /// Returns the bytes of a number.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Float(number) => number.width(),
            Self::Integer(width) => width,
        }
    }
}

impl Global {
    /// Returns the known name, or an error that names the unknown one.
    pub(super) fn find(module: &str, name: &str) -> Result<Self, Fault> {
        let storage = match (module, name) {
            ("collections", "OrderedDict") => return Ok(Self::OrderedDict),
            ("torch", "Size") => return Ok(Self::Size),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => return Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => return Ok(Self::RebuildParameter),
            ("torch", "FloatStorage") => NumberType::Float(Number::F32),
            ("torch", "DoubleStorage") => NumberType::Float(Number::F64),
            ("torch", "HalfStorage") => NumberType::Float(Number::F16),
            ("torch", "BFloat16Storage") => NumberType::Float(Number::Bf16),
            ("torch", "LongStorage") => NumberType::Integer(8),
            ("torch", "IntStorage") => NumberType::Integer(4),
            ("torch", "ShortStorage") => NumberType::Integer(2),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => NumberType::Integer(1),
            _ => {
                return Err(Fault::Refused(format!(
                    "its pickle uses '{module}.{name}', which tensors do not need; nothing was run. If you trust it, load it \
                     in Python and save model.state_dict() alone"
                )));
            }
        };
        Ok(Self::Storage(storage))
    }
}
