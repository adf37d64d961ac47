//! Frames: messages of bounded length in a compressed stream, in either direction.
//!
//! ```text
//! u32      bytes of the message, little endian, at most 1 MiB
//! message  MessagePack
//! ```
//! The frames of a direction are one raw DEFLATE stream, flushed after each message. So a short message that resembles
//! an earlier one, such as the next step of a run, takes a few bytes.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes of a message.
pub const MAX_FRAME: usize = 1 << 20;

/// The bytes that were sent or received so far, compressed, as another thread can read them.
pub type ByteCount = Arc<AtomicU64>;

/// A writer that counts.
struct CountingWriter<W> {
    inner: W,
    count: ByteCount,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes messages.
pub struct FrameWriter<W: Write> {
    stream: DeflateEncoder<CountingWriter<W>>,
    count: ByteCount,
}

impl<W: Write> FrameWriter<W> {
    /// Returns a writer at the beginning of a stream.
    pub fn new(inner: W) -> Self {
        Self::with(inner, ByteCount::default(), Compression::new(6))
    }

    /// Returns a writer at the beginning of a stream that is not compressed, because a stream around it is.
    pub fn stored(inner: W) -> Self {
        Self::with(inner, ByteCount::default(), Compression::none())
    }

    fn with(inner: W, count: ByteCount, compression: Compression) -> Self {
        let counted = CountingWriter { inner, count: Arc::clone(&count) };
        Self { stream: DeflateEncoder::new(counted, compression), count }
    }

    /// Adds a message, which is on its way after [`Self::flush`].
    ///
    /// # Errors
    /// If the connection is closed, or the message is too long.
    pub fn write(&mut self, message: &impl Serialize) -> io::Result<()> {
        let body = rmp_serde::to_vec(message).map_err(io::Error::other)?;
        if body.len() > MAX_FRAME {
            return Err(io::Error::other("a message is too long"));
        }
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        self.stream.write_all(&length.to_le_bytes())?;
        self.stream.write_all(&body)
    }

    /// Sends the messages that were added.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }

    /// Returns the bytes that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The reader of a raw DEFLATE stream that returns every byte as soon as it is there. The reader of `flate2` may wait
/// for further input while it still holds output.
struct Inflater<R> {
    inner: R,
    state: Decompress,
    input: Box<[u8]>,
    /// The unread part of `input`.
    unread: std::ops::Range<usize>,
    output: Box<[u8]>,
    /// The unread part of `output`.
    ready: std::ops::Range<usize>,
    count: ByteCount,
}

impl<R: Read> Read for Inflater<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let damaged = |error: flate2::DecompressError| io::Error::new(io::ErrorKind::InvalidData, error);
        while self.ready.is_empty() {
            let (input, output) = (&self.input[self.unread.clone()], &mut self.output[..]);
            let before = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, output, FlushDecompress::None).map_err(damaged)?;
            let consumed = usize::try_from(self.state.total_in() - before.0).map_err(io::Error::other)?;
            let produced = usize::try_from(self.state.total_out() - before.1).map_err(io::Error::other)?;
            self.unread.start += consumed;
            self.ready = 0..produced;
            if produced > 0 {
                break;
            }
            if status == Status::StreamEnd {
                return Ok(0);
            }
            if self.unread.is_empty() {
                let read = self.inner.read(&mut self.input)?;
                if read == 0 {
                    return Ok(0);
                }
                self.count.fetch_add(read as u64, Ordering::Relaxed);
                self.unread = 0..read;
            } else if consumed == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the stream is damaged"));
            }
        }
        let part = into.len().min(self.ready.len());
        into[..part].copy_from_slice(&self.output[self.ready.start..self.ready.start + part]);
        self.ready.start += part;
        Ok(part)
    }
}

/// Reads messages.
pub struct FrameReader<R> {
    stream: Inflater<R>,
}

impl<R: Read> FrameReader<R> {
    /// Returns a reader at the beginning of a stream.
    pub fn new(inner: R) -> Self {
        let stream = Inflater {
            inner,
            state: Decompress::new(false),
            input: vec![0; 16 << 10].into(),
            unread: 0..0,
            output: vec![0; 64 << 10].into(),
            ready: 0..0,
            count: ByteCount::default(),
        };
        Self { stream }
    }

    /// Returns the count of received bytes.
    #[must_use]
    pub fn count(&self) -> ByteCount {
        Arc::clone(&self.stream.count)
    }

    /// Returns the next message; `None` at the end of the stream.
    ///
    /// # Errors
    /// If the stream is cut within a message or damaged, or a message is too long or no message.
    pub fn read<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let invalid = |words: &str| io::Error::new(io::ErrorKind::InvalidData, words.to_owned());
        let mut length = [0; 4];
        let first = loop {
            match self.stream.read(&mut length) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut length[first..])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME {
            return Err(invalid(&format!("a message of {length} bytes is too long")));
        }
        // The buffer grows with the bytes that come: a false length alone takes no memory.
        let mut body = Vec::new();
        (&mut self.stream).take(length as u64).read_to_end(&mut body)?;
        if body.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        rmp_serde::from_slice(&body).map(Some).map_err(|_| invalid("a message cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use proptest::prelude::*;

    use super::*;
    use crate::homes::protocol::{Blob, FromHome, ToHome};

    /// A pipe in memory.
    struct Pipe(Receiver<Vec<u8>>, Vec<u8>);

    impl Read for Pipe {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() {
                self.1 = self.0.recv().unwrap_or_default();
            }
            let part = into.len().min(self.1.len());
            into[..part].copy_from_slice(&self.1[..part]);
            self.1.drain(..part);
            Ok(part)
        }
    }

    struct PipeEnd(Sender<Vec<u8>>);

    impl Write for PipeEnd {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flushed_message_arrives_although_no_byte_follows_it() {
        let (sender, receiver) = channel();
        let (mut writer, mut reader) =
            (FrameWriter::new(PipeEnd(sender)), FrameReader::new(Pipe(receiver, Vec::new())));
        for size in [0_usize, 1, 300, 70_000, 900_000, 5] {
            // Long runs of one byte leave the most output in the decompressor.
            let message = FromHome::Output { id: 7, error: false, bytes: Blob(vec![b'x'; size]) };
            writer.write(&message).expect("written");
            writer.flush().expect("flushed");
            assert_eq!(reader.read::<FromHome>().expect("read"), Some(message), "{size}");
        }
        assert_eq!(writer.sent(), reader.count().load(Ordering::Relaxed));
        drop(writer);
        assert_eq!(reader.read::<FromHome>().expect("the end"), None);
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_on_both_sides() {
        let long = FromHome::Output { id: 7, error: false, bytes: Blob(vec![0; MAX_FRAME]) };
        assert!(FrameWriter::new(Vec::new()).write(&long).is_err());
        let mut bytes = Vec::new();
        let mut stream = DeflateEncoder::new(&mut bytes, Compression::fast());
        stream.write_all(&u32::MAX.to_le_bytes()).expect("written");
        stream.finish().expect("finished");
        let error = FrameReader::new(&bytes[..]).read::<FromHome>().expect_err("too long");
        assert!(error.to_string().contains("too long"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), compressed: bool) {
            let mut stream = DeflateEncoder::new(Vec::new(), Compression::fast());
            stream.write_all(&bytes).expect("written");
            let stream = if compressed { stream.finish().expect("finished") } else { bytes };
            let mut reader = FrameReader::new(&stream[..]);
            while let Ok(Some(_)) = reader.read::<FromHome>() {}
            let mut reader = FrameReader::new(&stream[..]);
            while let Ok(Some(_)) = reader.read::<ToHome>() {}
        }
    }
}
