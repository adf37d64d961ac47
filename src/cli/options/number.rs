//! Whole numbers that options take.

/// Lets every option take a negative number, which its parser then refuses by its range. Otherwise the error would name
/// an unexpected argument.
pub(in crate::cli) fn take_negative_numbers(command: clap::Command) -> clap::Command {
    let take = |argument: clap::Arg| {
        let is_option = !argument.is_positional() && argument.get_action().takes_values();
        if is_option { argument.allow_negative_numbers(true) } else { argument }
    };
    command.mut_args(take).mut_subcommands(take_negative_numbers)
}

/// Returns a parser of whole numbers from `least` to `most`, whose error states both.
pub(in crate::cli) fn whole_number<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text: &str| {
        // +10 may be meant as ten more.
        let number = if text.starts_with('+') { None } else { text.parse().ok() };
        let number = number.filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match most {
            u64::MAX => format!("use a whole number that is at least {least}"),
            most => format!("use a whole number from {least} to {most}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_and_words_are_refused_with_the_range() {
        let few = whole_number::<u16>(1, 64);
        assert_eq!((few("1"), few("64")), (Ok(1), Ok(64)));
        for wrong in ["0", "65", "+5", "-1", "1.5", "1,5", "abc", "", "1e1", "99999999999999999999"] {
            assert_eq!(few(wrong), Err("use a whole number from 1 to 64".into()), "{wrong}");
        }
        let any = whole_number::<u8>(0, u64::MAX);
        assert_eq!(any("255"), Ok(255));
        assert_eq!(any("256"), Err("use a whole number that is at least 0".into()));
    }
}
