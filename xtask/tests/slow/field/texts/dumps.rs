//! Dumps that the dump programs write in other character sets: each comes back value by
//! value, raw bytes included.

use mysql::prelude::Queryable as _;

use super::{beside, each, file, said};
use crate::hostile::capture::Capture;
use crate::hostile::client;
use crate::support::Sandbox;

/// A character set, and words in it. In those of several bytes, with a backslash or a
/// backtick among the bytes.
const SETS: [(&str, &[&str]); 12] = [
    ("latin1", &["größe €", "naïve ÿ", "\u{81}"]),
    ("latin2", &["zażółć", "Łódź"]),
    ("cp1251", &["Привет", "яЁ"]),
    ("koi8r", &["Привет"]),
    ("cp850", &["größe", "┌┐"]),
    ("gbk", &["中文", "誠", "確認", "价`格"]),
    ("gb18030", &["中文", "誠", "💩", "€"]),
    ("big5", &["功能", "許蓋", "中文"]),
    ("sjis", &["表示", "ソ十", "ｱｲｳ"]),
    ("cp932", &["表示", "①", "～"]),
    ("euckr", &["가나다", "한국"]),
    ("ujis", &["表示", "ｱｲｳ"]),
];

/// Every byte, and pairs that begin a character and do not end it.
fn bytes() -> Vec<u8> {
    let mut all: Vec<u8> = (0..=255).collect();
    for lead in [0x81, 0x8F, 0x95, 0xA1, 0xD6, 0xE9, 0xFE] {
        all.extend([lead, b'\'', lead, b'\\', lead, b'\\', b'\'', lead, b'`', lead, b'"', lead, 0]);
    }
    all.extend("größe 中文 🙂".as_bytes());
    all
}

/// Whether the server has the character set.
fn fill(sandbox: &Sandbox, charset: &str, words: &[&str]) -> bool {
    let mut root = sandbox.root();
    for statement in ["DROP TABLE IF EXISTS t", "DROP VIEW IF EXISTS v"] {
        root.query_drop(statement).unwrap();
    }
    let first = words[0];
    let made = root.query_drop(format!(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(40) DEFAULT '{first}' \
         COMMENT '{first}', own VARCHAR(40) CHARACTER SET {charset}, e ENUM('x', '{first}'), \
         b BLOB, v VARBINARY(900), bi BINARY(3), bit9 BIT(9), j JSON, UNIQUE KEY k (own)) DEFAULT CHARSET = utf8mb4"
    ));
    match made {
        Err(mysql::Error::MySqlError(error)) if error.code == 1115 => return false,
        other => other.unwrap(),
    }
    for (at, word) in words.iter().enumerate() {
        let json = format!("{{\"{word}\": [\"a'b\\\\\\\\\", \"{word}\"]}}");
        root.exec_drop(
            "INSERT INTO t (s, own, e, b, v, bi, bit9, j) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                format!("{word}'\\\"\n\t;{word}"),
                *word,
                first,
                bytes(),
                &bytes()[at..],
                [0xD6, b'\\', 0xFF],
                vec![1_u8, 0xD6],
                json,
            ),
        )
        .unwrap();
    }
    root.query_drop("INSERT INTO t (own) VALUES (NULL), ('ascii')").unwrap();
    root.query_drop("CREATE VIEW v AS SELECT id, s FROM t").unwrap();
    true
}

/// The dump with these options comes back, or why it does not.
fn comes_back(
    sandbox: &Sandbox,
    charset: &str,
    more: &[&str],
    before: &Capture,
) -> Result<(), String> {
    let option = format!("--default-character-set={charset}");
    let mut args: Vec<&str> = vec![&option];
    args.extend(more);
    args.push(&sandbox.schema);
    let text = client::dump(sandbox, &args);
    let at = file(sandbox, &format!("{charset}.sql"), &text);
    let into = format!("{}__look", sandbox.schema);
    for args in [
        &["db-verify", &at, "--level", "file"][..],
        &["db-verify", &at, "--threads", "1"],
        &["db-restore", &at, "--into", &into, "--yes", "--threads", "3"],
    ] {
        let done = sandbox.xtask(args);
        if done.code != Some(0) {
            return Err(format!("{args:?}: {}", said(&done)));
        }
    }
    let after = Capture::of(&mut sandbox.root(), &into);
    sandbox.sql(&format!("DROP DATABASE `{into}`"));
    let differences = before.differences(&after);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

#[test]
fn dumps_in_other_character_sets_come_back() {
    each("sets", |sandbox| {
        let mut failed = Vec::new();
        for (charset, words) in SETS {
            if !fill(sandbox, charset, words) {
                continue;
            }
            let before = Capture::of(&mut sandbox.root(), &sandbox.schema);
            for more in [&["--hex-blob"][..], &[]] {
                let what = format!("{} {charset} {more:?}", sandbox.server().flavour);
                let done = comes_back(sandbox, charset, more, &before);
                // mysqldump does not escape half characters there, and no reader, the
                // server neither, finds the quotes of such a file.
                let broken = charset == "gb18030" && more.is_empty();
                match done {
                    Err(why) if broken => assert!(why.contains("--hex-blob"), "{what}: {why}"),
                    Err(why) => failed.push(format!("{what}: {why}")),
                    Ok(()) => {}
                }
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    });
}

/// What the client that the dump is of would have loaded.
#[test]
fn a_whole_file_in_one_character_set_loads() {
    each("whole", |sandbox| {
        for (charset, bytes, text) in [
            ("gbk", &b"\xD6\xD0\xD5\x5C"[..], "中誠"),
            ("big5", b"\xA5\x5C\xAF\xE0", "功能"),
            ("sjis", b"\x95\x5C\x8E\xA6", "表示"),
            ("latin1", b"caf\xE9 \x80", "café €"),
            ("cp1251", b"\xCF\xF0\xE8", "При"),
        ] {
            let head = format!("-- MySQL dump 10.13\n/*!40101 SET NAMES {charset} */;\n");
            let table = format!(
                "CREATE TABLE `t` (`id` int(11) NOT NULL, `s` varchar(20) DEFAULT NULL, PRIMARY KEY \
                 (`id`)) ENGINE=InnoDB DEFAULT CHARSET={charset};\nINSERT INTO `t` VALUES (1,'"
            );
            let end = b"'),(2,NULL);\n-- Dump completed on 2026-01-01  1:00:00\n";
            let whole = [head.as_bytes(), table.as_bytes(), bytes, end].concat();
            let at = file(sandbox, &format!("{charset}.sql"), &whole);
            let (into, _) = beside(sandbox, &at, &[]);
            let read = |into: &str| -> Option<String> {
                let sql = format!("SELECT s FROM `{into}`.t WHERE id = 1");
                sandbox.root().query_first(sql).unwrap()
            };
            assert_eq!(read(&into).as_deref(), Some(text), "{charset}");
            // Without the line that says so, a person has to.
            let bare = [table.as_bytes(), bytes, end].concat();
            let at = file(sandbox, &format!("{charset}-bare.sql"), &bare);
            let done = sandbox.xtask(&["db-verify", &at]);
            assert_eq!(done.code, Some(21), "{}", said(&done));
            assert!(said(&done).contains("--charset"), "{}", said(&done));
            let (into, _) = beside(sandbox, &at, &["--charset", charset]);
            assert_eq!(read(&into).as_deref(), Some(text), "{charset}");
            sandbox.sql(&format!("DROP DATABASE `{into}`"));
        }
    });
}
