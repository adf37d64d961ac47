//! An evaluator of the operators in exported ONNX files, in f64.

#![allow(dead_code, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::collections::HashMap;

use mien::export::onnx::messages::{Attribute, Model, Node, Tensor, kind};
use prost::Message;

/// A tensor, row-major.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Vec<f64>,
}

impl Values {
    pub(crate) fn new(shape: &[usize], numbers: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "{shape:?}");
        Self { shape: shape.to_vec(), numbers }
    }

    fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), numbers: self.numbers.iter().map(|x| change(*x)).collect() }
    }

    fn as_sizes(&self) -> Vec<usize> {
        self.numbers.iter().map(|x| *x as usize).collect()
    }
}

/// Returns the model in the bytes of a file.
pub(crate) fn read(bytes: &[u8]) -> Model {
    Model::decode(bytes).expect("a model")
}

/// Returns the logits and the probabilities of images `[n, channels, height, width]`.
pub(crate) fn run(model: &Model, pixels: Values) -> [Values; 2] {
    let graph = model.graph.as_ref().expect("a graph");
    let mut values: HashMap<String, Values> = graph.initializer.iter().map(constant).collect();
    values.insert("pixels".into(), pixels);
    for node in &graph.node {
        let inputs: Vec<Option<&Values>> = node.input.iter().map(|name| values.get(name)).collect();
        let known = |(name, value): (&String, Option<&Values>)| name.is_empty() || value.is_some();
        assert!(node.input.iter().zip(inputs.iter().copied()).all(known), "{node:?} takes what nothing gives");
        let output = compute(node, &inputs);
        assert!(values.insert(node.output[0].clone(), output).is_none(), "{} is given twice", node.output[0]);
    }
    ["logits", "probabilities"].map(|name| values.remove(name).expect("an output"))
}

fn constant(tensor: &Tensor) -> (String, Values) {
    let shape: Vec<usize> = tensor.dims.iter().map(|side| *side as usize).collect();
    let numbers = match tensor.data_type {
        kind::F32 => tensor.raw_data.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
        kind::I64 => tensor.raw_data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect(),
        other => panic!("numbers of kind {other}"),
    };
    (tensor.name.clone(), Values::new(&shape, numbers))
}

fn setting<'a>(node: &'a Node, name: &str) -> &'a Attribute {
    node.attribute.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("{node:?} lacks {name}"))
}

fn sizes(node: &Node, name: &str) -> Vec<usize> {
    setting(node, name).ints.iter().map(|size| *size as usize).collect()
}

fn compute(node: &Node, inputs: &[Option<&Values>]) -> Values {
    let input = |index: usize| inputs[index].unwrap_or_else(|| panic!("{node:?}"));
    match node.op_type.as_str() {
        "Identity" => input(0).clone(),
        "Relu" => input(0).map(|x| x.max(0.0)),
        "Sqrt" => input(0).map(f64::sqrt),
        "Mul" => both(input(0), input(1), |a, b| a * b),
        "Add" => both(input(0), input(1), |a, b| a + b),
        "Sub" => both(input(0), input(1), |a, b| a - b),
        "Div" => both(input(0), input(1), |a, b| a / b),
        "Max" => both(input(0), input(1), f64::max),
        "Flatten" => {
            let [images, rest @ ..] = &input(0).shape[..] else { panic!("{node:?}") };
            Values::new(&[*images, rest.iter().product()], input(0).numbers.clone())
        }
        "ReduceMean" => mean(input(0)),
        "GlobalAveragePool" => global_average(input(0)),
        "Slice" => slice(input(0), [&input(1).as_sizes(), &input(2).as_sizes()], &input(3).as_sizes()),
        "Concat" => concat(inputs),
        "Gather" => gather(input(0), &input(1).as_sizes()),
        "Resize" => {
            assert_eq!(setting(node, "coordinate_transformation_mode").s.as_deref(), Some(b"half_pixel".as_slice()));
            resize(input(0), &input(3).as_sizes())
        }
        "Conv" => {
            let (strides, pads) = (sizes(node, "strides"), sizes(node, "pads"));
            convolve(input(0), input(1), inputs.get(2).copied().flatten(), strides[0], pads[0])
        }
        "MaxPool" => max_pool(input(0), sizes(node, "kernel_shape")[0]),
        "BatchNormalization" => {
            let epsilon = f64::from(setting(node, "epsilon").f.expect("a number"));
            batch_norm(input(0), [1, 2, 3, 4].map(input), epsilon)
        }
        "Gemm" => gemm(input(0), input(1), input(2)),
        "Softmax" => softmax(input(0)),
        other => panic!("no operator {other}"),
    }
}

/// Combines two tensors, broadcast from the right.
fn both(a: &Values, b: &Values, join: impl Fn(f64, f64) -> f64) -> Values {
    let axes = a.shape.len().max(b.shape.len());
    let padded = |shape: &[usize]| [vec![1; axes - shape.len()], shape.to_vec()].concat();
    let (left, right) = (padded(&a.shape), padded(&b.shape));
    let shape: Vec<usize> = left.iter().zip(&right).map(|(a, b)| *a.max(b)).collect();
    let place = |mut index: usize, own: &[usize]| {
        let (mut place, mut step) = (0, 1);
        for (side, own) in shape.iter().zip(own).rev() {
            let at = index % side;
            index /= side;
            place += if *own == 1 { 0 } else { at * step };
            step *= own;
        }
        place
    };
    let count = shape.iter().product();
    let numbers = (0..count).map(|i| join(a.numbers[place(i, &left)], b.numbers[place(i, &right)])).collect();
    Values::new(&shape, numbers)
}

fn maps(x: &Values) -> [usize; 4] {
    x.shape.clone().try_into().expect("maps")
}

/// Returns the mean of each image.
fn mean(x: &Values) -> Values {
    let [images, ..] = maps(x);
    let each = x.numbers.chunks(x.numbers.len() / images);
    Values::new(&[images, 1, 1, 1], each.map(|image| image.iter().sum::<f64>() / image.len() as f64).collect())
}

fn global_average(x: &Values) -> Values {
    let [images, channels, height, width] = maps(x);
    let planes = x.numbers.chunks(height * width);
    let means = planes.map(|plane| plane.iter().sum::<f64>() / plane.len() as f64).collect();
    Values::new(&[images, channels, 1, 1], means)
}

/// Returns maps of numbers by image, channel, row and column.
fn build(shape: [usize; 4], number: impl Fn(usize, usize, usize, usize) -> f64) -> Values {
    let [images, channels, height, width] = shape;
    let mut numbers = Vec::with_capacity(shape.iter().product());
    for image in 0..images {
        for channel in 0..channels {
            for row in 0..height {
                numbers.extend((0..width).map(|column| number(image, channel, row, column)));
            }
        }
    }
    Values::new(&shape, numbers)
}

fn at(x: &Values, image: usize, channel: usize, row: usize, column: usize) -> f64 {
    let [_, channels, height, width] = maps(x);
    x.numbers[((image * channels + channel) * height + row) * width + column]
}

fn slice(x: &Values, [starts, ends]: [&[usize]; 2], axes: &[usize]) -> Values {
    assert_eq!(axes, [2, 3]);
    let [images, channels, ..] = maps(x);
    build([images, channels, ends[0] - starts[0], ends[1] - starts[1]], |image, channel, row, column| {
        at(x, image, channel, row + starts[0], column + starts[1])
    })
}

fn concat(inputs: &[Option<&Values>]) -> Values {
    let parts: Vec<&Values> = inputs.iter().map(|input| input.expect("a value")).collect();
    let [images, channels, height, width] = maps(parts[0]);
    build([images, channels * parts.len(), height, width], |image, channel, row, column| {
        at(parts[channel / channels], image, channel % channels, row, column)
    })
}

fn gather(x: &Values, order: &[usize]) -> Values {
    let [images, _, height, width] = maps(x);
    build([images, order.len(), height, width], |image, channel, row, column| at(x, image, order[channel], row, column))
}

/// Resizes bilinearly with half-pixel centres.
fn resize(x: &Values, size: &[usize]) -> Values {
    let [images, channels, height, width] = maps(x);
    let place = |to: usize, from: usize, out: usize| {
        let position = ((to as f64 + 0.5) * from as f64 / out as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
        (position as usize, (position as usize + 1).min(from - 1), position.fract())
    };
    build([images, channels, size[0], size[1]], |image, channel, row, column| {
        let (top, bottom, down) = place(row, height, size[0]);
        let (left, right, across) = place(column, width, size[1]);
        let line = |row: usize| {
            let (left, right) = (at(x, image, channel, row, left), at(x, image, channel, row, right));
            left + (right - left) * across
        };
        line(top) + (line(bottom) - line(top)) * down
    })
}

fn convolve(x: &Values, weight: &Values, bias: Option<&Values>, stride: usize, pad: usize) -> Values {
    let [images, inputs, height, width] = maps(x);
    let [outputs, _, kernel, _] = maps(weight);
    let sizes = [height, width].map(|side| (side + 2 * pad - kernel) / stride + 1);
    let plane = sizes[0] * sizes[1];
    let mut numbers = vec![0.0; images * outputs * plane];
    for (index, out) in numbers.chunks_mut(plane).enumerate() {
        let (image, output) = (index / outputs, index % outputs);
        out.fill(bias.map_or(0.0, |bias| bias.numbers[output]));
        for tap in 0..inputs * kernel * kernel {
            let (input, down, across) = (tap / (kernel * kernel), tap / kernel % kernel, tap % kernel);
            let factor = weight.numbers[output * inputs * kernel * kernel + tap];
            for (row, line) in out.chunks_mut(sizes[1]).enumerate() {
                let y = (row * stride + down).wrapping_sub(pad);
                if y >= height {
                    continue;
                }
                let source = &x.numbers[((image * inputs + input) * height + y) * width..][..width];
                for (column, number) in line.iter_mut().enumerate() {
                    let from = (column * stride + across).wrapping_sub(pad);
                    if from < width {
                        *number += factor * source[from];
                    }
                }
            }
        }
    }
    Values::new(&[images, outputs, sizes[0], sizes[1]], numbers)
}

fn max_pool(x: &Values, size: usize) -> Values {
    let [images, channels, height, width] = maps(x);
    build([images, channels, height / size, width / size], |image, channel, row, column| {
        let square = (0..size * size).map(|i| at(x, image, channel, row * size + i / size, column * size + i % size));
        square.fold(f64::NEG_INFINITY, f64::max)
    })
}

fn batch_norm(x: &Values, [scale, shift, mean, variance]: [&Values; 4], epsilon: f64) -> Values {
    build(maps(x), |image, channel, row, column| {
        let number = at(x, image, channel, row, column) - mean.numbers[channel];
        number / (variance.numbers[channel] + epsilon).sqrt() * scale.numbers[channel] + shift.numbers[channel]
    })
}

fn gemm(x: &Values, weight: &Values, bias: &Values) -> Values {
    let (inputs, outputs) = (weight.shape[0], weight.shape[1]);
    let row = |row: &[f64]| -> Vec<f64> {
        let sum = |output| row.iter().enumerate().map(|(i, x)| x * weight.numbers[i * outputs + output]).sum::<f64>();
        (0..outputs).map(|output| sum(output) + bias.numbers[output]).collect()
    };
    let numbers: Vec<f64> = x.numbers.chunks(inputs).flat_map(row).collect();
    Values::new(&[x.shape[0], outputs], numbers)
}

fn softmax(x: &Values) -> Values {
    let row = |row: &[f64]| -> Vec<f64> {
        let powers: Vec<f64> = row.iter().map(|x| x.exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    };
    Values::new(&x.shape, x.numbers.chunks(x.shape[1]).flat_map(row).collect())
}
