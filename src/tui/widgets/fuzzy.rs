//! Fuzzy matching: all letters of a query must occur in order, and fewer gaps score higher.

/// The score of a letter at the beginning of a word.
const WORD_START: i32 = 8;
/// The score of a letter that directly follows the previous match.
const ADJACENT: i32 = 5;
/// The score of each letter skipped between two matches.
const GAP: i32 = -1;

/// Returns the score of a query in a text, ignoring case; `None` if it does not match. Spaces separate words, which may
/// occur in any order.
#[must_use]
pub fn score(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    query.split_whitespace().map(|word| score_word(word, &text)).sum()
}

/// Returns the best score of one word.
fn score_word(query: &str, text: &[char]) -> Option<i32> {
    let query: Vec<char> = query.chars().flat_map(char::to_lowercase).collect();
    let starts_word = |at: usize| at == 0 || !text[at - 1].is_alphanumeric();
    // For each position, the best score of the letters so far, with the last one at that position.
    let mut best: Vec<Option<i32>> = vec![None; text.len()];
    for (nth, letter) in query.iter().enumerate() {
        let before = std::mem::replace(&mut best, vec![None; text.len()]);
        // The best score with the previous letter at least two positions to the left, less the gap.
        let mut far: Option<i32> = None;
        for at in 0..text.len() {
            far = far
                .map(|score| score + GAP)
                .max(at.checked_sub(2).and_then(|index| before[index]).map(|score| score + GAP));
            if text[at] != *letter {
                continue;
            }
            let own = 1 + if starts_word(at) { WORD_START } else { 0 };
            let adjacent = at.checked_sub(1).and_then(|index| before[index]).map(|score| score + ADJACENT);
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
    fn better_matches_score_higher() {
        let table = [
            ("stop", "stop the run", "show this top"),
            ("gt", "go to run calm-heron", "ungated"),
            ("heron", "go to run calm-heron", "the horizon"),
            ("rn", "rename", "train on it"),
            ("run calm", "go to run calm-heron", "crumble calmly"),
        ];
        for (query, better, worse) in table {
            let (better, worse) = (score(query, better), score(query, worse));
            assert!(better.is_some() && better > worse, "{query}: {better:?} {worse:?}");
        }
        assert_eq!(score("xyz", "xy"), None);
        assert_eq!(score("", "anything"), Some(0));
        assert!(score("RENAME", "rename").is_some());
    }

    proptest! {
        #[test]
        fn a_query_matches_exactly_if_its_letters_occur_in_order(text in "\\PC{0,40}", query in "[a-zäß]{1,6}") {
            let mut rest = text.chars().flat_map(char::to_lowercase);
            let fits = query.chars().flat_map(char::to_lowercase).all(|letter| rest.any(|c| c == letter));
            prop_assert_eq!(score(&query, &text).is_some(), fits);
        }
    }
}
