//! Files in the format [age](https://age-encryption.org/v1), for X25519 keys: what is
//! written here opens with `age -d` and `rage -d`, and the other way round.
//!
//! A file is a header and a body. The header has the file key, encrypted for each
//! recipient, and a MAC by that key. The body is text in blocks, each with its number and
//! whether it is the last. The primitives are those of `ring` and `x25519-dalek`; here is
//! what the format puts around them. Passphrases, SSH keys, plugins, post-quantum keys and
//! armor are not supported. Nothing here opens a file: readers and writers are handed in.

mod header;
mod keys;
mod stream;

use std::fmt;
use std::io;

pub use keys::{BadKey, Identity, Recipient};
pub use stream::{Opener, Sealer};

/// What every file of this format begins with, whatever its version.
pub const MAGIC: &[u8] = b"age-encryption.org/";

/// Why a file does not open.
#[derive(Debug)]
pub enum Fault {
    /// It is encrypted for other keys.
    NoKeyFits,
    /// It is encrypted with a passphrase.
    Passphrase,
    /// It is of a version that this crate does not know.
    NewerFormat,
    /// Its header is cut off, altered, or not of this format.
    Damaged,
    /// It cannot be read.
    Io(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeyFits => f.write_str("no key fits"),
            Self::Passphrase => f.write_str("it is encrypted with a passphrase"),
            Self::NewerFormat => f.write_str("it is of an unknown version"),
            Self::Damaged => f.write_str("its header is damaged"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests;
