//! Stands in for the dump engine's own writer of literals, with its signature.

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As they come.
    Number,
    /// In quotes, or as hexadecimal where a client would touch them.
    Text,
    /// As hexadecimal.
    Bytes,
}

/// Writes a value as a literal.
pub fn write(kind: Kind, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else { return out.extend_from_slice(b"NULL") };
    let touched = |&byte: &u8| byte == b'\\' || (byte < b' ' && byte != b'\n' && byte != b'\t');
    match kind {
        Kind::Number => out.extend_from_slice(value),
        Kind::Text if !value.iter().any(touched) => {
            out.push(b'\'');
            for &byte in value {
                out.push(byte);
                if byte == b'\'' {
                    out.push(byte);
                }
            }
            out.push(b'\'');
        }
        Kind::Bytes if value.is_empty() => out.extend_from_slice(b"''"),
        _ => {
            let prefix: &[u8] = if kind == Kind::Text { b"_utf8mb4 0x" } else { b"0x" };
            out.extend_from_slice(prefix);
            out.extend(value.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()));
        }
    }
}
