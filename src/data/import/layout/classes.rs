//! The classes of an import: changes of their names, and checks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::options::{ClassMap, ImportOptions};
use super::super::report::ImportLog;
use super::super::split_names;
use super::folder_structure::{FolderMeaning, FolderStructure};
use super::{ImagesByClass, ImagesBySplit};
use crate::data::manifest::ClassCounts;
use crate::domain::number_text::count;
use crate::domain::text::{printable, shell_word};
use crate::domain::{DatasetName, Split};

/// The number of classes that a message names.
const NAMED: usize = 3;

/// Returns a note if two or three class folders all hold the same folders of images, as splits of unknown names do.
pub(super) fn note_split_like_classes(structure: &FolderStructure, folders: &[&str]) -> Option<String> {
    let mut held: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for folder in folders {
        if let FolderMeaning::Inside { split: None, class: Some(class), rest } = structure.meaning_of(folder) {
            let below = folder.get(rest..)?.split('/').next().filter(|name| !name.is_empty())?;
            held.entry(class).or_default().insert(below);
        }
    }
    let below = held.values().next()?;
    let are_alike = (2..=3).contains(&held.len()) && below.len() >= 2 && held.values().all(|other| other == below);
    are_alike.then(|| {
        let (classes, below) = (name_some(held.keys()), name_some(below.iter()));
        format!(
            "the classes {classes} hold folders of the same names ({below}): if these are the classes, rename the \
                 others to train, validation and test"
        )
    })
}

/// Renames, joins and leaves out classes. A class of validation or test images joins the training class whose name
/// differs only in case.
pub(super) fn change(groups: &mut ImagesByClass, map: &ClassMap, log: &mut ImportLog) -> Result<(), String> {
    let mut changed: Vec<(String, ImagesBySplit)> = Vec::new();
    let classes: Vec<String> = groups.keys().cloned().collect();
    for (from, to) in &map.0 {
        let Some(mut members) = groups.remove(from) else {
            let known = name_all(&classes);
            return Err(format!(
                "--map names the class '{}', which the source does not have: its classes are {known}",
                printable(from)
            ));
        };
        if to.is_empty() {
            let count = members.iter().map(Vec::len).sum::<usize>();
            let example = members.iter_mut().find_map(|members| members.first()).map(|member| member.source.clone());
            let reason = format!("is of the class '{}', which --map leaves out", printable(from));
            if let Some(example) = example {
                log.record_ignored(&example, &reason, count as u64);
            }
        } else {
            changed.push((to.clone(), members));
        }
    }
    for (class, members) in changed {
        join(groups.entry(class).or_default(), members);
    }
    join_cases(groups, log)
}

fn join(target: &mut ImagesBySplit, members: ImagesBySplit) {
    for (target, members) in target.iter_mut().zip(members) {
        target.extend(members);
    }
}

fn name_some(classes: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut classes = classes.peekable();
    let first: Vec<String> = classes.by_ref().take(NAMED).map(|class| printable(class.as_ref())).collect();
    first.join(", ") + if classes.peek().is_some() { " and others" } else { "" }
}

/// Checks names and numbers of classes.
pub(super) fn check(groups: &ImagesByClass, options: &ImportOptions) -> Result<(), String> {
    let known = &options.known_classes;
    let has_training = |members: &ImagesBySplit| !members[Split::Train as usize].is_empty();
    let classes: Vec<&String> =
        groups.iter().filter(|(_, members)| has_training(members)).map(|(class, _)| class).collect();
    if let Some(class) = groups.keys().find(|class| split_names::parse_exactly(class).is_some()) {
        let (map, class) = (map_option(class, "NAME"), printable(class));
        return Err(format!(
            "the class '{class}' has the name of a split: name the folders of splits train, validation and test, or \
             name the class otherwise by {map}"
        ));
    }
    if let Some(into) = &options.into {
        check_known(groups, known, into, options)?;
    } else if classes.is_empty() {
        return Err(
            "it has no training images: put images into train/CLASS, or add --split 80/10/10 to divide all of \
                    them"
                .into(),
        );
    }
    let is_few = classes.len() < 2 && known.is_empty();
    if is_few || groups.len() > usize::from(u16::MAX) {
        let found = name_some(classes.iter().copied());
        let number = if is_few { classes.len() } else { groups.len() };
        return Err(format!(
            "the source has {} ({found}), and a classifier needs 2 to 65535 classes: check its folders, or --map",
            count(number, "class", "classes")
        ));
    }
    if let Some(class) = groups.keys().find(|class| printable(class) != **class || class.contains('\u{fffd}')) {
        let class = printable(class);
        return Err(format!("the class folder '{class}' has characters that cannot be shown; rename it"));
    }
    let is_stray = |(class, members): &(&String, &ImagesBySplit)| !has_training(members) && !known.contains(class);
    if let Some((stray, members)) = groups.iter().find(is_stray) {
        let split = Split::ALL.into_iter().find(|split| !members[*split as usize].is_empty()).unwrap_or(Split::Test);
        let (map, stray) = (map_option(stray, ""), printable(stray));
        return Err(format!(
            "the class '{stray}' is in {split} but not in train; add or remove it, or {map} leaves it out"
        ));
    }
    Ok(())
}

/// Refuses classes that the dataset into which they are merged does not have, unless `--map` names them. Otherwise
/// `happiness` would become a class beside `happy`.
fn check_known(
    groups: &ImagesByClass,
    known: &[String],
    into: &DatasetName,
    options: &ImportOptions,
) -> Result<(), String> {
    let is_new = |class: &&String| !known.contains(class) && !options.map.gives(class);
    let Some(class) = groups.keys().find(is_new) else { return Ok(()) };
    let [rename, leave_out, add] = ["NAME", "", class].map(|name| map_option(class, name));
    let (class, has) = (printable(class), name_all(known));
    Err(format!(
        "the class '{class}' is not in {into}, which has {has}: {rename} takes it for one of these, {leave_out} leaves \
         it out, {add} adds it"
    ))
}

/// Returns the option that gives a class another name, or leaves it out by an empty one, as a shell reads it.
pub(super) fn map_option(class: &str, name: &str) -> String {
    format!("--map {}", shell_word(&printable(&format!("{class}={name}"))))
}

/// Lists classes; of many only the first.
fn name_all(classes: &[String]) -> String {
    let shown: Vec<String> = classes.iter().take(12).map(|class| printable(class)).collect();
    shown.join(", ") + if classes.len() > 12 { " and others" } else { "" }
}

/// Joins classes without training images to those whose name differs only in case or in outer spaces.
fn join_cases(groups: &mut ImagesByClass, log: &mut ImportLog) -> Result<(), String> {
    let mut by_case: HashMap<String, Vec<String>> = HashMap::new();
    for class in groups.keys() {
        by_case.entry(class.trim().to_lowercase()).or_default().push(class.clone());
    }
    let mut alike: Vec<Vec<String>> = by_case.into_values().filter(|classes| classes.len() > 1).collect();
    alike.sort();
    for classes in alike {
        let is_trained = |class: &&String| groups.get(*class).is_some_and(|members| !members[0].is_empty());
        let (trained, others): (Vec<&String>, Vec<&String>) = classes.iter().partition(is_trained);
        let [trained] = trained[..] else {
            let shown: Vec<String> = classes.iter().map(|class| format!("'{}'", printable(class))).collect();
            log.note(format!("the classes {} differ only in case or spaces; --map joins them", shown.join(" and ")));
            continue;
        };
        for other in others {
            let members = groups.remove(other).ok_or("a class is missing: this is a bug in mien; please report it")?;
            let split = Split::ALL.into_iter().find(|split| !members[*split as usize].is_empty());
            let split = split.map(Split::name).unwrap_or_default();
            log.note(format!(
                "the class '{}' of {split} is taken for '{}' of train: their names differ only in case or spaces",
                printable(other),
                printable(trained)
            ));
            join(groups.entry(trained.clone()).or_default(), members);
        }
    }
    Ok(())
}

/// Notes that classes have only numbers, which `--map` can name.
pub(super) fn note_numbers<'a>(
    classes: impl Iterator<Item = &'a String>,
    options: &ImportOptions,
    log: &mut ImportLog,
) {
    let mut classes = classes.peekable();
    let Some(first) = classes.peek().map(|class| (*class).clone()).filter(|_| options.into.is_none()) else { return };
    if options.map == ClassMap::default() && classes.all(|class| class.bytes().all(|byte| byte.is_ascii_digit())) {
        log.note(format!("the classes are numbers; --map {first}=NAME,… names them"));
    }
}

/// Notes the classes without images in a split that others have.
pub(in super::super) fn note_empty(classes: &[ClassCounts], log: &mut ImportLog) {
    for split in [Split::Validation, Split::Test] {
        let is_empty = |class: &&ClassCounts| class.counts.get(split) == 0;
        let empty: Vec<&String> = classes.iter().filter(is_empty).map(|class| &class.name).collect();
        if empty.is_empty() {
            continue;
        }
        if empty.len() == classes.len() {
            log.note(format!("no class has {split} images"));
            continue;
        }
        let names = name_some(empty.iter().copied());
        log.note(match empty.len() {
            1 => format!("the class {names} has no {split} images: it counts as 0 in macro averages of the {split}"),
            count => format!("{count} classes ({names}) have no {split} images: they count as 0 in macro averages"),
        });
    }
}
