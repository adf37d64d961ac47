//! Names, prefixes and wrappings of published files and of people's own, in every format.

use proptest::prelude::*;
use zip::CompressionMethod;

use super::fixtures::{
    IMAGENET, Naming, error_of, feature, keras_kernel, keras3_tree, legacy_tree, named, npz, position, reading,
    safetensors, state_dict, test_base,
};
use super::torch_files::{Named, Style, archive, legacy};
use super::tree::{Tree, fixed};
use crate::domain::Preprocessing;
use crate::weights::vgg16::Convolution;

const TORCHVISION: Preprocessing = Preprocessing::TORCHVISION;

/// Returns block and convolution of a layer by its number.
fn place(index: usize) -> (usize, usize) {
    position(&test_base()[index])
}

/// The name of a convolution by its number.
type Name = fn(usize) -> String;

/// Returns the names of published files and people's own.
fn namings() -> Vec<(&'static str, Name, Preprocessing)> {
    vec![
        ("torchvision", |index| format!("features.{}", feature(index)), TORCHVISION),
        ("its features alone", |index| feature(index).to_string(), TORCHVISION),
        ("on several devices", |index| format!("module.features.{}", feature(index)), TORCHVISION),
        ("timm's list of features", |index| format!("features_{}", feature(index)), TORCHVISION),
        ("a backbone of transformers", |index| format!("backbone._backbone.features.{}", feature(index)), TORCHVISION),
        ("a perceptual loss", |index| format!("net.slice{}.{}", place(index).0, feature(index)), TORCHVISION),
        ("numbered from one", |index| format!("conv{}", index + 1), TORCHVISION),
        ("letters", |index| format!("stage{}{}", place(index).0, ["a", "b", "c"][place(index).1 - 1]), TORCHVISION),
        (
            "MatConvNet's VGG-Face",
            |index| format!("conv{}_{}", place(index).0, place(index).1),
            Preprocessing::VGGFACE_RGB,
        ),
        ("Torch 7's", |index| format!("conv_{}_{}", place(index).0, place(index).1), Preprocessing::VGGFACE),
        ("ours", |index| test_base()[index].layer.0.into(), Preprocessing::KERAS_IMAGENET),
        ("ours in a model", |index| format!("encoder.{}", test_base()[index].layer.0), Preprocessing::KERAS_IMAGENET),
    ]
}

/// Returns these tensors as a file of every kind that has names.
fn files(tensors: &[Named]) -> Vec<(&'static str, Vec<u8>)> {
    let nested = Style { ordered: true, wrappers: &["checkpoint", "net"], ..Style::default() };
    vec![
        ("zip of torch", archive(tensors, Style { ordered: true, ..Style::default() })),
        ("stream of torch", legacy(tensors, Style::default())),
        ("nested dictionaries", archive(tensors, nested)),
        ("nested dictionaries in a stream", legacy(tensors, nested)),
        ("safetensors", safetensors(tensors)),
        ("NumPy", npz(tensors, CompressionMethod::Deflated)),
        ("HDF5", in_group(tensors)),
    ]
}

/// Returns an HDF5 file with these datasets in a group.
fn in_group(tensors: &[Named]) -> Vec<u8> {
    let mut tree = Tree::default();
    for (name, shape, values) in tensors {
        tree.tensor(&format!("saved/{name}"), shape, values);
    }
    tree.file()
}

#[test]
fn every_naming_in_every_format_gives_the_same_base() {
    for (naming, name, preprocessing) in namings() {
        let tensors = named(&test_base(), name);
        for (format, bytes) in files(&tensors) {
            let read = reading(bytes).unwrap_or_else(|fault| panic!("{naming}, {format}: {fault:?}"));
            assert_eq!(read.base, test_base(), "{naming}, {format}");
            assert_eq!(read.preprocessing, preprocessing, "{naming}, {format}: {}", read.reason);
            assert!(read.not_taken.is_empty() && !read.reason.is_empty(), "{naming}, {format}");
        }
    }
}

#[test]
fn dense_layers_that_are_convolutions_and_other_parts_are_not_taken() {
    let mut timm = state_dict(&test_base(), "");
    timm.push(("pre_logits.fc1.weight".into(), vec![6, 32, 7, 7], vec![0.5; 9408]));
    timm.push(("pre_logits.fc1.bias".into(), vec![6], vec![0.5; 6]));
    timm.push(("pre_logits.fc2.weight".into(), vec![6, 6, 1, 1], vec![0.5; 36]));
    timm.push(("pre_logits.fc2.bias".into(), vec![6], vec![0.5; 6]));
    for (format, bytes) in files(&timm) {
        let read = reading(bytes).expect(format);
        assert_eq!((read.base, read.not_taken.tensors), (test_base(), 5), "{format}");
        assert!(read.not_taken.names.iter().any(|name| name.ends_with("pre_logits")), "{:?}", read.not_taken);
    }
    // SSD counts its further layers like those of the base.
    let mut ssd = named(&test_base(), |index| format!("vgg.{}", feature(index)));
    ssd.push(("vgg.31.weight".into(), vec![1024, 1, 3, 3], vec![0.5; 9216]));
    ssd.push(("vgg.31.bias".into(), vec![1024], vec![0.5; 1024]));
    let read = reading(archive(&ssd, Style::default())).expect("read");
    assert_eq!((read.base, read.preprocessing), (test_base(), Preprocessing::KERAS_IMAGENET));
    assert_eq!(read.not_taken.to_string(), "2 tensors of vgg.31");
}

#[test]
fn a_classifier_of_vgg_faces_people_decides_the_preprocessing() {
    let people = |tensors: &mut Vec<Named>| {
        tensors.push(("classifier.6.weight".into(), vec![2622, 1], vec![0.5; 2622]));
        tensors.push(("classifier.6.bias".into(), vec![2622], vec![0.5; 2622]));
    };
    let mut tensors = state_dict(&test_base(), "");
    people(&mut tensors);
    let read = reading(safetensors(&tensors)).expect("read");
    assert_eq!(read.preprocessing, Preprocessing::VGGFACE_RGB);
    assert_eq!(read.reason, "its classifier has 2622 outputs, the people of VGG-Face");
    // DeepFace's file: automatic names, and dense layers that are convolutions.
    let mut tree = legacy_tree(&test_base(), &automatic());
    tree.forget("layer_names");
    let mut layers: Vec<String> =
        test_base().iter().map(|found| (automatic().layer)(position(found).0, position(found).1)).collect();
    for (index, shape) in [[7, 7, 32, 2], [1, 1, 2, 2], [1, 1, 2, 2622]].into_iter().enumerate() {
        let layer = format!("conv2d_{}", 14 + index);
        let group = tree.group(&layer);
        group.tensor("kernel:0", &shape, &vec![0.5; shape.iter().product()]);
        group.tensor("bias:0", &[shape[3]], &vec![0.5; shape[3]]);
        group.attribute("weight_names", fixed(&["kernel:0".into(), "bias:0".into()]));
        layers.push(layer);
    }
    tree.attribute("layer_names", fixed(&layers));
    let read = reading(tree.file()).expect("read");
    assert_eq!((read.base, read.preprocessing), (test_base(), Preprocessing::VGGFACE));
    assert_eq!(read.not_taken.to_string(), "6 tensors of conv2d_14, conv2d_15, conv2d_16");
}

/// The names that Keras makes up, counted in the order of layers.
fn automatic() -> Naming {
    Naming {
        layer: |block, conv| format!("conv2d_{}", [0, 2, 4, 7, 10][block - 1] + conv),
        weights: |layer| [format!("{layer}/kernel:0"), format!("{layer}/bias:0")],
    }
}

#[test]
fn keras_kernels_are_read_from_other_programs_files() {
    let mut tensors = Vec::new();
    for (index, convolution) in test_base().iter().enumerate() {
        let (shape, values) = keras_kernel(convolution);
        tensors.push((format!("params/Conv_{index}/kernel"), shape, values));
        tensors.push((format!("params/Conv_{index}/bias"), vec![convolution.bias.len()], convolution.bias.clone()));
    }
    let read = reading(safetensors(&tensors)).expect("read");
    assert_eq!((read.base, read.preprocessing), (test_base(), Preprocessing::KERAS_IMAGENET));
}

#[test]
fn an_optimizer_and_averages_beside_the_model_are_left() {
    let mut tensors = named(&test_base(), |index| format!("state_dict.features.{}", feature(index)));
    tensors.extend(named(&test_base(), |index| format!("state_dict_ema.features.{}", feature(index))));
    tensors.extend(named(&test_base(), |index| format!("optimizer.features.{}", feature(index))));
    for (format, bytes) in [("zip", archive(&tensors, Style::default())), ("safetensors", safetensors(&tensors))] {
        let read = reading(bytes).expect(format);
        assert_eq!((read.base, read.not_taken.tensors), (test_base(), 52), "{format}");
    }
    let mut moments = state_dict(&test_base(), "");
    for (index, convolution) in test_base().iter().enumerate() {
        let [(_, shape, kernel), _] = convolution.tensors();
        for moment in ["exp_avg", "exp_avg_sq"] {
            moments.push((format!("solver.state.{}.{moment}", 2 * index), shape.clone(), kernel.to_vec()));
            let bias = convolution.bias.clone();
            moments.push((format!("solver.state.{}.{moment}", 2 * index + 1), vec![bias.len()], bias));
        }
    }
    assert_eq!(reading(archive(&moments, Style::default())).expect("read").base, test_base());
    let mut keras = keras3_tree(&test_base(), "layers", |index, _| format!("conv2d_{index}"));
    for (index, convolution) in test_base().iter().enumerate() {
        let (shape, values) = keras_kernel(convolution);
        keras.tensor(&format!("optimizer/vars/{}", 2 * index + 2), &shape, &values);
        keras.tensor(&format!("optimizer/vars/{}", 2 * index + 3), &[convolution.bias.len()], &convolution.bias);
    }
    assert_eq!(reading(keras.file()).expect("read").base, test_base());
}

#[test]
fn names_that_give_no_order_are_refused_unless_the_file_lists_the_layers() {
    let odd = |index: usize| if index == 9 { "extra".to_owned() } else { format!("features.{}", feature(index)) };
    let tensors = named(&test_base(), odd);
    assert_eq!(reading(archive(&tensors, Style::default())).expect("listed").base, test_base());
    let words = error_of(safetensors(&tensors));
    assert!(words.contains("order of its layers is unclear: 'extra' and 'features'"), "{words}");
    // Where only one layer has the shape, any name does.
    let odd = |index: usize| if index == 2 { "extra".to_owned() } else { format!("features.{}", feature(index)) };
    assert_eq!(reading(safetensors(&named(&test_base(), odd))).expect("read").base, test_base());
}

#[test]
fn normalization_between_convolutions_is_another_network_and_in_the_head_it_is_not() {
    let norm = |tensors: &mut Vec<Named>, name: &str, length: usize| {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{name}.{part}"), vec![length], vec![0.5; length]));
        }
    };
    let mut head = state_dict(&test_base(), "");
    norm(&mut head, "classifier.1", 32);
    for (format, bytes) in files(&head) {
        assert_eq!(reading(bytes).expect(format).base, test_base(), "{format}");
    }
    let mut every = Vec::new();
    for (index, convolution) in test_base().iter().enumerate() {
        every
            .extend(named(std::slice::from_ref(convolution), |_| format!("conv{}_{}", place(index).0, place(index).1)));
        norm(&mut every, &format!("bn{}_{}", place(index).0, place(index).1), convolution.bias.len());
    }
    for (format, bytes) in files(&every) {
        assert!(error_of(bytes).contains("batch normalization"), "{format}");
    }
    let mut tree = legacy_tree(&test_base(), &IMAGENET);
    let group = tree.group("normal");
    group.tensor("gamma", &[8], &[1.0; 8]);
    group.tensor("beta", &[8], &[0.0; 8]);
    group.attribute("weight_names", fixed(&["gamma".into(), "beta".into()]));
    let names = |at: usize| {
        let mut layers: Vec<String> =
            test_base().iter().map(|found| (IMAGENET.layer)(position(found).0, position(found).1)).collect();
        layers.insert(at, "normal".into());
        fixed(&layers)
    };
    tree.forget("layer_names");
    let mut between = tree.clone();
    between.attribute("layer_names", names(3));
    assert!(error_of(between.file()).contains("'normal' is there"));
    tree.attribute("layer_names", names(13));
    assert_eq!(reading(tree.file()).expect("read").base, test_base());
}

#[test]
fn a_further_convolution_between_the_layers_is_another_network() {
    let mut tensors = state_dict(&test_base(), "");
    tensors.insert(4, ("features.3.weight".into(), vec![4, 4, 1, 1], vec![0.5; 16]));
    let words = error_of(archive(&tensors, Style::default()));
    assert_eq!(words, "'features.3' is a further convolution between those of VGG16");
}

/// Returns names of parts as people choose them.
fn part() -> impl Strategy<Value = String> {
    "[a-z]{1,8}(_[a-z]{1,4})?".prop_filter("no part that states a position or an optimizer", |name| {
        !name.contains("conv") && !name.contains("block") && !name.starts_with("optim")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_and_any_further_layers_leave_the_base(
        prefix in prop::collection::vec(part(), 0..4),
        stem in part(),
        others in prop::collection::vec((part(), 1..40_usize, any::<bool>()), 0..4),
        first: bool,
    ) {
        let path = prefix.iter().fold(String::new(), |path, part| path + part + ".");
        let base: Vec<Convolution> = test_base();
        let mut tensors = named(&base, |index| format!("{path}{stem}.{}", feature(index)));
        let mut further = Vec::new();
        for (index, (name, length, is_kernel)) in others.iter().enumerate() {
            let shape = if *is_kernel { vec![*length, 3, 1, 1] } else { vec![*length, 3] };
            further.push((format!("head{index}{name}.weight"), shape, vec![0.5; 3 * length]));
            further.push((format!("head{index}{name}.bias"), vec![*length], vec![0.5; *length]));
        }
        let count = further.len();
        if first {
            tensors = [further, tensors].concat();
        } else {
            tensors.extend(further);
        }
        for (format, bytes) in files(&tensors) {
            let read = reading(bytes).map_err(|fault| TestCaseError::fail(format!("{format}: {fault:?}")))?;
            prop_assert_eq!(&read.base, &base, "{}", format);
            prop_assert_eq!(read.not_taken.tensors, count, "{}", format);
        }
    }
}
