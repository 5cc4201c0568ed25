//! Which tables follow which, and by which columns: decided from the definitions alone, before
//! anything is read or written.

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
    /// Whether the target numbers its rows.
    pub numbered: bool,
}

/// A column that both sides have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub source: String,
    pub target: String,
    pub compare: Compare,
    /// Whether its value has to be quoted where it is written down.
    pub write: Write,
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
}

impl Pairs {
    /// The pair of a table.
    pub fn of(&self, table: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.table == table)
    }
}

/// Where a column's values are in the source, by table and column; `None` if it is new.
pub type SourceOf<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// Pairs the tables of both sides up.
///
/// # Errors
/// The target cannot follow: why, for people.
pub fn pair_up(source: &Tables, target: &Tables, source_of: SourceOf<'_>) -> Result<Pairs, String> {
    let lower: Vec<String> = source.tables.keys().map(|name| name.to_lowercase()).collect();
    if let Some(two) = lower.iter().enumerate().find(|(at, name)| lower[..*at].contains(name)) {
        return Err(format!("two tables are called `{}`, but for upper and lower case", two.1));
    }
    let mut pairs = Vec::new();
    for (name, new) in target.tables.iter().filter(|(name, _)| *name != BOOKS) {
        if let Some(old) = source.tables.get(name) {
            pairs.push(pair(name, old, new, source_of)?);
        }
    }
    let follows = |key: &ForeignKey| {
        [&key.child, &key.parent].iter().all(|name| source.tables.contains_key(*name))
    };
    let renamed = |key: &ForeignKey| {
        let names = |table: &str, columns: &[String]| {
            columns.iter().map(|it| source_of(table, it).unwrap_or_default()).collect::<Vec<_>>()
        };
        (names(&key.child, &key.columns), names(&key.parent, &key.refers_to))
    };
    let known = |key: &ForeignKey| {
        let lower = |names: &[String]| names.iter().map(|it| it.to_lowercase()).collect::<Vec<_>>();
        source.foreign_keys.iter().any(|old| {
            (&old.child, &old.parent) == (&key.child, &key.parent)
                && (lower(&old.columns), lower(&old.refers_to)) == renamed(key)
        })
    };
    let new_keys: Vec<ForeignKey> =
        target.foreign_keys.iter().filter(|key| follows(key) && !known(key)).cloned().collect();
    for key in &new_keys {
        // Under a lock, a statement cannot name a table twice.
        if key.child == key.parent {
            return Err(format!("it adds a foreign key of `{}` to itself", key.child));
        }
        by_primary_key(target, key)
            .map_err(|why| format!("it adds a foreign key to `{}`, {why}", key.parent))?;
    }
    let acting = source.foreign_keys.iter().filter(|key| key.acts && follows(key));
    Ok(Pairs { pairs, new_keys, acting: acting.cloned().collect() })
}

/// A child's rows can be found by the keys of their parents.
///
/// # Errors
/// It refers to other columns.
pub fn by_primary_key(tables: &Tables, key: &ForeignKey) -> Result<(), String> {
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

fn pair(name: &str, old: &Table, new: &Table, source_of: SourceOf<'_>) -> Result<Pair, String> {
    let mut columns = Vec::new();
    let mut target_only = Vec::new();
    for column in new.columns.iter().filter(|column| !column.generated) {
        let from = source_of(name, &column.name).and_then(|from| old.column(&from));
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
    let key = key(name, old, new, &columns)?;
    let numbered = new.columns.iter().any(|column| column.numbered);
    Ok(Pair { table: name.to_owned(), key, columns, target_only, numbered })
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
    Ok(Shared { source: old.name.clone(), target: new.name.clone(), compare, write })
}

#[cfg(test)]
#[path = "pairs_tests.rs"]
mod tests;
