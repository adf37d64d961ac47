//! A folder's path in parts, some of which state splits.

use super::super::split_names::SplitName;

/// A folder's path in parts.
pub(super) struct FolderPath<'p> {
    path: &'p str,
    pub(super) parts: Vec<&'p str>,
    /// The split that each part states.
    pub(super) splits: Vec<Option<SplitName>>,
}

impl<'p> FolderPath<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        Self { path, splits: vec![None; parts.len()], parts }
    }

    /// Returns the path of the first `count` parts.
    pub(super) fn above(&self, count: usize) -> &'p str {
        match count.checked_sub(1) {
            None => "",
            Some(last) => &self.path[..self.end(last)],
        }
    }

    /// Returns the byte after a part.
    fn end(&self, index: usize) -> usize {
        self.parts[..=index].iter().map(|part| part.len() + 1).sum::<usize>() - 1
    }

    /// Returns the byte at which the path below a part begins.
    pub(super) fn below(&self, index: usize) -> usize {
        self.end(index) + 1
    }

    /// Returns the first part from `base` that states a split.
    pub(super) fn first_split(&self, base: usize) -> Option<(usize, SplitName)> {
        self.splits.iter().enumerate().skip(base).find_map(|(index, split)| Some((index, (*split)?)))
    }

    /// Returns whether the part after a split states another split.
    pub(super) fn has_conflict(&self, index: usize) -> bool {
        self.splits.get(index + 1).is_some_and(|next| next.is_some_and(|next| Some(next) != self.splits[index]))
    }

    /// Returns the indices of the parts after a split, without the ones that repeat it at once.
    pub(super) fn after(&self, index: usize) -> std::ops::Range<usize> {
        let repeated = (index + 1..self.parts.len()).take_while(|at| self.splits[*at] == self.splits[index]).count();
        index + 1 + repeated..self.parts.len()
    }
}

/// Returns the number of parts that all folders share from the top.
pub(super) fn shared_depth(all: &[FolderPath]) -> usize {
    let Some((first, rest)) = all.split_first() else { return 0 };
    let shared = |folder: &FolderPath| first.parts.iter().zip(&folder.parts).take_while(|(a, b)| a == b).count();
    rest.iter().map(shared).min().unwrap_or(first.parts.len())
}
