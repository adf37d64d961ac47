//! Unpacking of zstd files with several frames.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window of a frame, in bytes, which is held in memory; `zstd --ultra -22` needs 128 MiB.
const MOST_WINDOW: u64 = 256 << 20;

/// A reader of all concatenated frames of a zstd file.
pub(super) struct Frames<R: BufRead> {
    state: State<R>,
}

enum State<R: BufRead> {
    Between(R),
    Frame(Box<StreamingDecoder<R, FrameDecoder>>),
    End,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        Self { state: State::Between(input) }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::End) {
                State::End => return Ok(0),
                State::Between(mut input) => {
                    if input.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new_with_max_window_size(input, MOST_WINDOW);
                    self.state = State::Frame(Box::new(frame.map_err(io::Error::other)?));
                }
                State::Frame(mut frame) => {
                    let count = frame.read(buffer)?;
                    let ended = count == 0 && !buffer.is_empty();
                    self.state = if ended { State::Between(frame.into_inner()) } else { State::Frame(frame) };
                    if !ended {
                        return Ok(count);
                    }
                }
            }
        }
    }
}
