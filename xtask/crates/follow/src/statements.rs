//! The statements that follow one table. All of them are this tool's own: names are quoted, and
//! keys are literals that [`crate::literal`] or the server itself made.
//!
//! Rows are taken from the source into a temporary table first: `INSERT … SELECT` under READ
//! COMMITTED reads without a lock, which a DELETE or UPDATE with a join need not do, and all
//! that follows sees the rows of one moment.
//!
//! Tables of both sides have no alias, and stand once in a statement: under LOCK TABLES, each
//! further name would need a lock of its own.

use model::ident::{qualified, quote};

use crate::pairs::{Compare, Pair, Shared, Write};

/// Which schemas, and the number of a table, for the names of its temporary ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub source: &'a str,
    pub target: &'a str,
    pub number: usize,
}

/// The statements for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statements {
    /// Makes the temporary tables, which are gone with the session.
    pub prepare: Vec<String>,
    pub drop: Vec<String>,
    /// Takes keys that were noted before out.
    pub forget: String,
    /// Notes keys; literals follow, separated by commas, and then [`Statements::note_end`].
    pub note: String,
    pub note_end: String,
    /// Makes the rows of the noted keys equal.
    pub apply: Vec<String>,
    /// The same where unique values change places among these rows.
    pub exchange: Vec<String>,
    /// Gives the keys, as literals, whose rows differ: of the noted ones, and of all.
    pub noted_differ: [String; 2],
    pub all_differ: [String; 2],
    pub(crate) range: Option<Range>,
}

/// A table in pieces, by the first column of its primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// The column on both sides, for conditions behind [`Statements::all_differ`].
    columns: [String; 2],
    /// Gives its values as literals, in no order.
    values: String,
}

impl Range {
    /// Gives the last value of the next piece, if there is more than one left.
    pub(crate) fn next(&self, low: Option<&str>, rows: usize) -> String {
        let [source, _] = &self.columns;
        let above = low.map_or_else(String::new, |low| format!(" WHERE {source} > {low}"));
        format!("{}{above} ORDER BY {source} LIMIT 1 OFFSET {rows}", self.values)
    }

    /// The conditions for the values above `low`, up to `high`: of the source's column and of
    /// the target's.
    pub(crate) fn conditions(&self, low: Option<&str>, high: Option<&str>) -> [String; 2] {
        let of = |column: &String| {
            let low = low.map(|low| format!(" AND {column} > {low}"));
            let high = high.map(|high| format!(" AND {column} <= {high}"));
            [low, high].into_iter().flatten().collect()
        };
        self.columns.each_ref().map(of)
    }
}

impl Statements {
    pub(crate) fn of(pair: &Pair, place: Place<'_>) -> Self {
        Text::of(pair, place).statements()
    }
}

/// Names that all statements of a table share.
struct Text<'a> {
    pair: &'a Pair,
    source: String,
    target: String,
    keys: String,
    rows: String,
    aside: String,
}

fn list<'s>(names: impl IntoIterator<Item = &'s str>, alias: &str) -> String {
    let dot = if alias.is_empty() { "" } else { "." };
    let names: Vec<String> =
        names.into_iter().map(|name| format!("{alias}{dot}{}", quote(name))).collect();
    names.join(", ")
}

/// `a.x = b.y AND …`
pub(crate) fn joined<'s>(
    pairs: impl IntoIterator<Item = (&'s str, &'s str)>,
    a: &str,
    b: &str,
) -> String {
    let all: Vec<String> = pairs
        .into_iter()
        .map(|(left, right)| format!("{a}.{} = {b}.{}", quote(left), quote(right)))
        .collect();
    all.join(" AND ")
}

impl<'a> Text<'a> {
    fn of(pair: &'a Pair, place: Place<'_>) -> Self {
        let temporary =
            |what: &str| qualified(place.target, &format!("__xtask_{what}_{}", place.number));
        Self {
            pair,
            source: qualified(place.source, &pair.table),
            target: qualified(place.target, &pair.table),
            keys: temporary("keys"),
            rows: temporary("rows"),
            aside: temporary("aside"),
        }
    }

    fn key_sources(&self) -> impl Iterator<Item = &'a str> {
        self.pair.key.iter().map(|it| it.source.as_str())
    }

    fn key_targets(&self) -> impl Iterator<Item = &'a str> {
        self.pair.key.iter().map(|it| it.target.as_str())
    }

    /// Columns of the temporary tables have the names of the source.
    fn on_source(&self, temporary: &str) -> String {
        joined(self.key_sources().map(|it| (it, it)), &self.source, temporary)
    }

    fn on_target(&self, temporary: &str) -> String {
        joined(self.key_targets().zip(self.key_sources()), &self.target, temporary)
    }

    fn on_both(&self) -> String {
        joined(self.key_sources().zip(self.key_targets()), &self.source, &self.target)
    }

    fn first_source(&self, alias: &str) -> String {
        list(self.key_sources().take(1), alias)
    }

    fn first_target(&self, alias: &str) -> String {
        list(self.key_targets().take(1), alias)
    }

    fn statements(&self) -> Statements {
        let Self { source, target, keys, rows, aside, pair } = self;
        let sources = || pair.columns.iter().map(|it| it.source.as_str());
        let (key, all) = (list(self.key_sources(), ""), list(sources(), ""));
        let temporary = |name: &str, columns: &str, from: &str, key: &str| {
            format!(
                "CREATE TEMPORARY TABLE {name} (PRIMARY KEY ({key})) ENGINE=InnoDB \
                 SELECT {columns} FROM {from} LIMIT 0"
            )
        };
        let key_target = list(self.key_targets(), "");
        let kept: Vec<&str> =
            self.key_targets().chain(pair.target_only.iter().map(String::as_str)).collect();
        let kept = list(kept, "");
        let drop = |name: &String| format!("DROP TEMPORARY TABLE IF EXISTS {name}");
        let all_drops: Vec<String> = [keys, rows, aside].into_iter().map(drop).collect();
        let make = [
            temporary(keys, &key, source, &key),
            temporary(rows, &all, source, &key),
            temporary(aside, &kept, target, &key_target),
        ];
        Statements {
            prepare: all_drops.iter().cloned().chain(make).collect(),
            drop: all_drops,
            forget: format!("DELETE FROM {keys}"),
            note: format!("INSERT INTO {keys} ({key}) VALUES "),
            // Two spellings can be one key by its collation.
            note_end: {
                let first = self.first_source("");
                format!(" ON DUPLICATE KEY UPDATE {first} = {keys}.{first}")
            },
            apply: self.apply(),
            exchange: self.exchange(),
            noted_differ: self.differ(true),
            all_differ: self.differ(false),
            range: self.range(),
        }
    }

    fn range(&self) -> Option<Range> {
        let first = self.pair.key.first().filter(|first| first.ordered)?;
        let source = format!("{}.{}", self.source, quote(&first.source));
        let target = format!("{}.{}", self.target, quote(&first.target));
        let value = format!("CONCAT({})", written(first.write, &source));
        let values = format!("SELECT {value} FROM {}", self.source);
        Some(Range { columns: [source, target], values })
    }

    fn take_rows(&self) -> [String; 2] {
        let Self { source, keys, rows, pair, .. } = self;
        let sources = || pair.columns.iter().map(|it| it.source.as_str());
        [
            format!("DELETE FROM {rows}"),
            format!(
                "INSERT INTO {rows} ({}) SELECT {} FROM {keys} k STRAIGHT_JOIN {source} ON {}",
                list(sources(), ""),
                list(sources(), source),
                self.on_source("k")
            ),
        ]
    }

    fn insert(&self, from: &str) -> String {
        let columns = &self.pair.columns;
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {from}",
            self.target,
            list(columns.iter().map(|it| it.target.as_str()), ""),
            list(columns.iter().map(|it| it.source.as_str()), "r"),
        )
    }

    fn apply(&self) -> Vec<String> {
        let Self { target, keys, rows, pair, .. } = self;
        let sets: Vec<String> = pair
            .columns
            .iter()
            .map(|it| format!("{target}.{} = r.{}", quote(&it.target), quote(&it.source)))
            .collect();
        let mut all = self.take_rows().to_vec();
        all.push(format!(
            "DELETE {target} FROM {keys} k STRAIGHT_JOIN {target} ON {} LEFT JOIN {rows} r ON {} \
             WHERE {} IS NULL",
            self.on_target("k"),
            joined(self.key_sources().map(|it| (it, it)), "r", "k"),
            self.first_source("r")
        ));
        all.push(format!(
            "UPDATE {rows} r STRAIGHT_JOIN {target} ON {} SET {}",
            self.on_target("r"),
            sets.join(", ")
        ));
        all.push(format!(
            "DELETE r FROM {rows} r STRAIGHT_JOIN {target} ON {}",
            self.on_target("r")
        ));
        all.push(self.insert(&format!("{rows} r")));
        all
    }

    /// The rows are set aside, with the values that the source does not have, and come back.
    fn exchange(&self) -> Vec<String> {
        let Self { target, keys, rows, aside, pair, .. } = self;
        let only: Vec<&str> = pair.target_only.iter().map(String::as_str).collect();
        let kept: Vec<&str> = self.key_targets().chain(only.iter().copied()).collect();
        let mut all = self.take_rows().to_vec();
        all.push(format!("DELETE FROM {aside}"));
        all.push(format!(
            "INSERT INTO {aside} ({}) SELECT {} FROM {keys} k STRAIGHT_JOIN {target} ON {}",
            list(kept.iter().copied(), ""),
            list(kept.iter().copied(), target),
            self.on_target("k")
        ));
        all.push(format!(
            "DELETE {target} FROM {keys} k STRAIGHT_JOIN {target} ON {}",
            self.on_target("k")
        ));
        let on = joined(self.key_targets().zip(self.key_sources()), "a", "r");
        let targets = pair.columns.iter().map(|it| it.target.as_str());
        let sources = pair.columns.iter().map(|it| it.source.as_str());
        let (mut into, mut of) = (list(targets, ""), list(sources, "r"));
        if !only.is_empty() {
            into += &format!(", {}", list(only.iter().copied(), ""));
            of += &format!(", {}", list(only.iter().copied(), "a"));
        }
        all.push(format!(
            "INSERT INTO {target} ({into}) SELECT {of} FROM {rows} r JOIN {aside} a ON {on}"
        ));
        let new = self.first_target("a");
        let from = format!("{rows} r LEFT JOIN {aside} a ON {on} WHERE {new} IS NULL");
        all.push(self.insert(&from));
        all
    }

    /// Rows of the source that the target has not, or not so; and rows that it has alone.
    fn differ(&self, noted: bool) -> [String; 2] {
        let Self { source, target, keys, pair, .. } = self;
        let (from_source, from_target) = if noted {
            (
                format!("{keys} k STRAIGHT_JOIN {source} ON {}", self.on_source("k")),
                format!("{keys} k STRAIGHT_JOIN {target} ON {}", self.on_target("k")),
            )
        } else {
            (source.clone(), target.clone())
        };
        let same: Vec<String> = pair.columns.iter().map(|it| same(it, source, target)).collect();
        let literal = |alias: &str, name: fn(&Shared) -> &str| {
            let parts: Vec<String> = pair
                .key
                .iter()
                .map(|it| written(it.write, &format!("{alias}.{}", quote(name(it)))))
                .collect();
            format!("CONCAT('(', {}, ')')", parts.join(", ',', "))
        };
        [
            format!(
                "SELECT {} FROM {from_source} LEFT JOIN {target} ON {} WHERE ({} IS NULL OR NOT ({}))",
                literal(source, |it| &it.source),
                self.on_both(),
                self.first_target(target),
                same.join(" AND ")
            ),
            format!(
                "SELECT {} FROM {from_target} LEFT JOIN {source} ON {} WHERE {} IS NULL",
                literal(target, |it| &it.target),
                self.on_both(),
                self.first_source(source)
            ),
        ]
    }
}

/// A value of a key as a literal, made by the server.
pub(crate) fn written(write: Write, column: &str) -> String {
    match write {
        Write::Number => format!("CAST({column} + 0 AS CHAR)"),
        Write::Quoted => format!("'''', CAST({column} AS CHAR), ''''"),
        Write::Hex => format!("'x''', HEX({column}), ''''"),
    }
}

/// Whether a column is the same on both sides.
fn same(it: &Shared, source: &str, target: &str) -> String {
    let (s, t) =
        (format!("{source}.{}", quote(&it.source)), format!("{target}.{}", quote(&it.target)));
    match &it.compare {
        Compare::Plain => format!("{s} <=> {t}"),
        Compare::Bytes(None) => format!("CAST({s} AS BINARY) <=> CAST({t} AS BINARY)"),
        Compare::Bytes(Some(charset)) => {
            format!("CAST(CONVERT({s} USING {charset}) AS BINARY) <=> CAST({t} AS BINARY)")
        }
        Compare::Text => {
            format!("CAST(CAST({s} AS CHAR) AS BINARY) <=> CAST(CAST({t} AS CHAR) AS BINARY)")
        }
        Compare::Hex => format!("HEX({s}) <=> HEX({t})"),
    }
}
