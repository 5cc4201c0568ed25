//! Values read as the server sends them, and digests that do not depend on
//! how a dump groups its rows.

use proptest::prelude::*;

use crate::tuple::{Layout, Place, rows};
use crate::{LexMode, RowHasher, read_dump};
use model::digest::ContentDigest;

fn digest_of(values: &str, layout: &Layout) -> anyhow::Result<ContentDigest> {
    let mut digest = ContentDigest::default();
    let place = Place { table: "t", line: 7 };
    let mut hasher = RowHasher::default();
    let mode = LexMode::default();
    rows(values.as_bytes(), 0, mode, layout, place, &mut hasher, &mut digest)?;
    Ok(digest)
}

fn expected(rows: &[Vec<Option<Vec<u8>>>]) -> ContentDigest {
    let mut digest = ContentDigest::default();
    let mut hasher = RowHasher::default();
    for row in rows {
        hasher.begin();
        row.iter().for_each(|value| hasher.value(value.as_deref()));
        digest.add_row(hasher.finish());
    }
    digest
}

fn one(literal: &str) -> Option<Vec<u8>> {
    let candidates = |bytes: Option<Vec<u8>>| expected(&[vec![bytes]]);
    let found = digest_of(&format!("({literal})"), &Layout::identity(1)).unwrap();
    let table: &[(&str, Option<&[u8]>)] = &[
        ("NULL", None),
        ("null", None),
        ("''", Some(b"")),
        (r"'a\0\'\b\n\r\t\Z\\\%\_\x\''", Some(b"a\0'\x08\n\r\t\x1a\\\\%\\_x'")),
        ("'it''s'", Some(b"it's")),
        ("\"a\"\"b'\"", Some(b"a\"b'")),
        ("_binary 'ab'", Some(b"ab")),
        ("_binary '\\0'", Some(b"\0")),
        ("_utf8mb4'ab'", Some(b"ab")),
        ("_binary 0x4142", Some(b"AB")),
        ("0x4142", Some(b"AB")),
        ("0xabc", Some(b"\x0a\xbc")),
        ("x'4142'", Some(b"AB")),
        ("X''", Some(b"")),
        ("b'101010101010'", Some(b"\x0a\xaa")),
        ("0b1", Some(b"\x01")),
        ("-1.5", Some(b"-1.5")),
        ("1e10", Some(b"1e10")),
        ("1.5e-7", Some(b"1.5e-7")),
        ("00042", Some(b"00042")),
        (".5", Some(b".5")),
        ("TRUE", Some(b"1")),
        ("false", Some(b"0")),
    ];
    let (_, value) = table.iter().find(|(text, _)| *text == literal).expect(literal);
    let value = value.map(<[u8]>::to_vec);
    assert_eq!(found, candidates(value.clone()), "{literal}");
    value
}

#[test]
fn every_literal_reads_as_the_server_sends_it() {
    for literal in [
        "NULL",
        "null",
        "''",
        r"'a\0\'\b\n\r\t\Z\\\%\_\x\''",
        "'it''s'",
        "\"a\"\"b'\"",
        "_binary 'ab'",
        "_binary '\\0'",
        "_utf8mb4'ab'",
        "_binary 0x4142",
        "0x4142",
        "0xabc",
        "x'4142'",
        "X''",
        "b'101010101010'",
        "0b1",
        "-1.5",
        "1e10",
        "1.5e-7",
        "00042",
        ".5",
        "TRUE",
        "false",
    ] {
        one(literal);
    }
}

#[test]
fn anything_else_is_refused_with_its_place() {
    for bad in [
        "(1,2)",
        "()",
        "(NOW())",
        "(1+1)",
        "(1",
        "('a",
        "('a\\",
        "(1) ON DUPLICATE KEY UPDATE a=1",
        "(1),",
        "(1) (2)",
        "(0x)",
        "(0xg)",
        "(x'4')",
        "(b'2')",
        "(1e)",
        "(-)",
        "((SELECT 1))",
        "(DEFAULT)",
        "('a' 'b')",
        "(_latin1'a')",
        "(@x)",
        "(1 /* x */)",
        "(\\N)",
        "(TRUES)",
        "(TRUE+1)",
        "(NULLX)",
    ] {
        let error = digest_of(bad, &Layout::identity(1)).expect_err(bad).to_string();
        assert!(error.starts_with("line 7: table t, row "), "{bad}: {error}");
    }
    let error = digest_of("(1),\n(x)", &Layout::identity(1)).unwrap_err().to_string();
    assert!(error.starts_with("line 8: table t, row 2 "), "{error}");
}

#[test]
fn layout_leaves_out_and_reorders() {
    let row =
        |values: &[&str]| expected(&[values.iter().map(|v| Some(v.as_bytes().to_vec())).collect()]);
    let skip = Layout::new(vec![Some(0), None, Some(1)], 2).unwrap();
    assert_eq!(digest_of("(1,'g',2)", &skip).unwrap(), row(&["1", "2"]));
    let turn = Layout::new(vec![Some(1), None, Some(0)], 2).unwrap();
    assert_eq!(digest_of("(1,'g',2)", &turn).unwrap(), row(&["2", "1"]));
    assert!(Layout::new(vec![Some(0)], 2).is_none());
    assert!(Layout::new(vec![Some(0), Some(0)], 1).is_none());
    assert_eq!(digest_of("(),()", &Layout::identity(0)).unwrap().rows, 2);
}

fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for &byte in bytes {
        let letter = match byte {
            0 => b'0',
            b'\n' => b'n',
            b'\r' => b'r',
            26 => b'Z',
            b'\'' | b'"' | b'\\' => byte,
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend([b'\\', letter]);
    }
    out.push(b'\'');
    out
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        2 => "[;'\"`\\\\(),#/*é\n-]{0,20}".prop_map(|text| Some(text.into_bytes())),
    ]
}

fn literal(value: &Option<Vec<u8>>, hex: bool) -> Vec<u8> {
    match value {
        None => b"NULL".to_vec(),
        Some(bytes) if hex && !bytes.is_empty() => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("0x{digits}").into_bytes()
        }
        Some(bytes) => escape(bytes),
    }
}

fn dump(rows: &[Vec<Option<Vec<u8>>>], group: usize, hex: bool) -> Vec<u8> {
    let mut out = b"CREATE TABLE `t` (`a` blob, `b` blob);\n".to_vec();
    for chunk in rows.chunks(group) {
        let tuples: Vec<Vec<u8>> = chunk
            .iter()
            .map(|row| {
                let values: Vec<Vec<u8>> = row.iter().map(|value| literal(value, hex)).collect();
                [b"(".as_slice(), &values.join(&b','), b")"].concat()
            })
            .collect();
        out.extend_from_slice(b"INSERT INTO `t` (`a`, `b`) VALUES ");
        out.extend_from_slice(&tuples.join(&b",\n"[..]));
        out.extend_from_slice(b";\n");
    }
    out
}

proptest! {
    #[test]
    fn digest_is_of_the_rows_alone(
        list in prop::collection::vec(prop::collection::vec(value(), 2), 0..12),
        group in 1_usize..5,
        hex in any::<bool>(),
        turn in 0_usize..12,
    ) {
        let mut turned = list.clone();
        turned.rotate_left(if list.is_empty() { 0 } else { turn % list.len() });
        let seen = read_dump(dump(&turned, group, hex).as_slice(), &mut |_, _| Ok(())).unwrap();
        prop_assert_eq!(seen.tables["t"].digest, expected(&list));
        prop_assert_eq!(seen.rows, list.len() as u64);
        prop_assert!(seen.tables["t"].incomparable.is_none());
    }

    #[test]
    fn no_values_panic(text in "[('a\\\\0xb1e.,)N\"_-]{0,40}") {
        let _ = digest_of(&text, &Layout::identity(2));
    }
}
