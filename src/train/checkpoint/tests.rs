//! Tests that a checkpoint is read back to the last bit, or refused with its name.

use proptest::prelude::*;

use super::*;

fn checkpoint() -> Checkpoint {
    let array = |values: &[f32]| Array { shape: vec![values.len()], values: values.to_vec() };
    Checkpoint {
        state: State {
            version: CHECKPOINT_VERSION,
            strategy: crate::domain::Strategy::Cnn,
            identity: Identity {
                fingerprint: "f".into(),
                classes: vec!["a".into(), "b".into()],
                image: [48, 48, 1],
                base: Some("b".into()),
            },
            epoch: 3,
            optimizer_steps: 99,
            learning_rate: 0.1 + 0.2,
            early_stopping: EarlyStoppingStatus { best_epoch: 2, best_value: 1.0 / 3.0, waited: 1 },
            partial: Some(Partial {
                step: 7,
                epochs: 9,
                loss: 0.1 + 0.2,
                right: 3.0,
                images: 5,
                pending: Some([0.1, f32::MIN_POSITIVE]),
                pending_images: 2,
                seconds: 1.0 / 3.0,
            }),
        },
        arrays: Arrays::from([
            ("w".into(), array(&[1.5, -0.0, f32::MIN_POSITIVE, 1e-40])),
            ("adam.m.w".into(), array(&[0.1, 0.2, 0.3, 0.4])),
        ]),
    }
}

#[test]
fn a_checkpoint_is_read_back_to_the_last_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.ckpt");
    checkpoint().write(&path).expect("written");
    assert_eq!(Checkpoint::read(&path).expect("read"), checkpoint());
}

#[test]
fn a_checkpoint_of_the_first_format_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.ckpt");
    let mut old = checkpoint();
    (old.state.version, old.state.partial) = (1, None);
    old.write(&path).expect("written");
    assert!(!fs::read(&path).expect("bytes").windows(7).any(|bytes| bytes == b"partial"));
    assert_eq!(Checkpoint::read(&path).expect("read"), old);
}

proptest! {
    #[test]
    fn sums_are_read_back_to_the_last_bit(loss: f64, right: f64, pending: [f32; 2], seconds: f64) {
        prop_assume!(loss.is_finite() && right.is_finite() && seconds.is_finite());
        prop_assume!(pending.iter().all(|sum| sum.is_finite()));
        let partial = Partial { loss, right, pending: Some(pending), seconds, ..Partial::default() };
        let text = serde_json::to_string(&partial).expect("JSON");
        let back: Partial = serde_json::from_str(&text).expect("read");
        let bits = |partial: &Partial| {
            let pending = partial.pending.map(|sums| sums.map(f32::to_bits));
            (partial.loss.to_bits(), partial.right.to_bits(), pending, partial.seconds.to_bits())
        };
        prop_assert_eq!(bits(&back), bits(&partial));
    }
}

#[test]
fn a_newer_checkpoint_is_refused_with_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.ckpt");
    let mut newer = checkpoint();
    newer.state.version = CHECKPOINT_VERSION + 1;
    newer.write(&path).expect("written");
    assert!(Checkpoint::read(&path).expect_err("refused").to_string().contains("use a newer mien"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_flipped_bit_or_missing_end_is_found(at in 0.0..1.0_f64, bit in 0..8_u32, cut in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("last.ckpt");
        checkpoint().write(&path).expect("written");
        let mut bytes = fs::read(&path).expect("bytes");
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if cut {
            bytes.truncate((bytes.len() as f64 * at) as usize);
        } else {
            let index = (bytes.len() as f64 * at) as usize;
            bytes[index] ^= 1 << bit;
        }
        fs::write(&path, bytes).expect("damaged");
        let message = Checkpoint::read(&path).expect_err("found").to_string();
        prop_assert!(message.contains("last.ckpt is damaged") || message.contains("newer mien"), "{}", message);
    }
}
