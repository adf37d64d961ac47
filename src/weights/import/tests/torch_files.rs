//! A writer of `torch.save`'s files: pickles, and the zip archive or stream around them.

use zip::CompressionMethod;

use super::fixtures::zipped;

/// A tensor to write: name, shape, values.
pub(super) type Named = (String, Vec<usize>, Vec<f32>);

/// The differences of a file from the plainest one.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a way to differ, in any combination
pub(super) struct Style {
    /// An `OrderedDict` with `_metadata`, as a module returns it, instead of a plain dictionary.
    pub(super) ordered: bool,
    /// Under these keys, the outermost first, each next to an epoch number.
    pub(super) wrappers: &'static [&'static str],
    /// Parameters instead of tensors.
    pub(super) parameters: bool,
    /// Strings and numbers as Python 2 pickled them, and the first version of tensors.
    pub(super) python2: bool,
    /// Half precision.
    pub(super) half: bool,
}

fn text(out: &mut Vec<u8>, text: &str, style: Style) {
    let length = u32::try_from(text.len()).expect("short");
    if style.python2 {
        out.push(b'U');
        out.push(u8::try_from(length).expect("short"));
    } else {
        out.push(b'X');
        out.extend(length.to_le_bytes());
    }
    out.extend(text.as_bytes());
}

fn global(out: &mut Vec<u8>, module: &str, name: &str) {
    out.extend(format!("c{module}\n{name}\n").as_bytes());
}

fn integer(out: &mut Vec<u8>, number: usize, style: Style) {
    if style.python2 {
        out.extend([0x8a, 8]);
        out.extend((number as u64).to_le_bytes());
    } else if let Ok(small) = u16::try_from(number) {
        out.push(b'M');
        out.extend(small.to_le_bytes());
    } else {
        out.push(b'J');
        out.extend(u32::try_from(number).expect("not huge").to_le_bytes());
    }
}

fn integers(out: &mut Vec<u8>, numbers: &[usize], style: Style) {
    out.push(b'(');
    numbers.iter().for_each(|number| integer(out, *number, style));
    out.push(b't');
}

fn ordered_dict(out: &mut Vec<u8>) {
    global(out, "collections", "OrderedDict");
    out.extend(b")R");
}

fn tensor(out: &mut Vec<u8>, key: &str, shape: &[usize], style: Style, legacy: bool) {
    if style.parameters {
        global(out, "torch._utils", "_rebuild_parameter");
    }
    global(out, "torch._utils", if style.python2 { "_rebuild_tensor" } else { "_rebuild_tensor_v2" });
    out.extend(b"((");
    text(out, "storage", style);
    global(out, "torch", if style.half { "HalfStorage" } else { "FloatStorage" });
    text(out, key, style);
    text(out, "cpu", style);
    integer(out, shape.iter().product(), style);
    out.extend(if legacy { b"NtQ".as_slice() } else { b"tQ" });
    integer(out, 0, style);
    integers(out, shape, style);
    let strides: Vec<usize> = (0..shape.len()).map(|side| shape[side + 1..].iter().product()).collect();
    integers(out, &strides, style);
    if !style.python2 {
        out.push(0x89);
        ordered_dict(out);
    }
    out.extend(b"tR");
    if style.parameters {
        out.push(0x88);
        ordered_dict(out);
        out.extend([0x87, b'R']);
    }
}

/// Returns the pickle of a dictionary of tensors.
pub(super) fn pickle(tensors: &[Named], style: Style, legacy: bool) -> Vec<u8> {
    let mut out = vec![0x80, 2];
    for wrapper in style.wrappers {
        out.extend(b"}(");
        text(&mut out, "epoch", style);
        integer(&mut out, 3, style);
        text(&mut out, wrapper, style);
    }
    if style.python2 {
        return python2(out, tensors, style, legacy);
    }
    if style.ordered {
        ordered_dict(&mut out);
    } else {
        out.push(b'}');
    }
    out.extend(b"q\0(");
    for (index, (name, shape, _)) in tensors.iter().enumerate() {
        text(&mut out, name, style);
        tensor(&mut out, &index.to_string(), shape, style, legacy);
    }
    out.push(b'u');
    if style.ordered {
        out.push(b'}');
        text(&mut out, "_metadata", style);
        ordered_dict(&mut out);
        out.extend(b"sb");
    }
    out.extend(style.wrappers.iter().map(|_| b'u'));
    out.push(b'.');
    out
}

/// Returns the pickle of a whole module, as `torch.save(model)` writes it: objects of classes that hold their parts.
pub(super) fn module_pickle(tensors: &[Named]) -> Vec<u8> {
    let mut out = vec![0x80, 2];
    let parts: Vec<(Vec<&str>, usize)> =
        tensors.iter().enumerate().map(|(index, (name, _, _))| (name.split('.').collect(), index)).collect();
    module(&mut out, &parts, tensors);
    out.push(b'.');
    out
}

/// Appends a module with the tensors of these remaining names.
fn module(out: &mut Vec<u8>, parts: &[(Vec<&str>, usize)], tensors: &[Named]) {
    let style = Style::default();
    global(out, "models.vgg", "VGG");
    out.extend(b")\x81}(");
    text(out, "training", style);
    out.push(0x88);
    text(out, "_parameters", style);
    ordered_dict(out);
    out.push(b'(');
    for (name, index) in parts.iter().filter(|(name, _)| name.len() == 1) {
        text(out, name[0], style);
        tensor(out, &index.to_string(), &tensors[*index].1, Style { parameters: true, ..style }, false);
    }
    out.push(b'u');
    text(out, "_modules", style);
    ordered_dict(out);
    out.push(b'(');
    let mut rest = parts.iter().filter(|(name, _)| name.len() > 1).peekable();
    while let Some((name, _)) = rest.peek() {
        let first = name[0];
        let mut inner = Vec::new();
        while let Some((name, index)) = rest.next_if(|(name, _)| name[0] == first) {
            inner.push((name[1..].to_vec(), *index));
        }
        text(out, first, style);
        module(out, &inner, tensors);
    }
    out.extend(b"uub");
}

/// Appends an `OrderedDict` as Python 2 pickled it: called with a list of pairs.
fn python2(mut out: Vec<u8>, tensors: &[Named], style: Style, legacy: bool) -> Vec<u8> {
    global(&mut out, "collections", "OrderedDict");
    out.extend(b"](");
    for (index, (name, shape, _)) in tensors.iter().enumerate() {
        out.extend(b"](");
        text(&mut out, name, style);
        tensor(&mut out, &index.to_string(), shape, style, legacy);
        out.push(b'e');
    }
    out.extend(b"e\x85R.");
    out
}

fn stored(values: &[f32], style: Style) -> Vec<u8> {
    if style.half {
        // Exact in half precision, because the tests use small multiples of a quarter.
        return values.iter().flat_map(|value| half(*value).to_le_bytes()).collect();
    }
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Returns the half of a normal number that it represents exactly.
fn half(value: f32) -> u16 {
    if value == 0.0 {
        return 0;
    }
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) + 15 - 127;
    u16::try_from(bits >> 16 & 0x8000 | exponent << 10 | (bits >> 13 & 0x3ff)).expect("a half")
}

/// Returns the archive of torch since 2020.
pub(super) fn archive(tensors: &[Named], style: Style) -> Vec<u8> {
    archive_of(&pickle(tensors, style, false), tensors, style, CompressionMethod::Stored)
}

/// Returns an archive with this pickle.
pub(super) fn archive_of(pickle: &[u8], tensors: &[Named], style: Style, method: CompressionMethod) -> Vec<u8> {
    let storages: Vec<(String, Vec<u8>)> = tensors
        .iter()
        .enumerate()
        .map(|(index, (_, _, values))| (format!("vgg16/data/{index}"), stored(values, style)))
        .collect();
    let mut entries: Vec<(&str, &[u8])> =
        vec![("vgg16/data.pkl", pickle), ("vgg16/byteorder", b"little"), ("vgg16/version", b"3\n")];
    entries.extend(storages.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    zipped(&entries, method)
}

/// Returns the stream of torch before 2020.
pub(super) fn legacy(tensors: &[Named], style: Style) -> Vec<u8> {
    legacy_of(&pickle(tensors, style, true), tensors, style)
}

/// Returns a stream with this pickle.
pub(super) fn legacy_of(pickle: &[u8], tensors: &[Named], style: Style) -> Vec<u8> {
    let mut out = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}q\0(".to_vec();
    text(&mut out, "little_endian", style);
    out.extend(b"\x88u.");
    out.extend(pickle);
    out.extend(b"\x80\x02]q\0(");
    for index in 0..tensors.len() {
        text(&mut out, &index.to_string(), style);
    }
    out.extend(b"e.");
    for (_, _, values) in tensors {
        out.extend((values.len() as u64).to_le_bytes());
        out.extend(stored(values, style));
    }
    out
}
