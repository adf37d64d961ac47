//! A fast reader for the step events that this program writes, without a JSON parser.
//!
//! A long log consists almost entirely of step events. Only the writer's exact shape is accepted; the JSON parser reads
//! any other line, so that both always agree.

use super::{Event, Record, checksum};

/// Parses a step event at the front of `text`, including its line end. Returns the event, its length in bytes, and
/// whether it has a checksum, which is then correct; `None` for any other line.
pub(super) fn read(text: &[u8]) -> Option<(Record, usize, bool)> {
    let mut line = Line(text);
    line.expect(b"{\"at\":")?;
    let at = line.whole()?;
    line.expect(b",\"event\":\"step\",\"epoch\":")?;
    let epoch = u32::try_from(line.whole()?).ok()?;
    line.expect(b",\"step\":")?;
    let step = u32::try_from(line.whole()?).ok()?;
    line.expect(b",\"steps\":")?;
    let steps = u32::try_from(line.whole()?).ok()?;
    line.expect(b",\"loss\":")?;
    let loss = line.real_or_null()?;
    line.expect(b",\"accuracy\":")?;
    let accuracy = line.real_or_null()?;
    line.expect(b",\"learning_rate\":")?;
    let learning_rate = line.real()?;
    line.expect(b",\"images_per_second\":")?;
    let images_per_second = line.real()?;
    let length = text.len() - line.0.len();
    let (end, checksummed) = match line.0.strip_prefix(b"}\n") {
        Some(_) => (2, false),
        None => (checksum::follows(&text[..length], line.0)?, true),
    };
    let event = Event::Step { epoch, step, steps, loss, accuracy, learning_rate, images_per_second };
    Some((Record { at, event }, length + end, checksummed))
}

/// The unparsed rest of a line.
struct Line<'a>(&'a [u8]);

impl Line<'_> {
    fn expect(&mut self, words: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(words)?;
        Some(())
    }

    /// Parses a whole number in JSON: no sign, no leading zero.
    fn whole(&mut self) -> Option<u64> {
        let digits = digits(self.0);
        let (number, rest) = self.0.split_at(digits);
        if digits == 0 || (digits > 1 && number[0] == b'0') {
            return None;
        }
        self.0 = rest;
        let digit = |value: u64, digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
        number.iter().try_fold(0, digit)
    }

    fn real_or_null(&mut self) -> Option<f64> {
        match self.0.strip_prefix(b"null") {
            Some(rest) => {
                self.0 = rest;
                Some(f64::NAN)
            }
            None => self.real(),
        }
    }

    /// Parses a number in JSON within the range of f64.
    fn real(&mut self) -> Option<f64> {
        let text = self.0;
        let mut end = usize::from(text.first() == Some(&b'-'));
        let whole = digits(&text[end..]);
        if whole == 0 || (whole > 1 && text[end] == b'0') {
            return None;
        }
        end += whole;
        if text.get(end) == Some(&b'.') {
            end += 1 + some_digits(&text[end + 1..])?;
        }
        if matches!(text.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
            end += some_digits(text.get(end..)?)?;
        }
        let (number, rest) = text.split_at(end);
        self.0 = rest;
        let value: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
        // The JSON parser refuses numbers beyond f64.
        value.is_finite().then_some(value)
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn some_digits(text: &[u8]) -> Option<usize> {
    Some(digits(text)).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow(line: &[u8]) -> Option<Record> {
        serde_json::from_slice(line).ok()
    }

    /// Returns a record as text with the bits of its floats, because NaN equals no NaN.
    fn bits(record: &Record) -> String {
        format!("{record:?}")
    }

    fn any_number() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<f64>().prop_map(|number| if number.is_finite() { format!("{number:?}") } else { "null".into() }),
            (0.0..10.0_f64).prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            "-?[0-9]{1,25}(\\.[0-9]{0,22})?([eE][+-]?[0-9]{0,3})?",
            Just("null".to_owned()),
            Just("1e999".to_owned()),
            Just("\"x\"".to_owned()),
        ]
    }

    fn any_step() -> impl Strategy<Value = Event> {
        let real = any::<f64>().prop_filter("finite", |number| number.is_finite());
        let maybe = prop_oneof![9 => real.clone(), 1 => Just(f64::NAN)];
        (any::<[u32; 3]>(), maybe.clone(), maybe, real.clone(), real).prop_map(
            |([epoch, step, steps], loss, accuracy, learning_rate, images_per_second)| Event::Step {
                epoch,
                step,
                steps,
                loss,
                accuracy,
                learning_rate,
                images_per_second,
            },
        )
    }

    proptest! {
        #[test]
        fn every_step_that_the_writer_writes_is_read(at in any::<u64>(), event in any_step(), checksummed in any::<bool>()) {
            let mut line = serde_json::to_vec(&Record { at, event }).expect("JSON");
            if checksummed { checksum::add(&mut line) }
            let parsed = slow(&line).expect("a record");
            line.extend_from_slice(b"\n{\"at\":");
            let (read, length, found) = read(&line).expect("a step");
            prop_assert_eq!(found, checksummed);
            prop_assert_eq!(bits(&read), bits(&parsed));
            prop_assert_eq!(line[length - 1], b'\n');
        }

        #[test]
        fn other_numbers_are_read_alike_or_left(numbers in proptest::collection::vec(any_number(), 8)) {
            let [at, epoch, step, steps, loss, accuracy, rate, speed] = &numbers[..] else { unreachable!() };
            let line = format!(
                "{{\"at\":{at},\"event\":\"step\",\"epoch\":{epoch},\"step\":{step},\"steps\":{steps},\"loss\":{loss},\
                 \"accuracy\":{accuracy},\"learning_rate\":{rate},\"images_per_second\":{speed}}}\n"
            );
            if let Some((read, length, _)) = read(line.as_bytes()) {
                prop_assert_eq!(length, line.len());
                prop_assert_eq!(Some(bits(&read)), slow(&line.as_bytes()[..length - 1]).as_ref().map(bits));
            }
        }

        #[test]
        fn damaged_lines_are_read_alike_or_left(
            at in any::<u64>(), event in any_step(), index in any::<prop::sample::Index>(), byte in any::<u8>(),
            cut in any::<bool>(), checksummed in any::<bool>()
        ) {
            let mut line = serde_json::to_vec(&Record { at, event }).expect("JSON");
            if checksummed { checksum::add(&mut line) }
            line.push(b'\n');
            let index = index.index(line.len());
            if cut { line.truncate(index) } else { line[index] = byte }
            if let Some((read, length, _)) = read(&line) {
                prop_assert_eq!(Some(bits(&read)), slow(&line[..length - 1]).as_ref().map(bits));
            }
        }
    }
}
