//! The checksum at the end of a line.
//!
//! A checksummed line ends in `,"crc32":"1a2b3c4d"}`: the CRC-32 (IEEE) of the bytes before that comma, as eight
//! lowercase hexadecimal digits. The line stays a JSON object, with one more field for other programs.

/// The bytes before and after the digits of a checksum.
const OPENING: &[u8] = b",\"crc32\":\"";
const CLOSING: &[u8] = b"\"}";
const DIGITS: usize = 8;
const LENGTH: usize = OPENING.len() + DIGITS + CLOSING.len();

/// The result of checking a line's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineChecksum {
    /// The line is as it was written.
    Whole,
    /// The line was changed.
    Broken,
    /// The line has no checksum.
    Missing,
}

/// Adds the checksum to a line, which is a JSON object without its line end.
pub(super) fn add(line: &mut Vec<u8>) {
    let closed = line.pop();
    debug_assert_eq!(closed, Some(b'}'), "a line is an object");
    let digits = digits(crc32fast::hash(line));
    line.extend_from_slice(OPENING);
    line.extend_from_slice(&digits);
    line.extend_from_slice(CLOSING);
}

/// Checks the checksum of a line without its line end.
pub(super) fn check(line: &[u8]) -> LineChecksum {
    let Some((content, checksum)) = line.len().checked_sub(LENGTH).and_then(|at| line.split_at_checked(at)) else {
        return LineChecksum::Missing;
    };
    let Some(found) = checksum.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(CLOSING)) else {
        return LineChecksum::Missing;
    };
    // Compared as text, so that `A` for `a` is damage too.
    if found == digits(crc32fast::hash(content)) { LineChecksum::Whole } else { LineChecksum::Broken }
}

/// Returns the length of checksum and line end if `rest`, the bytes after a line's last field, is the checksum of
/// `content`.
pub(super) fn follows(content: &[u8], rest: &[u8]) -> Option<usize> {
    let found = rest.strip_prefix(OPENING)?;
    let (found, rest) = found.split_at_checked(DIGITS)?;
    let whole = found == digits(crc32fast::hash(content)) && rest.starts_with(b"\"}\n");
    whole.then_some(LENGTH + 1)
}

fn digits(checksum: u32) -> [u8; DIGITS] {
    let nibbles = checksum.to_be_bytes().map(|byte| [byte >> 4, byte & 15]);
    let mut digits = [0; DIGITS];
    for (digit, nibble) in digits.iter_mut().zip(nibbles.as_flattened()) {
        *digit = b"0123456789abcdef"[usize::from(*nibble)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_published_crc() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(&digits(crc32fast::hash(b"123456789")), b"cbf43926");
        let mut line = b"{\"at\":1}".to_vec();
        add(&mut line);
        assert_eq!(
            String::from_utf8_lossy(&line),
            format!("{{\"at\":1,\"crc32\":\"{:08x}\"}}", crc32fast::hash(b"{\"at\":1"))
        );
        assert_eq!(
            (check(&line), check(b"{\"at\":1}"), check(b"")),
            (LineChecksum::Whole, LineChecksum::Missing, LineChecksum::Missing)
        );
    }

    proptest! {
        #[test]
        fn a_flipped_bit_leaves_no_whole_checksum(text in "[ -~]{0,300}", index in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut line = format!("{{\"x\":{text:?}}}").into_bytes();
            add(&mut line);
            prop_assert_eq!(check(&line), LineChecksum::Whole);
            let index = index.index(line.len());
            line[index] ^= 1 << bit;
            prop_assert_ne!(check(&line), LineChecksum::Whole);
        }
    }
}
