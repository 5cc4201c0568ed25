//! Random schemas, made by asking the server: what it refuses is left out and counted.

use std::collections::BTreeMap;

use mysql::Conn;
use mysql::prelude::Queryable as _;

use super::kinds::{Kinds, MODE};
use super::random::{Deck, Random};
use super::table::{Table, key_forms, quote};
use crate::support::Sandbox;

/// At most so many rows a table; more than a few of the tests' ranges.
const ROWS: usize = 45;

/// What was made over all schemas, so that a test can tell that it saw everything.
#[derive(Debug)]
pub struct Made {
    /// Rows in columns of each family.
    pub families: BTreeMap<String, u64>,
    /// Clauses that stayed, by their first word, and those that were refused.
    pub clauses: BTreeMap<String, (u64, u64)>,
    /// Rows that stayed, and those that were refused.
    pub rows: (u64, u64),
    /// Tables.
    pub tables: u64,
}

impl Made {
    /// Nothing yet.
    pub fn new(kinds: &Kinds) -> Self {
        let families = kinds.families();
        Self { families, clauses: BTreeMap::new(), rows: (0, 0), tables: 0 }
    }

    /// Fails where something never made it: the test would have passed without it.
    pub fn demand_enough(&self) {
        let missing: Vec<&String> =
            self.families.iter().filter(|(_, rows)| **rows == 0).map(|(name, _)| name).collect();
        assert!(missing.is_empty(), "no row holds a value of {missing:?}");
        for word in WORDS {
            let kept = self.clauses.get(word).map_or(0, |counts| counts.0);
            assert!(kept > 0, "no table has {word}: {:?}", self.clauses);
        }
        let (kept, refused) = self.rows;
        assert!(kept > 500 && kept > refused, "{kept} rows were kept, {refused} refused");
    }
}

/// What a clause is counted as.
const WORDS: [&str; 11] = [
    "FOREIGN KEY",
    "PARTITION",
    "FULLTEXT",
    "SPATIAL",
    "UNIQUE",
    "CHECK",
    "VIRTUAL",
    "STORED",
    "INVISIBLE",
    "COMMENT=",
    "KEY",
];

/// Makes a random schema.
#[derive(Debug)]
pub struct Generator<'a> {
    kinds: &'a Kinds,
    columns: Deck,
    keys: Deck,
    made: &'a mut Made,
}

impl<'a> Generator<'a> {
    /// For the schema of that seed, out of so many in a run.
    pub fn new(kinds: &'a Kinds, seed: u64, schemas: u64, made: &'a mut Made) -> Self {
        let columns = Deck::new(kinds.all.len(), seed, schemas);
        let keys = Deck::new(key_forms(), seed, schemas);
        Self { kinds, columns, keys, made }
    }

    /// Tables, rows and a view in the sandbox's schema.
    pub fn fill(mut self, sandbox: &Sandbox, seed: u64) {
        let mut random = Random::new(seed);
        let mut root = sandbox.root();
        let charset = *random.pick(&["utf8mb4", "latin1", "utf16", "utf8mb4"]);
        root.query_drop(format!("ALTER DATABASE {} CHARACTER SET {charset}", sandbox.schema))
            .unwrap();
        root.query_drop(format!("USE {}", sandbox.schema)).unwrap();
        root.query_drop(format!("SET NAMES utf8mb4, sql_mode = '{MODE}', time_zone = '+00:00'"))
            .unwrap();
        let mut tables: Vec<Table> = Vec::new();
        for number in 0..5 {
            let flavour = sandbox.server().flavour;
            let decks = (&mut self.columns, &mut self.keys);
            let mut table = Table::random(self.kinds, flavour, decks, &mut random, number);
            self.refer(&mut table, tables.last(), &mut random);
            self.create(&mut root, &mut table);
            self.insert(&mut root, &table, &mut random);
            tables.push(table);
        }
        // A name of its own for each column: a view renames those that begin with a blank.
        let view = format!(
            "CREATE VIEW `it's a ``view` AS SELECT {} AS `a``b`, 'a\\'b' AS `x;y` FROM {}",
            quote(&tables[0].columns[0].name),
            quote(&tables[0].name)
        );
        root.query_drop(view).unwrap();
    }

    /// Sometimes a column that has to be in the table before this one.
    fn refer(&mut self, table: &mut Table, parent: Option<&Table>, random: &mut Random) {
        let Some(parent) = parent.filter(|parent| parent.key.starts_with("PRIMARY")) else {
            return;
        };
        if !random.chance(60) {
            return;
        }
        let key = &parent.columns[0];
        let mut column = key.clone();
        column.name = format!("parent of {}", table.columns.len());
        column.attributes = " NULL".to_owned();
        column.nullable = true;
        table.extras.push(format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE CASCADE",
            quote(&format!("it's a `key {}", table.name.chars().take(30).collect::<String>())),
            quote(&column.name),
            quote(&parent.name),
            quote(&key.name)
        ));
        table.columns.push(column);
    }

    /// Creates it with as much of what it has as the server takes.
    fn create(&mut self, root: &mut Conn, table: &mut Table) {
        for column in &mut table.columns {
            let probe = format!("CREATE TEMPORARY TABLE `probe` ({})", column.definition());
            if root.query_drop(probe).is_err() {
                self.clause("an attribute", false);
                column.attributes = " NOT NULL".to_owned();
                column.nullable = false;
            }
            root.query_drop("DROP TEMPORARY TABLE IF EXISTS `probe`").unwrap();
        }
        while let Err(error) = root.query_drop(table.create()) {
            let all = table.extras.len() + table.options.len();
            assert!(all > 0 || !table.key.is_empty(), "{error}: {}", table.create());
            if all == 0 {
                table.key.clear();
                self.clause("a primary key", false);
                continue;
            }
            // The one that is to blame; where there are several, the last goes first.
            let culprit = (0..all).rev().find(|&at| {
                let removed = take(table, at);
                let made = root.query_drop(table.create()).is_ok();
                put(table, at, removed);
                made
            });
            let removed = take(table, culprit.unwrap_or(all - 1));
            self.clause(&removed, false);
            if culprit.is_some() {
                break;
            }
        }
        let kept: Vec<String> = table.extras.iter().chain(&table.options).cloned().collect();
        kept.iter().for_each(|clause| self.clause(clause, true));
        self.made.tables += 1;
    }

    fn clause(&mut self, clause: &str, kept: bool) {
        let word = WORDS.iter().find(|word| clause.contains(**word)).unwrap_or(&clause);
        let counts = self.made.clauses.entry((*word).to_owned()).or_default();
        *(if kept { &mut counts.0 } else { &mut counts.1 }) += 1;
    }

    fn insert(&mut self, root: &mut Conn, table: &Table, random: &mut Random) {
        let rows = [0, 1, 7, ROWS, ROWS][random.below(5)].min(ROWS);
        let rows = if table.key.is_empty() { rows } else { rows.max(8) };
        let names: Vec<String> = table.columns.iter().map(|column| quote(&column.name)).collect();
        root.query_drop("START TRANSACTION").unwrap();
        let offset = random.below(100);
        let mut kept = 0;
        for row in 0..rows {
            let mut values = Vec::new();
            for (at, column) in table.columns.iter().enumerate() {
                let all = &column.kind.values;
                values.push(
                    if column.name.starts_with("parent of ") || column.nullable && random.chance(10)
                    {
                        "NULL".to_owned()
                    } else if at == 0 {
                        // One after the other, so that few of a key come twice.
                        all[(offset + row) % all.len()].clone()
                    } else {
                        random.pick(all).clone()
                    },
                );
            }
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({})",
                quote(&table.name),
                names.join(", "),
                values.join(", ")
            );
            let taken = root.query_drop(sql).is_ok();
            kept += u64::from(taken);
            *(if taken { &mut self.made.rows.0 } else { &mut self.made.rows.1 }) += 1;
        }
        root.query_drop("COMMIT").unwrap();
        for column in &table.columns {
            *self.made.families.get_mut(&column.kind.family).unwrap() += kept;
        }
        self.follow_parents(root, table);
    }

    /// Rows get a parent that is there.
    fn follow_parents(&mut self, root: &mut Conn, table: &Table) {
        let Some(clause) = table.extras.iter().find(|clause| clause.contains("FOREIGN KEY")) else {
            return;
        };
        let (_, rest) = clause.split_once("REFERENCES ").unwrap();
        // `parent` (`column`) ON DELETE …
        let (target, _) = rest.rsplit_once(" ON DELETE").unwrap();
        let (parent, column) = target.rsplit_once(" (").unwrap();
        let child =
            table.columns.iter().find(|column| column.name.starts_with("parent of ")).unwrap();
        let sql = format!(
            "UPDATE {} SET {} = (SELECT {} FROM {parent} LIMIT 1)",
            quote(&table.name),
            quote(&child.name),
            column.trim_end_matches(')')
        );
        // A unique key may stand against it.
        let taken = root.query_drop(sql).is_ok();
        self.clause("rows with a parent", taken);
    }
}

fn take(table: &mut Table, at: usize) -> String {
    let extras = table.extras.len();
    if at < extras { table.extras.remove(at) } else { table.options.remove(at - extras) }
}

fn put(table: &mut Table, at: usize, clause: String) {
    // As it was when `take` removed it from there.
    let is_option = clause.starts_with("COMMENT=") || clause.starts_with("PARTITION BY");
    if is_option {
        table.options.insert(at - table.extras.len(), clause)
    } else {
        table.extras.insert(at, clause)
    }
}
