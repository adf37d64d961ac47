//! Floats that survive JSON: a non-finite number is written as `null` and read back as NaN.
//!
//! JSON has no NaN or infinity, but the log of a diverged run has to be readable.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes an `f64`, for `#[serde(with = "nan")]`.
///
/// # Errors
/// The serializer's errors.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde requires this signature
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

/// Reads an `f64`, for `#[serde(with = "nan")]`.
///
/// # Errors
/// The deserializer's errors.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
