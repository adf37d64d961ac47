//! The global names of pickles. They are only compared, never looked up or called.

use super::super::fault::Fault;
use super::super::number::Number;

/// A known global name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`, and other dictionaries of the standard library.
    OrderedDict,
    /// `torch.Size`.
    Size,
    /// `torch._utils._rebuild_tensor`, and its second version, which has more arguments after the same four.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`, also with a state after its arguments.
    RebuildParameter,
    /// `torch._tensor._rebuild_from_type_v2`, which calls its first argument with the third.
    RebuildFromType,
    /// The type of a storage.
    Storage(NumberType),
}

/// The number type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberType {
    Float(Number),
    /// Other numbers of this many bytes, such as the integers with which batch normalization counts; never weights.
    Other(usize),
}

impl NumberType {
    /// Returns the bytes of a number.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Float(number) => number.width(),
            Self::Other(width) => width,
        }
    }
}

impl Global {
    /// Returns the known name; `None` for another, whose objects are read past.
    ///
    /// # Errors
    /// For names that only an attack has in a pickle. Nothing runs either way, but nobody should keep such a file.
    pub(super) fn find(module: &str, name: &str) -> Result<Option<Self>, Fault> {
        let storage = match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter") => return Ok(Some(Self::OrderedDict)),
            ("torch", "Size") => return Ok(Some(Self::Size)),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => return Ok(Some(Self::RebuildTensor)),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                return Ok(Some(Self::RebuildParameter));
            }
            ("torch._tensor", "_rebuild_from_type_v2") => return Ok(Some(Self::RebuildFromType)),
            ("torch", "FloatStorage") => NumberType::Float(Number::F32),
            ("torch", "DoubleStorage") => NumberType::Float(Number::F64),
            ("torch", "HalfStorage") => NumberType::Float(Number::F16),
            ("torch", "BFloat16Storage") => NumberType::Float(Number::Bf16),
            ("torch", "ComplexDoubleStorage") => NumberType::Other(16),
            ("torch", "LongStorage" | "ComplexFloatStorage") => NumberType::Other(8),
            ("torch", "IntStorage" | "QInt32Storage") => NumberType::Other(4),
            ("torch", "ShortStorage") => NumberType::Other(2),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage" | "QInt8Storage" | "QUInt8Storage") => {
                NumberType::Other(1)
            }
            ("torch.storage", "UntypedStorage") => NumberType::Other(1),
            _ if runs_code(module, name) => {
                return Err(Fault::Refused(format!(
                    "its pickle would run '{module}.{name}' when PyTorch loads it, which no weights need; nothing was run. Do not \
                     load this file"
                )));
            }
            _ => return Ok(None),
        };
        Ok(Some(Self::Storage(storage)))
    }
}

/// Returns whether a name runs code of the caller's choice.
fn runs_code(module: &str, name: &str) -> bool {
    const MODULES: [&str; 20] = [
        "os",
        "posix",
        "nt",
        "subprocess",
        "sys",
        "shutil",
        "socket",
        "runpy",
        "importlib",
        "ctypes",
        "pty",
        "pickle",
        "_pickle",
        "marshal",
        "code",
        "webbrowser",
        "commands",
        "pip",
        "timeit",
        "pdb",
    ];
    const FUNCTIONS: [&str; 8] = ["eval", "exec", "compile", "open", "__import__", "breakpoint", "input", "execfile"];
    let root = module.split('.').next().unwrap_or(module);
    MODULES.contains(&root) || (matches!(root, "builtins" | "__builtin__") && FUNCTIONS.contains(&name))
}
