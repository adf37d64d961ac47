//! The division of images into the splits that a source does not have.

use std::collections::{BTreeMap, HashMap};

use super::super::options::ImportOptions;
use super::super::report::ImportLog;
use super::{ClassImage, ImagesByClass, ImagesBySplit};
use crate::data::manifest::SplitOptions;
use crate::data::random::{KeyedRng, Purpose};
use crate::data::split::{Division, share, split_files};
use crate::domain::Split;

/// Makes all images training images.
pub(super) fn move_all_to_training(groups: &mut ImagesByClass, log: &mut ImportLog) {
    let mut moved = 0;
    for [train, validation, test] in groups.values_mut() {
        moved += validation.len() + test.len();
        train.append(validation);
        train.append(test);
        train.sort_by(|a, b| a.order().cmp(&b.order()));
    }
    if moved > 0 {
        log.note("the source's own splits were joined and divided again, as --split asks");
    }
}

/// Moves training images to the splits that the source does not have.
pub(super) fn divide(
    groups: &mut ImagesByClass,
    options: &ImportOptions,
    log: &mut ImportLog,
) -> Result<SplitOptions, String> {
    let lacks = |split: Split| groups.values().all(|members| members[split as usize].is_empty());
    let open = |split: Split, fraction: f64| lacks(split).then_some(fraction);
    let validation_fraction = open(Split::Validation, options.validation);
    let test_fraction = open(Split::Test, options.test);
    let shares = [validation_fraction.unwrap_or(0.0), test_fraction.unwrap_or(0.0)];
    let is_divided = validation_fraction.is_some() || test_fraction.is_some();
    let by = if is_divided { options.by } else { Division::Keras };
    if is_divided {
        match by {
            Division::Keras => draw_per_class(groups, shares, None),
            Division::Stratified => draw_per_class(groups, shares, Some(options.seed)),
            Division::Seed => draw_from_all(groups, shares, options.seed),
            Division::Group => draw_whole_groups(groups, shares, options.seed, log)?,
        }
    }
    let seed = (!by.is_keras()).then_some(options.seed);
    Ok(SplitOptions { validation_fraction, test_fraction, protocol: options.protocol, by, seed })
}

/// Takes a share of each class: its first images, or those drawn by a seed.
fn draw_per_class(groups: &mut ImagesByClass, [validation, test]: [f64; 2], seed: Option<u64>) {
    for (class, members) in groups.values_mut().enumerate() {
        let count = members[0].len();
        let parts = split_files(count, validation, test);
        let order = seed.map_or_else(|| (0..count).collect(), |seed| drawn(count, seed, class as u64));
        let mut splits = vec![Split::Train; count];
        for (place, index) in order.into_iter().enumerate() {
            splits[index] = match place {
                place if parts.validation.contains(&place) => Split::Validation,
                place if parts.test.contains(&place) => Split::Test,
                _ => Split::Train,
            };
        }
        move_members(members, splits.into_iter());
    }
}

/// Takes a share of all images, drawn by a seed. Every class keeps a training image.
fn draw_from_all(groups: &mut ImagesByClass, [validation, test]: [f64; 2], seed: u64) {
    let count: usize = groups.values().map(|members| members[0].len()).sum();
    let mut left: Vec<usize> = groups.values().map(|members| members[0].len()).collect();
    let class_of: Vec<usize> = left.iter().enumerate().flat_map(|(class, count)| vec![class; *count]).collect();
    let (mut of_validation, mut of_test) = (share(validation, count), share(test, count));
    let mut splits = vec![Split::Train; count];
    for index in drawn(count, seed, u64::MAX) {
        let wanted = if of_validation > 0 {
            (Split::Validation, &mut of_validation)
        } else if of_test > 0 {
            (Split::Test, &mut of_test)
        } else {
            break;
        };
        if left[class_of[index]] > 1 {
            left[class_of[index]] -= 1;
            *wanted.1 -= 1;
            splits[index] = wanted.0;
        }
    }
    let mut splits = splits.into_iter();
    for members in groups.values_mut() {
        let count = members[0].len();
        move_members(members, splits.by_ref().take(count));
    }
}

/// Takes whole groups, in an order drawn by a seed, each for the split that lacks the largest part of its share.
fn draw_whole_groups(
    groups: &mut ImagesByClass,
    [validation, test]: [f64; 2],
    seed: u64,
    log: &mut ImportLog,
) -> Result<(), String> {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for member in groups.values().flat_map(|members| &members[0]) {
        let group = group_of(member).ok_or_else(|| {
            format!(
                "--by group needs the group of every image, and that of '{}' is not known: {{group}} in --pattern, a \
                 column such as person in the labels, or a folder below the class states it",
                crate::domain::text::printable(&member.source)
            )
        })?;
        *sizes.entry(group.to_owned()).or_default() += 1;
    }
    let names: Vec<&String> = sizes.keys().collect();
    if names.len() < 3 {
        return Err(format!("--by group needs at least 3 groups, and it has {}", names.len()));
    }
    let shares = [1.0 - validation - test, validation, test];
    let mut taken = [0_usize; 3];
    let mut splits: BTreeMap<&str, Split> = BTreeMap::new();
    #[allow(clippy::cast_precision_loss)] // numbers of images are far below 2^53
    for index in drawn(names.len(), seed, u64::MAX) {
        let part = |split: &Split| taken[*split as usize] as f64 / shares[*split as usize];
        let open = Split::ALL.into_iter().filter(|split| shares[*split as usize] > 0.0);
        let split = open.min_by(|a, b| part(a).total_cmp(&part(b))).unwrap_or(Split::Train);
        taken[split as usize] += sizes[names[index]];
        splits.insert(names[index], split);
    }
    log.note(format!("each of the {} groups was put into one split", names.len()));
    for members in groups.values_mut() {
        let chosen: Vec<Split> =
            members[0].iter().map(|member| group_of(member).map_or(Split::Train, |group| splits[group])).collect();
        move_members(members, chosen.into_iter());
    }
    match groups.iter().find(|(_, members)| members[0].is_empty()) {
        Some((class, _)) => {
            let class = crate::domain::text::printable(class);
            Err(format!("by these groups the class '{class}' has no training images; try another --seed"))
        }
        None => Ok(()),
    }
}

/// The numbers of groups by their names.
#[derive(Debug)]
pub(super) struct GroupNumbers {
    numbers: Option<HashMap<String, u32>>,
    by_folders: bool,
}

impl GroupNumbers {
    /// Returns empty numbers if any image states its group or the images were divided by groups, else none.
    pub(super) fn of(groups: &ImagesByClass, options: &ImportOptions) -> Self {
        let mut members = groups.values().flatten().flatten();
        let by_folders = options.by == Division::Group;
        let known = by_folders || members.any(|member| member.group.is_some());
        Self { numbers: known.then(HashMap::new), by_folders }
    }

    /// Returns the number of an image's group; `None` if it is not known.
    pub(super) fn number(&mut self, member: &ClassImage) -> Option<u32> {
        let numbers = self.numbers.as_mut()?;
        let group = if self.by_folders { group_of(member) } else { member.group.as_deref() }?;
        let next = u32::try_from(numbers.len()).ok()?;
        match numbers.get(group) {
            Some(number) => Some(*number),
            None => Some(*numbers.entry(group.to_owned()).or_insert(next)),
        }
    }
}

/// Returns the group of an image: as its label states, else the first folder below the class.
fn group_of(member: &ClassImage) -> Option<&str> {
    let folder = || member.source.get(member.rest..)?.split_once('/').map(|(folder, _)| folder);
    member.group.as_deref().or_else(folder)
}

/// Moves each training image to the split chosen for it; the order stays.
fn move_members(members: &mut ImagesBySplit, splits: impl Iterator<Item = Split>) {
    let training = std::mem::take(&mut members[0]);
    for (member, split) in training.into_iter().zip(splits) {
        members[split as usize].push(member);
    }
}

/// Returns the indices below `count` in an order drawn by a seed.
fn drawn(count: usize, seed: u64, class: u64) -> Vec<usize> {
    let mut random = KeyedRng::new(Purpose::Divide, seed, 0, class);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize);
    }
    order
}
