//! Torch's files of both formats, and forbidden names in their pickles.

use zip::CompressionMethod;

use super::Fault;
use super::fixtures::{error_of, reading, state_dict, test_base};
use super::torch_files::{Style, archive, archive_of, legacy, legacy_of, pickle};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;

const PLAIN: Style = Style { ordered: false, wrapped: false, parameters: false, python2: false, half: false };

#[test]
fn every_way_of_saving_gives_the_same_base() {
    let styles = [
        ("plain", PLAIN, ""),
        ("of a module", Style { ordered: true, ..PLAIN }, ""),
        ("wrapped, from several devices", Style { wrapped: true, ordered: true, ..PLAIN }, "module."),
        ("parameters of a larger model", Style { parameters: true, ..PLAIN }, "backbone."),
        ("as Python 2 wrote it", Style { python2: true, ..PLAIN }, ""),
    ];
    for (case, style, prefix) in styles {
        let tensors = state_dict(&test_base(), prefix);
        for bytes in [archive(&tensors, style), legacy(&tensors, style)] {
            let read = reading(bytes).expect(case);
            assert_eq!(read.base, test_base(), "{case}");
            assert_eq!((read.layout, read.preprocessing), (Layout::TorchPickle, Preprocessing::TORCHVISION), "{case}");
        }
    }
}

#[test]
fn halves_become_floats() {
    let mut base = test_base();
    for convolution in &mut base {
        convolution
            .kernel
            .iter_mut()
            .chain(&mut convolution.bias)
            .for_each(|value| *value = (*value * 4.0).round() / 4.0);
    }
    let tensors = state_dict(&base, "");
    let style = Style { half: true, ..PLAIN };
    assert_eq!(reading(archive(&tensors, style)).expect("read").base, base);
    assert_eq!(reading(legacy(&tensors, style)).expect("read").base, base);
}

/// Returns a pickle that calls `module.name` with a text.
fn calling(module: &str, name: &str) -> Vec<u8> {
    [b"\x80\x02c".as_slice(), format!("{module}\n{name}\n").as_bytes(), b"X\x02\0\0\0ls\x85R."].concat()
}

#[test]
fn a_pickle_that_asks_for_more_than_tensors_is_refused_by_name() {
    let table = [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("torchvision.models.vgg", "VGG"),
        ("numpy.core.multiarray", "scalar"),
        ("torch._utils", "_rebuild_tensor_v3"),
    ];
    for (module, name) in table {
        let pickle = calling(module, name);
        let short =
            [b"\x80\x04\x8c".as_slice(), &[u8::try_from(module.len()).expect("short")], module.as_bytes()].concat();
        let stacked =
            [&short, [0x8c, u8::try_from(name.len()).expect("short")].as_slice(), name.as_bytes(), b"\x93."].concat();
        for pickle in [pickle, stacked] {
            let files = [archive_of(&pickle, &[], PLAIN, CompressionMethod::Stored), legacy_of(&pickle, &[], PLAIN)];
            for bytes in files {
                let fault = reading(bytes).expect_err("refused");
                let Fault::Refused(words) = fault else { panic!("{fault:?}") };
                assert!(words.contains(&format!("uses '{module}.{name}'")), "{words}");
                assert!(words.contains("nothing was run"), "{words}");
            }
        }
    }
}

#[test]
fn unknown_instructions_are_refused() {
    // INST, OBJ, NEWOBJ, EXT1, EMPTY_SET, PERSID and an unknown instruction.
    for opcode in [b'i', b'o', 0x81, 0x82, 0x8f, b'P', 0xff] {
        let words = error_of(archive_of(&[0x80, 2, opcode, 0, b'.'], &[], PLAIN, CompressionMethod::Stored));
        assert!(words.contains(&format!("the instruction 0x{opcode:02x}")), "{words}");
    }
}

#[test]
fn pickles_that_make_no_sense_are_broken() {
    let table: [(&str, &[u8]); 9] = [
        ("ends", b"\x80\x02}"),
        ("empty stack", b"\x80\x02."),
        ("no mark", b"\x80\x02}u."),
        ("nothing to recall", b"\x80\x02h\x07."),
        ("a text that is longer than the file", b"\x80\x02X\xff\xff\xff\x7fabc."),
        ("a text that is longer than memory", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc."),
        ("a call of a dictionary", b"\x80\x02}}R."),
        ("a list that is a dictionary", b"\x80\x02](K\x01K\x02u."),
        ("a storage of nothing", b"\x80\x02)Q."),
    ];
    for (case, pickle) in table {
        let fault = reading(archive_of(pickle, &[], PLAIN, CompressionMethod::Stored)).expect_err(case);
        assert!(matches!(fault, Fault::Broken(_)), "{case}: {fault:?}");
    }
    let words = error_of(archive_of(b"\x80\x02}.", &[], PLAIN, CompressionMethod::Stored));
    assert!(words.contains("no state_dict"), "{words}");
}

#[test]
fn a_deep_pickle_takes_no_depth_of_the_stack() {
    let deep = [b"\x80\x02)".as_slice(), &vec![0x85; 1_000_000], b"."].concat();
    assert!(error_of(archive_of(&deep, &[], PLAIN, CompressionMethod::Stored)).contains("no state_dict"));
}

#[test]
fn tensors_that_lie_outside_of_their_storage_are_broken() {
    let mut tensors = state_dict(&test_base(), "");
    tensors[4].2.pop();
    for bytes in [archive(&tensors, PLAIN), legacy(&tensors, PLAIN)] {
        let fault = reading(bytes).expect_err("broken");
        assert_eq!(fault, Fault::Broken("a tensor lies outside of its storage".into()));
    }
    let tensors = state_dict(&test_base(), "");
    let whole = legacy(&tensors, PLAIN);
    let words = error_of(whole[..whole.len() - 100].to_vec());
    assert!(words.contains("is cut short"), "{words}");
    let squeezed = archive_of(&pickle(&tensors, PLAIN, false), &tensors, PLAIN, CompressionMethod::Deflated);
    assert!(error_of(squeezed).contains("is compressed, which torch never does"));
}

#[test]
fn other_networks_of_torchvision_are_told() {
    let mut normalized = state_dict(&test_base(), "");
    normalized.push(("features.1.running_mean".into(), vec![4], vec![0.0; 4]));
    assert!(error_of(archive(&normalized, PLAIN)).contains("torchvision's vgg16_bn"));
    let resnet = vec![("conv1.weight".to_owned(), vec![4, 3, 7, 7], vec![0.0; 588])];
    let words = error_of(archive(&resnet, PLAIN));
    assert!(words.contains("has no 'features.0.weight'") && words.contains("'conv1.weight'"), "{words}");
    let both = [state_dict(&test_base(), "a."), state_dict(&test_base(), "b.")].concat();
    let words = error_of(archive(&both, PLAIN));
    assert!(words.contains("several networks, under 'a.' and 'b.'"), "{words}");
}
