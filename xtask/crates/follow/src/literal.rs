//! Keys as the log gives them, as SQL.

use std::fmt::Write as _;

use binlog::KeyValue;

/// A key as a row of literals, `(1,x'61')`, for a session in UTC. Text has the bytes of its
/// column's own character set, which a literal without one keeps.
pub(crate) fn row(key: &[KeyValue]) -> String {
    let mut out = String::from("(");
    for (at, value) in key.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match value {
            KeyValue::Bytes(bytes) => {
                out.push_str("x'");
                for byte in bytes {
                    // A String takes everything.
                    let _ = write!(out, "{byte:02X}");
                }
                out.push('\'');
            }
            KeyValue::Moment(text) | KeyValue::Decimal(text) => {
                let _ = write!(out, "'{text}'");
            }
            number => {
                let _ = write!(out, "{number}");
            }
        }
    }
    out.push(')');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_bytes() {
        let key = [
            KeyValue::Signed(-3),
            KeyValue::Bytes(b"a'\\".to_vec()),
            KeyValue::Moment("2026-11-30 01:02:03.5".to_owned()),
            KeyValue::Index(2),
            KeyValue::Bytes(Vec::new()),
        ];
        assert_eq!(row(&key), "(-3,x'61275C','2026-11-30 01:02:03.5',2,x'')");
    }
}
