//! Floats that survive JSON: a non-finite number is written as `null` and read back as NaN.
//!
//! JSON has no NaN or infinity, and a diverged run has to be readable all the same.

use serde::{Deserialize, Deserializer, Serializer};

/// For `#[serde(with = "nan")]` on an `f64`.
///
/// # Errors
/// Those of the serializer.
#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

/// For `#[serde(with = "nan")]` on an `f64`.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
