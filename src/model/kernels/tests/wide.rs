//! Tests of wide blocks; their sizes are also in the tests of narrow ones.

use super::*;

/// Sizes for Winograd: tiles of three and of four, edges that cut tiles, several and single images. Blocks with 32
/// channels and pooling use it only in the forward pass.
pub(super) const SIZES: [Sizes; 12] = [
    [1, 64, 64, 2, 2],
    [3, 64, 96, 3, 3],
    [2, 96, 64, 6, 6],
    [2, 64, 128, 5, 7],
    [5, 64, 64, 9, 8],
    [1, 128, 64, 12, 14],
    [2, 64, 64, 13, 33],
    [1, 64, 64, 31, 6],
    [9, 512, 64, 4, 4],
    [3, 32, 64, 24, 24],
    [2, 32, 96, 5, 7],
    [1, 32, 64, 2, 2],
];

/// Compares f32 by Winograd with f64 by burn's operations, over layers with VGG16's channels and pooling.
#[test]
fn errors_stay_small_through_a_deep_network() {
    let layers = [(64, false), (64, true), (128, true), (256, false), (256, true), (512, false), (512, true)];
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let shape = [2, 3, 48, 48];
    let mut x =
        Tensor::<Flex, 4>::from_data(TensorData::new(numbers(&mut rng, shape.iter().product()), shape), &FlexDevice);
    let mut exact = x.clone().cast(burn::tensor::DType::F64);
    let mut channels = 3;
    for (to, pooled) in layers {
        // Uniform weights of He's deviation preserve the variance of activations.
        let bound = (6.0 / (9.0 * f64::from(u16::try_from(channels).expect("small")))).sqrt();
        let weight = TensorData::new(numbers(&mut rng, to * channels * 9), [to, channels, 3, 3]);
        let weight = Tensor::<Flex, 4>::from_data(weight, &FlexDevice).mul_scalar(bound);
        let bias =
            Tensor::<Flex, 1>::from_data(TensorData::new(numbers(&mut rng, to), [to]), &FlexDevice).mul_scalar(0.1);
        let settings = if pooled { POOLED } else { WHOLE };
        x = conv_block(x, weight.clone(), Some(bias.clone()), settings);
        let [weight, bias] = [
            weight.cast(burn::tensor::DType::F64).into_primitive().tensor(),
            bias.cast(burn::tensor::DType::F64).into_primitive().tensor(),
        ];
        let plain = reference_block::<Flex>(exact.into_primitive().tensor(), weight, Some(bias), settings);
        exact = Tensor::from_primitive(TensorPrimitive::Float(plain));
        channels = to;
    }
    let error = relative_error(&vec(x), &vec(exact.cast(burn::tensor::DType::F32)));
    assert!(error <= 1e-5, "{error:e}");
}

#[test]
fn the_layer_before_the_wide_ones_gives_the_same_bits_without_a_gradient() {
    for (sizes, seed) in [[2, 3, 64, 9, 8], [1, 1, 96, 2, 2], [1, 5, 64, 1, 1], [3, 3, 64, 50, 33]].into_iter().zip(0..)
    {
        for block in BLOCKS {
            let case = Case::new(sizes, block, seed);
            if case.settings.pool == Pool::Max2 && sizes[3].min(sizes[4]) < 2 {
                continue;
            }
            let bias = case.bias.clone().map(Tensor::inner);
            let untracked = conv_block(case.x.clone().inner(), case.weight.clone().inner(), bias, case.settings);
            assert_eq!(vec(untracked), vec(case.fused().inner()), "{sizes:?} {block:?}");
        }
    }
}

/// Tiles mix pixels: a NaN must reach every output whose kernel covers it, and no other image.
#[test]
fn not_a_number_is_passed_on_by_wide_layers() {
    for (channels, side, settings) in [(64, 6, WHOLE), (64, 8, WHOLE), (64, 8, POOLED), (32, 8, POOLED)] {
        let case = Case::new([2, channels, 64, side, side], (true, settings), 13);
        for at in [0, side + 3, side * side - 1] {
            let mut pixels = vec(case.x.clone().inner());
            pixels[17 * side * side + at] = f32::NAN;
            let x = Tensor::<Flex, 4>::from_data(TensorData::new(pixels, case.x.dims()), &FlexDevice);
            let bias = case.bias.clone().map(Tensor::inner);
            let out = conv_block(x, case.weight.clone().inner(), bias, settings);
            let [_, _, h, w] = out.dims();
            let out = vec(out);
            let (first, second) = out.split_at(out.len() / 2);
            assert!(second.iter().all(|value| !value.is_nan()));
            for (index, value) in first.iter().enumerate() {
                let (y, x) = (index / w % h * side / h, index % w * side / w);
                let near = y.abs_diff(at / side) <= 1 && x.abs_diff(at % side) <= 1;
                assert!(!near || value.is_nan(), "NaN at {at}, output {index} is {value}");
            }
        }
    }
}
