//! The choice of a base if none is named, and the advice for a home without bases.

use crate::domain::WeightsName;

/// The advice for a home without bases.
pub const ADVICE: &str = crate::domain::preflight::WEIGHTS_ADVICE;

/// The preferred bases, the one trained on faces first.
const PREFERRED: [&str; 2] = ["vggface", "imagenet"];

/// Returns the base to use if none is named: the first preferred one, else the only one.
#[must_use]
pub fn preferred<'a>(present: &[&'a WeightsName]) -> Option<&'a WeightsName> {
    let favourite = PREFERRED.iter().find_map(|favourite| present.iter().find(|name| name.as_str() == *favourite));
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
