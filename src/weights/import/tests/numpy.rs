//! NumPy's archives.

use zip::CompressionMethod;

use super::super::numpy::tests::array;
use super::Fault;
use super::fixtures::{error_of, feature, keras_kernel, named, npz, reading, test_base, zipped};
use super::torch_files::Named;
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;

/// Returns the tensors as conversions of Caffe's network for TensorFlow name them, with a classifier of `outputs`.
fn tensorflow(outputs: usize) -> Vec<Named> {
    let mut tensors = Vec::new();
    for convolution in test_base() {
        let name = convolution.layer.0.replace("block", "conv").replace(".conv", "_");
        let (shape, values) = keras_kernel(&convolution);
        tensors.push((format!("{name}_W"), shape, values));
        tensors.push((format!("{name}_b"), vec![convolution.bias.len()], convolution.bias.clone()));
    }
    tensors.push(("fc8_W".into(), vec![1, outputs], vec![0.5; outputs]));
    tensors.push(("fc8_b".into(), vec![outputs], vec![0.5; outputs]));
    tensors
}

#[test]
fn arrays_are_read_packed_or_not_and_in_either_order_of_axes() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let read = reading(npz(&tensorflow(1000), method)).expect("read");
        assert_eq!((&read.base, read.layout), (&test_base(), Layout::NumpyArchive));
        assert_eq!(read.preprocessing, Preprocessing::CAFFE_RGB);
        assert_eq!(read.not_taken.to_string(), "2 tensors of fc8");
        let tensors = named(&test_base(), |index| format!("features.{}", feature(index)));
        let read = reading(npz(&tensors, method)).expect("read");
        assert_eq!((&read.base, read.preprocessing), (&test_base(), Preprocessing::TORCHVISION));
    }
}

#[test]
fn arrays_of_halves_doubles_columns_and_big_ends_are_read() {
    let mut base = test_base();
    for convolution in &mut base {
        let values = convolution.kernel.iter_mut().chain(&mut convolution.bias);
        values.for_each(|value| *value = (*value * 4.0).round() / 4.0);
    }
    let tensors = named(&base, |index| format!("{index}"));
    let column_major = |shape: &[usize], values: &[f32]| -> Vec<f32> {
        let mut columns = vec![0.0; values.len()];
        for (at, value) in values.iter().enumerate() {
            let (mut rest, mut place) = (at, 0);
            for side in (0..shape.len()).rev() {
                place += rest % shape[side] * shape[..side].iter().product::<usize>();
                rest /= shape[side];
            }
            columns[place] = *value;
        }
        columns
    };
    #[allow(clippy::type_complexity)] // kind, order of axes, and the bytes of a number
    let kinds: [(&str, bool, fn(f32) -> Vec<u8>); 4] = [
        ("<f8", false, |value| f64::from(value).to_le_bytes().to_vec()),
        (">f4", false, |value| value.to_be_bytes().to_vec()),
        ("<f4", true, |value| value.to_le_bytes().to_vec()),
        ("<V2", false, |value| value.to_le_bytes()[2..].to_vec()),
    ];
    for (kind, is_fortran, store) in kinds {
        let arrays: Vec<(String, Vec<u8>)> = tensors
            .iter()
            .map(|(name, shape, values)| {
                let values = if is_fortran { column_major(shape, values) } else { values.clone() };
                let bytes: Vec<u8> = values.into_iter().flat_map(store).collect();
                (format!("{name}.npy"), array(kind, is_fortran, shape, &bytes))
            })
            .collect();
        let entries: Vec<(&str, &[u8])> =
            arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(reading(zipped(&entries, CompressionMethod::Stored)).expect(kind).base, base, "{kind}");
    }
}

#[test]
fn cut_arrays_and_other_numbers_are_told() {
    let mut tensors = tensorflow(2);
    tensors[2].2.pop();
    assert_eq!(error_of(npz(&tensors, CompressionMethod::Stored)), "'conv1_2_W' is cut short");
    let words = error_of(zipped(&[("a.npy", b"\x93NUMPY")], CompressionMethod::Stored));
    assert!(words.contains("'a.npy' has no header of an array"), "{words}");
    let fault = reading(array("<f4", false, &[2], &[0; 8])).expect_err("one array");
    assert!(matches!(&fault, Fault::Unknown(words) if words.contains("a single array of NumPy")), "{fault:?}");
}
