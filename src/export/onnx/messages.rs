//! The messages of ONNX that an exported network has, with the field numbers of `onnx.proto`.

use prost::Message;

/// The kinds of attributes and of tensors' numbers.
pub mod kind {
    /// A float attribute.
    pub const FLOAT: i32 = 1;
    /// An integer attribute.
    pub const INT: i32 = 2;
    /// A text attribute.
    pub const STRING: i32 = 3;
    /// Several integers.
    pub const INTS: i32 = 7;
    /// Numbers of 32-bit floats.
    pub const F32: i32 = 1;
    /// Numbers of 64-bit integers.
    pub const I64: i32 = 7;
}

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// The version of this format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// The version of the program.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// A sentence for people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// The sets of operators.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Named text.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A set of operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// The version of the set.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A named text.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Nodes in order, with their constants.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// Operations.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// The network's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// The inputs.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<Value>,
    /// The outputs.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<Value>,
}

/// An operation.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// The names of input values and constants.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The names of output values.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// The unique name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The name of the operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// The settings.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// A setting of an operator.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The value of a float.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// The value of an integer.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// The value of a text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// The value of a list of integers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// The kind of value; see [`kind`].
    #[prost(int32, tag = "20")]
    pub r#type: i32,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// The length of each axis.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// The kind of numbers; see [`kind`].
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// The name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The numbers, row-major, little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

/// The name and type of an input or output.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
    /// A sentence for people.
    #[prost(string, tag = "3")]
    pub doc_string: String,
}

/// A type: always a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// The tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// The type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// The kind of numbers; see [`kind`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// The axes.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// The axes of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// The axes in order.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// An axis.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// A fixed length, or the name of a variable one.
    #[prost(oneof = "Length", tags = "1, 2")]
    pub length: Option<Length>,
}

/// The length of an axis.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Length {
    /// A fixed length.
    #[prost(int64, tag = "1")]
    Fixed(i64),
    /// The name of a variable length.
    #[prost(string, tag = "2")]
    Any(String),
}
