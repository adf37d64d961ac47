//! Torch's files of both formats, and forbidden names in their pickles.

use zip::CompressionMethod;

use super::Fault;
use super::fixtures::{error_of, reading, state_dict, test_base};
use super::torch_files::{Style, archive, archive_of, legacy, legacy_of, module_pickle, pickle};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;

const PLAIN: Style = Style { ordered: false, wrappers: &[], parameters: false, python2: false, half: false };

#[test]
fn every_way_of_saving_gives_the_same_base() {
    let styles = [
        ("plain", PLAIN, ""),
        ("of a module", Style { ordered: true, ..PLAIN }, ""),
        ("wrapped, from several devices", Style { wrappers: &["state_dict"], ordered: true, ..PLAIN }, "module."),
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
fn a_pickle_that_would_run_code_is_refused_by_name() {
    let table = [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("torch.hub", "load"),
        ("torchvision.models.vgg", "VGG"),
        ("numpy.core.multiarray", "scalar"),
        ("torch._utils", "_rebuild_tensor_v3"),
    ];
    for (row, (module, name)) in table.into_iter().enumerate() {
        let expected = if row < 5 { "would run" } else { "has objects of" };
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
                assert!(words.contains(&format!("{expected} '{module}.{name}'")), "{words}");
                assert!(words.contains("nothing was run"), "{words}");
            }
        }
    }
}

#[test]
fn objects_beside_the_weights_are_read_past() {
    let tensors = state_dict(&test_base(), "");
    let inner = pickle(&tensors, Style { ordered: true, ..PLAIN }, false);
    // A number of NumPy, a namespace with a state, a set, and the bound of a list.
    let objects: [&[u8]; 4] = [
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0f8\x85RC\x08abcdefgh\x86R",
        b"cargparse\nNamespace\n)\x81}X\x02\0\0\0lrG\0\0\0\0\0\0\0\0sb",
        b"c__builtin__\nset\n](K\x01K\x02e\x85R",
        b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RX\x01\0\0\0aK\x01s",
    ];
    for object in objects {
        let model = &inner[2..inner.len() - 1];
        let whole = [b"\x80\x02}(X\x04\0\0\0best".as_slice(), object, b"X\x03\0\0\0net", model, b"u."].concat();
        let bytes = archive_of(&whole, &tensors, PLAIN, CompressionMethod::Stored);
        assert_eq!(reading(bytes).expect("read").base, test_base(), "{}", String::from_utf8_lossy(object));
    }
}

#[test]
fn a_whole_module_gives_its_tensors_without_being_made() {
    let tensors = state_dict(&test_base(), "backbone.");
    let bytes = archive_of(&module_pickle(&tensors), &tensors, PLAIN, CompressionMethod::Stored);
    let read = reading(bytes).expect("read");
    assert_eq!(read.base, test_base());
    assert_eq!(read.not_taken.to_string(), "1 tensor of backbone.classifier");
}

#[test]
fn unknown_instructions_are_refused() {
    // INST, OBJ, EXT1, PERSID and an unknown instruction.
    for opcode in [b'i', b'o', 0x82, b'P', 0xff] {
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
        ("an entry without a dictionary", b"\x80\x02K\x01K\x02K\x03s."),
        ("a list that is a dictionary", b"\x80\x02](K\x01K\x02u."),
        ("a storage of nothing", b"\x80\x02)Q."),
    ];
    for (case, pickle) in table {
        let fault = reading(archive_of(pickle, &[], PLAIN, CompressionMethod::Stored)).expect_err(case);
        assert!(matches!(fault, Fault::Broken(_)), "{case}: {fault:?}");
    }
    let words = error_of(archive_of(b"\x80\x02}.", &[], PLAIN, CompressionMethod::Stored));
    assert!(words.contains("there is no tensor in it"), "{words}");
}

#[test]
fn a_deep_pickle_takes_no_depth_of_the_stack() {
    let deep = [b"\x80\x02)".as_slice(), &vec![0x85; 1_000_000], b"."].concat();
    assert!(error_of(archive_of(&deep, &[], PLAIN, CompressionMethod::Stored)).contains("there is no tensor in it"));
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
    for name in ["weight", "bias", "running_mean", "running_var"] {
        normalized.insert(2, (format!("features.1.{name}"), vec![4], vec![0.0; 4]));
    }
    assert!(error_of(archive(&normalized, PLAIN)).contains("torchvision's vgg16_bn"));
    let resnet = vec![("conv1.weight".to_owned(), vec![4, 3, 7, 7], vec![0.0; 588])];
    let words = error_of(archive(&resnet, PLAIN));
    let expected = "layer 1 (conv1): its kernel is 4×3×7×7 where VGG16's block1.conv1 has 4×3×3×3. It holds 1 tensor of \
                    conv1; expected are 13 convolutions, the first 4×3×3×3";
    assert_eq!(words, expected);
    let both = [state_dict(&test_base(), "a."), state_dict(&test_base(), "b.")].concat();
    let words = error_of(archive(&both, PLAIN));
    assert!(words.contains("several networks of these shapes, under 'a.features.' and 'b.features.'"), "{words}");
}
