//! The parts of HDF5 that Keras uses.

use hdf5_pure::{AttrValue, DType, Dataset, Error, File, Group};

use super::entry::Entry;
use super::fault::Fault;

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

/// Returns a dataset as a tensor of the layer `layer`.
pub(super) fn entry(layer: &str, dataset: Dataset) -> Result<Entry<'static>, Fault> {
    let shape = dataset.shape().map_err(|error| broken(&error))?;
    let shape: Option<Vec<usize>> = shape.into_iter().map(|side| usize::try_from(side).ok()).collect();
    let shape = shape.ok_or_else(|| Fault::broken(format!("'{layer}' has an impossible size")))?;
    let layer = layer.to_owned();
    let named = layer.clone();
    let values = move || {
        refuse_large_chunks(&dataset, &named)?;
        match dataset.dtype() {
            Ok(DType::F32 | DType::F64) => dataset.read_f32().map_err(|error| broken(&error)),
            Ok(_) => Err(Fault::Refused(format!("the numbers of '{named}' are not floats of 32 or 64 bits"))),
            Err(error) => Err(broken(&error)),
        }
    };
    Ok(Entry { layer, shape, values: Box::new(values) })
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
