//! Features of real faces by the real VGG16, imported from each published format, against PyTorch.
//!
//! Not part of the usual tests, because neither faces nor weights are part of the project:
//! ```sh
//! MIEN_FER2013=fer2013.tar.xz MIEN_VGG16=vgg16_…_notop.h5[:another.pth:…] \
//!   cargo test --release --no-default-features --features trainer --test all parity:: -- --ignored --nocapture
//! ```
//! `tests/fixtures/vgg16_faces.py` made the fixture; `tests/fixtures/vgg16_formats.py` makes the other formats of a
//! file.
#![cfg(feature = "trainer")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use mien::data::batch::{Pass, Source};
use mien::data::{Dataset, Images, ImportRequest, import};
use mien::domain::arrays::{Array, Arrays};
use mien::domain::{DatasetName, NetworkName, Split, TrainedStages, WeightsName};
use mien::model::frozen::FrozenPart;
use mien::weights::{self, ImportOptions, Weights};
use safetensors::SafeTensors;

const FIXTURE: &[u8] = include_bytes!("fixtures/vgg16_faces.safetensors");

fn from_env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; see the head of this file"))
}

fn faces(home: &Path) -> Arc<Dataset> {
    let name = DatasetName::new("fer2013").unwrap();
    let request = ImportRequest::new(PathBuf::from(from_env("MIEN_FER2013")), name, home.to_owned(), 0);
    import(&request, &mut |_| ControlFlow::Continue(())).unwrap();
    Arc::new(Dataset::open(&home.join("fer2013")).unwrap())
}

fn arrays(weights: &Weights) -> Arrays {
    let read = |name: String| {
        let (shape, values) = weights.tensor(&name).unwrap();
        (name, Array { shape, values })
    };
    let tensors = NetworkName::VGG16.architecture().pretrained_tensors();
    tensors.into_iter().map(|tensor| read(tensor.name)).collect()
}

fn relative_error(ours: &[f32], theirs: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(theirs).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    difference / norm(&mut theirs.iter().map(|value| f64::from(*value)))
}

#[test]
#[ignore = "needs FER-2013 and the weights"]
fn features_of_real_faces_are_those_of_pytorch_from_every_format() {
    let home = tempfile::tempdir().unwrap();
    let dataset = faces(home.path());
    let fixture = SafeTensors::deserialize(FIXTURE).unwrap();
    let (_, header) = SafeTensors::read_metadata(FIXTURE).unwrap();
    let notes = header.metadata().as_ref().unwrap();
    assert_eq!(dataset.fingerprint(), notes["fingerprint"]);
    let chosen: Vec<u32> = serde_json::from_str(&notes["faces"]).unwrap();
    let size: u32 = notes["size"].parse().unwrap();

    let (mut seen, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for (number, file) in std::env::split_paths(&from_env("MIEN_VGG16")).enumerate() {
        let name = WeightsName::new(format!("base{number}")).unwrap();
        let manifest = weights::import(&file, &name, home.path(), &ImportOptions::default()).unwrap();
        let preprocessing = manifest.preprocessing.name().expect("a preprocessing with a name");
        let (layout, hash) = (format!("{:?}", manifest.layout), manifest.hash);
        // Once per layout, because files of one layout differ in names only.
        if seen.insert((layout.clone(), hash.clone(), preprocessing)) {
            let weights = Weights::open(&home.path().join(format!("{name}.safetensors"))).unwrap();
            let images = Images::prepared(Arc::clone(&dataset), size, manifest.preprocessing, None);
            let shape = [chosen.len(), 3, size as usize, size as usize];
            let mut inputs = vec![0.0; shape.iter().product()];
            images.fill(Split::Test, &chosen, Pass::PLAIN, &mut inputs);
            let network = NetworkName::VGG16.architecture().resolve([3, shape[2], shape[3]], 7).unwrap();
            let cut = network.cut(TrainedStages::Head).unwrap();
            let base = FrozenPart::<Flex>::new(&network, cut, &arrays(&weights), &FlexDevice).unwrap().unwrap();
            let features = base.forward(Tensor::from_data(TensorData::new(inputs, shape), &FlexDevice));
            let ours = features.into_data().into_vec::<f32>().unwrap();
            let theirs = fixture.tensor(preprocessing).unwrap();
            let theirs: Vec<f32> = theirs.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let error = relative_error(&ours, &theirs);
            eprintln!("{}: {layout}, {preprocessing}: relative error {error:.1e}", file.display());
            assert!(error <= 1e-4, "{}: {error:e}", file.display());
        }
        hashes.insert(hash);
    }
    assert_eq!(hashes.len(), 1, "the same weights have the same hash, whatever file they came from");
}
