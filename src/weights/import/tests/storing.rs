//! The import of files into the store: manifests, taken names, and remains.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::import_network;
use super::fixtures::{IMAGENET, legacy_tree, narrow, npz, safetensors, state_dict, test_base};
use crate::domain::{Preprocessing, WeightsName};
use crate::weights::manifest::{Layout, Manifest};
use crate::weights::{ImportOptions, Weights, WeightsError, list};

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, file: &str, name: &str, options: &ImportOptions) -> Result<Manifest, WeightsError> {
        let name = WeightsName::new(name).expect("a name");
        import_network(&narrow(), &self.path(file), &name, &self.path("weights"), options)
    }
}

fn at(imported_at: u64) -> ImportOptions {
    ImportOptions { imported_at, ..ImportOptions::default() }
}

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fs::write(fixture.path("keras.h5"), legacy_tree(&test_base(), &IMAGENET).file()).expect("written");
    fs::write(fixture.path("torch.bin"), safetensors(&state_dict(&test_base(), ""))).expect("written");
    let mut other = test_base();
    other[12].bias[0] += 1.0;
    fs::write(fixture.path("other.h5"), legacy_tree(&other, &IMAGENET).file()).expect("written");
    fs::write(fixture.path("page.h5"), "<!doctype html>").expect("written");
    fixture
}

#[test]
fn the_manifest_tells_all_and_the_values_are_kept() {
    let fixture = fixture();
    let manifest = fixture.import("keras.h5", "imagenet", &at(7)).expect("imported");
    assert_eq!((manifest.layout, manifest.imported_at), (Layout::KerasLegacyH5, 7));
    assert!(manifest.source.ends_with("keras.h5"), "{}", manifest.source);
    assert_eq!((manifest.hash.len(), manifest.source_hash.len()), (32, 64));
    assert!(manifest.licence.contains("Creative Commons Attribution"), "{}", manifest.licence);
    let weights = Weights::open(&fixture.path("weights/imagenet.safetensors")).expect("opened");
    assert_eq!(weights.manifest(), &manifest);
    let mut parameters = 0;
    for convolution in test_base() {
        for (name, shape, values) in convolution.tensors() {
            assert_eq!(weights.tensor(&name), Some((shape, values.to_vec())), "{name}");
            parameters += values.len();
        }
    }
    assert_eq!(manifest.parameters, parameters);
}

#[test]
fn the_same_base_has_the_same_hash_whatever_file_it_came_in() {
    let fixture = fixture();
    let keras = fixture.import("keras.h5", "a", &at(1)).expect("imported");
    let torch = fixture.import("torch.bin", "b", &at(1)).expect("imported");
    assert_eq!(keras.hash, torch.hash);
    assert_ne!(keras.source_hash, torch.source_hash);
    assert_ne!(keras.preprocessing, torch.preprocessing);
    let other = fixture.import("other.h5", "c", &at(1)).expect("imported");
    assert_ne!(keras.hash, other.hash);
    // A stored file can be imported again and contains its preprocessing.
    let again = fixture.import("weights/b.safetensors", "d", &at(1)).expect("imported");
    assert_eq!((again.hash, again.preprocessing), (torch.hash, Preprocessing::TORCHVISION));
    assert_eq!(again.licence, torch.licence);
    let listed = list(&fixture.path("weights")).expect("listed");
    assert_eq!(listed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

#[test]
fn the_manifest_tells_why_and_what_was_left_and_has_the_oldest_version_that_can() {
    let fixture = fixture();
    let torch = fixture.import("torch.bin", "a", &at(1)).expect("imported");
    assert!(torch.reason.contains("PyTorch's order"), "{}", torch.reason);
    assert_eq!((torch.version, torch.not_taken.to_string().as_str()), (1, "1 tensor of classifier"));
    let given = ImportOptions { preprocessing: Some(Preprocessing::UNIT), ..at(1) };
    assert_eq!(fixture.import("torch.bin", "b", &given).expect("imported").reason, "it was given");
    let numpy = npz(&state_dict(&test_base(), ""), zip::CompressionMethod::Stored);
    fs::write(fixture.path("base.npz"), numpy).expect("written");
    let numpy = fixture.import("base.npz", "c", &at(1)).expect("imported");
    assert_eq!((numpy.version, &numpy.hash), (2, &torch.hash));
    let again = fixture.import("weights/c.safetensors", "d", &at(1)).expect("imported");
    assert_eq!((again.version, again.reason.as_str(), again.hash), (1, "the file states it", torch.hash));
}

#[test]
fn a_name_that_is_taken_is_kept_unless_told_otherwise() {
    let fixture = fixture();
    let first = fixture.import("keras.h5", "a", &at(1)).expect("imported");
    assert_eq!(fixture.import("keras.h5", "a", &at(2)).expect("the same"), first);
    let error_of =
        |options: &ImportOptions, file: &str| fixture.import(file, "a", options).expect_err("taken").to_string();
    assert!(error_of(&at(2), "other.h5").contains("other weights 'a' already (other values)"));
    let vggface = ImportOptions { preprocessing: Some(Preprocessing::VGGFACE), ..at(2) };
    assert!(error_of(&vggface, "keras.h5").contains("the same values with another preprocessing"));
    let replaced = fixture.import("keras.h5", "a", &ImportOptions { replace: true, ..vggface }).expect("replaced");
    assert_eq!((replaced.preprocessing, replaced.imported_at), (Preprocessing::VGGFACE, 2));
    assert!(replaced.licence.contains("VGGFace"), "{}", replaced.licence);
    fs::write(fixture.path("weights/a.safetensors"), b"").expect("written");
    assert!(error_of(&at(3), "other.h5").contains("which cannot be read"));
    let healed = fixture.import("other.h5", "a", &ImportOptions { replace: true, ..at(3) }).expect("replaced");
    assert_eq!(healed.imported_at, 3);
}

#[test]
fn a_file_that_no_import_wrote_is_never_replaced() {
    let fixture = fixture();
    fs::create_dir(fixture.path("weights")).expect("made");
    fs::copy(fixture.path("torch.bin"), fixture.path("weights/a.safetensors")).expect("copied");
    let error = fixture.import("keras.h5", "a", &ImportOptions { replace: true, ..at(1) }).expect_err("in the way");
    assert!(matches!(error, WeightsError::Foreign { .. }), "{error}");
}

#[test]
fn an_import_that_fails_names_the_file_and_leaves_nothing() {
    let fixture = fixture();
    let table =
        [("missing.h5", "missing.h5: No such file"), ("page.h5", "page.h5: it is a web page"), (".", "name a file")];
    for (file, expected) in table {
        let error = fixture.import(file, "a", &at(1)).expect_err(file).to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(!fixture.path("weights").exists());
}

#[test]
fn an_address_is_told_instead_of_the_path() {
    let options = ImportOptions { source: Some("https://example.org/x\u{1b}.h5".into()), ..at(1) };
    let manifest = fixture().import("keras.h5", "a", &options).expect("imported");
    assert_eq!(manifest.source, "https://example.org/x·.h5");
}
