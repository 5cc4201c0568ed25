//! Whether the others did all the work: a dump that leaves something out is quickly made.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};

use super::{Bench, Target};
use plan::bench::left_out;
use rows::content;
use server::inventory;
use sys::fs;

/// Where the first INSERT of a file is.
const HEAD: u64 = 64 << 10;
/// Longer than the end line of any dump program, and shorter than a statement.
const TAIL: u64 = 256;

/// What the files of mydumper leave out, as far as their INSERTs name columns.
pub(super) fn dumped(bench: &Bench<'_>, target: &Target, folder: &Path) -> Result<Option<String>> {
    let mut session = bench.worker(Some(&target.schema))?;
    let tables = inventory::read(&mut session, &target.schema)?.tables;
    let names = fs::names(folder)?;
    let mut missing = Vec::new();
    for (table, facts) in &tables {
        let start = format!("{}.{table}.", target.schema);
        // `s.t.sql`, or the first of `s.t.00000.sql` and its like.
        let file = names.iter().find(|name| name.starts_with(&start) && name.ends_with(".sql"));
        let Some(file) = file else { continue };
        let mut head = Vec::new();
        fs::open(&folder.join(file))?.take(HEAD).read_to_end(&mut head)?;
        let out = left_out(&String::from_utf8_lossy(&head), table, &facts.columns);
        missing.extend(out.into_iter().map(|column| format!("`{table}`.`{column}`")));
    }
    Ok((!missing.is_empty()).then(|| format!("it omits {}", missing.join(", "))))
}

/// Whether a dump program came to its end: some end with 0 although they did not.
pub(super) fn has_end_line(path: &Path) -> Result<bool> {
    let mut file = fs::open(path)?;
    let length = file.seek(SeekFrom::End(0)).context("go to the end of the dump")?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).contains("-- Dump completed"))
}

/// Which tables of the schema that a candidate loaded are not what was dumped. Our own
/// commands compare for themselves, and someone else's schema may have been written to
/// meanwhile: then there is nothing to compare.
pub(super) fn loaded(bench: &mut Bench<'_>, target: &Target) -> Result<Option<String>> {
    let copy = bench.companion("load");
    let session = &mut bench.session;
    if target.scale.is_none() || !inventory::schema_exists(session, &copy)? {
        return Ok(None);
    }
    let tables = inventory::read(session, &target.schema)?.tables;
    let there = inventory::read(session, &copy)?.tables;
    let mut differ = Vec::new();
    for (table, facts) in &tables {
        if there.get(table).is_none_or(|found| found.columns != facts.columns) {
            differ.push(format!("`{table}` (missing or other columns)"));
            continue;
        }
        let mut digest = |schema: &str| {
            let (columns, floats) = (&facts.columns, &facts.float_columns);
            content::digest_table(session, schema, table, columns, floats, &mut |_| {})
        };
        if digest(&target.schema)? != digest(&copy)? {
            differ.push(format!("`{table}`"));
        }
    }
    let differ = (!differ.is_empty()).then(|| differ.join(", "));
    Ok(differ.map(|tables| format!("what it loaded is not what was dumped: {tables}")))
}
