//! The messages of TensorBoard's event files that a run needs, with the field numbers of `event.proto` and
//! `summary.proto`.

use prost::Message;

/// An event with its time.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The epoch.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// The content.
    #[prost(oneof = "Content", tags = "3, 5, 7")]
    pub content: Option<Content>,
}

/// The content of an event.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Content {
    /// The first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// A restart of the program.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// A start of the program, which voids earlier values of this step and later ones.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// 1 for a start.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// The values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values in order.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// A named value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// The name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    /// Text.
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<Tensor>,
    /// The plugin that shows the value.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

/// The plugin that shows a value.
#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    /// The part of TensorBoard.
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<Plugin>,
}

/// A part of TensorBoard.
#[derive(Clone, PartialEq, Message)]
pub struct Plugin {
    /// The name.
    #[prost(string, tag = "1")]
    pub plugin_name: String,
}

/// A text.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// 7 for text.
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    /// The shape: no axes.
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<Shape>,
    /// The text.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub string_val: Vec<Vec<u8>>,
}

/// The shape of a text, which has no axes.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {}
