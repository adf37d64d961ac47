//! Tests of every architecture of the catalog at many sizes, and of published counts.

use super::catalog::NetworkName;
use super::*;

fn resolve(name: NetworkName, side: usize) -> ResolvedNetwork {
    let architecture = name.architecture();
    let channels = architecture.pretrained.map_or(1, |pretrained| pretrained.channels);
    architecture.resolve([channels, side, side], 7).expect("fits")
}

fn stage(text: &str) -> StageName {
    text.parse().expect("a name")
}

#[test]
fn every_architecture_fits_together_from_its_smallest_side_on() {
    for name in NetworkName::all() {
        let architecture = name.architecture();
        let least = architecture.min_side() as usize;
        for side in [least, least + 1, 48, 64, 97, 224] {
            let resolved = resolve(name, side.max(least));
            assert_eq!(resolved.units.last().expect("a head").output(), [7, 1, 1], "{name} at {side}");
            for (before, after) in resolved.units.iter().zip(&resolved.units[1..]) {
                assert_eq!(after.body[0].input, before.output(), "{name} at {side}");
            }
            let mut names: Vec<&str> =
                resolved.layers().flat_map(|layer| &layer.tensors).map(|tensor| tensor.name.as_str()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{name}: two tensors of one name");
        }
        assert_eq!(NetworkName::try_from(name.to_string()), Ok(name));
        let channels = architecture.pretrained.map_or(1, |pretrained| pretrained.channels);
        let error = architecture.resolve([channels, least - 1, least - 1], 7).expect_err("too small").to_string();
        assert!(error.contains(&format!("{0}×{0}", least - 1)) && error.contains(architecture.name), "{error}");
    }
    let error = NetworkName::try_from("vgg\u{1b}17".to_owned()).expect_err("unknown").to_string();
    assert!(error.contains("cnn, ") && !error.contains('\u{1b}'), "{error}");
}

#[test]
fn names_and_shapes_are_those_of_every_checkpoint_that_was_written() {
    let tensors = |resolved: &ResolvedNetwork, units| -> Vec<String> {
        let of = |tensor: &TensorSpec| format!("{} {:?}", tensor.name, tensor.shape);
        resolved.layers_of(units).flat_map(|layer| &layer.tensors).map(of).collect()
    };
    let cnn = resolve(NetworkName::CNN, 48);
    assert_eq!(
        tensors(&cnn, 0..cnn.units.len()),
        [
            "block1.weight [32, 1, 3, 3]",
            "block1.bias [32]",
            "block2.weight [64, 32, 3, 3]",
            "block2.bias [64]",
            "dense_weight [9216, 7]",
            "dense_bias [7]",
        ]
    );
    let vgg = resolve(NetworkName::VGG16, 224);
    let cut = vgg.cut(TrainedStages::From(&stage("block5"))).expect("a stage");
    assert_eq!(
        tensors(&vgg, cut.trained()),
        [
            "base.block5.conv1.weight [512, 512, 3, 3]",
            "base.block5.conv1.bias [512]",
            "base.block5.conv2.weight [512, 512, 3, 3]",
            "base.block5.conv2.bias [512]",
            "base.block5.conv3.weight [512, 512, 3, 3]",
            "base.block5.conv3.bias [512]",
            "head.hidden_weight [512, 256]",
            "head.hidden_bias [256]",
            "head.dense_weight [256, 7]",
            "head.dense_bias [7]",
        ]
    );
}

#[test]
fn counts_are_those_that_others_publish() {
    let vgg = resolve(NetworkName::VGG16, 224);
    let parameters = |trained| vgg.parameters_of(vgg.cut(trained).expect("a stage").trained());
    // Keras: `VGG16(include_top=False).summary()`.
    assert_eq!(vgg.parameters() - parameters(TrainedStages::Head), 14_714_688);
    assert_eq!(vgg.parameters(), 14_847_815);
    assert_eq!(parameters(TrainedStages::Head), 133_127);
    assert_eq!(parameters(TrainedStages::From(&stage("block5"))), 7_212_551);
    assert_eq!(resolve(NetworkName::CNN, 48).parameters(), 83_335);
    // 15.35 billion multiply-adds without dense layers.
    let base = vgg.cut(TrainedStages::Head).expect("a head").frozen();
    assert_eq!(vgg.forward_operations(base), 30_693_261_312);
}

#[test]
fn the_trained_part_begins_at_the_first_trained_layer_with_parameters() {
    let vgg = resolve(NetworkName::VGG16, 224);
    let blocks = ["block1", "block2", "block3", "block4", "block5"].map(stage);
    let table = [
        (TrainedStages::Head, "pooled", [512, 1, 1]),
        (TrainedStages::From(&blocks[4]), "block4", [512, 14, 14]),
        (TrainedStages::From(&blocks[1]), "block1", [64, 112, 112]),
        (TrainedStages::From(&blocks[0]), "input", [3, 224, 224]),
        (TrainedStages::All, "input", [3, 224, 224]),
    ];
    for (trained, name, shape) in table {
        let cut = vgg.cut(trained).expect("a stage");
        assert_eq!((vgg.trained_input_name(cut), vgg.trained_input(cut)), (name, shape), "{trained:?}");
        assert_eq!(cut.freezes(), name != "input");
    }
    let error = vgg.cut(TrainedStages::From(&stage("block6"))).expect_err("no such stage").to_string();
    assert_eq!(error, "vgg16 has no stage 'block6': it has block1, block2, block3, block4, block5");
    // The head of the first four blocks reads all positions: 3×3 of 512 channels at 48×48 pixels.
    let first = resolve(NetworkName::try_from("vgg16-block4".to_owned()).expect("in the catalog"), 48);
    let cut = first.cut(TrainedStages::Head).expect("a head");
    assert_eq!((first.trained_input_name(cut), first.trained_input(cut)), ("block4", [512, 3, 3]));
    assert_eq!(first.parameters_of(cut.frozen()), 7_635_264);
    assert_eq!(first.parameters_of(cut.trained()), 2 * 512 + 4608 * 256 + 256 + 256 * 7 + 7);
    let mut rows = first.table(cut).into_iter().map(|row| (row.name, row.parameters, row.frozen));
    assert_eq!(rows.nth(4), Some(("BN, flatten".into(), 2 * 512, false)));
}

#[test]
fn three_by_three_convolutions_are_fused_with_what_follows_them() {
    let fused = |name: NetworkName| {
        let resolved = resolve(name, 64);
        let plan = resolved.plan(0..resolved.units.len());
        (name.as_str(), plan.fused_blocks(), plan.steps.len())
    };
    let deep = NetworkName::try_from("deep".to_owned()).expect("in the catalog");
    let counts = [NetworkName::CNN, NetworkName::VGG16, deep].map(fused);
    assert_eq!(counts, [("cnn", 2, 4), ("vgg16", 13, 18), ("deep", 7, 17)]);
}

#[test]
fn a_training_step_does_without_the_gradient_of_the_image() {
    let cnn = resolve(NetworkName::CNN, 48);
    let cut = cnn.cut(TrainedStages::All).expect("all");
    let [first, second, dense] = [9 * 32 * 48 * 48, 9 * 32 * 64 * 24 * 24, 9216 * 7];
    assert_eq!(cnn.training_operations(cut), 2 * (2 * first + 3 * (second + dense)));
    assert_eq!(cnn.forward_operations(cut.trained()), 2 * (first + second + dense));
}

#[test]
fn residual_pairs_are_resolved_and_branches_that_do_not_meet_are_named() {
    let convolution =
        |name: &str, outputs| Layer::new(name, Op::Convolution { kernel: 3, stride: 2, outputs, bias: false });
    let pair = |shortcut: Vec<Layer>| Architecture {
        name: "pair",
        pretrained: None,
        stages: vec![
            Stage {
                name: "stage1".into(),
                units: vec![
                    Unit::Residual {
                        body: vec![convolution("stage1.conv1", 4), Layer::new("stage1.bn1", Op::BATCH_NORM)],
                        shortcut,
                    },
                    Layer::new("stage1.relu", Op::Relu).into(),
                ],
            },
            Stage::new(
                "head",
                [Layer::new("pooled", Op::GlobalAverage), Layer::new("dense", Op::Dense { outputs: Outputs::Classes })],
            ),
        ],
    };
    let projection = Layer::new("stage1.down", Op::Convolution { kernel: 1, stride: 2, outputs: 4, bias: false });
    let resolved = pair(vec![projection]).resolve([3, 9, 9], 2).expect("fits");
    assert_eq!(resolved.units[0].output(), [4, 5, 5]);
    assert_eq!(resolved.parameters(), 9 * 3 * 4 + 2 * 4 + 3 * 4 + 4 * 2 + 2);
    let buffers = resolved.layers().flat_map(|layer| &layer.tensors).filter(|tensor| !tensor.kind.is_trained());
    assert_eq!(buffers.count(), 2);
    let error = pair(Vec::new()).resolve([3, 9, 9], 2).expect_err("they do not meet").to_string();
    assert!(error.contains("stage1.bn1") && error.contains("[4, 5, 5]"), "{error}");
}

#[test]
fn the_table_reads_as_people_draw_networks() {
    let rows = |resolved: &ResolvedNetwork, trained| -> Vec<(String, [usize; 3], usize, bool)> {
        let rows = resolved.table(resolved.cut(trained).expect("a stage"));
        rows.into_iter().map(|row| (row.name, row.output, row.parameters, row.frozen)).collect()
    };
    let row = |name: &str, output, parameters, frozen| (name.to_owned(), output, parameters, frozen);
    assert_eq!(
        rows(&resolve(NetworkName::CNN, 48), TrainedStages::All),
        [
            row("convolution 3×3, ReLU", [32, 48, 48], 320, false),
            row("max pool 2×2", [32, 24, 24], 0, false),
            row("convolution 3×3, ReLU", [64, 24, 24], 18_496, false),
            row("max pool 2×2, flatten", [9216, 1, 1], 0, false),
            row("dense, softmax", [7, 1, 1], 64_519, false),
        ]
    );
    let block5 = stage("block5");
    assert_eq!(
        rows(&resolve(NetworkName::VGG16, 224), TrainedStages::From(&block5))[3..],
        [
            row("block4, 3× conv 3×3", [512, 14, 14], 5_899_776, true),
            row("block5, 3× conv 3×3", [512, 7, 7], 7_079_424, false),
            row("global average pool", [512, 1, 1], 0, false),
            row("dense, ReLU, dropout", [256, 1, 1], 131_328, false),
            row("dense, softmax", [7, 1, 1], 1_799, false),
        ]
    );
}
