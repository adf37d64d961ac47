//! The format of `torch.save` before 2020, and of torchvision's published VGG16.
//!
//! Pickles of a magic number, a version, the machine and the dictionary come first. A pickled list of storages follows,
//! then each storage with its length in front.

use std::collections::HashMap;

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::pickle::{Object, Pickle, Storage, Value, load};
use super::state::{self, Storages};

/// The version in the second pickle.
const VERSION: i64 = 1001;

/// A file of this format.
#[derive(Debug)]
pub(in super::super) struct Legacy<'a> {
    pickle: Pickle<'a>,
    storages: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Legacy<'a> {
    /// Reads the pickles and finds the storages.
    pub(in super::super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let mut next = || -> Result<Pickle<'a>, Fault> {
            let pickle = load(rest)?;
            rest = &rest[pickle.length..];
            Ok(pickle)
        };
        let (_magic, version) = (next()?, next()?);
        if version.root != Value::Int(VERSION) {
            return Err(Fault::Refused("it is of a version of torch's format that is not known".into()));
        }
        let (_machine, pickle, keys) = (next()?, next()?, next()?);
        let storages = storages(&pickle, &keys, rest)?;
        Ok(Self { pickle, storages })
    }

    /// Returns the tensors in the pickle.
    pub(in super::super) fn entries(&self) -> Result<Vec<Entry<'_>>, Fault> {
        state::entries(&self.pickle, self)
    }
}

impl Storages for Legacy<'_> {
    fn bytes(&self, storage: &Storage) -> Result<&[u8], Fault> {
        let bytes = self.storages.get(storage.key).copied();
        bytes.ok_or_else(|| Fault::Broken(format!("the storage '{}' is missing", storage.key)))
    }
}

/// Splits the bytes after the pickles into storages, in the order of the list.
fn storages<'a>(pickle: &Pickle<'a>, keys: &Pickle<'a>, bytes: &'a [u8]) -> Result<HashMap<&'a str, &'a [u8]>, Fault> {
    let widths: HashMap<&str, usize> = pickle
        .objects
        .iter()
        .filter_map(|object| match object {
            Object::Storage(storage) => Some((storage.key, storage.numbers.width())),
            _ => None,
        })
        .collect();
    let Value::Object(list) = keys.root else { return Err(Fault::broken("its list of storages is missing")) };
    let Object::Sequence(keys) = &keys.objects[list] else {
        return Err(Fault::broken("its list of storages is not a list"));
    };
    let mut found = HashMap::new();
    let mut rest = bytes;
    for key in keys {
        let Value::Text(key) = key else { return Err(Fault::broken("a storage has no name")) };
        let cut = || Fault::Broken(format!("the storage '{key}' is cut short"));
        let width = widths.get(key).ok_or_else(|| Fault::Broken(format!("no tensor uses the storage '{key}'")))?;
        let (length, behind) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| length.checked_mul(*width));
        let (storage, behind) = length.and_then(|length| behind.split_at_checked(length)).ok_or_else(cut)?;
        found.insert(*key, storage);
        rest = behind;
    }
    Ok(found)
}
