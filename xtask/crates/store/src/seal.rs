//! A document that carries its own SHA-256.
//!
//! The hash is taken over the bytes as they are in the file, with the hash itself
//! left out, and not over what a parser made of them: so that a changed space,
//! a second field of the same name or another spelling of a number is noticed too.

use sha2::{Digest, Sha256};

/// SHA-256 as 64 lower-case hex digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Puts the hash of `text` into its empty field; `opening` is the text up to the
/// field's value, as in `"hash":"`. Gives the sealed text and the hash.
pub(super) fn seal(text: &str, opening: &str) -> Option<(String, String)> {
    let at = text.rfind(opening)? + opening.len();
    let hash = sha256_hex(text.as_bytes());
    let (head, tail) = text.split_at(at);
    tail.starts_with('"').then(|| (format!("{head}{hash}{tail}"), hash))
}

/// The hash that `text` carries, when it is the right one.
///
/// The last occurrence of `opening` is the field: inside a JSON string its quotes
/// would be escaped.
pub(super) fn unseal<'a>(text: &'a str, opening: &str) -> Result<&'a str, &'static str> {
    let at = text.rfind(opening).ok_or("carries no hash of itself")? + opening.len();
    let length = text[at..].find('"').ok_or("carries no hash of itself")?;
    let carried = &text[at..at + length];
    let mut hasher = Sha256::new();
    hasher.update(&text[..at]);
    hasher.update(&text[at + length..]);
    if hex(&hasher.finalize()) == carried {
        Ok(carried)
    } else {
        Err("was changed after it was written (its hash does not match)")
    }
}

/// `text` with the value of a field left out, which must be so many hex digits.
pub(super) fn blank(text: &str, opening: &str, digits: usize) -> Option<String> {
    let at = text.rfind(opening)? + opening.len();
    let (head, tail) = text.split_at(at);
    let value = tail.get(..digits)?;
    let rest = &tail[digits..];
    let hex = value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (hex && rest.starts_with('"')).then(|| format!("{head}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENING: &str = "\"hash\":\"";

    #[test]
    fn known_hash() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (sealed, hash) =
            seal("{\"a\": \"\\\"hash\\\":\\\"\", \"hash\":\"\"}\n", OPENING).unwrap();
        assert_eq!(unseal(&sealed, OPENING), Ok(hash.as_str()));
        for at in 0..sealed.len() {
            for mask in [1_u8, 2, 4, 8, 16, 32, 64] {
                let mut bytes = sealed.clone().into_bytes();
                bytes[at] ^= mask;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(unseal(&changed, OPENING).is_err(), "byte {at} with mask {mask}");
            }
        }
        for cut in 0..sealed.len() {
            assert!(unseal(&sealed[..cut], OPENING).is_err(), "cut at {cut}");
        }
    }
}
