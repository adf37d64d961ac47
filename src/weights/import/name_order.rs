//! The order of layers by their names, for files that list them in no order of their own.

use std::cmp::Ordering;

/// A part of a name: text, or a number.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Number(u64),
}

/// Splits a name into texts and numbers: `conv2d_10` into `conv`, 2, `d`, 10.
fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('_');
        let first = rest.chars().next()?;
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(match part.parse() {
            Ok(number) if is_digit => Part::Number(number),
            _ => Part::Text(part.trim_end_matches('_')),
        })
    })
}

/// Compares two names by their parts, so that `conv2d_10` follows `conv2d_9` and `conv2d`.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    first_difference(one, other).map_or(Ordering::Equal, |(one, other)| match (one, other) {
        (Some(Part::Number(one)), Some(Part::Number(other))) => one.cmp(&other),
        (Some(Part::Text(one)), Some(Part::Text(other))) => one.cmp(other),
        (None, _) | (Some(Part::Number(_)), Some(Part::Text(_))) => Ordering::Less,
        (_, None) | (Some(Part::Text(_)), Some(Part::Number(_))) => Ordering::Greater,
    })
}

/// Returns whether two names count: they first differ in a number, in a single letter, or in one that only the other
/// has. Otherwise their alphabetical order could pass every check and be wrong.
pub(super) fn is_counted(one: &str, other: &str) -> bool {
    let letter = |text: &str| text.len() == 1 && text.as_bytes()[0].is_ascii_alphabetic();
    first_difference(one, other).is_none_or(|difference| match difference {
        (Some(Part::Number(_)) | None, Some(Part::Number(_)) | None) => true,
        (Some(Part::Text(one)), Some(Part::Text(other))) => letter(one) && letter(other),
        _ => false,
    })
}

/// Returns the first parts in which two names differ; `None` in place of a part behind the end.
fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(Option<Part<'a>>, Option<Part<'a>>)> {
    let (one, other) = differing_segments(one, other)?;
    let (mut one, mut other) = (parts(one), parts(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            different => return Some(different),
        }
    }
}

/// Returns the first segments, between dots and slashes, in which two paths differ; an absent one is empty.
pub(super) fn differing_segments<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let (mut one, mut other) = (one.split(['.', '/']), other.split(['.', '/']));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((a.unwrap_or_default(), b.unwrap_or_default())),
        }
    }
}

/// Returns block and position from a layer's path: of `block2_conv1`, `vgg.conv2_1`, `conv_2_1` and `block2.conv1`
/// 2 and 1.
pub(super) fn position_in_name(layer: &str) -> Option<(usize, usize)> {
    let name = layer.to_lowercase();
    let mut begins = name.rmatch_indices(['.', '/', '_']).map(|(at, _)| at + 1).chain([0]);
    begins.find_map(|at| position_at_start(&name[at..]))
}

fn position_at_start(name: &str) -> Option<(usize, usize)> {
    let rest = name.strip_prefix("block").or_else(|| name.strip_prefix("conv"))?;
    let (block, conv) = rest.trim_start_matches('_').split_once(['_', '.', '/'])?;
    let conv = conv.strip_prefix("conv").unwrap_or(conv);
    Some((block.parse().ok()?, conv.trim_start_matches('_').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_names() {
        let table = [
            ("block2_conv1", Some((2, 1))),
            ("block5.conv3", Some((5, 3))),
            ("conv3_2", Some((3, 2))),
            ("conv_3_2", Some((3, 2))),
            ("Conv1_1", Some((1, 1))),
            ("module.vgg.conv4_3", Some((4, 3))),
            ("vgg16/block1_conv2", Some((1, 2))),
            ("block1_conv1/block1_conv1", Some((1, 1))),
            ("encoder.block5.conv3", Some((5, 3))),
            ("conv2d", None),
            ("conv2d_1", None),
            ("features.0", None),
            ("fc6", None),
            ("block1_pool", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(position_in_name(name), expected, "{name}");
        }
    }

    #[test]
    fn names_are_sorted_by_what_they_count() {
        let mut names = ["conv2d_10", "conv2d", "conv2d_2", "conv2d_1", "a", "10", "9", "features.21", "features.5"];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(names, ["9", "10", "a", "conv2d", "conv2d_1", "conv2d_2", "conv2d_10", "features.5", "features.21"]);
    }

    #[test]
    fn an_order_is_known_where_names_differ_by_a_count() {
        let table = [
            ("features.5", "features.10", true),
            ("conv2d", "conv2d_7", true),
            ("block4.conv3", "block5.conv1", true),
            ("conv3a", "conv3b", true),
            ("stem", "conv2d", false),
            ("conv2d", "conv2d_special", false),
            ("enter.0", "leave.0", false),
            ("layers/conv2d/conv2d_40", "layers/conv2d_1/conv2d_41", true),
        ];
        for (one, other, expected) in table {
            assert_eq!((is_counted(one, other), is_counted(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
