//! Every character of every character set that is converted is the one that the servers
//! read.

use mysql::Conn;
use mysql::prelude::Queryable as _;
use sql::charset::Charset;
use sql::decoder::Decoder;

use crate::support::{Server, require};

const SETS: [&str; 26] = [
    "latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256", "cp1257", "greek",
    "hebrew", "koi8r", "koi8u", "cp866", "macroman", "tis620", "cp850", "cp852", "gbk", "gb2312",
    "gb18030", "big5", "sjis", "cp932", "euckr", "ujis", "eucjpms",
];

/// Everything that could be one character.
fn candidates(name: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0x80..=0xFF).map(|byte| vec![byte]).collect();
    let wide = matches!(
        name,
        "gbk" | "gb2312" | "gb18030" | "big5" | "sjis" | "cp932" | "euckr" | "ujis" | "eucjpms"
    );
    if wide {
        all.extend((0x81..=0xFE_u8).flat_map(|a| (0x40..=0xFE).map(move |b| vec![a, b])));
    }
    if matches!(name, "ujis" | "eucjpms") {
        let three = (0xA1..=0xFE_u8).flat_map(|a| (0xA1..=0xFE).map(move |b| vec![0x8F, a, b]));
        all.extend(three);
    }
    if name == "gb18030" {
        // All of the first plane, and some of the others.
        let four = |number: u32| {
            let digit = |by: u32, of: u32, from: u32| {
                u8::try_from(number / by % of + from).expect("a byte")
            };
            vec![
                digit(12600, 126, 0x81),
                digit(1260, 10, 0x30),
                digit(10, 126, 0x81),
                digit(1, 10, 0x30),
            ]
        };
        all.extend((0..39420).map(four));
        all.extend((189_000..1_237_576).step_by(997).map(four));
    }
    all
}

/// What the server reads; `None`: it knows no such character.
fn server_reads(conn: &mut Conn, name: &str, all: &[Vec<u8>]) -> Option<Vec<Option<String>>> {
    conn.query_drop("SET sql_mode = ''").unwrap();
    conn.query_drop("CREATE TEMPORARY TABLE mysql.codes (n INT PRIMARY KEY, b VARBINARY(4))").ok();
    conn.query_drop("DELETE FROM mysql.codes").unwrap();
    for (part, chunk) in all.chunks(5000).enumerate() {
        let rows: Vec<String> = chunk
            .iter()
            .enumerate()
            .map(|(at, bytes)| format!("({},0x{})", part * 5000 + at, model::hash::hex(bytes)))
            .collect();
        conn.query_drop(format!("INSERT INTO mysql.codes VALUES {}", rows.join(","))).unwrap();
    }
    let asked = conn.query(format!(
        "SELECT HEX(CONVERT(CONVERT(b USING {name}) USING utf8mb4)) FROM mysql.codes ORDER BY n"
    ));
    let found: Vec<Option<String>> = match asked {
        Ok(found) => found,
        // MariaDB has no gb18030.
        Err(mysql::Error::MySqlError(error)) if error.code == 1115 => return None,
        Err(error) => panic!("{name}: {error}"),
    };
    assert_eq!(found.len(), all.len());
    Some(found)
}

/// Whether a server read characters, and no `?` or U+FFFD for what it does not know.
fn known(hex: &str) -> bool {
    let bytes: Vec<&[u8]> = hex.as_bytes().chunks(2).collect();
    !hex.is_empty() && !bytes.contains(&b"3F".as_slice()) && !hex.contains("EFBFBD")
}

#[test]
fn every_character_is_the_servers() {
    let mut wrong = Vec::new();
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let mut conn = server.root();
        for name in SETS {
            let mut decoder = Decoder::of(Charset::of(name).unwrap()).unwrap();
            let all = candidates(name);
            let Some(theirs) = server_reads(&mut conn, name, &all) else { continue };
            let (mut same, mut missing) = (0, 0);
            for (bytes, theirs) in all.iter().zip(theirs) {
                let known = theirs.filter(|hex| known(hex));
                // Bytes that are no pair can be two characters.
                let ours = decoder.read(bytes).ok();
                let ours = ours.map(|text| model::hash::hex(text.as_bytes()));
                match (&ours, &known) {
                    (Some(ours), Some(theirs)) if ours.eq_ignore_ascii_case(theirs) => same += 1,
                    (Some(ours), Some(theirs)) => wrong.push(format!(
                        "{kind} {name} {}: {ours}, the server {theirs}",
                        model::hash::hex(bytes)
                    )),
                    (None, Some(_)) => missing += 1,
                    _ => {}
                }
            }
            // What is refused is rare: characters of users and of vendors, and halves of some.
            if same < 60 || missing * 3 > same {
                wrong.push(format!("{kind} {name}: {same} the same, {missing} missing"));
            }
        }
    }
    if let Some(path) = sys::env::var("XTASK_CHARACTERS") {
        sys::fs::write_durably(std::path::Path::new(&path), wrong.join("\n").as_bytes()).unwrap();
    }
    assert!(wrong.is_empty(), "{} differ: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
}
