//! The messages between a program here and `mien serve --stdio` on the machine of a home.
//!
//! The home first writes the line [`greeting`], because shells print other things before. All the rest are frames. A
//! path is never sent: runs have names, and files have numbers.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::RunId;

/// The version of the protocol. Raise it with every change of the messages.
pub const PROTOCOL: u32 = 1;

/// The beginning of the first line.
pub const GREETING: &str = "mien serve ";

/// Returns the first line of the home, which names the protocol.
#[must_use]
pub fn greeting() -> String {
    format!("{GREETING}{PROTOCOL}\n")
}

/// Bytes, which `MessagePack` stores as such.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A run as the mirror has it, so that the home sends only the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRun {
    /// The run.
    pub run: RunId,
    /// The bytes of its log.
    pub log: u64,
    /// The checksum of these bytes' beginning and end: see `saved_fold::prefix_checksum`.
    pub check: u64,
    /// The checksum of the other files: see [`files_checksum`].
    pub files: u32,
}

/// Returns the checksum of a run's small files, given by number and content.
#[must_use]
pub fn files_checksum<'a>(files: impl Iterator<Item = (u8, &'a [u8])>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for (number, content) in files {
        sum.update(&[number]);
        sum.update(&crc32fast::hash(content).to_le_bytes());
    }
    sum.finalize()
}

/// A large file of a run, which is sent on request only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RunFile {
    /// The predictions for the test images.
    Test,
    /// The predictions for the test images by several views.
    TestViews,
    /// The predictions for the training images.
    Train,
    /// The predictions for the validation images after an epoch.
    Validation(u32),
    /// The weights from which fine-tuning starts.
    Start,
    /// The best epoch's weights.
    Best,
    /// The newest training state.
    Last,
}

/// A message to the home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToHome {
    /// The first message: the protocol and version of this program.
    Hello {
        /// The protocol.
        protocol: u32,
        /// The version of the program.
        version: String,
    },
    /// Some of the runs that the mirror has.
    Held(Vec<HeldRun>),
    /// The mirror has no further runs: send the others, and then every change.
    HeldEnd,
    /// Send no more of the log of this run: the mirror is full.
    Skip(RunId),
    /// The bytes of the stream that were received so far.
    Received(u64),
    /// Run the program there with these arguments.
    Run {
        /// The number of the call, by which the output is known.
        id: u32,
        /// The arguments without the program and `--home`.
        arguments: Vec<String>,
    },
    /// The next bytes of the standard input of a call.
    Input {
        /// The number of the call.
        id: u32,
        /// The bytes.
        bytes: Blob,
    },
    /// The end of the standard input of a call.
    InputEnd(u32),
    /// Interrupt a call, as Ctrl-C does.
    Cancel(u32),
    /// Send a large file of a run.
    Get {
        /// The number of the call.
        id: u32,
        /// The run.
        run: RunId,
        /// The file.
        file: RunFile,
        /// The bytes that are here already.
        from: u64,
    },
    /// Answer, if you are there.
    Ping,
}

/// A message of the home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHome {
    /// The first message: the version of the program there, and the folder of the home.
    Hello {
        /// The version of the program.
        version: String,
        /// The folder.
        home: String,
    },
    /// A small file of a run has this content, or was deleted.
    File {
        /// The run.
        run: RunId,
        /// The number of the file: see `MirroredFile`.
        file: u8,
        /// The content.
        content: Option<Blob>,
    },
    /// Bytes of a run's log.
    Log {
        /// The run.
        run: RunId,
        /// The position of the first byte: the end of the mirror's log, or 0 for a new log.
        at: u64,
        /// The bytes.
        bytes: Blob,
    },
    /// The run was deleted or renamed.
    Gone(RunId),
    /// There are logs still to be sent.
    Pending {
        /// Their number.
        runs: u64,
        /// Their bytes, uncompressed.
        bytes: u64,
    },
    /// The mirror is as the home is.
    UpToDate,
    /// A call printed this.
    Output {
        /// The number of the call.
        id: u32,
        /// Whether it is on the standard error.
        error: bool,
        /// The bytes.
        bytes: Blob,
    },
    /// The call has read so many bytes of its standard input.
    Took {
        /// The number of the call.
        id: u32,
        /// The bytes.
        bytes: u32,
    },
    /// A call has ended with this exit code.
    Exited {
        /// The number of the call.
        id: u32,
        /// The exit code; 128 + n after signal n.
        code: i32,
    },
    /// A part of a large file.
    Content {
        /// The number of the call.
        id: u32,
        /// The position of the first byte.
        at: u64,
        /// The length of the whole file.
        of: u64,
        /// The bytes.
        bytes: Blob,
    },
    /// The end of a large file.
    ContentEnd {
        /// The number of the call.
        id: u32,
        /// The checksum of the whole file, or the reason why it cannot be sent.
        result: Result<u32, String>,
    },
    /// The answer to a ping.
    Pong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names_of_runs() {
        for bad in ["../x", "", ".", "a/b", "\u{1b}[2J", "latest/.."] {
            let forged = rmp_serde::to_vec(&("Gone", bad)).expect("bytes");
            assert!(rmp_serde::from_slice::<FromHome>(&forged).is_err(), "{bad:?}");
            // The form that the library writes, with a forged name.
            let honest = rmp_serde::to_vec(&FromHome::Gone(RunId::new("abc").expect("a name"))).expect("bytes");
            if bad.len() == 3 {
                let at = honest.windows(3).position(|window| window == b"abc").expect("the name");
                let forged = [&honest[..at], bad.as_bytes(), &honest[at + 3..]].concat();
                assert!(rmp_serde::from_slice::<FromHome>(&forged).is_err(), "{bad:?}");
            }
        }
    }
}
