//! The convolutions of VGG16, and a base made of them.

/// A convolution of a base: its name here, channels in and channels out. Every kernel is 3×3.
pub(super) type Layer = (&'static str, usize, usize);

/// The convolutional base of VGG16: name, channels in, channels out of each layer, in order. After the last layer of each
/// block comes a 2×2 pooling, which has no weights.
pub const VGG16: [(&str, usize, usize); 13] = [
    ("block1.conv1", 3, 64),
    ("block1.conv2", 64, 64),
    ("block2.conv1", 64, 128),
    ("block2.conv2", 128, 128),
    ("block3.conv1", 128, 256),
    ("block3.conv2", 256, 256),
    ("block3.conv3", 256, 256),
    ("block4.conv1", 256, 512),
    ("block4.conv2", 512, 512),
    ("block4.conv3", 512, 512),
    ("block5.conv1", 512, 512),
    ("block5.conv2", 512, 512),
    ("block5.conv3", 512, 512),
];

/// Width and height of every kernel.
pub(super) const SIDE: usize = 3;

/// The values of one convolution, as the store keeps them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Convolution {
    /// Which layer it is.
    pub(super) layer: Layer,
    /// Out×in×3×3, row-major.
    pub(super) kernel: Vec<f32>,
    /// One for each channel out.
    pub(super) bias: Vec<f32>,
}

impl Convolution {
    /// Its tensors: name in the store, shape, values.
    pub(super) fn tensors(&self) -> [(String, Vec<usize>, &[f32]); 2] {
        let (name, input, output) = self.layer;
        [
            (format!("{name}.weight"), vec![output, input, SIDE, SIDE], self.kernel.as_slice()),
            (format!("{name}.bias"), vec![output], self.bias.as_slice()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_takes_what_the_one_before_gives() {
        assert!(VGG16.windows(2).all(|pair| pair[0].2 == pair[1].1));
        let parameters: usize = VGG16.iter().map(|(_, input, output)| SIDE * SIDE * input * output + output).sum();
        // As Keras's `VGG16(include_top=False).summary()` counts them.
        assert_eq!(parameters, 14_714_688);
    }
}
