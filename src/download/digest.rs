//! Published hashes of files, to check downloads.

use std::fmt;
use std::io::{self, Read};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::domain::text::hex;

/// The published hash of a file, or its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256, in hex.
    Sha256(&'static str),
    /// MD5, in hex; it detects accidental damage only.
    Md5(&'static str),
}

impl Digest {
    /// Returns the hash of this kind of all bytes of `reader`, in hex.
    pub(super) fn hash(self, reader: &mut dyn Read) -> io::Result<String> {
        match self {
            Self::Sha256(_) => hash_reader(Sha256::new(), reader),
            Self::Md5(_) => hash_reader(Md5::new(), reader),
        }
    }

    /// Returns whether a hash of this kind begins with the published one.
    pub(super) fn matches(self, found: &str) -> bool {
        match self {
            Self::Sha256(expected) | Self::Md5(expected) => found.starts_with(expected),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(expected) => write!(f, "SHA-256 {expected}"),
            Self::Md5(expected) => write!(f, "MD5 {expected}"),
        }
    }
}

fn hash_reader(mut hasher: impl sha2::Digest, reader: &mut dyn Read) -> io::Result<String> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_compared_as_far_as_it_was_published() {
        let table = [
            (Digest::Sha256("2cf24dba"), true),
            (Digest::Sha256("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"), true),
            (Digest::Sha256("2cf24dbb"), false),
            (Digest::Md5("5d41402abc4b2a76b9719d911017c592"), true),
            (Digest::Md5("2cf24dba"), false),
        ];
        for (digest, expected) in table {
            let found = digest.hash(&mut b"hello".as_slice()).expect("read");
            assert_eq!(digest.matches(&found), expected, "{digest}");
        }
    }
}
