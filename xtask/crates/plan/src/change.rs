//! What a restore changes in the live schema: rows of each table now and then, what goes, and
//! the migrations that become pending.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use model::change::{Changes, TableChange, TableFate};
use model::inventory::ObjectKind;
use model::loss::LostProgram;
use model::manifest::AppliedMigration;
use model::number::thousands;
use model::visible::visible;

/// More tables, programs or migrations than this are counted, not named.
const NAMED: usize = 12;

/// Views, triggers, routines and events by kind and name.
pub type Programs = BTreeSet<(ObjectKind, String)>;

/// One side of a restore.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Rows of each table; `None`: they could not be counted.
    pub tables: BTreeMap<String, Option<u64>>,
    pub programs: Programs,
    /// The applied migrations; `None`: not known.
    pub migrations: Option<Vec<AppliedMigration>>,
}

/// What becomes of `now` when `then` takes its place. `only`: the tables that are chosen, and
/// then nothing else is touched. `fold`: the server ignores the case of tables' names.
pub fn between(now: &Side, then: &Side, only: Option<&[String]>, fold: bool) -> Changes {
    let key = |name: &str| if fold { name.to_lowercase() } else { name.to_owned() };
    let keyed = |side: &Side| -> BTreeMap<String, (String, Option<u64>)> {
        let tables = side.tables.iter();
        tables.map(|(name, rows)| (key(name), (name.clone(), *rows))).collect()
    };
    let (live, kept) = (keyed(now), keyed(then));
    let names: BTreeSet<&String> = live.keys().chain(kept.keys()).collect();
    let wanted = |it: &&&String| only.is_none_or(|only| only.iter().any(|name| key(name) == ***it));
    let tables = names.iter().filter(wanted).map(|it| change(live.get(*it), kept.get(*it)));
    let tables = tables.collect();
    if only.is_some() {
        return Changes { tables, programs_gone: Vec::new(), pending: Some(Vec::new()) };
    }
    let gone = now.programs.iter().filter(|it| !then.programs.contains(it));
    let programs_gone =
        gone.map(|(kind, name)| LostProgram { kind: *kind, name: name.clone() }).collect();
    Changes { tables, programs_gone, pending: pending(now, then) }
}

fn change(
    now: Option<&(String, Option<u64>)>,
    then: Option<&(String, Option<u64>)>,
) -> TableChange {
    let name = now.or(then).map(|it| it.0.clone()).unwrap_or_default();
    let (rows_now, rows_then) = (now.and_then(|it| it.1), then.and_then(|it| it.1));
    let fate = match (now.is_some(), then.is_some()) {
        (true, false) => TableFate::Goes,
        (false, _) => TableFate::Comes,
        (true, true) => match (rows_now, rows_then) {
            (Some(now), Some(then)) if now == then => TableFate::Same,
            (Some(now), Some(then)) if now > then => TableFate::Fewer,
            (Some(_), Some(_)) => TableFate::More,
            _ => TableFate::Unknown,
        },
    };
    TableChange { name, fate, rows_now, rows_then }
}

fn pending(now: &Side, then: &Side) -> Option<Vec<String>> {
    let now = now.migrations.as_ref()?;
    if now.is_empty() {
        return Some(Vec::new());
    }
    let then = then.migrations.as_ref()?;
    let gone = now.iter().filter(|it| !then.iter().any(|other| other.version == it.version));
    Some(gone.map(|it| format!("{}_{}", it.version, it.description.replace(' ', "_"))).collect())
}

/// Rows that the restore takes away, by count; tables that go are in it.
fn fewer(table: &TableChange) -> u64 {
    match table.fate {
        TableFate::Goes => table.rows_now.unwrap_or(0),
        TableFate::Fewer => {
            table.rows_now.unwrap_or(0).saturating_sub(table.rows_then.unwrap_or(0))
        }
        _ => 0,
    }
}

/// The lines of a plan, each indented and with its end.
pub fn lines(changes: &Changes) -> String {
    let mut text = tables(&changes.tables);
    // Writing to a String cannot fail.
    let _ = programs(&mut text, changes);
    let _ = migrations(&mut text, changes);
    text
}

fn tables(all: &[TableChange]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut moved: Vec<&TableChange> = all.iter().filter(|it| it.fate != TableFate::Same).collect();
    if moved.is_empty() {
        return "  rows     each table has as many now as in the backup; which ones is not \
            compared\n"
            .to_owned();
    }
    // What is lost comes first, the most of it at the top.
    let rank = |it: &TableChange| match it.fate {
        TableFate::Goes => 0,
        TableFate::Fewer => 1,
        TableFate::Unknown => 2,
        _ => 3,
    };
    moved.sort_by_key(|it| (rank(it), std::cmp::Reverse(fewer(it))));
    let of = if all.len() == 1 { "table" } else { "tables" };
    let mut text = format!(
        "  rows     now -> then, where they differ ({} of {} {of}):\n",
        moved.len(),
        all.len()
    );
    let shown = &moved[..moved.len().min(NAMED)];
    let cells: Vec<[String; 3]> = shown.iter().map(|it| cells(it)).collect();
    let width = |at: usize| cells.iter().map(|it| it[at].chars().count()).max().unwrap_or(0);
    let (name, now) = (width(0), width(1));
    for [table, rows, then] in &cells {
        text += &format!("             {table:name$}  {rows:>now$} -> {then}\n");
    }
    if let Some(more @ 1..) = moved.len().checked_sub(NAMED) {
        text += &format!("             and {more} more; --dry-run --json has all\n");
    }
    text + &lost(all)
}

/// The sum, in front of the question.
fn lost(all: &[TableChange]) -> String {
    let rows: u64 = all.iter().map(fewer).sum();
    let gone = all.iter().filter(|it| it.fate == TableFate::Goes).count();
    let mut parts = Vec::new();
    if gone > 0 {
        parts.push(ObjectKind::Table.count(gone));
    }
    if rows > 0 {
        parts.push(format!("{} {}", thousands(rows), if rows == 1 { "row" } else { "rows" }));
    }
    if parts.is_empty() {
        return String::new();
    }
    format!("  loses    {} of what is live now, by count\n", parts.join(" and "))
}

fn cells(table: &TableChange) -> [String; 3] {
    let known = |rows: Option<u64>| rows.map_or_else(|| "unknown".to_owned(), thousands);
    let (now, then) = match table.fate {
        TableFate::Goes => (known(table.rows_now), "the table goes".to_owned()),
        TableFate::Comes => ("no table".to_owned(), known(table.rows_then)),
        _ => (known(table.rows_now), known(table.rows_then)),
    };
    [visible(&table.name), now, then]
}

fn programs(text: &mut String, changes: &Changes) -> fmt::Result {
    let all: Vec<String> = changes
        .programs_gone
        .iter()
        .map(|it| format!("{} `{}`", it.kind.keyword().to_lowercase(), visible(&it.name)))
        .collect();
    if all.is_empty() { Ok(()) } else { writeln!(text, "  goes     {}", named(&all)) }
}

fn migrations(text: &mut String, changes: &Changes) -> fmt::Result {
    match &changes.pending {
        None => writeln!(text, "  pending  which migrations will be is not known of this file"),
        Some(all) if all.is_empty() => Ok(()),
        Some(all) => {
            let all: Vec<String> = all.iter().map(|it| visible(it)).collect();
            writeln!(text, "  pending  again, because the backup is older: {}", named(&all))
        }
    }
}

fn named(all: &[String]) -> String {
    let shown = all[..all.len().min(NAMED)].join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
