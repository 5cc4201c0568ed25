//! SHA-2 as hex.

use sha2::{Digest, Sha256, Sha384};

/// SHA-256 of some bytes as 64 hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-384 of some bytes as 96 hex digits: the checksum that sqlx keeps of a migration.
pub fn sha384_hex(bytes: &[u8]) -> String {
    hex(&Sha384::digest(bytes))
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
