//! The base among the layers of a source, recognized by the shapes of its convolutions.
//!
//! Names only group and order layers. A prefix, such as `module.features.`, groups them. A group is a candidate if it
//! has as many kernels of each shape as the network. Kernels of one shape are ordered by the positions in their names,
//! else as the file lists them, else by the counts in their names.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::base::KernelOrder;
use super::entry::{Entry, FoundConvolution, FoundLayer, layers};
use super::fault::Fault;
use super::name_order::{compare, differing_segments, is_counted};
use super::remainder::remainder;
use super::{base, between};
use crate::weights::IgnoredTensors;
use crate::weights::vgg16::Layer;

/// The most parts of a name that are tried as prefixes. Otherwise a name of many dots would take quadratic time.
const MOST_PREFIXES: usize = 24;

/// Keys under which training scripts save a model's `state_dict`, the preferred ones first. Others beside them are
/// averages of the same network.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// Facts about a kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// Whether the file lists its tensors in the order of the layers.
    pub(super) is_listed: bool,
    /// Whether Keras wrote it, which has kernels in another order only from Theano.
    pub(super) is_keras: bool,
}

/// The base of a source.
#[derive(Debug)]
pub(super) struct RecognizedBase<'a> {
    /// The convolutions in the order of the network.
    pub(super) convolutions: Vec<FoundConvolution<'a>>,
    pub(super) order: KernelOrder,
    pub(super) not_taken: IgnoredTensors,
    /// The lengths of the vectors that are not taken, among them the number of classes.
    pub(super) other_lengths: Vec<usize>,
}

/// A group of layers that has all kernels of the network.
#[derive(Debug)]
struct Candidate<'a> {
    order: KernelOrder,
    /// The longest prefix of all their names.
    prefix: &'a str,
    /// The places of its convolutions among the layers.
    places: Vec<usize>,
}

/// Finds the base among the tensors of a source.
pub(super) fn recognize<'a>(
    entries: Vec<Entry<'a>>,
    source: Source,
    network: &[Layer],
) -> Result<RecognizedBase<'a>, Fault> {
    let layers = layers(entries);
    let found = candidates(&layers, network);
    let Some(candidate) = choose(&layers, found)? else { return Err(base::describe_other(&layers, source, network)) };
    if source.is_keras && candidate.order == KernelOrder::Torch {
        return Err(base::theano());
    }
    let places = in_order(&layers, &candidate, source, network)?;
    between::check(&layers, &places, candidate.prefix, source, network)?;
    let (prefix, order) = (candidate.prefix.to_owned(), candidate.order);
    Ok(take(layers, &places, &prefix, order))
}

/// Returns the groups of layers that have all kernels of the network.
fn candidates<'a>(layers: &'a [FoundLayer], network: &[Layer]) -> Vec<Candidate<'a>> {
    let mut found: Vec<Candidate> = Vec::new();
    for order in [KernelOrder::Torch, KernelOrder::Keras] {
        let needed = counts(network.iter().map(|(_, input, output)| order.shape(*input, *output)));
        let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, layer) in layers.iter().enumerate() {
            let FoundLayer::Convolution(convolution) = layer else { continue };
            if is_training_state(layer.name()) {
                continue;
            }
            if <[usize; 4]>::try_from(convolution.kernel.shape.as_slice())
                .is_ok_and(|shape| needed.contains_key(&shape))
            {
                prefixes(layer.name()).for_each(|prefix| groups.entry(prefix).or_default().push(place));
            }
        }
        let is_whole = |places: &Vec<usize>| {
            let shapes = places.iter().filter_map(|place| match &layers[*place] {
                FoundLayer::Convolution(found) => found.kernel.shape.as_slice().try_into().ok(),
                _ => None,
            });
            places.len() == network.len() && counts(shapes) == needed
        };
        for (prefix, places) in groups.into_iter().filter(|(_, places)| is_whole(places)) {
            match found.iter_mut().find(|candidate| candidate.places == places) {
                Some(same) if same.prefix.len() < prefix.len() => same.prefix = prefix,
                Some(_) => {}
                None => found.push(Candidate { order, prefix, places }),
            }
        }
    }
    found.sort_by(|one, other| one.places.cmp(&other.places));
    found
}

/// Returns whether a layer is part of an optimizer's state, whose moments have the shapes of the weights.
pub(super) fn is_training_state(layer: &str) -> bool {
    layer.split(['.', '/']).next().is_some_and(|first| first.to_lowercase().starts_with("optim"))
}

fn counts(shapes: impl Iterator<Item = [usize; 4]>) -> BTreeMap<[usize; 4], usize> {
    let mut counts = BTreeMap::new();
    shapes.for_each(|shape| *counts.entry(shape).or_insert(0) += 1);
    counts
}

/// Returns the beginnings of a name at which a part of it begins, or a number.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    let mut before = ' ';
    let begins = name.char_indices().filter_map(move |(at, c)| {
        let is_begin = at == 0 || matches!(before, '.' | '/' | '_') || (c.is_ascii_digit() && !before.is_ascii_digit());
        before = c;
        is_begin.then_some(at)
    });
    begins.take(MOST_PREFIXES).map(|at| &name[..at])
}

/// Chooses among candidates: one with biases, and of several the one that a training script saves as its model.
fn choose<'a>(layers: &[FoundLayer], mut found: Vec<Candidate<'a>>) -> Result<Option<Candidate<'a>>, Fault> {
    let has_biases = |candidate: &Candidate| {
        candidate.places.iter().all(|place| match &layers[*place] {
            FoundLayer::Convolution(convolution) => convolution.bias.is_some(),
            _ => false,
        })
    };
    // Moments of an optimizer have the shapes of kernels, and no biases beside them.
    if found.iter().any(has_biases) {
        found.retain(has_biases);
    }
    if found.len() > 1 {
        let key = |candidate: &Candidate| candidate.prefix.split(['.', '/']).next().map(str::to_owned);
        let preferred = WRAPPERS.iter().find_map(|wrapper| {
            let mut under = (0..found.len()).filter(|index| key(&found[*index]).as_deref() == Some(wrapper));
            under.next().filter(|_| under.next().is_none())
        });
        match preferred {
            Some(index) => return Ok(Some(found.swap_remove(index))),
            None => {
                return Err(Fault::Refused(format!(
                    "it holds several networks of these shapes, under '{}' and '{}'; save one of them alone",
                    found[0].prefix, found[1].prefix
                )));
            }
        }
    }
    Ok(found.pop())
}

/// Returns the places of the candidate's convolutions in the order of the network.
fn in_order(
    layers: &[FoundLayer],
    candidate: &Candidate,
    source: Source,
    network: &[Layer],
) -> Result<Vec<usize>, Fault> {
    let convolution = |place: usize| match &layers[place] {
        FoundLayer::Convolution(found) => Some(found),
        _ => None,
    };
    let shapes: Vec<Vec<usize>> = network.iter().map(|(_, i, o)| candidate.order.shape(*i, *o).to_vec()).collect();
    let shape = |place: usize| convolution(place).map(|found| &found.kernel.shape);
    let listed = &candidate.places;
    let position = |place: usize| convolution(place).and_then(FoundConvolution::position);
    let mut positions: Vec<(usize, usize)> = listed.iter().filter_map(|place| position(*place)).collect();
    positions.sort_unstable();
    positions.dedup();
    let mut ordered = listed.clone();
    let is_listed = listed.iter().zip(&shapes).all(|(place, expected)| shape(*place) == Some(expected));
    if positions.len() == network.len() {
        // A model that was saved while partly frozen lists its trained layers first.
        ordered.sort_by_key(|place| position(*place));
    } else if source.is_listed && is_listed {
        return Ok(ordered);
    } else {
        ordered.sort_by(|one, other| compare(layers[*one].name(), layers[*other].name()));
        check_counted(layers, &ordered, shape)?;
    }
    let mut queues: BTreeMap<&Vec<usize>, VecDeque<usize>> = BTreeMap::new();
    for place in ordered {
        if let Some(shape) = shape(place) {
            queues.entry(shape).or_default().push_back(place);
        }
    }
    let next = |shape| queues.get_mut(shape).and_then(VecDeque::pop_front);
    // A candidate has as many of each shape as the network.
    Ok(shapes.iter().filter_map(next).collect())
}

/// Rejects neighbours of one shape whose names do not count, such as `stem` and `conv2d`.
fn check_counted<'a>(
    layers: &[FoundLayer],
    ordered: &[usize],
    shape: impl Fn(usize) -> Option<&'a Vec<usize>>,
) -> Result<(), Fault> {
    for (index, one) in ordered.iter().enumerate() {
        let Some(other) = ordered[index + 1..].iter().find(|other| shape(**other) == shape(*one)) else { continue };
        let (one, other) = (layers[*one].name(), layers[*other].name());
        if !is_counted(one, other) {
            let (one, other) = differing_segments(one, other).unwrap_or_default();
            return Err(Fault::Refused(format!(
                "the order of its layers is unclear: '{one}' and '{other}' have one shape and are numbered separately. Save the \
                 base alone: in Keras with save_weights(\"base.weights.h5\"), in PyTorch with torch.save of its state_dict"
            )));
        }
    }
    Ok(())
}

/// Takes the convolutions at these places, in this order, out of the layers.
fn take<'a>(layers: Vec<FoundLayer<'a>>, places: &[usize], prefix: &str, order: KernelOrder) -> RecognizedBase<'a> {
    let mut taken: BTreeMap<usize, FoundConvolution> = BTreeMap::new();
    let mut others = Vec::new();
    for (place, layer) in layers.into_iter().enumerate() {
        match layer {
            FoundLayer::Convolution(found) if places.contains(&place) => {
                taken.insert(place, found);
            }
            other => others.push(other),
        }
    }
    let lengths = |layer: &FoundLayer| match layer {
        FoundLayer::Convolution(found) => found.bias.iter().map(|bias| bias.shape[0]).collect(),
        FoundLayer::Normalization { .. } => Vec::new(),
        FoundLayer::Other { shapes, .. } => {
            shapes.iter().filter(|shape| shape.len() == 1).map(|shape| shape[0]).collect::<Vec<_>>()
        }
    };
    let other_lengths = others.iter().flat_map(lengths).collect();
    let not_taken = remainder(&others, prefix);
    let convolutions = places.iter().filter_map(|place| taken.remove(place)).collect();
    RecognizedBase { convolutions, order, not_taken, other_lengths }
}
