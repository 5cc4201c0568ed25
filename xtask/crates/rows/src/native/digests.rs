//! The digests of a schema's tables, read over several connections.
//!
//! Without a snapshot: for copies without other writers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rowtext::DigestRows;

use super::columns::select_list;
use super::ranges::{self, Cutter};
use crate::content::digest_table;
use model::digest::ContentDigest;
use model::facts::Flavour;
use model::ident::qualified;
use model::inventory::Inventory;
use server::Session;
use server::session::has_no_room;
use server::wire::{Patience, Wire};
use sys::signal;

/// A reader looks up after so many rows.
const LOOK_UP: u64 = 8192;

/// The columns that a table's digest covers, and those of them that it covers as DOUBLE.
pub type Covered = (Vec<String>, Vec<String>);

/// One range of one table.
struct Part {
    table: String,
    columns: usize,
    sql: String,
}

/// Digests every table of `inventory`; `covered` says what of each. `session` asks for
/// estimates. Tells `on_rows` the rows read so far and the table.
pub fn digest_tables(
    session: &mut Session,
    (schema, flavour): (&str, Flavour),
    inventory: &Inventory,
    covered: &BTreeMap<String, Covered>,
    readers: usize,
    patience: &Patience,
    on_rows: &mut dyn FnMut(u64, &str),
) -> Result<BTreeMap<String, ContentDigest>> {
    let mut wires: Vec<Wire> = Vec::new();
    while wires.len() < readers.max(1) {
        match Wire::open(session, schema, patience) {
            Ok(wire) => wires.push(wire),
            // Those that there are do.
            Err(error) if has_no_room(&error) => break,
            Err(error) => return Err(error),
        }
    }
    if wires.is_empty() {
        return one_by_one(session, schema, covered, on_rows);
    }
    let parts = Mutex::new(parts(session, (schema, flavour), inventory, covered)?);
    let mut found: BTreeMap<String, ContentDigest> =
        inventory.tables.keys().map(|name| (name.clone(), ContentDigest::default())).collect();
    std::thread::scope(|scope| {
        let (sender, results) = channel();
        for wire in &mut wires {
            let (sender, parts) = (sender.clone(), &parts);
            scope.spawn(move || {
                let read = read(wire, parts, patience, &sender);
                if let Err(error) = read {
                    patience.stop.store(true, Ordering::Relaxed);
                    sender.send(Err(error)).ok();
                }
            });
        }
        drop(sender);
        let mut rows = 0;
        let mut failure = None;
        for result in results {
            match result {
                Ok((table, digest)) => {
                    rows += digest.rows;
                    on_rows(rows, &table);
                    found.entry(table).or_default().add(&digest);
                }
                // What the others say afterwards is only that they were stopped.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    })?;
    signal::check()?;
    Ok(found)
}

/// Over the one session that there is.
fn one_by_one(
    session: &mut Session,
    schema: &str,
    covered: &BTreeMap<String, Covered>,
    on_rows: &mut dyn FnMut(u64, &str),
) -> Result<BTreeMap<String, ContentDigest>> {
    let mut found = BTreeMap::new();
    let mut done = 0;
    for (name, (columns, floats)) in covered {
        let mut on = |rows: u64| on_rows(done + rows, name);
        let digest = digest_table(session, schema, name, columns, floats, &mut on)?;
        done += digest.rows;
        found.insert(name.clone(), digest);
    }
    Ok(found)
}

fn parts(
    session: &mut Session,
    (schema, flavour): (&str, Flavour),
    inventory: &Inventory,
    covered: &BTreeMap<String, Covered>,
) -> Result<VecDeque<Part>> {
    let keys = ranges::keys(session, schema, inventory)?;
    let mut cutter = Cutter { session, schema, flavour, rows: None };
    let mut tables: Vec<_> = inventory.tables.iter().collect();
    tables.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.bytes_estimate));
    let mut parts = VecDeque::new();
    for (name, facts) in tables {
        let (columns, floats) = covered.get(name).context("a table that nobody asked for")?;
        let select =
            format!("SELECT {} FROM {}", select_list(columns, floats), qualified(schema, name));
        for range in cutter.ranges(name, facts, keys.get(name))? {
            let (table, columns) = (name.clone(), columns.len());
            parts.push_back(Part { table, columns, sql: format!("{select}{range}") });
        }
    }
    Ok(parts)
}

fn read(
    wire: &mut Wire,
    parts: &Mutex<VecDeque<Part>>,
    patience: &Patience,
    results: &Sender<Result<(String, ContentDigest)>>,
) -> Result<()> {
    loop {
        let next = parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(Part { table, columns, sql }) = next else { return Ok(()) };
        let mut rows = DigestRows::new(columns, LOOK_UP);
        wire.query(&sql)?;
        while !wire.feed(&mut rows)? {
            signal::check()?;
            if patience.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        let digest = ContentDigest { rows: rows.sum.rows, sum: rows.sum.sum };
        results.send(Ok((table, digest))).ok();
    }
}
