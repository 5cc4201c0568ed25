//! Line ends that a transfer in text mode changed.

use mysql::prelude::Queryable as _;

use super::{beside, demand_refused, each, file, said};
use crate::hostile::capture::Capture;
use crate::hostile::{client, schema};
use crate::support::Sandbox;

fn fill(sandbox: &Sandbox) {
    schema::run(
        sandbox,
        "CREATE TABLE t (id INT PRIMARY KEY, s TEXT) DEFAULT CHARSET = utf8mb4
%%
INSERT INTO t VALUES (1, 'a\\nb'), (2, 'c\\r\\nd'), (3, 'e\\rf')
%%
CREATE PROCEDURE p()
BEGIN
  -- a comment
  SELECT 'x';
END
%%
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW
  SET NEW.s = concat(NEW.s,
    'y')",
    );
}

fn windows(text: &[u8]) -> Vec<u8> {
    String::from_utf8(text.to_vec()).unwrap().replace('\n', "\r\n").into_bytes()
}

#[test]
fn the_tools_own_file_is_refused_after_a_transfer_in_text_mode() {
    each("ftp_own", |sandbox| {
        fill(sandbox);
        let done = sandbox.xtask(&["db-backup", "--json", "--compress", "none"]);
        assert_eq!(done.code, Some(0), "{}", said(&done));
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let text = std::fs::read(json["file"].as_str().unwrap()).unwrap();
        let at = file(sandbox, "own.sql", &windows(&text));
        demand_refused(sandbox, &at, &["CR LF", "binary mode"]);
        let at = file(sandbox, "own.sql", &text);
        let (into, _) = beside(sandbox, &at, &[]);
        sandbox.sql(&format!("DROP DATABASE `{into}`"));
    });
}

#[test]
fn bodies_of_a_dump_with_cr_lf_come_back_with_lf() {
    each("crlf", |sandbox| {
        fill(sandbox);
        let before = Capture::of(&mut sandbox.root(), &sandbox.schema);
        let text = client::dump(sandbox, &["--routines", "--events", &sandbox.schema]);
        let at = file(sandbox, "crlf.sql", &windows(&text));
        let done = sandbox.xtask(&["db-verify", &at, "--level", "file"]);
        assert_eq!(done.code, Some(0), "{}", said(&done));
        assert!(done.stdout.contains("line ends"), "{}", done.stdout);
        let (into, done) = beside(sandbox, &at, &[]);
        assert!(done.stderr.contains("CR LF"), "{}", done.stderr);
        let after = Capture::of(&mut sandbox.root(), &into);
        before.demand_equal(&after, "every line with CR LF");
        // One line of the file with LF alone: then they are their authors'.
        let mut mixed = b"-- one\n".to_vec();
        mixed.extend(windows(&text));
        let at = file(sandbox, "mixed.sql", &mixed);
        let (into, _) = beside(sandbox, &at, &[]);
        let body: Option<String> = sandbox
            .root()
            .query_first(format!(
                "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES \
                 WHERE ROUTINE_SCHEMA = '{into}'"
            ))
            .unwrap();
        assert!(body.unwrap().contains("\r\n"));
        sandbox.sql(&format!("DROP DATABASE `{into}`"));
    });
}

#[test]
fn every_encoding_of_one_dump_comes_back_the_same() {
    each("boms", |sandbox| {
        fill(sandbox);
        sandbox.sql("INSERT INTO t VALUES (9, 'größe 灯 🙂')");
        let before = Capture::of(&mut sandbox.root(), &sandbox.schema);
        let text = client::dump(sandbox, &["--hex-blob", "--routines", &sandbox.schema]);
        let text = String::from_utf8(text).unwrap();
        let wide = |text: &str, swap: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(swap).collect()
        };
        let lines = text.replace('\n', "\r\n");
        let marked = format!("\u{FEFF}{lines}");
        for (name, bytes) in [
            ("bom", format!("\u{FEFF}{text}").into_bytes()),
            ("le", wide(&marked, u16::to_le_bytes)),
            ("be", wide(&marked, u16::to_be_bytes)),
            ("le-bare", wide(&lines, u16::to_le_bytes)),
            ("be-bare", wide(&lines, u16::to_be_bytes)),
        ] {
            let at = file(sandbox, &format!("{name}.sql"), &bytes);
            let (into, done) = beside(sandbox, &at, &[]);
            assert!(done.stderr.contains("UTF-"), "{name}: {}", done.stderr);
            before.demand_equal(&Capture::of(&mut sandbox.root(), &into), name);
            sandbox.sql(&format!("DROP DATABASE `{into}`"));
        }
    });
}
