//! What the dump engine writes for a value is read back as that value, in every
//! mode and whatever stands around it.

use crate::tuple::{Layout, Place, rows};
use crate::{Form, LexMode, RowHasher, Scanner};
use model::digest::ContentDigest;
use rowtext::literal::{Kind, write};

/// A value and how it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The kind of its column.
    pub kind: Kind,
    /// The value as the server's text protocol sends it.
    pub value: Option<Vec<u8>>,
}

impl Case {
    pub fn literal(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self.kind, self.value.as_deref(), &mut out);
        out
    }
}

/// Values cut out of any bytes: one byte says of what kind each is, one how long.
/// Text may be no UTF-8; a server would refuse it, a writer must not.
pub fn cases(mut input: &[u8]) -> Vec<Case> {
    let mut cases = Vec::new();
    while let [kind, len, rest @ ..] = input {
        // From 192 on in steps, so that long values come up, too.
        let len = usize::from(*len);
        let len = if len < 192 { len } else { (len - 191) * 100 };
        let (value, rest) = rest.split_at(len.min(rest.len()));
        input = rest;
        cases.push(match kind % 8 {
            0 => Case { kind: KINDS[len % 4], value: None },
            1 => number(value),
            2 | 3 => Case { kind: Kind::Bytes, value: Some(value.to_vec()) },
            _ => Case { kind: Kind::Text, value: Some(value.to_vec()) },
        });
    }
    cases
}

pub const KINDS: [Kind; 4] = [Kind::Number, Kind::Double, Kind::Text, Kind::Bytes];

/// Some number as a server writes one: an integer, a decimal or a DOUBLE.
fn number(bytes: &[u8]) -> Case {
    let mut eight = [0; 8];
    let (form, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let len = bytes.len().min(8);
    eight[..len].copy_from_slice(&bytes[..len]);
    let bits = u64::from_le_bytes(eight);
    let (kind, text) = match form % 4 {
        0 => (Kind::Number, bits.to_string()),
        1 => (Kind::Number, (bits as i64).to_string()),
        2 => (Kind::Number, format!("{}.{:030}", bits as i64, bits)),
        _ => (Kind::Double, double(f64::from_bits(bits))),
    };
    Case { kind, value: Some(text.into_bytes()) }
}

fn double(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        // A server shows the sign of a negative zero, and no exponent.
        return if value.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    format!("{value:e}")
}

/// Writes the values as rows of an INSERT, and reads them back.
///
/// # Panics
/// They are others then, or the INSERT is no single statement.
pub fn escaper(input: &[u8]) {
    let cases = cases(input);
    if cases.is_empty() {
        return;
    }
    let mut statement = b"INSERT INTO `t` VALUES ".to_vec();
    let values_at = statement.len();
    let mut expected = ContentDigest::default();
    let mut hasher = RowHasher::default();
    // The same row forwards and backwards: each literal has other neighbours.
    let forwards: Vec<&Case> = cases.iter().collect();
    let backwards: Vec<&Case> = cases.iter().rev().collect();
    for (at, row) in [forwards, backwards].into_iter().enumerate() {
        statement.extend_from_slice(if at == 0 { b"(" } else { b",(" });
        hasher.begin();
        for (place, case) in row.into_iter().enumerate() {
            if place > 0 {
                statement.push(b',');
            }
            write(case.kind, case.value.as_deref(), &mut statement);
            hasher.value(case.value.as_deref());
        }
        statement.push(b')');
        expected.add_row(hasher.finish());
    }
    for mode in modes() {
        demand_rows(&statement, values_at, mode, cases.len(), &expected);
    }
    demand_one_statement(&statement);
}

/// Every way in which a reader's `sql_mode` can take strings.
fn modes() -> [LexMode; 4] {
    let mode = |ansi_quotes, no_backslash_escapes| LexMode { ansi_quotes, no_backslash_escapes };
    [mode(false, false), mode(false, true), mode(true, false), mode(true, true)]
}

fn demand_rows(
    statement: &[u8],
    at: usize,
    mode: LexMode,
    columns: usize,
    expected: &ContentDigest,
) {
    let mut found = ContentDigest::default();
    let mut hasher = RowHasher::default();
    let place = Place { table: "t", line: 1 };
    let layout = Layout::identity(columns);
    let read = rows(statement, at, mode, &layout, place, &mut hasher, &mut found);
    match read {
        Ok(count) => assert_eq!(count, 2, "{mode:?}"),
        Err(error) => panic!("{mode:?}: {error:#}: {}", String::from_utf8_lossy(statement)),
    }
    assert!(found == *expected, "{mode:?}: {}", String::from_utf8_lossy(statement));
}

/// The mysql client, whose reading the scanner follows, sends it as it is.
fn demand_one_statement(statement: &[u8]) {
    let mut file = statement.to_vec();
    file.extend_from_slice(b";\nSELECT 1;\n");
    let mut scanner = Scanner::new(&*file);
    let first = scanner.next();
    match first {
        Ok(Some(item)) => {
            assert_eq!(item.form, Form::Sql);
            assert_eq!(item.text, statement);
            assert!(!item.stray_backslash);
        }
        other => panic!("no statement but {other:?}"),
    }
    let second = scanner.next();
    assert!(
        matches!(&second, Ok(Some(item)) if item.text == b"SELECT 1"),
        "what follows is {second:?}"
    );
}
