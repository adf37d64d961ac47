//! The name that a person may have meant by a mistyped one.

/// The least similarity of a suggested name; that of the command line's parser.
const LEAST: f64 = 0.7;

/// The shortest part of a name that suggests it, in characters.
const SHORTEST_PART: usize = 3;

/// Returns a suggestion in parentheses, after a space, of the most similar name; empty if none is similar.
#[must_use]
pub fn suggest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let small = given.to_lowercase();
    let similarity = |name: &str| {
        let other = name.to_lowercase();
        // `acc` is far from `val_acc` by letters alone.
        let is_part = small.chars().count() >= SHORTEST_PART && other.contains(&small);
        if is_part { 1.0 } else { strsim::jaro(&small, &other) }
    };
    let similar = names.into_iter().map(|name| (similarity(name), name)).filter(|(similar, _)| *similar > LEAST);
    // The first of equally similar names.
    let best = similar.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or_else(String::new, |(_, name)| format!(" (did you mean {}?)", super::text::printable(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested_or_none() {
        let runs = ["early-newt", "swift-cricket", "tri-features"];
        let table = [
            ("erly-newt", " (did you mean early-newt?)"),
            ("Swift-criket", " (did you mean swift-cricket?)"),
            ("features", " (did you mean tri-features?)"),
            ("zzz", ""),
            ("", ""),
        ];
        for (given, expected) in table {
            assert_eq!(suggest(given, runs), expected, "{given}");
        }
        assert_eq!(suggest("acc", ["name", "val_acc", "test_acc"]), " (did you mean val_acc?)");
        assert_eq!(suggest("fer2031", ["demo", "fer2013"]), " (did you mean fer2013?)");
        assert_eq!(suggest("x", [] as [&str; 0]), "");
    }
}
