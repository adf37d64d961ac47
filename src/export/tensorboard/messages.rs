//! The messages of TensorBoard's event files that a run needs, by the numbers of their fields in `event.proto` and
//! `summary.proto`.

use prost::Message;

/// Something at a time.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The epoch.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What it is.
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub what: Option<What>,
}

/// What an event is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    /// The first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// A program began again.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// A program's beginning: what was written of this step and later ones is void.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// 1 for a beginning.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// Values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// One by one.
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
    /// What shows it.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

/// What shows a value.
#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    /// The plugin.
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<Plugin>,
}

/// A part of TensorBoard.
#[derive(Clone, PartialEq, Message)]
pub struct Plugin {
    /// Its name.
    #[prost(string, tag = "1")]
    pub plugin_name: String,
}

/// One text.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// 7 for text.
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    /// No axes.
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<Shape>,
    /// The text.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub string_val: Vec<Vec<u8>>,
}

/// The axes of a tensor: none.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {}
