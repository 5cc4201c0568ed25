//! Files that are no dump, or not all of one.

use std::io::Write as _;

use super::{beside, each, file, said};
use crate::hostile::client;
use crate::support::Sandbox;

fn gz(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

fn tar(name: &str, text: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[257..262].copy_from_slice(b"ustar");
    head.extend_from_slice(text);
    head.resize(head.len().div_ceil(512) * 512 + 1024, 0);
    head
}

/// Each way to use it says what it is, and what to do.
fn demand(sandbox: &Sandbox, name: &str, bytes: &[u8], words: &[&str]) {
    let at = file(sandbox, name, bytes);
    for args in [
        &["db-verify", &at, "--level", "file"][..],
        &["db-verify", &at],
        &["db-restore", &at, "--yes"],
    ] {
        let done = sandbox.xtask(args);
        let said = said(&done);
        assert!(matches!(done.code, Some(21 | 40)), "{name} {args:?}: {:?}\n{said}", done.code);
        for word in words {
            assert!(said.contains(word), "{name} {args:?}: no {word:?} in\n{said}");
        }
        assert!(!said.contains("db-list"), "{name} {args:?}\n{said}");
    }
}

#[test]
fn what_is_no_dump_is_named() {
    each("kinds", |sandbox| {
        sandbox.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
        let text = client::dump(sandbox, &[&sandbox.schema]);
        let packed = gz(&tar("dump.sql", &text));
        let warned = [b"mysqldump: [Warning] Using a password\n".as_slice(), &text].concat();
        for (name, bytes, words) in [
            ("empty.sql", &b""[..], &["is empty", "exit code"][..]),
            ("blank.sql", b"\n\n", &["blanks"]),
            ("a.sql.bz2", b"BZh91AY&SY..", &["bzip2", "bunzip2"]),
            ("a.sql.xz", b"\xFD7zXZ\0..", &["xz", "xz -d"]),
            ("a.zip", b"PK\x03\x04....", &["ZIP", "unzip"]),
            ("a.7z", b"7z\xBC\xAF\x27\x1C..", &["7z"]),
            ("a.rar", b"Rar!\x1A\x07..", &["RAR"]),
            ("a.tar.gz", &packed, &["tar archive", "tar -xf"]),
            ("login.sql", b"<!DOCTYPE html><html><body>Login</body></html>", &["web page"]),
            (
                "error.sql",
                b"mysqldump: Got error: 1045: Access denied for user 'x'@'localhost'\n",
                &["error message", "1045"],
            ),
            (
                "banner.sql",
                b"Welcome to the MySQL monitor.  Commands end with ; or \\g.\n",
                &["interactive client", "mysqldump"],
            ),
            ("warned.sql", &warned, &["message of the dump program", "line 1"]),
            ("cut.sql.gz", &gz(&text)[..200], &["incomplete deflate stream", "again"]),
        ] {
            demand(sandbox, name, bytes, words);
        }
        let (half, rest) = text.split_at(text.len() / 2);
        let at = file(sandbox, "two.sql.gz", &[gz(half), gz(rest)].concat());
        let (into, _) = beside(sandbox, &at, &[]);
        sandbox.sql(&format!("DROP DATABASE `{into}`"));
    });
}
