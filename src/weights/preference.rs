//! Which base is taken where nobody names one, and how to get one.

use crate::domain::WeightsName;

/// How to get a base.
pub const ADVICE: &str = crate::domain::preflight::WEIGHTS_ADVICE;

/// The bases that are preferred: the one trained on faces first.
const FAVOURITES: [&str; 2] = ["vggface", "imagenet"];

/// The base to take of these where nobody names one: a favourite, else the only one.
#[must_use]
pub fn preferred<'a>(present: &[&'a WeightsName]) -> Option<&'a WeightsName> {
    let favourite = FAVOURITES.iter().find_map(|favourite| present.iter().find(|name| name.as_str() == *favourite));
    match (favourite, present) {
        (Some(name), _) | (None, [name]) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_come_first_and_strangers_are_not_guessed_between() {
        let table = [
            (&[][..], None),
            (&["own"], Some("own")),
            (&["own", "other"], None),
            (&["imagenet", "own", "vggface"], Some("vggface")),
            (&["imagenet", "own"], Some("imagenet")),
        ];
        for (present, expected) in table {
            let names: Vec<WeightsName> = present.iter().map(|name| WeightsName::new(*name).expect("a name")).collect();
            let names: Vec<&WeightsName> = names.iter().collect();
            assert_eq!(preferred(&names).map(WeightsName::as_str), expected, "{present:?}");
        }
    }
}
