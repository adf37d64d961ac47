//! The parts of HDF5 that Keras and others use.

use hdf5_pure::{AttrValue, Dataset, Datatype, DatatypeByteOrder, Error, File, Group};

use super::entry::{Entry, layer_of};
use super::fault::Fault;
use super::name_order::compare;
use super::number::Number;

/// The most datasets and groups that are visited; Keras's largest files have some thousands.
pub(super) const MOST_OBJECTS: usize = 100_000;

/// The most values in a chunk of a dataset, those of VGG16's largest kernel.
const MOST_CHUNK_NUMBERS: u64 = 9 * 512 * 512;

/// Opens the bytes of an HDF5 file.
pub(super) fn open(bytes: Vec<u8>) -> Result<File, Fault> {
    File::from_bytes(bytes).map_err(|error| broken(&error))
}

/// Converts an error of the HDF5 reader.
pub(super) fn broken(error: &Error) -> Fault {
    Fault::Broken(error.to_string())
}

/// Returns an attribute that is a list of strings of fixed or variable length. Keras divides a list that does not fit
/// into one attribute into `name0`, `name1`, ….
pub(super) fn strings(group: &Group, name: &str) -> Result<Option<Vec<String>>, Fault> {
    let attributes = group.attrs().map_err(|error| broken(&error))?;
    let texts = |name: &str| attributes.get(name).map(|value| value.as_strings().map(<[String]>::to_vec));
    match texts(name) {
        Some(Some(texts)) => return Ok(Some(texts)),
        // NumPy stores an empty list as numbers.
        Some(None) => return Ok(Some(Vec::new())),
        None => {}
    }
    let pieces: Vec<String> = (0..).map_while(|piece| texts(&format!("{name}{piece}")).flatten()).flatten().collect();
    Ok((!pieces.is_empty()).then_some(pieces))
}

/// Returns an attribute that is one text.
pub(super) fn text(group: &Group, name: &str) -> Result<Option<String>, Fault> {
    let attributes = group.attrs().map_err(|error| broken(&error))?;
    Ok(attributes.get(name).and_then(AttrValue::as_str).map(str::to_owned))
}

/// The deepest nesting of groups; HDF5 links may form cycles.
pub(super) const DEEPEST: usize = 24;

/// Returns every dataset of a file that Keras did not write, in the order of their names.
pub(super) fn entries(file: &File) -> Result<Vec<Entry<'static>>, Fault> {
    let root = file.root();
    if root.attrs().map_err(|error| broken(&error))?.contains_key("nb_layers") {
        return Err(Fault::Refused(
            "it is of Keras's first format, whose kernels are Theano's and mirrored; take TensorFlow's file".into(),
        ));
    }
    let mut named = Vec::new();
    let mut visited = 0;
    walk(&root, "", 0, &mut visited, &mut named)?;
    if named.is_empty() {
        return Err(Fault::Unknown("it is HDF5 and holds no tensor".into()));
    }
    named.sort_by(|(one, _), (other, _)| compare(one, other));
    named.into_iter().map(|(name, dataset)| entry(layer_of(&name), dataset)).collect()
}

fn walk(
    group: &Group,
    path: &str,
    depth: usize,
    visited: &mut usize,
    named: &mut Vec<(String, Dataset)>,
) -> Result<(), Fault> {
    let datasets = group.datasets().map_err(|error| broken(&error))?;
    let groups = group.groups().map_err(|error| broken(&error))?;
    *visited += datasets.len() + groups.len();
    if *visited > MOST_OBJECTS || depth > DEEPEST {
        return Err(Fault::broken("its groups go in circles or are too many"));
    }
    for name in datasets {
        named.push((format!("{path}{name}"), group.dataset(&name).map_err(|error| broken(&error))?));
    }
    for name in groups {
        let inner = group.group(&name).map_err(|error| broken(&error))?;
        walk(&inner, &format!("{path}{name}/"), depth + 1, visited, named)?;
    }
    Ok(())
}

/// Returns a dataset as a tensor of the layer `layer`.
pub(super) fn entry(layer: &str, dataset: Dataset) -> Result<Entry<'static>, Fault> {
    let shape = dataset.shape().map_err(|error| broken(&error))?;
    let shape: Option<Vec<usize>> = shape.into_iter().map(|side| usize::try_from(side).ok()).collect();
    let shape = shape.ok_or_else(|| {
        Fault::broken(format!("'{layer}' states a size that no file can have: it is damaged; copy it again"))
    })?;
    let layer = layer.to_owned();
    let named = layer.clone();
    let values = move || {
        refuse_large_chunks(&dataset, &named)?;
        values(&dataset, &named)
    };
    Ok(Entry { layer, shape, values: Box::new(values) })
}

/// Reads the values of a dataset of floats.
fn values(dataset: &Dataset, layer: &str) -> Result<Vec<f32>, Fault> {
    let datatype = dataset.datatype().map_err(|error| broken(&error))?;
    if matches!(datatype, Datatype::FloatingPoint { size: 4 | 8, .. }) {
        return dataset.read_f32().map_err(|error| broken(&error));
    }
    let (number, is_big_endian) = match &datatype {
        Datatype::FloatingPoint { size: 2, byte_order, layout } => {
            let number = match (layout.exponent_size, layout.mantissa_size) {
                (5, 10) => Some(Number::F16),
                (8, 7) => Some(Number::Bf16),
                _ => None,
            };
            (number, *byte_order == DatatypeByteOrder::BigEndian)
        }
        // Keras 3 stores bfloat16 as two bytes without a meaning, and an attribute that names it.
        Datatype::Opaque { size: 2, .. } => {
            let attributes = dataset.attrs().map_err(|error| broken(&error))?;
            let is_named = attributes.get("dtype").and_then(AttrValue::as_str) == Some("bfloat16");
            (is_named.then_some(Number::Bf16), false)
        }
        _ => (None, false),
    };
    let number = number.ok_or_else(|| Fault::Refused(format!("the numbers of '{layer}' are not floats")))?;
    let mut bytes = dataset.read_raw().map_err(|error| broken(&error))?;
    if is_big_endian {
        number.swap_bytes(&mut bytes);
    }
    Ok(number.decode(&bytes))
}

/// Rejects chunks larger than any weights. A chunk is unpacked whole, so a small dataset with a huge chunk would fill
/// memory.
fn refuse_large_chunks(dataset: &Dataset, layer: &str) -> Result<(), Fault> {
    let chunk = dataset.chunk_shape().map_err(|error| broken(&error))?.unwrap_or_default();
    let numbers = chunk.iter().try_fold(1_u64, |product, side| product.checked_mul(*side));
    if numbers.is_some_and(|numbers| numbers <= MOST_CHUNK_NUMBERS) {
        return Ok(());
    }
    Err(Fault::Refused(format!("'{layer}' is stored in pieces that are larger than any weights")))
}
