//! Every literal that the dump engine can write, read by the servers themselves.

use mysql::prelude::Queryable as _;
use mysql::{Conn, Value};
use rows::native::literal::Kind;
use sql::properties::{Case, KINDS, cases};
use sys::fs;

use super::random::Random;
use crate::support::{Server, require};

/// How many inputs are made beside the corpus.
const INPUTS: u64 = 60;
/// What a session's `sql_mode` may be when a dump is loaded.
const MODES: [&str; 5] = [
    "",
    "ANSI_QUOTES",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES",
    "ANSI,TRADITIONAL,IGNORE_SPACE,HIGH_NOT_PRECEDENCE",
];
/// Values in one statement.
const BATCH: usize = 400;

#[test]
fn a_server_reads_each_literal_as_the_value_it_was_written_for() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let all = all_cases();
        for kind in KINDS {
            let count = all.iter().filter(|case| case.kind == kind && case.value.is_some()).count();
            assert!(count > 50, "only {count} values are of the kind {kind:?}");
        }
        let mut root = server.root();
        for mode in MODES {
            root.query_drop(format!("SET NAMES utf8mb4, sql_mode = '{mode}'")).unwrap();
            for batch in all.chunks(BATCH) {
                demand_read(&mut root, batch, &format!("{kind}, {mode}"));
            }
        }
    }
}

/// The corpus, random bytes, and every single byte and pair with something special.
fn all_cases() -> Vec<Case> {
    let mut inputs = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let corpus = root.join("xtask/fuzz/corpus/escaper");
    for name in fs::names(&corpus).unwrap() {
        inputs.push(std::fs::read(corpus.join(name)).unwrap());
    }
    assert!(inputs.len() >= 10, "the corpus is gone");
    inputs.extend((1..=INPUTS).map(|seed| Random::new(seed).bytes(2000)));
    // One byte says that a number follows, one how long, one of which form.
    let mut random = Random::new(1);
    for form in (0..4).cycle().take(240) {
        inputs.push([vec![1, 9, form], random.bytes(8)].concat());
    }
    let mut all: Vec<Case> = inputs.iter().flat_map(|input| cases(input)).collect();
    let special = b"'\\\"`\0\n\r\x1a;-#/*%_ a";
    for one in 0..=127 {
        for &other in special {
            for value in [vec![one], vec![one, other], vec![other, one, other]] {
                all.push(Case { kind: Kind::Text, value: Some(value) });
            }
        }
    }
    for byte in 0..=255 {
        all.push(Case { kind: Kind::Bytes, value: Some(vec![byte]) });
        all.push(Case { kind: Kind::Bytes, value: Some(vec![byte, 0, byte]) });
    }
    for case in &mut all {
        // A server that sends text sends text.
        if case.kind == Kind::Text {
            let text = case.value.take();
            case.value = text.map(|it| String::from_utf8_lossy(&it).into_owned().into_bytes());
        }
    }
    all
}

/// Each value as the server has it, in its own kind of column.
fn demand_read(root: &mut Conn, batch: &[Case], what: &str) {
    let mut sql = b"SELECT ".to_vec();
    for (at, case) in batch.iter().enumerate() {
        let comma: &[u8] = if at > 0 { b", " } else { b"" };
        // A number as it is: MySQL's CONCAT rounds the last digit of a constant.
        let (open, close): (&[u8], &[u8]) =
            if is_number(case) { (b"", b"") } else { (b"HEX(", b")") };
        sql.extend([comma, open, &case.literal(), close].concat());
    }
    let sql = String::from_utf8(sql).unwrap();
    let row: mysql::Row =
        root.query_first(&sql).unwrap_or_else(|error| panic!("{what}: {error}: {sql}")).unwrap();
    for (case, have) in batch.iter().zip(row.unwrap()) {
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let want: Option<String> = case.value.as_ref().map(hex);
        let have = match have {
            Value::NULL => None,
            Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap()),
            other => panic!("{what}: {other:?}"),
        };
        if is_number(case) && case.value.is_some() {
            demand_number(case, have.as_deref(), what);
            continue;
        }
        let literal = String::from_utf8_lossy(&case.literal()).into_owned();
        assert!(want == have, "{what}: {literal} was read as {have:?}");
    }
}

/// The same number, if perhaps spelled otherwise: `1e+20` and `1E20`.
fn demand_number(case: &Case, have: Option<&str>, what: &str) {
    let have = have.unwrap();
    let want = String::from_utf8(case.value.clone().unwrap()).unwrap();
    let exact = !want.contains('e');
    let same = if exact { want == have } else { number(&want) == number(have) };
    assert!(same, "{what}: {want} was read as {have}");
}

fn is_number(case: &Case) -> bool {
    matches!(case.kind, Kind::Number | Kind::Double)
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
