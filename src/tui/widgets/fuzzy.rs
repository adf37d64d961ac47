//! How well a few letters fit a text: all of them must occur in order, and the fewer gaps the better.

/// A letter that begins a word.
const BEGINS: i32 = 8;
/// A letter right behind the one before.
const FOLLOWS: i32 = 5;
/// A letter left out between two that fit.
const GAP: i32 = -1;

/// How well `wanted` fits `text`, whatever the case; `None` if it does not. Words may stand in any order; spaces part
/// them.
#[must_use]
pub fn score(wanted: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    wanted.split_whitespace().map(|word| of_word(word, &text)).sum()
}

/// The best way to find the letters of one word.
fn of_word(wanted: &str, text: &[char]) -> Option<i32> {
    let wanted: Vec<char> = wanted.chars().flat_map(char::to_lowercase).collect();
    let begins = |at: usize| at == 0 || !text[at - 1].is_alphanumeric();
    // For each place the best score of what was wanted so far, if its last letter stands there.
    let mut best: Vec<Option<i32>> = vec![None; text.len()];
    for (nth, letter) in wanted.iter().enumerate() {
        let before = std::mem::replace(&mut best, vec![None; text.len()]);
        // The best of the places that are left of the one before, less for each place in between.
        let mut far: Option<i32> = None;
        for at in 0..text.len() {
            far = far
                .map(|score| score + GAP)
                .max(at.checked_sub(2).and_then(|place| before[place]).map(|score| score + GAP));
            if text[at] != *letter {
                continue;
            }
            let own = 1 + if begins(at) { BEGINS } else { 0 };
            let adjacent = at.checked_sub(1).and_then(|place| before[place]).map(|score| score + FOLLOWS);
            best[at] = if nth == 0 { Some(own) } else { adjacent.max(far).map(|score| score + own) };
        }
    }
    best.into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_better_comes_first() {
        let table = [
            ("stop", "stop the run", "show this top"),
            ("gt", "go to run calm-heron", "ungated"),
            ("heron", "go to run calm-heron", "the horizon"),
            ("rn", "rename", "train on it"),
            ("run calm", "go to run calm-heron", "crumble calmly"),
        ];
        for (wanted, better, worse) in table {
            let (better, worse) = (score(wanted, better), score(wanted, worse));
            assert!(better.is_some() && better > worse, "{wanted}: {better:?} {worse:?}");
        }
        assert_eq!(score("xyz", "xy"), None);
        assert_eq!(score("", "anything"), Some(0));
        assert!(score("RENAME", "rename").is_some());
    }

    proptest! {
        #[test]
        fn letters_in_order_fit_and_others_do_not(text in "\\PC{0,40}", wanted in "[a-zäß]{1,6}") {
            let mut rest = text.chars().flat_map(char::to_lowercase);
            let fits = wanted.chars().flat_map(char::to_lowercase).all(|letter| rest.any(|c| c == letter));
            prop_assert_eq!(score(&wanted, &text).is_some(), fits);
        }
    }
}
