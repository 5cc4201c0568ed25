//! What a file is that is no dump, by its first bytes.

use model::exit::{ExitCode, Stop};

/// How much of the text is looked at.
const FRONT: usize = 4096;

/// What is wrong with a file, and what to do: `None` where it may be a dump. `front` are
/// its first bytes, decompressed and in UTF-8.
pub fn not_a_dump(front: &[u8], name: &str) -> Option<Stop> {
    let (what, hint) = judge(&front[..front.len().min(FRONT)])?;
    Some(Stop::new(ExitCode::Store, format!("{name} {what}")).hint(hint))
}

fn judge(front: &[u8]) -> Option<(String, &'static str)> {
    const AGAIN: &str = "Make the dump again, and look at the exit code of the dump program.";
    let said = |what: &str, hint| Some((what.to_owned(), hint));
    if front.is_empty() {
        return said("is empty", AGAIN);
    }
    if front.get(257..262) == Some(b"ustar") {
        return said(
            "is a tar archive, not an SQL dump",
            "Unpack it first (`tar -xf`), and give the SQL file that was in it.",
        );
    }
    if front.starts_with(b"\xFEbin") {
        return said(
            "is a binary log, not an SQL dump",
            "Give a dump made by mysqldump or by this tool.",
        );
    }
    if front.starts_with(b"PGDMP") || contains(front, "PostgreSQL database dump") {
        return said("is a dump of PostgreSQL", "Give a dump made by mysqldump or by this tool.");
    }
    let text = front.trim_ascii_start();
    if text.is_empty() {
        return said("holds nothing but blanks", AGAIN);
    }
    let begins = |word: &str| {
        text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    };
    if begins("<!doctype html") || begins("<html") {
        return said(
            "is a web page, not an SQL dump",
            "A download saved a page instead of the dump, perhaps one that asks for a login. \
             Download it again.",
        );
    }
    if begins("<?xml") {
        return said("is XML, not an SQL dump", "Export it again as SQL.");
    }
    if text.starts_with(b"{") || text.starts_with(b"[") {
        return said("is JSON, not an SQL dump", "Export it again as SQL.");
    }
    words_of_a_client(text)
}

/// Messages that went into the file instead of to the terminal.
fn words_of_a_client(text: &[u8]) -> Option<(String, &'static str)> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(200)]).trim().to_owned();
    let lower = line.to_ascii_lowercase();
    let program = ["mysqldump", "mariadb-dump", "mysql", "mariadb", "mysqlpump"].iter().any(|it| {
        let rest = lower.strip_prefix(it);
        rest.is_some_and(|rest| rest.starts_with(": ") || rest.starts_with(".exe: "))
    });
    if program && lower.contains("warning") || lower.starts_with("warning: ") {
        let what = format!("begins with a message of the dump program, not with SQL: {line}");
        return Some((what, "Take line 1 out of the file, or make the dump again without `2>&1`."));
    }
    if program || lower.starts_with("error ") || lower.starts_with("error: ") {
        let what = format!("holds an error message instead of a dump: {line}");
        return Some((what, "Make the dump again once that is put right."));
    }
    if lower.starts_with("enter password:") {
        return Some((
            "begins with the dump program's question for a password, not with SQL".to_owned(),
            "Make the dump again without a terminal (`docker exec` without `-t`), with \
             `--result-file=FILE`.",
        ));
    }
    let banner = lower.starts_with("welcome to the mysql monitor")
        || lower.starts_with("welcome to the mariadb monitor")
        || lower.starts_with("mysql> ")
        || lower.starts_with("mariadb [");
    banner.then(|| {
        (
            "is what the interactive client prints, not an SQL dump".to_owned(),
            "Make a dump with mysqldump or mariadb-dump.",
        )
    })
}

fn contains(text: &[u8], words: &str) -> bool {
    memchr::memmem::find(text, words.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_for_what_they_are() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (front, says) in [
            (&b""[..], "is empty"),
            (b" \r\n\n", "blanks"),
            (&tar, "tar archive"),
            (b"\xFEbin\x01", "binary log"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\n<HTML>", "web page"),
            (b"{\"error\": 1}", "JSON"),
            (b"--\n-- PostgreSQL database dump\n", "PostgreSQL"),
            (b"mysqldump: Got error: 1045: Access denied for user", "error message"),
            (b"ERROR 2002 (HY000): Can't connect", "error message"),
            (
                b"mysqldump: [Warning] Using a password on the command line\n-- MySQL dump",
                "message of the dump program",
            ),
            (b"Enter password: \r\n-- MySQL dump", "password"),
            (b"Welcome to the MySQL monitor.  Commands end with ; or \\g.", "interactive client"),
        ] {
            let stop = not_a_dump(front, "x.sql").unwrap_or_else(|| panic!("{front:?}"));
            assert!(stop.message.contains(says) && stop.hints.len() == 1, "{stop:?}");
        }
    }

    #[test]
    fn a_dump_is_left_alone() {
        for front in [
            "-- MySQL dump 10.13",
            "/*M!999999\\- enable the sandbox mode */",
            "SET NAMES utf8mb4;",
            "INSERT INTO t VALUES ('<html>', '{}')",
            "/*!40101 SET NAMES utf8 */;",
            "# phpMyAdmin",
        ] {
            assert_eq!(not_a_dump(front.as_bytes(), "x"), None, "{front}");
        }
    }
}
