//! The last line of a backup: how much it holds, so that a cut shows.

use anyhow::{Context, Result};

use super::seen::Seen;
use model::sink::SectionSink;

/// What the first lines say of the file's origin. Part of the format: a reader learns
/// from it that FLOAT values are written as DOUBLE.
pub const NATIVE: &str = "-- Engine: native";
/// How the last line of mysqldump and mariadb-dump begins.
const COMPLETED: &[u8] = b"-- Dump completed";
/// How our last line begins. Part of the format: never changes.
pub const END_PREFIX: &str = "-- End of backup: ";

/// What our last line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndMarker {
    pub tables: u64,
    pub rows: u64,
}

impl EndMarker {
    /// Whether the file holds what its last line says.
    pub fn agrees(&self, seen: &Seen) -> bool {
        self.tables == seen.tables.len() as u64 && self.rows == seen.rows
    }
}

/// Writes our last line; returns its length in bytes.
pub fn write_end_marker(sink: &mut dyn SectionSink, seen: &Seen) -> Result<u64> {
    let line = end_line(seen.tables.len() as u64, seen.rows);
    sink.write_all(line.as_bytes()).context("write the backup's last line")?;
    Ok(line.len() as u64)
}

fn end_line(tables: u64, rows: u64) -> String {
    let s = |n: u64| if n == 1 { "" } else { "s" };
    format!("{END_PREFIX}{tables} table{}, {rows} row{}\n", s(tables), s(rows))
}

/// Reads our last line, with or without its line end.
pub fn parse_end_marker(line: &str) -> Option<EndMarker> {
    let rest = line.trim_end_matches(['\r', '\n']).strip_prefix(END_PREFIX)?;
    let (tables, rows) = rest.split_once(", ")?;
    let number = |text: &str, word: &str| {
        let text = text.strip_suffix('s').unwrap_or(text);
        text.strip_suffix(word)?.strip_suffix(' ')?.parse().ok()
    };
    Some(EndMarker { tables: number(tables, "table")?, rows: number(rows, "row")? })
}

/// The lines of what follows the last statement. One without a line end is cut off.
fn lines(lead: &[u8]) -> impl Iterator<Item = &[u8]> {
    lead.split_inclusive(|&byte| byte == b'\n')
}

/// Whether the first lines say that the native engine wrote the file.
pub(super) fn native(lead: &[u8]) -> bool {
    lines(lead).any(|line| line.starts_with(NATIVE.as_bytes()))
}

/// The first lines of a dump by a dumping client, and its last ones, in what stands
/// before a statement: several dumps can be in one file.
pub(super) fn heads_and_ends(lead: &[u8]) -> (u64, u64) {
    const HEADS: [&[u8]; 2] = [b"-- MySQL dump ", b"-- MariaDB dump "];
    let (mut heads, mut ends) = (0, 0);
    for line in lines(lead) {
        heads += u64::from(HEADS.iter().any(|head| line.starts_with(head)));
        ends += u64::from(line.starts_with(COMPLETED) && line.ends_with(b"\n"));
    }
    (heads, ends)
}

/// Whether the dumping client wrote to its end.
pub(super) fn dump_completed(lead: &[u8]) -> bool {
    lines(lead).any(|line| line.starts_with(COMPLETED) && line.ends_with(b"\n"))
}

/// Our last line, if it is whole and the last.
pub(super) fn find(lead: &[u8]) -> Option<EndMarker> {
    let last = lines(lead).filter(|line| !line.trim_ascii().is_empty()).last()?;
    if !last.ends_with(b"\n") {
        return None;
    }
    parse_end_marker(std::str::from_utf8(last).ok()?)
}

/// The same text without our last line: a copy writes its own.
pub(super) fn without(lead: &[u8]) -> Vec<u8> {
    let other = lines(lead).filter(|line| !line.starts_with(END_PREFIX.as_bytes()));
    other.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (tables, rows) in [(0, 0), (1, 1), (19, 3_000_000)] {
            let line = end_line(tables, rows);
            assert_eq!(parse_end_marker(&line), Some(EndMarker { tables, rows }));
            assert_eq!(find(line.as_bytes()), Some(EndMarker { tables, rows }));
            assert_eq!(find(line.trim_end().as_bytes()), None, "cut off");
            assert!(without(line.as_bytes()).is_empty());
        }
        assert_eq!(end_line(19, 3_000_000), "-- End of backup: 19 tables, 3000000 rows\n");
        assert_eq!(parse_end_marker("-- End of backup: x tables, 1 row"), None);
    }

    #[test]
    fn dumps_in_one_file_are_counted() {
        let lead = b"-- Dump completed on 2024-01-02\n\n-- MySQL dump 10.13  Distrib 8.0.36\n--\n";
        assert_eq!(heads_and_ends(lead), (1, 1));
        assert_eq!(heads_and_ends(b"-- MariaDB dump 10.19\n-- Dump completed"), (1, 0), "cut off");
        assert_eq!(heads_and_ends(b"\n# no MySQL dump \n"), (0, 0));
    }
}
