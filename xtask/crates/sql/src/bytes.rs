//! The bytes of a literal, one by one: where a string ends, what an escape and a
//! hexadecimal digit stand for.

/// Offset of the next quote or backslash. Most strings are short: look at the
/// first bytes directly before paying for a vector search.
#[inline]
pub(super) fn special(rest: &[u8], quote: u8, escapes: bool) -> Option<usize> {
    let near = rest.len().min(16);
    for (at, &byte) in rest[..near].iter().enumerate() {
        if byte == quote || byte == b'\\' && escapes {
            return Some(at);
        }
    }
    let far = &rest[near..];
    let found =
        if escapes { memchr::memchr2(quote, b'\\', far) } else { memchr::memchr(quote, far) };
    found.map(|at| at + near)
}

#[inline]
pub(super) fn unescape(byte: u8, out: &mut Vec<u8>) {
    let plain = match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        // Kept for LIKE: the server leaves the backslash in the string.
        b'%' | b'_' => {
            out.push(b'\\');
            byte
        }
        other => other,
    };
    out.push(plain);
}

#[inline]
pub(super) fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}
