//! The statements that give chosen tables the rows of a staged copy, inside the
//! live schema.
//!
//! Everything is decided under one LOCK TABLES: first the foreign keys are
//! looked at as they will be (staged rows for the chosen tables, live rows for
//! the others), so that a refusal comes before anything was changed. Triggers
//! must not fire while rows are copied, and dropping or creating one commits:
//! they go first and come back last, and the rows move in the one transaction
//! between. Its last statement puts a row into a marker table beside the staged
//! copy: its presence shows that the rows arrived.

use std::collections::BTreeSet;

use super::swap::statements;
use model::ident::{qualified, quote};
use model::inventory::{Inventory, ObjectKind};
use model::swap::JournalStatement;

/// The table in the staging schema that proves the commit.
pub const MARKER: &str = "__xtask_done";

/// A foreign key as the server lists it. Tables are (schema, name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: String,
    pub child: (String, String),
    pub columns: Vec<String>,
    /// The table that is referred to.
    pub parent: (String, String),
    pub parent_columns: Vec<String>,
    /// Whether that table is there.
    pub parent_exists: bool,
}

impl ForeignKey {
    /// Counts the rows without a parent, under the aliases that [`ForeignKey::locks`] asks for.
    pub fn orphans(&self, number: usize) -> String {
        let (c, p) = (format!("c{number}"), format!("p{number}"));
        let mut sql = format!(
            "SELECT COUNT(*) FROM {} AS {c} WHERE ",
            qualified(&self.child.0, &self.child.1)
        );
        // A key with a NULL in it refers to nothing.
        let set: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{c}.{} IS NOT NULL", quote(column)))
            .collect();
        sql += &set.join(" AND ");
        if self.parent_exists {
            let pairs = self.columns.iter().zip(&self.parent_columns);
            let equal: Vec<String> = pairs
                .map(|(child, parent)| format!("{p}.{} = {c}.{}", quote(parent), quote(child)))
                .collect();
            let parent = qualified(&self.parent.0, &self.parent.1);
            sql += &format!(
                " AND NOT EXISTS (SELECT 1 FROM {parent} AS {p} WHERE {})",
                equal.join(" AND ")
            );
        }
        sql
    }

    /// What LOCK TABLES has to name for it.
    pub fn locks(&self, number: usize) -> Vec<String> {
        let lock = |(schema, table): &(String, String), alias: char| {
            format!("{} AS {alias}{number} READ", qualified(schema, table))
        };
        let mut locks = vec![lock(&self.child, 'c')];
        if self.parent_exists {
            locks.push(lock(&self.parent, 'p'));
        }
        locks
    }
}

#[derive(Debug)]
pub struct Change<'a> {
    pub target: &'a str,
    pub live: &'a Inventory,
    pub staging: &'a str,
    /// What is in it: the chosen tables and their triggers, nothing else.
    pub staged: &'a Inventory,
    /// How many rows each staged table has.
    pub rows: &'a [(String, u64)],
    /// The keys from and to the chosen tables, as they will be.
    pub keys: &'a [ForeignKey],
    /// Begins the names of tables that are made.
    pub prefix: &'a str,
}

/// The statements of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesPlan {
    /// Makes the tables that are missing, under temporary names.
    pub create: Vec<String>,
    /// Locks all that is read or written.
    pub lock: String,
    /// Drops the triggers of the tables that are there.
    pub drop_triggers: Vec<String>,
    /// Moves the rows and commits.
    pub packet: Vec<String>,
    /// Creates the triggers again, each by a statement of its own, whether the rows moved or not.
    pub undo: Vec<JournalStatement>,
    /// Creates all triggers when they did.
    pub finish: Vec<JournalStatement>,
    /// The missing tables: temporary name and name.
    pub created: Vec<(String, String)>,
    /// The AUTO_INCREMENT values that have to be reached.
    pub counters: Vec<(String, u64)>,
}

pub fn plan(change: &Change<'_>) -> TablesPlan {
    let names: BTreeSet<String> = change.staged.tables.keys().cloned().collect();
    let (there, missing): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| change.live.tables.contains_key(name));
    let created: Vec<(String, String)> = missing
        .into_iter()
        .enumerate()
        .map(|(number, name)| (format!("{}{number}", change.prefix), name))
        .collect();
    let own = triggers_of(change.live, &there.iter().cloned().collect());
    let undo = statements(&own, ObjectKind::Trigger);
    let new: BTreeSet<String> = created.iter().map(|(_, name)| name.clone()).collect();
    let mut finish = undo.clone();
    finish.extend(statements(&triggers_of(change.staged, &new), ObjectKind::Trigger));
    // Each staged table with the name under which the live schema knows it now.
    let mut places: Vec<(String, String)> =
        there.iter().map(|name| (name.clone(), name.clone())).collect();
    places.extend(created.clone());
    let counters = counters(change);
    TablesPlan {
        create: created.iter().filter_map(|place| create(change, place)).collect(),
        lock: lock(change, &places),
        drop_triggers: own
            .trigger_order
            .iter()
            .map(|name| format!("DROP TRIGGER {}", qualified(change.target, name)))
            .collect(),
        packet: packet(change, &places, &there, &counters),
        undo,
        finish,
        created,
        counters,
    }
}

/// The triggers of some tables, in the order in which they fire.
pub fn triggers_of(inventory: &Inventory, tables: &BTreeSet<String>) -> Inventory {
    let of = |name: &String| {
        let program = inventory.programs.get(&(ObjectKind::Trigger, name.clone()))?;
        program.table.as_ref().is_some_and(|table| tables.contains(table)).then_some(program)
    };
    let order: Vec<String> =
        inventory.trigger_order.iter().filter(|name| of(name).is_some()).cloned().collect();
    Inventory {
        programs: order
            .iter()
            .filter_map(|name| Some(((ObjectKind::Trigger, name.clone()), of(name)?.clone())))
            .collect(),
        trigger_order: order,
        ..Inventory::default()
    }
}

/// The staged definition under another name. Constraint names stay: they are
/// free, because the table that had them is gone.
fn create(change: &Change<'_>, (temporary, name): &(String, String)) -> Option<String> {
    let ddl = &change.staged.tables.get(name)?.ddl;
    let rest = ddl.strip_prefix(&format!("CREATE TABLE {}", quote(name)))?;
    Some(format!("CREATE TABLE {}{rest}", quote(temporary)))
}

fn lock(change: &Change<'_>, places: &[(String, String)]) -> String {
    let mut locks: Vec<String> = Vec::new();
    for (place, name) in places {
        locks.push(format!("{} WRITE", qualified(change.target, place)));
        locks.push(format!("{} READ", qualified(change.staging, name)));
    }
    locks.push(format!("{} WRITE", qualified(change.staging, MARKER)));
    locks.extend(change.keys.iter().enumerate().flat_map(|(number, key)| key.locks(number)));
    format!("LOCK TABLES {}", locks.join(", "))
}

/// Counters that copying the rows does not move far enough by itself.
fn counters(change: &Change<'_>) -> Vec<(String, u64)> {
    let wanted = change.staged.tables.iter().filter_map(|(name, staged)| {
        let value = staged.auto_increment?;
        let live = change.live.tables.get(name).and_then(|table| table.auto_increment);
        (live.unwrap_or(1) < value).then(|| (name.clone(), value))
    });
    wanted.collect()
}

fn packet(
    change: &Change<'_>,
    places: &[(String, String)],
    there: &[String],
    counters: &[(String, u64)],
) -> Vec<String> {
    let mut packet = vec!["SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'".to_owned()];
    for name in there {
        packet.push(format!("DELETE FROM {}", qualified(change.target, name)));
    }
    for (place, name) in places {
        let Some(table) = change.staged.tables.get(name) else { continue };
        let columns: Vec<String> = table.columns.iter().map(|column| quote(column)).collect();
        let columns = columns.join(", ");
        let (to, from) = (qualified(change.target, place), qualified(change.staging, name));
        packet.push(format!("INSERT INTO {to} ({columns}) SELECT {columns} FROM {from}"));
    }
    packet.extend(mark(change, places));
    packet.push("COMMIT".to_owned());
    for (name, value) in counters {
        let place = places.iter().find(|(_, of)| of == name).map_or(name, |(place, _)| place);
        let table = qualified(change.target, place);
        packet.push(format!("ALTER TABLE {table} AUTO_INCREMENT = {value}"));
    }
    packet
}

/// Puts the marker's row in when every table has as many rows as the backup;
/// otherwise it is NULL, which the strict mode refuses, and nothing is committed.
fn mark(change: &Change<'_>, places: &[(String, String)]) -> Vec<String> {
    let equal: Vec<String> = places
        .iter()
        .map(|(place, name)| {
            let rows = change.rows.iter().find(|(of, _)| of == name).map_or(0, |(_, rows)| *rows);
            format!("(SELECT COUNT(*) FROM {}) = {rows}", qualified(change.target, place))
        })
        .collect();
    let marker = qualified(change.staging, MARKER);
    vec![
        "SET sql_mode = 'STRICT_ALL_TABLES'".to_owned(),
        format!("INSERT INTO {marker} (done) SELECT CASE WHEN {} THEN 1 END", equal.join(" AND ")),
    ]
}

pub fn create_marker(staging: &str) -> String {
    format!(
        "CREATE TABLE {} (done TINYINT NOT NULL PRIMARY KEY) ENGINE = InnoDB",
        qualified(staging, MARKER)
    )
}

/// The known names that are nearest to a mistyped one; at most three.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|other| (strsim::levenshtein(&name.to_lowercase(), &other.to_lowercase()), &**other))
        .filter(|(distance, other)| *distance <= 1 + other.len().max(name.len()) / 3)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, other)| other).collect()
}

/// The first line in which two definitions differ: (staged, live).
pub fn first_difference<'a>(staged: &'a str, live: &'a str) -> (&'a str, &'a str) {
    let mut lines = live.lines();
    for line in staged.lines() {
        let other = lines.next().unwrap_or("");
        if line != other {
            return (line.trim(), other.trim());
        }
    }
    ("", lines.next().unwrap_or("").trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::TableFacts;

    fn facts(name: &str, auto_increment: Option<u64>) -> (String, TableFacts) {
        let facts = TableFacts {
            ddl: format!("CREATE TABLE `{name}` (\n  `id` int\n) ENGINE=InnoDB"),
            auto_increment,
            engine: "InnoDB".to_owned(),
            columns: vec!["id".to_owned(), "a`b".to_owned()],
            types: Vec::new(),
            float_columns: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        (name.to_owned(), facts)
    }

    fn key(parent_exists: bool) -> ForeignKey {
        ForeignKey {
            name: "fk".to_owned(),
            child: ("d".to_owned(), "kid".to_owned()),
            columns: vec!["a".to_owned(), "b".to_owned()],
            parent: ("d__s".to_owned(), "t".to_owned()),
            parent_columns: vec!["x".to_owned(), "y".to_owned()],
            parent_exists,
        }
    }

    #[test]
    fn orphans_are_counted_under_the_locked_aliases() {
        assert_eq!(
            key(true).orphans(3),
            "SELECT COUNT(*) FROM `d`.`kid` AS c3 WHERE c3.`a` IS NOT NULL AND c3.`b` IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM `d__s`.`t` AS p3 WHERE p3.`x` = c3.`a` AND p3.`y` = c3.`b`)"
        );
        assert_eq!(key(true).locks(3), ["`d`.`kid` AS c3 READ", "`d__s`.`t` AS p3 READ"]);
        assert!(key(false).orphans(0).ends_with("IS NOT NULL"));
        assert_eq!(key(false).locks(0).len(), 1);
    }

    #[test]
    fn rows_move_between_the_triggers_and_the_marker_is_last() {
        let live = Inventory { tables: [facts("t", Some(5))].into(), ..Inventory::default() };
        let staged = Inventory {
            tables: [facts("t", Some(9)), facts("gone", None)].into(),
            ..Inventory::default()
        };
        let change = Change {
            target: "d",
            live: &live,
            staging: "d__s",
            staged: &staged,
            rows: &[("t".to_owned(), 2), ("gone".to_owned(), 0)],
            keys: &[key(true)],
            prefix: "__new_",
        };
        let plan = plan(&change);
        assert_eq!(plan.create, ["CREATE TABLE `__new_0` (\n  `id` int\n) ENGINE=InnoDB"]);
        assert_eq!(plan.created, [("__new_0".to_owned(), "gone".to_owned())]);
        assert_eq!(
            plan.packet,
            [
                "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
                "DELETE FROM `d`.`t`",
                "INSERT INTO `d`.`t` (`id`, `a``b`) SELECT `id`, `a``b` FROM `d__s`.`t`",
                "INSERT INTO `d`.`__new_0` (`id`, `a``b`) SELECT `id`, `a``b` FROM `d__s`.`gone`",
                "SET sql_mode = 'STRICT_ALL_TABLES'",
                "INSERT INTO `d__s`.`__xtask_done` (done) SELECT CASE WHEN (SELECT COUNT(*) FROM \
                 `d`.`t`) = 2 AND (SELECT COUNT(*) FROM `d`.`__new_0`) = 0 THEN 1 END",
                "COMMIT",
                "ALTER TABLE `d`.`t` AUTO_INCREMENT = 9",
            ]
        );
        assert!(plan.lock.contains("`d__s`.`__xtask_done` WRITE, `d`.`kid` AS c0 READ"));
    }

    #[test]
    fn mistyped_names_are_recognised() {
        let known = ["movie", "movie_genre", "rating", "series"].map(str::to_owned);
        assert_eq!(nearest("moive", &known), ["movie"]);
        assert_eq!(nearest("Ratings", &known), ["rating"]);
        assert!(nearest("zzzzzz", &known).is_empty());
        assert_eq!(first_difference("a\n b,\nc", "a\n x,\nc"), ("b,", "x,"));
        assert_eq!(first_difference("a", "a\nc"), ("", "c"));
    }
}
