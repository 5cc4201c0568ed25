//! The measuring stick: every row read through the protocol's text form, and thrown away.
//! No dump through this client library can be faster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Bench, Target};
use model::ident::{literal, qualified, quote};
use server::{Session, inventory};
use sys::signal;

/// So many pieces for each connection, so that none has to wait long for the last one.
const PIECES: u64 = 8;
/// A table smaller than this is one piece.
const PIECE_BYTES_MIN: u64 = 1 << 20;

/// A query and about how much it reads.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    bytes: u64,
    sql: String,
}

/// Reads all tables; gives how long that took and how many rows there are.
pub(super) fn read(
    bench: &Bench<'_>,
    target: &Target,
    connections: u32,
) -> Result<(Duration, u64)> {
    let mut session = bench.worker(Some(&target.schema))?;
    let pieces = pieces(&mut session, &target.schema, connections)?;
    drop(session);
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let rows: Result<u64> = thread::scope(|scope| {
        let line = || {
            let mut session = Session::open(bench.server, &target.reader, Some(&target.schema))?;
            session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
            session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
            let mut rows = 0;
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                rows += drop_rows(&mut session, &piece.sql)?;
            }
            Ok::<u64, anyhow::Error>(rows)
        };
        let lines: Vec<_> = (0..connections).map(|_| scope.spawn(line)).collect();
        lines
            .into_iter()
            .map(|line| line.join().map_err(|_| anyhow::anyhow!("a reading thread died"))?)
            .sum()
    });
    Ok((start.elapsed(), rows?))
}

fn drop_rows(session: &mut Session, sql: &str) -> Result<u64> {
    let mut rows = 0;
    session.each_raw(sql, |_| {
        rows += 1;
        if rows % 10_000 == 0 {
            signal::check()?;
        }
        Ok(())
    })?;
    Ok(rows)
}

/// Tables, the large ones cut by their primary keys; the largest piece first.
fn pieces(session: &mut Session, schema: &str, connections: u32) -> Result<Vec<Piece>> {
    let tables = inventory::read(session, schema)?.tables;
    let total: u64 = tables.values().map(|table| table.bytes_estimate).sum();
    let size = (total / (u64::from(connections) * PIECES)).max(PIECE_BYTES_MIN);
    let mut pieces = Vec::new();
    for (name, table) in &tables {
        let all = format!("SELECT * FROM {}", qualified(schema, name));
        let count = table.bytes_estimate / size;
        let key = if count > 1 { whole_number_key(session, schema, name)? } else { None };
        let ends = match &key {
            Some(key) => ends(session, schema, name, key)?,
            None => None,
        };
        let (Some(key), Some((low, high))) = (key, ends) else {
            pieces.push(Piece { bytes: table.bytes_estimate, sql: all });
            continue;
        };
        let bytes = table.bytes_estimate / count;
        let ranges = ranges(&quote(&key), low, high, count);
        let cut = ranges.into_iter().map(|range| Piece { bytes, sql: format!("{all} {range}") });
        pieces.extend(cut);
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.bytes));
    Ok(pieces)
}

/// The column of a primary key that is one whole number.
fn whole_number_key(session: &mut Session, schema: &str, table: &str) -> Result<Option<String>> {
    let sql = format!(
        "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND COLUMN_KEY = 'PRI'",
        literal(schema),
        literal(table)
    );
    let mut columns: Vec<(String, String)> = session.rows(&sql)?;
    let (Some((name, kind)), true) = (columns.pop(), columns.is_empty()) else { return Ok(None) };
    Ok(kind.to_ascii_lowercase().ends_with("int").then_some(name))
}

fn ends(
    session: &mut Session,
    schema: &str,
    table: &str,
    key: &str,
) -> Result<Option<(i128, i128)>> {
    let (key, table) = (quote(key), qualified(schema, table));
    let sql = format!("SELECT CAST(MIN({key}) AS CHAR), CAST(MAX({key}) AS CHAR) FROM {table}");
    let Some((Some(low), Some(high))) = session.first::<(Option<String>, Option<String>)>(&sql)?
    else {
        return Ok(None);
    };
    Ok(low.parse().ok().zip(high.parse().ok()))
}

/// Conditions that cut the numbers from `low` to `high` evenly. The first and the last are
/// open, so that nothing is left out.
fn ranges(key: &str, low: i128, high: i128, count: u64) -> Vec<String> {
    let bound = |n: u64| low + (high - low) * i128::from(n) / i128::from(count);
    (0..count)
        .map(|n| match (n, n + 1 == count) {
            (0, true) => String::new(),
            (0, false) => format!("WHERE {key} < {}", bound(1)),
            (n, true) => format!("WHERE {key} >= {}", bound(n)),
            (n, false) => format!("WHERE {key} >= {} AND {key} < {}", bound(n), bound(n + 1)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_leave_nothing_out() {
        assert_eq!(ranges("`id`", 1, 9, 1), [""]);
        assert_eq!(
            ranges("`id`", -4, 8, 3),
            ["WHERE `id` < 0", "WHERE `id` >= 0 AND `id` < 4", "WHERE `id` >= 4"]
        );
        let wide = ranges("k", 0, i128::from(u64::MAX), 2);
        assert_eq!(wide[1], "WHERE k >= 9223372036854775807");
    }
}
