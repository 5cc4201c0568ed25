//! Sessions that write as an application does, and know what the server acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable as _;
use mysql::{Conn, Error};

use crate::faults::world::until;

/// Rows that a session owns: by table and key, the value; `None` where there is no row.
pub type Rows = BTreeMap<(&'static str, i64), Option<i64>>;

/// What a session did.
#[derive(Debug, Default)]
pub struct Done {
    pub rows: Rows,
    pub statements: u64,
    /// The longest time in which one statement was waited for.
    pub longest: Duration,
    /// Rows of `busy`, which count themselves.
    pub busy: u64,
}

/// Sessions that write until they are ended.
#[derive(Debug)]
pub struct Writers {
    threads: Vec<JoinHandle<Done>>,
    done: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
}

/// More tables, tied to each other, with rows that are there before.
pub const TABLES: &str = "
    ALTER TABLE busy ADD COLUMN gone INT NULL;
    CREATE TABLE parent (id INT PRIMARY KEY, v INT NOT NULL);
    CREATE TABLE child (id INT PRIMARY KEY, p INT, v INT NOT NULL,
      CONSTRAINT child_p FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
    CREATE TABLE word (w VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, j JSON, v INT NOT NULL, UNIQUE KEY word_v (v));
    DELETE FROM m2; DELETE FROM m3";

struct Session {
    conn: Conn,
    done: Done,
    base: i64,
    next: i64,
    /// The name of a column that the migration renames.
    worth: &'static str,
}

impl Writers {
    /// Starts some, each in a range of keys of its own.
    pub fn start(count: i64, connect: &dyn Fn() -> Conn) -> Self {
        let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = |number: i64| {
            let base = number * 20_000;
            let mut session =
                Session { conn: connect(), done: Done::default(), base, next: base, worth: "v" };
            let (stop, written) = (Arc::clone(&done), Arc::clone(&written));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    session.round();
                    written.fetch_add(1, Ordering::Relaxed);
                }
                session.done
            })
        };
        let threads = (1..=count).map(start).collect();
        Self { threads, done, written }
    }

    /// Waits until all of them together wrote so many more rounds.
    pub fn wait_for(&self, rounds: u64) {
        let goal = self.written.load(Ordering::Relaxed) + rounds;
        until("others write", || self.written.load(Ordering::Relaxed) >= goal);
    }

    /// Ends them.
    pub fn end(self) -> Vec<Done> {
        self.done.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

impl Session {
    /// Runs statements as one transaction; again where the server took it back.
    fn sql(&mut self, statements: &[String]) {
        let begun = Instant::now();
        while let Err(error) = self.attempt(statements) {
            self.conn.query_drop("ROLLBACK").unwrap();
            match error {
                // Deadlock; the definition changed under a transaction that had begun.
                Error::MySqlError(error) if [1213, 1412].contains(&error.code) => {}
                // The column has its other name now.
                Error::MySqlError(error) if error.code == 1054 => {
                    self.worth = if self.worth == "v" { "worth" } else { "v" };
                    return;
                }
                other => panic!("{statements:?}: {other}"),
            }
        }
        self.done.statements += statements.len() as u64;
        self.done.longest = self.done.longest.max(begun.elapsed());
    }

    fn attempt(&mut self, statements: &[String]) -> Result<(), Error> {
        if let [one] = statements {
            return self.conn.query_drop(one);
        }
        self.conn.query_drop("BEGIN")?;
        statements.iter().try_for_each(|sql| self.conn.query_drop(sql))?;
        self.conn.query_drop("COMMIT")
    }

    fn set(&mut self, table: &'static str, key: i64, value: Option<i64>) {
        self.done.rows.insert((table, key), value);
    }

    fn round(&mut self) {
        self.next += 1;
        // Rows are written again and again, not only made.
        let n = self.base + self.next % 2_000;
        let (value, old) = (self.next, self.base + (self.next + 7) % 2_000);
        self.sql(&[format!("REPLACE INTO parent VALUES ({n}, {value})")]);
        // The children went with the row that was replaced.
        self.set("parent", n, Some(value));
        self.set("child", n, None);
        self.sql(&[
            format!("REPLACE INTO child VALUES ({n}, {n}, {value})"),
            format!("UPDATE parent SET v = v + 1 WHERE id = {n}"),
        ]);
        self.set("child", n, Some(value));
        self.set("parent", n, Some(value + 1));
        self.sql(&[format!("DELETE FROM parent WHERE id = {old}")]);
        self.set("parent", old, None);
        self.set("child", old, None);
        self.sql(&[format!(
            "INSERT INTO word VALUES ('Wört {n}', JSON_OBJECT('a', 1, 'b', REPEAT('x', 200)), {n}) \
             ON DUPLICATE KEY UPDATE j = JSON_SET(j, '$.a', {value})"
        )]);
        self.set("word", n, Some(n));
        self.swap_unique(n);
        let worth = self.worth;
        self.sql(&[format!("REPLACE INTO m5 (id, {worth}) VALUES ({n}, {value})")]);
        if self.worth == worth {
            self.set("m5", n, Some(value));
        }
        self.sql(&[format!("REPLACE INTO m3 (id, v) VALUES ({n}, {value})")]);
        self.set("m3", n, Some(value));
        self.sql(&[
            "BEGIN".to_owned(),
            format!("DELETE FROM m3 WHERE id = {n}"),
            "ROLLBACK".to_owned(),
        ]);
        self.sql(&[format!("INSERT INTO busy (note) VALUES ('{value}')")]);
        self.done.busy += 1;
    }

    /// Two rows exchange a unique value.
    fn swap_unique(&mut self, n: i64) {
        let other = self.base + (n - self.base + 1) % 2_000;
        let (a, b) = (self.unique(n), self.unique(other));
        let (Some(a), Some(b)) = (a, b) else { return };
        self.sql(&[
            format!("UPDATE word SET v = -{a} WHERE w = 'Wört {n}'"),
            format!("UPDATE word SET v = {a} WHERE w = 'Wört {other}'"),
            format!("UPDATE word SET v = {b}, w = 'WÖRT {n}' WHERE w = 'Wört {n}'"),
        ]);
        self.set("word", n, Some(b));
        self.set("word", other, Some(a));
    }

    fn unique(&self, n: i64) -> Option<i64> {
        self.done.rows.get(&("word", n)).copied().flatten()
    }
}

/// Every row that was acknowledged is there as it was written last, and no other.
#[track_caller]
pub fn demand_all(root: &mut Conn, done: &[Done], worth: &str) {
    for (table, key, value) in [
        ("parent", "id", "v"),
        ("child", "id", "v"),
        ("word", "CAST(SUBSTRING(w, 6) AS SIGNED)", "v"),
        ("m5", "id", worth),
        ("m3", "id", "v"),
    ] {
        let sql = format!("SELECT {key}, {value} FROM {table} WHERE {key} > 20000 ORDER BY 1");
        let found: BTreeMap<i64, i64> = root.query(sql).unwrap().into_iter().collect();
        let rows = done.iter().flat_map(|one| &one.rows).filter(|((of, _), _)| *of == table);
        let wanted: BTreeMap<i64, i64> =
            rows.filter_map(|((_, key), value)| Some((*key, (*value)?))).collect();
        let odd: Vec<_> = wanted
            .iter()
            .filter(|(key, value)| found.get(*key) != Some(*value))
            .map(|(key, value)| (key, value, found.get(key)))
            .collect();
        assert!(
            odd.is_empty(),
            "{table}: {} rows, such as {:?}",
            odd.len(),
            &odd[..odd.len().min(5)]
        );
        assert_eq!(found.len(), wanted.len(), "{table} has rows that nobody wrote");
    }
    let busy: u64 = done.iter().map(|one| one.busy).sum();
    let found: Option<(u64, u64)> =
        root.query_first("SELECT COUNT(*), (SELECT n FROM tally) FROM busy WHERE id > 1").unwrap();
    assert_eq!(found, Some((busy, busy)), "rows of `busy`, and what its trigger counted");
}
