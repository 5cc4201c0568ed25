//! Rows as LOAD DATA reads them: tabs between values, a line break behind each row, `\N` for NULL.

use crate::RowHasher;

/// Appends the row that the hasher holds.
pub fn line(hasher: &RowHasher, out: &mut Vec<u8>) {
    for (at, value) in hasher.values().enumerate() {
        if at > 0 {
            out.push(b'\t');
        }
        match value {
            None => out.extend_from_slice(b"\\N"),
            Some(value) => escaped(value, out),
        }
    }
    out.push(b'\n');
}

#[inline]
fn escaped(mut value: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | 0);
    while let Some(at) = value.iter().position(special) {
        out.extend_from_slice(&value[..at]);
        out.push(b'\\');
        out.push(match value[at] {
            b'\t' => b't',
            b'\n' => b'n',
            0 => b'0',
            _ => b'\\',
        });
        value = &value[at + 1..];
    }
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_whatever_is_in_it() {
        let mut hasher = RowHasher::default();
        hasher.begin();
        let values: [Option<&[u8]>; 7] = [
            Some(b"1"),
            None,
            Some(b""),
            Some(b"a\tb\nc\\d\0e\r"),
            Some(b"\\N"),
            Some("é🎬".as_bytes()),
            Some(b"NULL"),
        ];
        values.iter().for_each(|value| hasher.value(*value));
        let mut out = Vec::new();
        line(&hasher, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1\t\\N\t\ta\\tb\\nc\\\\d\\0e\r\t\\\\N\té🎬\tNULL\n"
        );
    }
}
