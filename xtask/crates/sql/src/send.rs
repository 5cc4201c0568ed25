//! Text that a driver can send which takes UTF-8 only.
//!
//! Dumps made without `--hex-blob` hold raw bytes in strings. The same bytes as
//! a hexadecimal literal mean the same to the server, with `_binary` in front
//! or without.

use std::borrow::Cow;

use anyhow::Result;

use super::bytes::unescape;
use super::lex::{LexMode, TokenKind, Tokens};
use model::exit::{ExitCode, Stop};

/// The statement as UTF-8; strings that are not are written as `0x…`.
pub fn as_utf8(text: &[u8], mode: LexMode) -> Result<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut done = 0;
    for token in Tokens::new(text, mode) {
        if token.kind == TokenKind::Text && std::str::from_utf8(token.raw).is_err() {
            out.extend_from_slice(&text[done..token.at]);
            hex(&plain(token.raw, mode), &mut out);
            done = token.end();
        }
    }
    out.extend_from_slice(&text[done..]);
    String::from_utf8(out).map(Cow::Owned).map_err(|_| {
        Stop::new(
            ExitCode::Store,
            "a statement contains bytes outside of strings that are not \
        UTF-8",
        )
        .hint("The dump was made in another character set: use --default-character-set=utf8mb4.")
        .into()
    })
}

/// A string's bytes, quotes and escapes undone.
fn plain(raw: &[u8], mode: LexMode) -> Vec<u8> {
    let Some((&quote, rest)) = raw.split_first() else { return Vec::new() };
    let inner = rest.strip_suffix(&[quote]).unwrap_or(rest);
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && mode.escapes(quote) {
            if let Some(next) = bytes.next() {
                unescape(next, &mut out);
            }
        } else {
            // Of a doubled quote the first byte stands for both.
            if byte == quote {
                bytes.next();
            }
            out.push(byte);
        }
    }
    out
}

pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(b"0x");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_become_hexadecimal() {
        let mode = LexMode::default();
        let text = b"INSERT INTO t VALUES ('\xC3\xA9', _binary '\xFF\\0\\'''\"', 'a\\'b')";
        let sent = as_utf8(text, mode).unwrap();
        assert_eq!(sent, "INSERT INTO t VALUES ('\u{e9}', _binary 0xFF00272722, 'a\\'b')");
        assert!(matches!(as_utf8(b"SELECT 1", mode).unwrap(), Cow::Borrowed(_)));
        assert!(as_utf8(b"SELECT \xFF", mode).is_err());
    }
}
