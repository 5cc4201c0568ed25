//! Where a character of several bytes is, in character sets that are not UTF-8.
//!
//! The second byte of such a character can be a backslash or a backtick. So the text is
//! looked at through a mask of the same length: in it, each byte of such a character is
//! [`MASKED`], and all that the lexer takes for a mark is one. The lengths are the
//! servers' own rules.

use std::ops::Range;

use super::charset::{Charset, Class};
use super::lex::LexMode;

/// Stands in the mask for a byte of a character of several bytes.
pub(super) const MASKED: u8 = 0x80;

/// The mask over what has been read of a file; empty where the character set needs none.
#[derive(Debug, Default)]
pub(super) struct Mask {
    rules: Option<Rules>,
    escapes: bool,
    bytes: Vec<u8>,
}

impl Mask {
    /// From `from` on the text is in this character set, and strings are read in this mode.
    pub(super) fn follow(
        &mut self,
        charset: Charset,
        mode: LexMode,
        text: &[u8],
        from: usize,
        eof: bool,
    ) {
        let (rules, escapes) = (Rules::of(charset), mode.escapes(b'\''));
        if (rules, escapes) == (self.rules, self.escapes) {
            return;
        }
        (self.rules, self.escapes) = (rules, escapes);
        self.bytes.clear();
        if rules.is_some() {
            self.bytes.extend_from_slice(&text[..from]);
            self.extend(text, eof);
        }
    }

    /// More of the text is there; with `eof`, all of it.
    pub(super) fn extend(&mut self, text: &[u8], eof: bool) {
        if let Some(rules) = self.rules {
            extend(rules, self.escapes, text, &mut self.bytes, eof);
        }
    }

    /// The first bytes of the text are gone.
    pub(super) fn forget(&mut self, bytes: usize) {
        self.bytes.drain(..bytes.min(self.bytes.len()));
    }

    /// What the lexer looks at: the text, or the mask as far as it goes.
    pub(super) fn over<'a>(&'a self, text: &'a [u8]) -> &'a [u8] {
        if self.rules.is_some() { &self.bytes } else { text }
    }

    /// A part of the mask, where there is one.
    pub(super) fn part(&self, range: Range<usize>) -> Option<&[u8]> {
        self.rules.and_then(|_| self.bytes.get(range))
    }
}

/// How long characters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Big5,
    /// Of `euckr`, with Microsoft's extension.
    Euckr,
    Gb2312,
    Gbk,
    Gb18030,
    /// `sjis` and `cp932`.
    ShiftJis,
    /// `ujis` and `eucjpms`.
    EucJp,
}

impl Rules {
    /// `None` where each byte is a character, and for UTF-8.
    pub(super) fn of(charset: Charset) -> Option<Self> {
        if charset.class != Class::Wide {
            return None;
        }
        Some(match charset.name {
            "big5" => Self::Big5,
            "euckr" => Self::Euckr,
            "gb2312" => Self::Gb2312,
            "gbk" => Self::Gbk,
            "gb18030" => Self::Gb18030,
            "sjis" | "cp932" => Self::ShiftJis,
            _ => Self::EucJp,
        })
    }

    /// The length of the character of several bytes at the front; 0 where there is none.
    /// `None`: the bytes that decide are not there yet.
    pub(super) fn length(self, bytes: &[u8]) -> Option<usize> {
        let Some(&first) = bytes.first() else { return Some(0) };
        if first < 0x80 {
            return Some(0);
        }
        let two = |lead: bool, trail: fn(u8) -> bool| match (lead, bytes.get(1)) {
            (false, _) => Some(0),
            (true, None) => None,
            (true, Some(&second)) => Some(if trail(second) { 2 } else { 0 }),
        };
        match self {
            Self::Big5 => {
                two(matches!(first, 0xA1..=0xF9), |byte| matches!(byte, 0x40..=0x7E | 0xA1..=0xFE))
            }
            Self::Euckr => two(
                matches!(first, 0x81..=0xFE),
                |byte| matches!(byte, 0x41..=0x5A | 0x61..=0x7A | 0x81..=0xFE),
            ),
            Self::Gb2312 => two(matches!(first, 0xA1..=0xF7), |byte| matches!(byte, 0xA1..=0xFE)),
            Self::Gbk => two(matches!(first, 0x81..=0xFE), gbk_trail),
            Self::Gb18030 => gb18030(bytes),
            Self::ShiftJis => two(
                matches!(first, 0x81..=0x9F | 0xE0..=0xFC),
                |byte| matches!(byte, 0x40..=0x7E | 0x80..=0xFC),
            ),
            Self::EucJp => euc_jp(bytes),
        }
    }
}

fn gbk_trail(byte: u8) -> bool {
    matches!(byte, 0x40..=0x7E | 0x80..=0xFE)
}

fn gb18030(bytes: &[u8]) -> Option<usize> {
    let lead = |byte: u8| matches!(byte, 0x81..=0xFE);
    let digit = |byte: u8| byte.is_ascii_digit();
    if !lead(bytes[0]) {
        return Some(0);
    }
    let second = *bytes.get(1)?;
    if gbk_trail(second) {
        return Some(2);
    }
    if !digit(second) {
        return Some(0);
    }
    let (third, fourth) = (*bytes.get(2)?, bytes.get(3).copied());
    match (lead(third), fourth) {
        (false, _) => Some(0),
        (true, None) => None,
        (true, Some(fourth)) => Some(if digit(fourth) { 4 } else { 0 }),
    }
}

fn euc_jp(bytes: &[u8]) -> Option<usize> {
    let plain = |byte: u8| matches!(byte, 0xA1..=0xFE);
    match bytes[0] {
        0x8E => Some(if matches!(bytes.get(1)?, 0xA1..=0xDF) { 2 } else { 0 }),
        0x8F if !plain(*bytes.get(1)?) => Some(0),
        0x8F => Some(if plain(*bytes.get(2)?) { 3 } else { 0 }),
        first if plain(first) => Some(if plain(*bytes.get(1)?) { 2 } else { 0 }),
        _ => Some(0),
    }
}

/// Extends `mask` over `raw`, from where it ends, as far as it can be known; at the end
/// of the file, to the end.
///
/// Where backslashes escape, one hides the next byte alone, also when that could begin a
/// character: clients escape half characters so.
pub(super) fn extend(rules: Rules, escapes: bool, raw: &[u8], mask: &mut Vec<u8>, eof: bool) {
    while let Some(rest) = raw.get(mask.len()..).filter(|rest| !rest.is_empty()) {
        let plain = rest.iter().position(|&byte| byte >= 0x80 || byte == b'\\');
        let plain = plain.unwrap_or(rest.len());
        mask.extend_from_slice(&rest[..plain]);
        let rest = &rest[plain..];
        match rest {
            [] => return,
            [b'\\', _, ..] if escapes => mask.extend_from_slice(&rest[..2]),
            [b'\\'] if escapes && !eof => return,
            [b'\\', ..] => mask.push(b'\\'),
            [first, ..] => match rules.length(rest) {
                Some(0) => mask.push(*first),
                Some(length) => mask.resize(mask.len() + length, MASKED),
                None if eof => mask.push(*first),
                None => return,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(charset: &str, escapes: bool, raw: &[u8]) -> Vec<u8> {
        let rules = Rules::of(Charset::of(charset).unwrap()).unwrap();
        let mut whole = Vec::new();
        extend(rules, escapes, raw, &mut whole, true);
        // It does not depend on how much is there at once.
        let mut parts = Vec::new();
        for end in 0..raw.len() {
            extend(rules, escapes, &raw[..end], &mut parts, false);
            assert_eq!(parts, whole[..parts.len()]);
        }
        extend(rules, escapes, raw, &mut parts, true);
        assert_eq!(parts, whole);
        assert_eq!(whole.len(), raw.len());
        whole
    }

    #[test]
    fn a_backslash_within_a_character_is_hidden() {
        assert_eq!(mask("gbk", true, b"'\xD5\x5C'"), b"'\x80\x80'");
        assert_eq!(mask("sjis", true, b"`\x95\x5C\xB1`"), b"`\x80\x80\xB1`");
        assert_eq!(mask("big5", true, b"\xA5\x5C\\'"), b"\x80\x80\\'");
        assert_eq!(mask("gb18030", true, b"\x81\x30\x81\x30\xD6\x7C"), [0x80; 6]);
        assert_eq!(mask("eucjpms", true, b"\x8F\xA1\xA1\x8E\xB1\\"), b"\x80\x80\x80\x80\x80\\");
        assert_eq!(mask("gb2312", true, b"\xD5\x5C"), b"\xD5\x5C");
        assert_eq!(mask("euckr", true, b"\xB0\x5B\xB0\x41"), b"\xB0\x5B\x80\x80");
    }

    #[test]
    fn a_backslash_hides_one_byte() {
        // How clients write the bytes D6 27.
        assert_eq!(mask("gbk", true, b"'\\\xD6\\''"), b"'\\\xD6\\''");
        assert_eq!(mask("gbk", false, b"'\\\xD6\\''"), b"'\\\x80\x80''");
        assert_eq!(mask("gbk", true, b"\\\\\xD6\xD0"), b"\\\\\x80\x80");
        assert_eq!(mask("gbk", true, b"\xD6'"), b"\xD6'");
        assert_eq!(mask("gbk", true, b"a\\"), b"a\\");
    }
}
