//! Round trips, hashes and damage of stored weights.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::domain::Preprocessing;
use crate::weights::IgnoredTensors;
use crate::weights::manifest::Layout;

fn manifest(tensors: &Tensors) -> Manifest {
    Manifest {
        version: FORMAT_VERSION,
        hash: identity(tensors),
        source: "somewhere.h5".into(),
        source_hash: "0".repeat(64),
        layout: Layout::KerasLegacyH5,
        preprocessing: Preprocessing::VGGFACE,
        reason: "its names".into(),
        not_taken: IgnoredTensors { tensors: 2, names: vec!["fc6".into()], parts: 1 },
        licence: "none".into(),
        parameters: 30,
        imported_at: 7,
    }
}

/// Returns a folder with the weights `small`, and their path.
fn stored_weights() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights/small.safetensors");
    let base = [Convolution { layer: ("block1.conv1", 3, 1), kernel: vec![0.25; 27], bias: vec![-1.5] }];
    let tensors = tensors(&base);
    write(&path, &manifest(&tensors), &tensors).expect("written");
    (folder, path)
}

/// Writes a safetensors file with this header and `data` zero bytes after it.
fn file(path: &Path, header: &str, data: usize) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    fs::write(path, bytes).expect("written");
}

#[test]
fn what_was_written_is_read_back() {
    let (_folder, path) = stored_weights();
    let weights = Weights::open(&path).expect("opened");
    assert_eq!(weights.tensor("block1.conv1.weight"), Some((vec![1, 3, 3, 3], vec![0.25; 27])));
    assert_eq!(weights.tensor("block1.conv1.bias"), Some((vec![1], vec![-1.5])));
    assert_eq!(weights.tensor("block9.conv1.bias"), None);
    assert_eq!(&read_manifest(&path).expect("read"), weights.manifest());
    let listed = list(path.parent().expect("a folder")).expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0.as_str(), listed[0].1.as_ref().ok()), ("small", Some(weights.manifest())));
}

#[test]
fn the_hash_depends_on_names_shapes_and_values_alone() {
    let layer = ("block1.conv1", 3, 1);
    let base = |kernel: f32, layer| [Convolution { layer, kernel: vec![kernel; 27], bias: vec![0.0] }];
    let hash = |base: &[Convolution]| identity(&tensors(base));
    assert_eq!(hash(&base(1.0, layer)), hash(&base(1.0, layer)));
    assert_ne!(hash(&base(1.0, layer)), hash(&base(1.0 + f32::EPSILON, layer)));
    assert_ne!(hash(&base(1.0, layer)), hash(&base(1.0, ("block1.conv2", 3, 1))));
    assert_ne!(hash(&base(1.0, layer)), hash(&base(1.0, ("block1.conv1", 1, 3))));
}

#[test]
fn a_missing_folder_holds_nothing_and_other_files_are_none_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(list(&folder.path().join("weights")).expect("listed").is_empty());
    fs::write(folder.path().join("README.md"), "x").expect("written");
    fs::write(folder.path().join(".x.safetensors"), "x").expect("written");
    assert!(list(folder.path()).expect("listed").is_empty());
}

#[test]
fn one_changed_bit_is_found() {
    let (_folder, path) = stored_weights();
    let mut bytes = fs::read(&path).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&path, bytes).expect("written");
    let error = Weights::open(&path).expect_err("damaged").to_string();
    assert!(error.contains("small.safetensors: damaged: its tensors are not those that were imported"), "{error}");
    assert!(read_manifest(&path).is_ok(), "the tensors are not looked at");
}

#[test]
fn files_that_are_wrong_are_named_in_words() {
    let (_folder, path) = stored_weights();
    let whole = fs::read(&path).expect("read");
    let newer = r#"{"__metadata__":{"mien":"{\"version\":9}"}}"#;
    let odd = r#"{"__metadata__":{"mien":"{\"version\":1}"}}"#;
    let table: [(&str, &dyn Fn(), &str); 8] = [
        ("cut tensors", &|| fs::write(&path, &whole[..whole.len() - 1]).expect("written"), "bytes of tensors where"),
        ("cut header", &|| fs::write(&path, &whole[..40]).expect("written"), "damaged: it is cut short"),
        ("nothing", &|| fs::write(&path, b"").expect("written"), "damaged: it is cut short"),
        ("another's", &|| file(&path, "{}", 0), "was not written by an import"),
        ("no header at all", &|| fs::write(&path, [0xff; 64]).expect("written"), "was not written by an import"),
        ("no JSON", &|| file(&path, "nonsense", 0), "damaged: expected"),
        ("a newer format", &|| file(&path, newer, 0), "the weights have format 9, this mien knows up to 2"),
        ("half a manifest", &|| file(&path, odd, 0), "damaged: missing field"),
    ];
    for (case, spoil, expected) in table {
        spoil();
        for error in [Weights::open(&path).map(|_| ()), read_manifest(&path).map(|_| ())] {
            let error = error.expect_err(case).to_string();
            assert!(error.contains(expected) && error.contains("small.safetensors: "), "{case}: {error}");
        }
    }
    fs::remove_file(&path).expect("removed");
    assert!(matches!(Weights::open(&path), Err(WeightsError::Io { .. })));
}
