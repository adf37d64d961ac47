//! The decoding of stored numbers to f32.

/// A kind of floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    Bf16,
    F32,
    F64,
}

impl Number {
    /// Returns the bytes of a number.
    pub(super) fn width(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Turns big-endian numbers into little-endian ones.
    pub(super) fn swap_bytes(self, bytes: &mut [u8]) {
        bytes.chunks_exact_mut(self.width()).for_each(<[u8]>::reverse);
    }

    /// Decodes little-endian numbers; an incomplete one at the end is ignored.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => bytes.as_chunks::<2>().0.iter().map(|pair| half(u16::from_le_bytes(*pair))).collect(),
            Self::Bf16 => {
                bytes.as_chunks::<2>().0.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect()
            }
            Self::F32 => bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
            #[allow(clippy::cast_possible_truncation)] // rounds to the nearest f32, which is what is asked for
            Self::F64 => bytes.as_chunks::<8>().0.iter().map(|eight| f64::from_le_bytes(*eight) as f32).collect(),
        }
    }
}

/// Returns the value of an IEEE 754 half: sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        // Subnormal: a multiple of 2^-24.
        0 => {
            let size = f32::from(bits & 0x3ff) * 2.0_f32.powi(-24);
            if sign == 0 { size } else { -size }
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        // The biases are 15 and 127.
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_decoded_as_numpy_does() {
        let table = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, expected) in table {
            let decoded = Number::F16.decode(&u16::to_le_bytes(bits));
            assert_eq!(decoded[0].to_bits(), f32::to_bits(expected), "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn the_other_kinds_are_decoded() {
        assert_eq!(Number::Bf16.decode(&[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(Number::F32.decode(&1.5_f32.to_le_bytes()), [1.5]);
        assert_eq!(Number::F64.decode(&0.1_f64.to_le_bytes()), [0.1]);
        assert!(Number::F64.decode(&[0; 7]).is_empty());
    }
}
