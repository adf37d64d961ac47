//! Tests that every kind of file of every network in the catalog has each tensor where its framework looks.

use std::collections::{BTreeMap, HashSet};
use std::io::{Cursor, Read};

use prost::Message;
use safetensors::SafeTensors;
use serde_json::Value;
use zip::ZipArchive;

use super::*;
use crate::domain::network::Op;
use crate::domain::{Array, ExportDescription, NetworkName, Precision, Preprocessing};

/// Returns a network of the catalog for stored images `[channels, height, width]`, with numbers that count up.
fn network(name: NetworkName, image: [usize; 3], classes: usize, standardize: bool) -> TrainedNetwork {
    let mut architecture = name.architecture();
    if standardize {
        architecture = architecture.standardizing();
    }
    let preprocessing = architecture.pretrained.map(|_| Preprocessing::VGGFACE);
    let input = if architecture.pretrained.is_some() { [3, 32, 32] } else { image };
    let resolved = architecture.resolve(input, classes).expect("fits");
    let mut number = 0.0_f32;
    let mut arrays = crate::domain::Arrays::new();
    for tensor in resolved.layers().flat_map(|layer| &layer.tensors) {
        let next = || {
            number = (number + 1.0) % 8191.0;
            number
        };
        let values = std::iter::repeat_with(next).take(tensor.len()).collect();
        arrays.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
    }
    let about = ExportDescription {
        program: "mien".into(),
        run: "run".into(),
        network: name.to_string(),
        classes: (0..classes).map(|class| format!("\u{fc}ber {class}")).collect(),
        width: image[2],
        height: image[1],
        channels: image[0],
        input: "pixels".into(),
        dataset: "faces".into(),
        fingerprint: "f".into(),
        epoch: 1,
        precision: Precision::F32,
        preprocessing,
        licence: None,
        temperature: None,
        test: None,
    };
    TrainedNetwork { graph: Graph::new(&resolved, image, preprocessing), arrays, about }
}

/// Returns every network for gray and colour, odd sizes, and 2, 7 and 1,000 classes.
fn all() -> impl Iterator<Item = TrainedNetwork> {
    let table = [([1, 33, 47], 7, false), ([3, 40, 32], 2, true), ([1, 32, 32], 1000, true)];
    NetworkName::all().flat_map(move |name| table.map(|(image, classes, plain)| network(name, image, classes, plain)))
}

#[test]
fn a_temperature_divides_the_last_layer_alone() {
    for network in all() {
        let mut calibrated = network.clone();
        calibrated.calibrate(1.6);
        assert_eq!(calibrated.about.temperature, Some(1.6));
        let changed: Vec<&str> = network
            .arrays
            .iter()
            .filter(|(name, array)| calibrated.arrays[*name] != **array)
            .map(|(name, _)| name.as_str())
            .collect();
        let last = network.graph.layers().last().expect("a layer");
        assert!(matches!(last.op, Op::Dense { .. }), "{last:?}");
        let mut expected: Vec<&str> = last.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        expected.sort_unstable();
        assert_eq!((changed, expected.len()), (expected.clone(), 2), "weight and bias");
        let (before, after) = (&network.arrays[expected[0]].values, &calibrated.arrays[expected[0]].values);
        assert!(before.iter().zip(after).all(|(before, after)| (before / 1.6 - after).abs() <= 1e-6 * before.abs()));
    }
}

#[test]
fn every_layer_is_in_the_onnx_file_with_its_tensors_and_nothing_is_missing() {
    for network in all() {
        let model = onnx::messages::Model::decode(onnx::file(&network).as_slice()).expect("a model");
        let graph = model.graph.expect("a graph");
        let mut known: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        known.extend(["pixels", ""]);
        for node in &graph.node {
            assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{node:?}");
            assert!(known.insert(&node.output[0]), "{} is given twice", node.output[0]);
        }
        for (name, array) in &network.arrays {
            let tensor = graph.initializer.iter().find(|tensor| tensor.name == *name).expect("the tensor");
            let bytes: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert!(tensor.raw_data == bytes && tensor.dims.len() == array.shape.len(), "{name}");
        }
        let operators = |wanted: &str| graph.node.iter().filter(|node| node.op_type == wanted).count();
        let layers = |wanted: fn(Op) -> bool| network.graph.layers().filter(|layer| wanted(layer.op)).count();
        assert_eq!(operators("Conv"), layers(|op| matches!(op, Op::Convolution { .. })));
        assert_eq!(operators("BatchNormalization"), layers(|op| matches!(op, Op::BatchNorm { .. })));
        assert_eq!(operators("Gemm"), layers(|op| matches!(op, Op::Dense { .. })));
        let entries: BTreeMap<_, _> = model.metadata_props.iter().map(|entry| (&*entry.key, &*entry.value)).collect();
        assert_eq!(serde_json::from_str::<Vec<String>>(entries["classes"]).expect("JSON"), network.about.classes);
        assert_eq!(ExportDescription::parse(entries[crate::domain::exported::ENTRY]).expect("JSON"), network.about);
    }
}

#[test]
fn keras_finds_every_tensor_with_channels_last() {
    for network in all() {
        let archive = keras::archive(&network).expect("an archive");
        let mut zip = ZipArchive::new(Cursor::new(archive)).expect("a zip archive");
        let mut file = |name: &str| {
            let mut bytes = Vec::new();
            zip.by_name(name).expect("the file").read_to_end(&mut bytes).expect("read");
            bytes
        };
        let config: Value = serde_json::from_slice(&file("config.json")).expect("JSON");
        let layers = config["config"]["layers"].as_array().expect("layers");
        let mut known = HashSet::new();
        for layer in layers {
            let text = layer["inbound_nodes"].to_string();
            let inputs = text.split("keras_history\":[\"").skip(1).map(|rest| rest.split('"').next().expect("a name"));
            assert!(inputs.into_iter().all(|input| known.contains(input)), "{layer}");
            assert!(known.insert(layer["name"].as_str().expect("a name").to_owned()), "{layer} comes twice");
        }
        assert_eq!(config["config"]["output_layers"][0][0], "probabilities");
        let weights = file("model.weights.h5");
        assert!(weights == keras::weights_file(&network).expect("a file"), "other bytes by themselves");
        let file = hdf5_pure::File::from_bytes(weights).expect("HDF5");
        let read = |class: &str, place: usize, number: usize| {
            let name = if place == 0 { class.to_owned() } else { format!("{class}_{place}") };
            let dataset = file.dataset(&format!("layers/{name}/vars/{number}")).expect("a tensor");
            (dataset.shape().expect("a shape"), dataset.read_f32().expect("numbers"))
        };
        let convolutions = network.graph.layers().filter(|layer| matches!(layer.op, Op::Convolution { .. }));
        for (place, layer) in convolutions.enumerate() {
            let ours = &network.arrays[&layer.tensors[0].name];
            let (shape, values) = read("conv2d", place, 0);
            let [outputs, inputs, height, width] = ours.shape[..] else { panic!("a kernel") };
            assert_eq!(shape, [height, width, inputs, outputs].map(|side| side as u64));
            for (out, input, row, column) in [(0, 0, 0, 1), (1, 0, 2, 0), (outputs - 1, inputs - 1, 1, 2)] {
                let theirs = values[((row * width + column) * inputs + input) * outputs + out];
                let ours = ours.values[((out * inputs + input) * height + row) * width + column];
                assert!((theirs - ours).abs() < f32::EPSILON, "{} at {out} {input} {row} {column}", layer.name);
            }
        }
        // The first dense layer prepares pixels for a base.
        let first = usize::from(network.about.preprocessing.is_some());
        let dense = network.graph.layers().filter(|layer| matches!(layer.op, Op::Dense { .. }));
        for (place, layer) in dense.enumerate() {
            assert_eq!(read("dense", first + place, 0).1, network.arrays[&layer.tensors[0].name].values);
        }
        let norms = network.graph.layers().filter(|layer| matches!(layer.op, Op::BatchNorm { .. }));
        for (place, layer) in norms.enumerate() {
            for (number, tensor) in layer.tensors.iter().enumerate() {
                assert_eq!(read("batch_normalization", place, number).1, network.arrays[&tensor.name].values);
            }
        }
    }
}

#[test]
fn a_module_of_pytorch_has_every_tensor_of_the_file() {
    for network in all() {
        let files: BTreeMap<_, _> = torch::files(&network).expect("files").into_iter().collect();
        let source = String::from_utf8(files["model.py"].clone()).expect("text");
        let tensors = SafeTensors::deserialize(&files["model.safetensors"]).expect("tensors");
        for name in tensors.names() {
            let layer = name.rsplit_once('.').expect("a layer").0;
            assert!(source.contains(&format!("self.{layer} = nn.")), "{name} in\n{source}");
            assert!(source.contains(&format!("self.{layer}(")), "{name} in\n{source}");
            let identifier = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            assert!(layer.split('.').all(identifier), "{layer} is no path of attributes");
        }
        let layers = network.graph.layers().filter(|layer| !layer.tensors.is_empty()).count();
        assert_eq!(
            source.matches("nn.Conv2d(").count()
                + source.matches("nn.BatchNorm2d(").count()
                + source.matches("nn.Linear(").count(),
            layers
        );
        let dense = network.graph.layers().filter(|layer| matches!(layer.op, Op::Dense { .. })).last().expect("a head");
        let weight = tensors.tensor(&format!("{}.weight", dense.name)).expect("its weight");
        assert_eq!(weight.shape(), [dense.output[0], dense.input[0]]);
        let ours = &network.arrays[&dense.tensors[0].name].values;
        let second = weight.data()[4 * dense.input[0]..].first_chunk().map(|bytes| f32::from_le_bytes(*bytes));
        assert_eq!(second, Some(ours[1]), "row 1 is column 1");
        assert!(
            state_dict::file(&network).expect("a file") == files["model.safetensors"],
            "other bytes the second time"
        );
        let labels: Vec<String> = serde_json::from_slice(&files["labels.json"]).expect("JSON");
        assert_eq!(labels, network.about.classes);
    }
}

#[test]
fn the_modules_read_as_people_write_them() {
    let source = |name, image, standardize| {
        let network = network(name, image, 7, standardize);
        let source = torch::files(&network).expect("files").remove(1).1;
        String::from_utf8(source).expect("text").replace(env!("CARGO_PKG_VERSION"), "VERSION")
    };
    insta::assert_snapshot!("cnn", source(NetworkName::CNN, [1, 48, 48], false));
    insta::assert_snapshot!("deep", source(NetworkName::DEEP, [3, 40, 32], true));
    insta::assert_snapshot!("vgg16", source(NetworkName::VGG16, [1, 48, 48], false));
}

#[test]
fn existing_paths_are_refused_and_a_failed_write_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    write_file(&at("a"), b"one", false).expect("written");
    let words = write_file(&at("a"), b"two", false).expect_err("it exists").to_string();
    assert!(words.contains("exists already") && words.contains("--force"), "{words}");
    write_file(&at("a"), b"two", true).expect("replaced");
    assert_eq!(std::fs::read(at("a")).expect("read"), b"two");
    let words = write_file(&at("missing/a\u{1b}"), b"", false).expect_err("no folder").to_string();
    assert!(words.contains("cannot write") && !words.contains('\u{1b}'), "{words}");
    assert!(write_folder(&at("a/b"), &[("a", Vec::new())], false).is_err(), "a file is no folder");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
