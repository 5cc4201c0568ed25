//! Which tables follow which, and by which columns: decided from the definitions alone, before
//! anything is read or written.

use std::collections::BTreeSet;

use crate::BATCH;
use crate::columns::{Column, ForeignKey, Table, Tables};

/// sqlx's own table: a migrated copy has other rows in it, and that is its point.
pub(crate) const BOOKS: &str = "_sqlx_migrations";

/// A table of the target, and the one of that name that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub table: String,
    /// The primary key, by the names of both sides.
    pub key: Vec<Shared>,
    /// What both have: all columns of the source but those that are dropped or computed.
    pub columns: Vec<Shared>,
    /// Columns of the target alone that hold data of their own.
    pub target_only: Vec<String>,
    /// Columns of the source that the target does without.
    pub source_only: Vec<String>,
    /// Whether the target numbers its rows.
    pub numbered: bool,
    /// Keys that are applied in one transaction: as many as their rows are not too large for.
    pub batch: usize,
}

/// A column that both sides have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub source: String,
    pub target: String,
    pub compare: Compare,
    /// How its value is written down.
    pub write: Write,
    /// Whether a literal compares as the index orders it.
    pub ordered: bool,
}

/// How values of both sides are compared so that nothing but equal ones are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// As the server does it.
    Plain,
    /// By their bytes, the source's in this character set where that changes.
    Bytes(Option<String>),
    /// As text, byte for byte.
    Text,
    Hex,
}

/// How the server writes a key's value down as a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Number,
    Quoted,
    Hex,
}

/// What follows what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    pub pairs: Vec<Pair>,
    /// Foreign keys of the target that the source does not have, between tables that follow.
    pub new_keys: Vec<ForeignKey>,
    /// Foreign keys of the source by which the server changes rows.
    pub acting: Vec<ForeignKey>,
    /// Tables of the source that nothing follows, in lower case: what is written there is given up
    /// with them.
    pub dropped: BTreeSet<String>,
}

impl Pairs {
    /// The pair of a table.
    pub fn of(&self, table: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.table == table)
    }
}

/// What became of the source's tables and columns in the target. Names come in any case.
pub trait Lineage {
    /// Under which name a column's values are in the source; `None` if it is new.
    fn source_of(&self, table: &str, column: &str) -> Option<String>;
    /// Whether the target does without this table of the source.
    fn is_dropped(&self, table: &str) -> bool;
    /// Whether the target does without this column of the source.
    fn is_gone(&self, table: &str, column: &str) -> bool;
}

/// Pairs the tables of both sides up.
///
/// # Errors
/// The target cannot follow: why, for people.
pub fn pair_up(source: &Tables, target: &Tables, lineage: &dyn Lineage) -> Result<Pairs, String> {
    for side in [source, target] {
        let lower: Vec<String> = side.tables.keys().map(|name| name.to_lowercase()).collect();
        let again = |(at, name): &(usize, &String)| lower[..*at].contains(name);
        if let Some((_, two)) = lower.iter().enumerate().find(again) {
            return Err(format!("two tables are called `{two}`, but for upper and lower case"));
        }
    }
    let mut pairs = Vec::new();
    let mut dropped = BTreeSet::new();
    for (name, old) in source.tables.iter().filter(|(name, _)| *name != BOOKS) {
        match target.tables.get(name) {
            Some(new) => pairs.push(pair(name, old, new, lineage)?),
            None if lineage.is_dropped(name) => {
                dropped.insert(name.to_lowercase());
            }
            None => return Err(format!("the copy has no table `{name}`")),
        }
    }
    if pairs.is_empty() {
        return Err("no table is on both sides".to_owned());
    }
    let new_keys = new_keys(source, target, lineage)?;
    let acting = source.foreign_keys.iter().filter(|key| key.acts).cloned().collect();
    Ok(Pairs { pairs, new_keys, acting, dropped })
}

/// Foreign keys that later rows could break.
fn new_keys(
    source: &Tables,
    target: &Tables,
    lineage: &dyn Lineage,
) -> Result<Vec<ForeignKey>, String> {
    let renamed = |table: &str, columns: &[String]| {
        let names = columns.iter().map(|it| lineage.source_of(table, it).unwrap_or_default());
        names.map(|name| name.to_lowercase()).collect::<Vec<_>>()
    };
    let lower = |names: &[String]| names.iter().map(|it| it.to_lowercase()).collect::<Vec<_>>();
    let known = |key: &ForeignKey| {
        source.foreign_keys.iter().any(|old| {
            (&old.child, &old.parent, old.elsewhere) == (&key.child, &key.parent, key.elsewhere)
                && lower(&old.columns) == renamed(&key.child, &key.columns)
                && match key.elsewhere {
                    true => old.refers_to == key.refers_to,
                    false => lower(&old.refers_to) == renamed(&key.parent, &key.refers_to),
                }
        })
    };
    let mut all = Vec::new();
    for key in target.foreign_keys.iter().filter(|key| !known(key)) {
        // A table of the target alone is not written to: only its parents can go.
        if !source.tables.contains_key(&key.child) {
            if !key.elsewhere && source.tables.contains_key(&key.parent) {
                all.push(key.clone());
            }
            continue;
        }
        let refused = |why: &str| Err(format!("it adds a foreign key of `{}` {why}", key.child));
        if key.elsewhere {
            return refused("to another schema");
        }
        // Under a lock, a statement cannot name a table twice.
        if key.child == key.parent {
            return refused("to itself");
        }
        if !source.tables.contains_key(&key.parent) {
            return refused("to a new table");
        }
        if by_primary_key(target, key).is_err() {
            return refused("to columns that are no primary key");
        }
        all.push(key.clone());
    }
    Ok(all)
}

/// Where the server changes children without saying so in its log, they must be found by their
/// parents.
///
/// # Errors
/// Some are not: why, for people.
pub fn demand_cascades(source: &Tables, pairs: &Pairs) -> Result<(), String> {
    for key in &pairs.acting {
        let of =
            format!("a foreign key of `{}` changes rows without a trace in the log", key.child);
        let (child, parent) = (pairs.of(&key.child), pairs.of(&key.parent));
        let Some(child) = child.filter(|_| parent.is_some() && !key.elsewhere) else {
            return Err(format!("{of}, and one of its tables does not follow"));
        };
        by_primary_key(source, key)
            .map_err(|why| format!("{of}; it refers to `{}`, {why}", key.parent))?;
        let kept =
            |column: &String| child.columns.iter().any(|it| it.source.eq_ignore_ascii_case(column));
        if !key.columns.iter().all(kept) {
            return Err(format!("{of}, and its column is dropped"));
        }
    }
    Ok(())
}

/// A child's rows can be found by the keys of their parents.
///
/// # Errors
/// It refers to other columns.
fn by_primary_key(tables: &Tables, key: &ForeignKey) -> Result<(), String> {
    let names = |names: Vec<&str>| {
        let mut names: Vec<String> = names.into_iter().map(str::to_lowercase).collect();
        names.sort();
        names
    };
    let primary = tables.tables.get(&key.parent).map(Table::key).unwrap_or_default();
    let primary = names(primary.into_iter().map(|column| column.name.as_str()).collect());
    if names(key.refers_to.iter().map(String::as_str).collect()) == primary {
        return Ok(());
    }
    Err("and not to its primary key".to_owned())
}

/// How large the rows of one transaction may be together.
const BATCH_BYTES: u64 = 16 << 20;

fn pair(name: &str, old: &Table, new: &Table, lineage: &dyn Lineage) -> Result<Pair, String> {
    let mut columns = Vec::new();
    let mut target_only = Vec::new();
    if let Some(column) = old.columns.iter().chain(&new.columns).find(|column| column.depends) {
        return Err(format!("the default of `{name}`.`{}` depends on other columns", column.name));
    }
    for column in new.columns.iter().filter(|column| !column.generated) {
        let from = lineage.source_of(name, &column.name).and_then(|from| old.column(&from));
        match from {
            // A value that the server computed becomes one of its own.
            Some(from) if from.generated => {
                return Err(format!("`{name}`.`{}` is no longer computed", column.name));
            }
            Some(from) => columns.push(shared(name, from, column)?),
            None if column.optional => target_only.push(column.name.clone()),
            None => {
                return Err(format!(
                    "new rows would have no value for `{name}`.`{}`, which has no default",
                    column.name
                ));
            }
        }
    }
    let kept = |column: &&Column| columns.iter().any(|it| it.source == column.name);
    let lost = old.columns.iter().filter(|column| !column.generated && !kept(column));
    let source_only: Vec<String> = lost.map(|column| column.name.clone()).collect();
    if let Some(column) = source_only.iter().find(|column| !lineage.is_gone(name, column)) {
        return Err(format!("the copy of `{name}` has no column `{column}`"));
    }
    let key = key(name, old, new, &columns)?;
    let numbered = new.columns.iter().any(|column| column.numbered);
    let batch = BATCH_BYTES / old.row_bytes.max(new.row_bytes).max(1);
    let batch = usize::try_from(batch).unwrap_or(BATCH).clamp(10, BATCH);
    Ok(Pair { table: name.to_owned(), key, columns, target_only, source_only, numbered, batch })
}

fn key(name: &str, old: &Table, new: &Table, columns: &[Shared]) -> Result<Vec<Shared>, String> {
    let (old, new) = (old.key(), new.key());
    if old.is_empty() {
        return Err(format!("`{name}` has no primary key"));
    }
    let changed = || format!("the primary key of `{name}` changes");
    if old.len() != new.len() {
        return Err(changed());
    }
    let one = |(old, new): (&Column, &Column)| {
        let same =
            (&old.full, &old.charset, &old.collation) == (&new.full, &new.charset, &new.collation);
        let found = columns.iter().find(|it| it.source == old.name && it.target == new.name);
        found.filter(|_| same).cloned().ok_or_else(changed)
    };
    old.into_iter().zip(new).map(one).collect()
}

const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const TEXTS: [&str; 6] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];
const BINARIES: [&str; 6] = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];
const REALS: [&str; 2] = ["float", "double"];
/// Compared as the server does it, and of the same kind on both sides.
const EXACT: [&str; 7] = ["decimal", "date", "time", "datetime", "timestamp", "year", "bit"];

/// How a column of the source becomes one of the target: only by conversions that keep the value.
fn shared(table: &str, old: &Column, new: &Column) -> Result<Shared, String> {
    let (a, b) = (old.kind.as_str(), new.kind.as_str());
    let both = |kinds: &[&str]| kinds.contains(&a) && kinds.contains(&b);
    let same = a == b;
    let compare = if both(&INTEGERS) || (same && EXACT.contains(&a) && new.digits >= old.digits) {
        Some(Compare::Plain)
    } else if both(&TEXTS) {
        let changed = old.charset != new.charset;
        Some(Compare::Bytes(new.charset.clone().filter(|_| changed)))
    } else if both(&BINARIES) && (same || (a != "binary" && b != "binary")) {
        Some(Compare::Bytes(None))
    } else if (same && REALS.contains(&a) && old.full == new.full) || (a, b) == ("float", "double")
    {
        Some(Compare::Plain)
    } else if same && matches!(a, "enum" | "set" | "json") {
        Some(Compare::Text)
    } else if old.full == new.full {
        Some(Compare::Hex)
    } else {
        None
    };
    let write = match a {
        _ if INTEGERS.contains(&a) => Write::Number,
        "enum" | "set" | "year" | "bit" => Write::Number,
        _ if TEXTS.contains(&a) || BINARIES.contains(&a) => Write::Hex,
        _ => Write::Quoted,
    };
    let Some(compare) = compare else {
        return Err(format!(
            "`{table}`.`{}` changes from {} to {}, and what becomes of a value is not known",
            new.name, old.full, new.full
        ));
    };
    let dates = ["date", "datetime", "timestamp", "decimal"];
    let ordered = INTEGERS.contains(&a) || dates.contains(&a);
    Ok(Shared { source: old.name.clone(), target: new.name.clone(), compare, write, ordered })
}

#[cfg(test)]
#[path = "pairs_tests.rs"]
mod tests;
