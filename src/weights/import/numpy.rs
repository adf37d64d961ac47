//! NumPy's archives: a zip whose entries are arrays, `NAME.npy`.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::entry::{Entry, layer_of};
use super::fault::Fault;
use super::number::Number;

/// The beginning of an array.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The most arrays, and the longest header of one, in bytes.
const MOST_ARRAYS: usize = 10_000;
const LONGEST_HEADER: usize = 1 << 16;

type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Returns whether the archive is NumPy's.
pub(super) fn matches(zip: &Zip) -> bool {
    !zip.is_empty() && zip.file_names().all(|name| name.is_ok_and(|name| name.ends_with(".npy")))
}

/// Returns the arrays of numbers, as the archive lists them.
pub(super) fn entries<'a>(zip: &Zip<'a>) -> Result<Vec<Entry<'a>>, Fault> {
    if zip.len() > MOST_ARRAYS {
        return Err(Fault::Refused(format!(
            "it holds {} arrays, and no weights are more than {MOST_ARRAYS}",
            zip.len()
        )));
    }
    (0..zip.len()).map(|index| entry(zip, index)).collect()
}

fn entry<'a>(zip: &Zip<'a>, index: usize) -> Result<Entry<'a>, Fault> {
    // A cheap clone: the bytes and the directory are shared.
    let mut own = zip.clone();
    let (name, header) = read(&mut own, index, LONGEST_HEADER)?;
    let array = Array::parse(&header).ok_or_else(|| Fault::Broken(format!("'{name}' has no header of an array")))?;
    let name = name.trim_end_matches(".npy").to_owned();
    let (layer, shape) = (layer_of(&name).to_owned(), array.shape.clone());
    let zip = zip.clone();
    let values = move || {
        let number = array.number.ok_or_else(|| Fault::Refused(format!("the numbers of '{name}' are not floats")))?;
        let count = array.shape.iter().try_fold(number.width(), |product, side| product.checked_mul(*side));
        let count = count.ok_or_else(|| {
            Fault::Broken(format!("'{name}' states a size that no file can have: it is damaged; copy it again"))
        })?;
        let (_, bytes) = read(&mut zip.clone(), index, array.start.saturating_add(count))?;
        let bytes = bytes.get(array.start..).unwrap_or_default();
        if bytes.len() != count {
            return Err(Fault::Broken(format!("'{name}' is cut short")));
        }
        let mut bytes = bytes.to_vec();
        if array.is_big_endian {
            number.swap_bytes(&mut bytes);
        }
        let values = number.decode(&bytes);
        Ok(if array.is_fortran { from_fortran(&values, &array.shape) } else { values })
    };
    Ok(Entry { layer, shape, values: Box::new(values) })
}

/// Reads name and beginning of an entry.
fn read(zip: &mut Zip, index: usize, most: usize) -> Result<(String, Vec<u8>), Fault> {
    let entry = zip.by_index(index).map_err(|error| Fault::Broken(error.to_string()))?;
    let name = entry.name().map_or_else(|_| format!("array {index}"), std::borrow::Cow::into_owned);
    let mut bytes = Vec::new();
    entry.take(most as u64).read_to_end(&mut bytes).map_err(|error| Fault::Broken(format!("'{name}': {error}")))?;
    Ok((name, bytes))
}

/// The header of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Array {
    /// The kind of its numbers, if they are floats.
    number: Option<Number>,
    is_big_endian: bool,
    /// Whether the first side varies fastest.
    is_fortran: bool,
    shape: Vec<usize>,
    /// The offset of the numbers, in bytes.
    start: usize,
}

impl Array {
    /// Reads the header at the beginning of the bytes.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let (length, at) = match version[0] {
            1 => (usize::from(u16::from_le_bytes(*rest.first_chunk()?)), 2_usize),
            2 | 3 => (usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?, 4),
            _ => return None,
        };
        let text = std::str::from_utf8(rest.get(at..at.checked_add(length)?)?).ok()?;
        let kind = after(text, "'descr':")?.trim_start().trim_start_matches(['\'', '"']);
        let kind = kind.split(['\'', '"']).next()?;
        let is_fortran = after(text, "'fortran_order':")?.trim_start().starts_with("True");
        let sides = after(text, "'shape':")?.trim_start().strip_prefix('(')?.split(')').next()?;
        let sides = sides.split(',').map(str::trim).filter(|side| !side.is_empty());
        let shape = sides.map(|side| side.trim_end_matches('L').parse().ok()).collect::<Option<Vec<usize>>>()?;
        let number = match kind.get(1..)? {
            "f2" => Some(Number::F16),
            "f4" => Some(Number::F32),
            "f8" => Some(Number::F64),
            // NumPy has no name for bfloat16, of which it saves two bytes.
            "V2" => Some(Number::Bf16),
            _ => None,
        };
        let start = MAGIC.len() + 2 + at + length;
        Some(Self { number, is_big_endian: kind.starts_with('>'), is_fortran, shape, start })
    }
}

fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key).map(|(_, rest)| rest)
}

/// Returns the values with the last side varying fastest.
fn from_fortran(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut places = vec![0];
    let mut stride = 1;
    let strides: Vec<usize> = shape
        .iter()
        .map(|side| {
            let own = stride;
            stride *= side;
            own
        })
        .collect();
    for (side, stride) in shape.iter().zip(strides) {
        places = places.iter().flat_map(|place| (0..*side).map(move |index| place + index * stride)).collect();
    }
    places.into_iter().map(|place| values[place]).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the bytes of an array with this header.
    pub(in super::super) fn array(kind: &str, is_fortran: bool, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
        let shape = shape.iter().fold(String::new(), |text, side| text + &format!("{side}, "));
        let order = if is_fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
        let length = u16::try_from(header.len()).expect("short").to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), bytes].concat()
    }

    #[test]
    fn headers_are_read_and_others_are_none() {
        let parsed = Array::parse(&array("<f4", false, &[3, 5], &[])).expect("a header");
        assert_eq!((parsed.number, parsed.shape.as_slice()), (Some(Number::F32), [3, 5].as_slice()));
        let parsed = Array::parse(&array(">f2", true, &[7], &[])).expect("a header");
        assert_eq!((parsed.number, parsed.is_big_endian, parsed.is_fortran), (Some(Number::F16), true, true));
        assert_eq!(Array::parse(&array("<i8", false, &[], &[])).expect("a header").number, None);
        for bytes in [b"".as_slice(), MAGIC, b"\x93NUMPY\x01\0\xff\xff{}", b"\x93NUMPY\x09\0\x02\0{}"] {
            assert_eq!(Array::parse(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn columns_become_rows() {
        assert_eq!(from_fortran(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &[2, 3]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
