//! Values as SQL literals that mean the same under every `sql_mode`.
//!
//! With backslashes a literal depends on `NO_BACKSLASH_ESCAPES`, and the `mysql`
//! client swallows a carriage return. So the only thing ever escaped in a quoted
//! string is the quote, by doubling it. A string that holds a backslash or a
//! control character other than tab and line feed is written in hexadecimal,
//! with its character set in front.

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A number, as the server prints it.
    Number,
    /// FLOAT and DOUBLE. As a number, -0 would lose its sign, because the parser reads a
    /// minus in front of the integer 0, and one of many digits would be cut to the
    /// longest DECIMAL.
    Double,
    /// Text in utf8mb4, and dates and times.
    Text,
    /// Bytes without a character set.
    Bytes,
}

impl Kind {
    /// For a column's `DATA_TYPE` and `CHARACTER_SET_NAME` in `information_schema`.
    pub fn of(data_type: &str, charset: Option<&str>) -> Self {
        match data_type.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => {
                Self::Number
            }
            "float" | "double" => Self::Double,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "bit"
            | "geometry" | "point" | "linestring" | "polygon" | "multipoint"
            | "multilinestring" | "multipolygon" | "geomcollection" | "geometrycollection"
            | "vector" => Self::Bytes,
            _ if charset == Some("binary") => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// A DECIMAL has at most 65 digits; a DOUBLE(255,2) can be printed with more.
const LONG_NUMBER: usize = 60;

/// Appends the literal for a value; `None` is NULL.
///
/// ```
/// # use rowtext::literal::{Kind, write};
/// let mut out = Vec::new();
/// write(Kind::Text, Some(b"it's"), &mut out);
/// assert_eq!(out, b"'it''s'");
/// ```
#[inline]
pub fn write(kind: Kind, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else {
        out.extend_from_slice(b"NULL");
        return;
    };
    match kind {
        Kind::Number => out.extend_from_slice(value),
        Kind::Double if value.len() > LONG_NUMBER || value == b"-0" => quoted(value, out),
        Kind::Double => out.extend_from_slice(value),
        Kind::Text => text(value, out),
        Kind::Bytes if value.is_empty() => out.extend_from_slice(b"''"),
        Kind::Bytes => hexadecimal(value, out),
    }
}

#[inline]
fn text(value: &[u8], out: &mut Vec<u8>) {
    match special(value) {
        Special::None => quoted(value, out),
        Special::Quotes => {
            out.push(b'\'');
            let mut rest = value;
            while let Some(at) = memchr::memchr(b'\'', rest) {
                out.extend_from_slice(&rest[..=at]);
                out.push(b'\'');
                rest = &rest[at + 1..];
            }
            out.extend_from_slice(rest);
            out.push(b'\'');
        }
        Special::Other => {
            out.extend_from_slice(b"_utf8mb4 ");
            hexadecimal(value, out);
        }
    }
}

#[inline]
fn quoted(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    out.extend_from_slice(value);
    out.push(b'\'');
}

fn hexadecimal(value: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + value.len() * 2);
    out.extend_from_slice(b"0x");
    for byte in value {
        let pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        out.extend_from_slice(&pair);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    None,
    Quotes,
    Other,
}

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES * 0x80;

/// Whether one of eight bytes is a quote, a backslash or below a blank. May say yes
/// for nothing (a borrow runs into the next byte), never no for something.
#[inline]
fn suspicious(word: u64) -> bool {
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let low = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * 0x27)) | zero(word ^ (ONES * 0x5c)) | low) & HIGHS != 0
}

/// What a string holds that cannot stand between quotes as it is. Most hold nothing:
/// eight bytes are checked together.
#[inline]
fn special(value: &[u8]) -> Special {
    let mut words = value.chunks_exact(8);
    let mut clean = true;
    for word in words.by_ref() {
        // A chunk of eight always converts.
        clean &= !suspicious(u64::from_le_bytes(word.try_into().unwrap_or([0; 8])));
    }
    clean &= !words.remainder().iter().any(|&byte| byte < b' ' || byte == b'\'' || byte == b'\\');
    if clean { Special::None } else { look_closer(value) }
}

#[cold]
fn look_closer(value: &[u8]) -> Special {
    let other = |byte: &u8| *byte == b'\\' || *byte < b' ' && !matches!(byte, b'\t' | b'\n');
    if value.iter().any(other) {
        Special::Other
    } else if value.contains(&b'\'') {
        Special::Quotes
    } else {
        Special::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(kind: Kind, value: &[u8]) -> String {
        let mut out = Vec::new();
        write(kind, Some(value), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn each_kind_has_its_form() {
        assert_eq!(literal(Kind::Number, b"-12.50"), "-12.50");
        assert_eq!(literal(Kind::Double, b"1e308"), "1e308");
        assert_eq!(literal(Kind::Double, b"-0"), "'-0'");
        let long = format!("1{}.00", "0".repeat(100));
        assert_eq!(literal(Kind::Double, long.as_bytes()), format!("'{long}'"));
        assert_eq!(literal(Kind::Text, b""), "''");
        assert_eq!(literal(Kind::Text, "Zo\u{eb}\n\t; -- */".as_bytes()), "'Zo\u{eb}\n\t; -- */'");
        assert_eq!(literal(Kind::Text, b"'12345678''"), "'''12345678'''''");
        assert_eq!(literal(Kind::Text, b"a\\b"), "_utf8mb4 0x615c62");
        assert_eq!(literal(Kind::Text, b"\r"), "_utf8mb4 0x0d");
        assert_eq!(literal(Kind::Bytes, b""), "''");
        assert_eq!(literal(Kind::Bytes, b"\x00\xff'"), "0x00ff27");
        let mut out = Vec::new();
        write(Kind::Text, None, &mut out);
        assert_eq!(out, b"NULL");
    }

    #[test]
    fn a_special_byte_is_seen_at_every_place() {
        for length in 1..40 {
            for at in 0..length {
                for byte in 0..=255_u8 {
                    let mut value = vec![b'x'; length];
                    value[at] = byte;
                    let wanted = match byte {
                        b'\'' => Special::Quotes,
                        b'\\' | 0..=8 | 11..=31 => Special::Other,
                        _ => Special::None,
                    };
                    assert_eq!(special(&value), wanted, "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn types_have_kinds() {
        assert_eq!(Kind::of("BIGINT", None), Kind::Number);
        assert_eq!(Kind::of("longtext", Some("latin1")), Kind::Text);
        assert_eq!(Kind::of("enum", Some("binary")), Kind::Bytes);
        assert_eq!(Kind::of("json", None), Kind::Text);
        assert_eq!(Kind::of("uuid", None), Kind::Text);
        assert_eq!(Kind::of("timestamp", None), Kind::Text);
        assert_eq!(Kind::of("point", None), Kind::Bytes);
    }
}
