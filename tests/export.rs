//! Tests that exported networks compute the probabilities of their run. A made-up network with every operation is
//! compared with logits of onnxruntime, Keras and PyTorch.

use std::fs;
use std::path::Path;

use crate::lab::{self, Lab};
use crate::onnx::{self, Values};
use mien::domain::network::{Architecture, Layer, Op, Outputs, PretrainedBase, Stage, TensorKind, Unit};
use mien::domain::{Array, Arrays, ExportDescription, Precision, Preprocessing};
use mien::export::{Graph, TrainedNetwork, keras, torch};
use serde_json::{Value, json};

/// Returns a generator of numbers from −1 to 1.
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 32_768.0 - 1.0
    }
}

fn convolution(name: &str, kernel: usize, stride: usize, outputs: usize, bias: bool) -> Layer {
    Layer::new(name, Op::Convolution { kernel, stride, outputs, bias })
}

/// Returns an architecture with every operation: strides, an uneven pool, branches with maps and with flat outputs.
fn made_up(pretrained: Option<PretrainedBase>) -> Architecture {
    let body = [convolution("stage2.conv1", 3, 2, 6, false), Layer::new("stage2.bn1", Op::BATCH_NORM)];
    let flat = [Layer::new("stage3.mean", Op::GlobalAverage), Layer::new("stage3.flat", Op::Flatten)];
    let beside = [
        Layer::new("stage3.all", Op::Flatten),
        Layer::new("stage3.mix", Op::Dense { outputs: Outputs::Fixed(6) }),
        Layer::new("stage3.relu", Op::Relu),
    ];
    let residual =
        |body: &[Layer], shortcut: &[Layer]| Unit::Residual { body: body.to_vec(), shortcut: shortcut.to_vec() };
    let stem = [
        convolution("stage1.conv1", 5, 1, 4, true),
        Layer::new("stage1.pool", Op::MaxPool { size: 3 }),
        Layer::new("stage1.bn1", Op::BatchNorm { epsilon: 1e-3, momentum: 0.2 }),
        Layer::new("stage1.relu", Op::Relu),
    ];
    let head = [
        Layer::new("head.dropout", Op::Dropout { rate: 0.25 }),
        Layer::new("head.dense", Op::Dense { outputs: Outputs::Classes }),
    ];
    let second = vec![
        residual(&body, &[convolution("stage2.down", 1, 2, 6, true)]),
        Layer::new("stage2.relu", Op::Relu).into(),
        residual(&[convolution("stage2.conv2", 3, 1, 6, true)], &[]),
    ];
    let stages = vec![
        Stage::new("stage1", stem),
        Stage { name: "stage2".into(), units: second },
        Stage { name: "stage3".into(), units: vec![residual(&flat, &beside)] },
        Stage::new("head", head),
    ];
    Architecture { name: "made-up", pretrained, stages }
}

/// Returns the networks of the fixture: standardized with and without a crop, gray and colour, with and without a base.
fn networks() -> Vec<(&'static str, TrainedNetwork)> {
    let base = Some(PretrainedBase { prefix: "base.", channels: 3 });
    let own = Preprocessing { order: mien::domain::ChannelOrder::Rgb, ..Preprocessing::TORCHVISION };
    vec![
        ("gray", network(&made_up(None).standardizing(), [1, 23, 21], [1, 17, 17], 5, None)),
        ("colours", network(&made_up(None).standardizing(), [3, 17, 19], [3, 17, 19], 2, None)),
        ("base-gray", network(&made_up(base), [1, 11, 13], [3, 20, 20], 3, Some(Preprocessing::VGGFACE))),
        ("base-colours", network(&made_up(base), [3, 31, 29], [3, 20, 20], 3, Some(Preprocessing::KERAS_IMAGENET))),
        ("base-rgb", network(&made_up(base), [3, 20, 20], [3, 20, 20], 3, Some(own))),
    ]
}

fn network(
    architecture: &Architecture,
    image: [usize; 3],
    input: [usize; 3],
    classes: usize,
    preprocessing: Option<Preprocessing>,
) -> TrainedNetwork {
    let resolved = architecture.resolve(input, classes).expect("fits");
    let mut random = noise(7);
    let mut arrays = Arrays::new();
    for tensor in resolved.layers().flat_map(|layer| &layer.tensors) {
        let number = |random: &mut dyn FnMut() -> f32| match tensor.kind {
            TensorKind::Weight { fan_in, .. } => {
                random() * (3.0 / f32::from(u16::try_from(fan_in).expect("few"))).sqrt()
            }
            TensorKind::Bias | TensorKind::RunningMean => random() * 0.1,
            TensorKind::Scale | TensorKind::RunningVariance => 1.0 + 0.5 * random(),
        };
        let values = (0..tensor.len()).map(|_| number(&mut random)).collect();
        arrays.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
    }
    let graph = Graph::new(&resolved, image, preprocessing);
    let about = ExportDescription {
        program: "mien".into(),
        run: "none".into(),
        network: "made-up".into(),
        classes: (0..classes).map(|class| format!("class {class}")).collect(),
        width: image[2],
        height: image[1],
        channels: image[0],
        input: "pixels".into(),
        dataset: "none".into(),
        fingerprint: String::new(),
        epoch: 1,
        precision: Precision::F32,
        preprocessing,
        licence: None,
        temperature: None,
        test: None,
    };
    TrainedNetwork { graph, arrays, about }
}

/// Returns two images from 0 to 255: noise, and a nearly flat one with a deviation below the minimum.
fn pixels(image: [usize; 3]) -> Vec<f32> {
    let mut random = noise(11);
    let size = image.iter().product();
    let noisy: Vec<f32> = (0..size).map(|_| ((random() + 1.0) * 127.5).floor()).collect();
    let flat = (0..size).map(|index| if index % 40 == 0 { 101.0 } else { 100.0 });
    noisy.into_iter().chain(flat).collect()
}

fn logits_of(network: &TrainedNetwork) -> Vec<f64> {
    let model = onnx::read(&mien::export::onnx::file(network));
    let image = network.graph.image();
    let numbers = pixels(image).into_iter().map(f64::from).collect();
    let [logits, probabilities] = onnx::run(&model, Values::new(&[2, image[0], image[1], image[2]], numbers));
    assert!(
        probabilities.numbers.chunks(network.graph.classes()).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9)
    );
    logits.numbers
}

/// Returns the largest difference divided by the largest number.
fn apart(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/export_networks.json");

#[test]
fn every_program_computes_the_logits_of_the_exported_graph() {
    let fixture: Value = serde_json::from_slice(&fs::read(FIXTURE).expect("the fixture")).expect("JSON");
    for (name, network) in networks() {
        let ours = logits_of(&network);
        for program in ["onnxruntime", "keras", "torch"] {
            let theirs: Vec<f64> = serde_json::from_value(fixture[name][program].clone()).expect("logits");
            let apart = apart(&ours, &theirs);
            assert!(apart < 1e-5, "{name} by {program}: {apart}");
        }
    }
}

/// Writes the input of `tests/fixtures/export_networks.py`.
#[test]
#[ignore = "writes files: MIEN_EXPORT_FIXTURE=FOLDER, then tests/fixtures/export_networks.py FOLDER"]
fn write_the_networks_of_the_fixture() {
    let folder = std::env::var("MIEN_EXPORT_FIXTURE").expect("MIEN_EXPORT_FIXTURE names a folder");
    let folder = Path::new(&folder);
    for (name, network) in networks() {
        let at = |ending: &str| folder.join(format!("{name}{ending}"));
        fs::create_dir_all(at("")).expect("made");
        fs::write(at(".onnx"), mien::export::onnx::file(&network)).expect("written");
        fs::write(at(".keras"), keras::archive(&network).expect("a file")).expect("written");
        for (file, bytes) in torch::files(&network).expect("files") {
            fs::write(at("").join(file), bytes).expect("written");
        }
        let image = network.graph.image();
        let input = json!({ "shape": [2, image[0], image[1], image[2]], "pixels": pixels(image) });
        fs::write(at(".json"), input.to_string()).expect("written");
    }
}

/// Returns a run's probabilities of the first test images, and their pixels `[n, channels, height, width]`.
#[cfg(feature = "trainer")]
fn run_probabilities(lab: &Lab, run: &str, dataset: &str, count: usize) -> (Vec<f64>, Values) {
    use mien::data::Dataset;
    use mien::domain::Split;

    let folder = lab.store().folder(&mien::domain::RunId::new(run).expect("an id"));
    let predictions = mien::runs::Predictions::read(&folder.test_predictions()).expect("predictions");
    let probabilities =
        predictions.probabilities[..count * predictions.classes].iter().map(|x| f64::from(*x)).collect();
    let dataset = Dataset::open(&lab.home().join("data").join(dataset)).expect("a dataset");
    let image = dataset.image();
    let shape = [count, image.channels as usize, image.height as usize, image.width as usize];
    let mut numbers = Vec::new();
    for index in 0..count {
        let pixels = dataset.pixels(Split::Test, index);
        for channel in 0..shape[1] {
            numbers.extend(pixels.iter().skip(channel).step_by(shape[1]).map(|pixel| f64::from(*pixel)));
        }
    }
    (probabilities, Values::new(&shape, numbers))
}

/// Returns the names of the figures in the only event file of a folder.
#[cfg(feature = "trainer")]
fn figures(folder: &Path) -> Vec<String> {
    use mien::export::tensorboard::messages::{Content, Event};
    use prost::Message;

    let file = fs::read_dir(folder).expect("a folder").next().expect("a file").expect("an entry").path();
    let (bytes, mut at, mut tags) = (fs::read(file).expect("read"), 0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(*bytes[at..].first_chunk().expect("a length"));
        let end = at + 12 + usize::try_from(length).expect("small");
        if let Some(Content::Summary(summary)) = Event::decode(&bytes[at + 12..end]).expect("an event").content {
            tags.extend(summary.value.into_iter().filter(|value| value.simple_value.is_some()).map(|value| value.tag));
        }
        at = end + 4;
    }
    tags
}

#[test]
#[cfg(feature = "trainer")]
fn an_exported_run_gives_its_own_probabilities_and_its_base_back() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let train = |arguments: &[&str]| {
        let common = ["--epochs", "1", "--device", "cpu"];
        lab.mien(&[&["train"], arguments, &common].concat()).assert().success();
    };
    train(&["cnn", "--dataset", "faces", "--name", "cnn"]);
    train(&["deep", "--dataset", "faces", "--name", "deep", "--average", "0.9"]);
    train(&["features", "--dataset", "faces", "--name", "features", "--size", "32", "--variants", "1"]);
    train(&["finetune", "--from", "features", "--name", "finetune"]);
    let block4 = ["--name", "block4", "--size", "32", "--variants", "1", "--network", "vgg16-block4"];
    train(&[&["features", "--dataset", "faces"], &block4[..]].concat());
    let at = |name: &str| lab.home().join(name).to_str().expect("a plain path").to_owned();
    for run in ["cnn", "deep", "features", "finetune", "block4"] {
        let file = at(&format!("{run}.onnx"));
        let written = lab.json(&["export", run, "--to", "onnx", "--out", &file, "--json"]);
        let bytes = fs::read(&file).expect("the file");
        assert_eq!(written["bytes"], bytes.len());
        let model = onnx::read(&bytes);
        let (expected, pixels) = run_probabilities(&lab, run, "faces", 2);
        let [_, probabilities] = onnx::run(&model, pixels);
        let apart = apart(&probabilities.numbers, &expected);
        assert!(apart < 1e-4, "{run}: {apart}");
        let entries: std::collections::BTreeMap<&str, &str> =
            model.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        assert_eq!((entries["run"], entries["dataset"], entries["channels"]), (run, "faces", "1"));
        assert_eq!(serde_json::from_str::<Vec<String>>(entries["classes"]).expect("names").len(), 7);
        assert!(entries["test"].contains("accuracy"), "{}", entries["test"]);
    }
    let file = at("calibrated.onnx");
    lab.mien(&["export", "cnn", "--to", "onnx", "--out", &file, "--calibrated"]).assert().success();
    let temperature = lab.json(&["show", "cnn", "--json"])["test"]["calibration"]["temperature"]["value"].clone();
    let temperature = temperature.as_f64().expect("a temperature");
    let model = onnx::read(&fs::read(&file).expect("the file"));
    let stated = model.metadata_props.iter().find(|entry| entry.key == "temperature").expect("a temperature");
    assert!((stated.value.parse::<f64>().expect("a number") - temperature).abs() < 1e-12);
    let (plain, pixels) = run_probabilities(&lab, "cnn", "faces", 2);
    let [_, probabilities] = onnx::run(&model, pixels);
    let scaled = |row: &[f64]| {
        let powers: Vec<f64> = row.iter().map(|value| value.powf(temperature.recip())).collect();
        let total: f64 = powers.iter().sum();
        powers.into_iter().map(move |power| power / total).collect::<Vec<_>>()
    };
    let expected: Vec<f64> = plain.chunks_exact(7).flat_map(scaled).collect();
    assert!(apart(&probabilities.numbers, &expected) < 1e-4);
    // The base of features is the imported one; fine-tuning has changed its base.
    let identity =
        |name: &str| lab.json(&["weights", "show", name, "--json"])["hash"].as_str().expect("a hash").to_owned();
    for (run, form, ending) in [
        ("features", "safetensors", "safetensors"),
        ("features", "keras", "keras"),
        ("features", "keras", "weights.h5"),
        ("finetune", "keras", "keras"),
        ("finetune", "safetensors", "safetensors"),
    ] {
        let file = at(&format!("{run}.{ending}"));
        lab.mien(&["export", run, "--to", form, "--out", &file]).assert().success();
        let name = format!("{run}-{}", ending.replace('.', "-"));
        let shown = lab.json(&["weights", "import", &file, "--name", &name, "--json"]);
        let original = lab.json(&["weights", "show", "imagenet", "--json"]);
        for part in ["name", "order", "scale", "mean", "deviation"] {
            assert_eq!(shown["preprocessing"][part], original["preprocessing"][part], "{name}: {part}");
        }
        assert_eq!(identity(&name) == identity("imagenet"), run == "features", "{name}");
    }
    assert_eq!(identity("finetune-keras"), identity("finetune-safetensors"));
    let file = at("block4.safetensors");
    lab.mien(&["export", "block4", "--to", "safetensors", "--out", &file]).assert().success();
    let refused = lab.mien(&["weights", "import", &file, "--name", "block4"]).assert().failure().get_output().clone();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("it has 10 convolutions where VGG16 has 13"), "{words}");
    for (form, ending) in [("safetensors", "safetensors"), ("keras", "keras")] {
        let file = at(&format!("cnn.{ending}"));
        lab.mien(&["export", "cnn", "--to", form, "--out", &file]).assert().success();
        let words = lab.complaint(&["weights", "import", &file, "--name", "no"], 1);
        assert!(words.contains("the network 'cnn' of the run cnn, which has no base"), "{words}");
    }
    // The event files of a run followed to its end have every epoch and the test.
    train(&["cnn", "--dataset", "faces", "--name", "followed", "--detach"]);
    let logs = at("logs/followed");
    lab.mien(&["export", "followed", "--to", "tensorboard", "--out", &logs, "--follow"]).assert().success();
    let figures = |part: &str| figures(&Path::new(&logs).join(part));
    assert_eq!(figures("train").iter().filter(|tag| *tag == "epoch_loss").count(), 1);
    assert_eq!(figures("validation"), ["epoch_loss", "epoch_accuracy"]);
    assert_eq!(figures("test"), ["test/accuracy", "test/macro_f1", "test/loss"]);
    // Without its dataset the network's input is that of its own layers.
    fs::rename(lab.home().join("data/faces"), lab.home().join("elsewhere")).expect("moved");
    lab.mien(&["export", "deep", "--to", "onnx", "--out", &at("crop.onnx"), "--last"]).assert().success();
    let model = onnx::read(&fs::read(at("crop.onnx")).expect("the file"));
    let width = model.metadata_props.iter().find(|entry| entry.key == "width").expect("a width");
    assert_eq!(width.value, lab.json(&["show", "deep", "--json"])["recipe"]["crop"].to_string());
}

#[test]
fn nothing_is_replaced_unasked_and_a_run_without_weights_is_refused() {
    let lab = Lab::new();
    lab.run("bare", 1, lab::finished());
    let path = |name: &str| lab.home().join(name).to_str().expect("a plain path").to_owned();
    let (out, onnx) = (path("out"), path("out.onnx"));
    let words = lab.complaint(&["export", "bare", "--to", "onnx", "--out", &onnx], 1);
    assert!(
        words.contains("bare has no best weights (best.ckpt in its folder): there is nothing to export"),
        "{words}"
    );
    let words = lab.complaint(&["export", "bare", "--to", "onnx", "--out", &onnx, "--last"], 1);
    assert!(words.contains("bare has no newest checkpoint (last.ckpt"), "{words}");
    for form in ["csv", "tensorboard"] {
        let out = format!("{out}-{form}");
        lab.mien(&["export", "bare", "--to", form, "--out", &out]).assert().success();
        let words = lab.complaint(&["export", "bare", "--to", form, "--out", &out], 1);
        assert!(words.contains("exists already: choose another path, or add --force"), "{words}");
        lab.mien(&["export", "bare", "--to", form, "--out", &out, "--force"]).assert().success();
        let words = lab.complaint(&["export", "bare", "--to", form, "--out", &out, "--last"], 2);
        assert!(words.contains("--last is only for weights"), "{words}");
    }
    let words = lab.complaint(&["export", "bare", "--to", "csv", "--out", &out, "--follow"], 2);
    assert!(words.contains("--follow is only for --to tensorboard"), "{words}");
    let epochs = fs::read_to_string(Path::new(&format!("{out}-csv")).join("epochs.csv")).expect("a table");
    assert_eq!(epochs, lab.text(&["show", "bare", "--csv"]));
    let run: Value = serde_json::from_slice(&fs::read(format!("{out}-csv/run.json")).expect("JSON")).expect("JSON");
    assert_eq!(run["history"], lab.json(&["show", "bare", "--json"])["history"]);
}
