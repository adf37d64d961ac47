//! Parallel unpacking of xz files with several blocks.

use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;

/// Memory limit of unpacking, in bytes; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 512 << 20;

/// Memory limit of unpacking blocks in parallel, in bytes, including their input and output.
const XZ_PARALLEL_MEMORY: u64 = 256 << 20;

/// Returns a reader of the unpacked bytes of `input`.
pub(super) fn reader<R: BufRead>(input: R) -> io::Result<Streams<R>> {
    Ok(Streams { current: Some(decoder(input)?) })
}

/// Returns a decoder of one stream that unpacks blocks in parallel.
fn decoder<R: BufRead>(input: R) -> io::Result<XzDecoder<R>> {
    let threads = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
    let mut builder = MtStreamBuilder::new();
    builder.threads(threads).memlimit_threading(XZ_PARALLEL_MEMORY).memlimit_stop(XZ_MEMORY);
    Ok(XzDecoder::new_stream(input, builder.decoder()?))
}

/// A reader of all concatenated streams of an xz file and the zeros between them; the parallel decoder reads only one.
pub(super) struct Streams<R> {
    current: Option<XzDecoder<R>>,
}

impl<R: BufRead> Read for Streams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.current {
            let count = stream.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.current.take().map(XzDecoder::into_inner) else { break };
            loop {
                let padding = rest.fill_buf()?;
                let zeros = padding.iter().take_while(|byte| **byte == 0).count();
                let (more, end) = (zeros < padding.len(), padding.is_empty());
                rest.consume(zeros);
                if more {
                    self.current = Some(decoder(rest)?);
                    break;
                }
                if end {
                    return Ok(0);
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write};

    use liblzma::stream::Check;
    use liblzma::write::XzEncoder;
    use proptest::prelude::*;

    use super::*;

    /// Packs bytes into a stream with blocks of `block` unpacked bytes.
    fn packed(bytes: &[u8], block: u64) -> Vec<u8> {
        let encoder =
            MtStreamBuilder::new().threads(1).check(Check::Crc64).block_size(block).encoder().expect("an encoder");
        let mut encoder = XzEncoder::new_stream(Vec::new(), encoder);
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("to memory")
    }

    fn unpacked(packed: &[u8], buffer: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        reader(BufReader::with_capacity(buffer, packed))?.read_to_end(&mut bytes).map(|_| bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_blocks_and_streams_come_out_whole_or_as_an_error(
            streams in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..12_000), 4096_u64..8_000, 0..3_usize), 1..4),
            buffer in 1..5000_usize,
            damage in any::<(prop::sample::Index, u8)>(),
        ) {
            let mut file = Vec::new();
            for (bytes, block, padding) in &streams {
                file.extend(packed(bytes, *block));
                file.extend(vec![0; 4 * padding]);
            }
            let whole: Vec<u8> = streams.iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
            prop_assert!(unpacked(&file, buffer).expect("undamaged") == whole);
            // A cut file is an error, or ends where a stream does.
            let cut = &file[..damage.0.index(file.len())];
            if let Ok(found) = unpacked(cut, buffer) {
                prop_assert!(whole.starts_with(&found));
            }
            // A damaged file is an error unless no bit changed.
            let mut damaged = file.clone();
            damaged[damage.0.index(file.len())] ^= damage.1;
            if let Ok(found) = unpacked(&damaged, buffer) {
                prop_assert!(found == whole, "{} of {} bytes", found.len(), whole.len());
            }
        }
    }

    #[test]
    fn what_is_no_xz_is_an_error() {
        for bytes in [&b""[..], b"plainly not", b"\xfd7zXZ\0"] {
            assert!(unpacked(bytes, 64).is_err(), "{bytes:?}");
        }
        let mut trailing = packed(b"faces", 4096);
        trailing.extend(b"more");
        assert!(unpacked(&trailing, 64).is_err());
    }
}
