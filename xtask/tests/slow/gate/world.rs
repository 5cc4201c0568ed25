//! A schema with the first of two migrations applied, and people who work in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable as _;
use mysql::{Conn, Row};
use sys::proc::{Cmd, Finished};
use sys::{clock, fs};

use crate::faults::live::{self, Live};
use crate::faults::world::until;
use crate::support::{Checkout, Sandbox, Server, TestServer, Turn, Writer, five, require};

const DEADLINE: Duration = Duration::from_secs(600);
/// Between two looks at what others wait for.
const PAUSE: Duration = Duration::from_millis(30);

/// What makes the statement of that number fail wherever it runs, by its rows.
pub const SABOTAGE: [&str; 5] = [
    "INSERT INTO m1 (v) VALUES (1)",
    "INSERT INTO m2 VALUES (3, 200)",
    "INSERT INTO m3 VALUES (3, 1)",
    "INSERT INTO m4 VALUES (3, 11)",
    "INSERT INTO m5 VALUES (3, 1)",
];

/// A sandbox with the first migration applied.
#[derive(Debug)]
pub struct World {
    pub sandbox: Sandbox,
    pub server: TestServer,
    name: String,
    _turn: Turn,
}

impl World {
    /// A new one; `None` where the server is not there (the test says so).
    pub fn new(kind: Server, name: &str) -> Option<Self> {
        let world = Self::empty(kind, name)?;
        world.sandbox.base();
        Some(world)
    }

    /// One whose schema holds nothing.
    pub fn empty(kind: Server, name: &str) -> Option<Self> {
        Self::of(kind, name, Checkout::Five)
    }

    /// As [`World::new`], for tests with the migration that keeps rows as they are.
    pub fn shaped(kind: Server, name: &str) -> Option<Self> {
        let world = Self::of(kind, name, Checkout::Shape)?;
        world.sandbox.base();
        Some(world)
    }

    fn of(kind: Server, name: &str, checkout: Checkout) -> Option<Self> {
        Some(Self::on(&require(kind)?, name, checkout))
    }

    /// One on this server.
    pub fn on(server: &TestServer, name: &str, checkout: Checkout) -> Self {
        let turn = Turn::of(checkout);
        // The checkout is one for all of them, and remembers the server of each schema.
        let name = server.flavour.own(name);
        let sandbox = Sandbox::new(server, &name);
        Self { sandbox, server: server.clone(), name, _turn: turn }
    }

    /// The tool in the checkout with the five statements.
    pub fn command(&self, args: &[&str]) -> Cmd {
        self.sandbox.in_checkout(five::five(), args)
    }

    pub fn run(&self, args: &[&str]) -> Finished {
        self.command(args).run(DEADLINE).unwrap()
    }

    /// A run that has to succeed; gives its JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let finished = self.run(args);
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    pub fn live(&self) -> Live {
        live::read(&mut self.server.root(), &self.sandbox.schema)
    }

    #[track_caller]
    pub fn demand_live(&self, expected: &Live, what: &str) {
        let now = self.live();
        assert!(*expected == now, "{what}:\n{}", live::differences(expected, &now));
    }

    /// The five statements are all done, exactly once, and booked as the API books them.
    #[track_caller]
    pub fn demand_migrated(&self) {
        let mut root = self.sandbox.root();
        let mut number = |sql: &str| root.query_first::<i64, _>(sql).unwrap().unwrap();
        let keys = "SELECT COUNT(*) FROM information_schema.STATISTICS \
                    WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME IN ('m1_v', 'm3_v', 'm5_v')";
        assert_eq!(number(keys), 3);
        assert_eq!(number("SELECT MIN(v) FROM m2"), 101);
        assert_eq!(number("SELECT COUNT(*) FROM m4"), 4);
        assert_eq!(number("SELECT COUNT(*) FROM m3 WHERE added = 'x'"), 2);
        assert_eq!(number("SELECT COUNT(*) FROM _sqlx_migrations WHERE success"), 2);
        assert_eq!(number("SELECT COUNT(*) FROM _sqlx_migrations"), 2);
        let status = self.json(&["migrate", "--status", "--json"]);
        assert_eq!(status["pending"], serde_json::json!([]), "{status}");
        assert_eq!(status["troubles"], serde_json::json!([]), "{status}");
    }

    /// Nothing unfinished is left, on the server or in the folder.
    #[track_caller]
    pub fn demand_clean(&self) {
        let left = self.companions("staging");
        assert!(left.is_empty(), "left behind: {left:?}");
        let files = fs::names(&self.sandbox.backups()).unwrap();
        let odd = |name: &&String| {
            name.ends_with(".partial") || [".swap.json", ".in-place.json"].contains(&name.as_str())
        };
        let odd: Vec<&String> = files.iter().filter(odd).collect();
        assert!(odd.is_empty(), "left behind: {odd:?}");
    }

    pub fn companions(&self, kind: &str) -> Vec<String> {
        let sql = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";
        let all: Vec<String> = self.server.root().query(sql).unwrap();
        let prefix = format!("{}__{kind}", self.sandbox.schema);
        all.into_iter().filter(|name| name.starts_with(&prefix)).collect()
    }

    /// Holds a table against writes until the migration gave up waiting for it.
    pub fn block_once(&self, table: &str) -> Blocker {
        // It has been given up only when its session is gone.
        self.block(table, |of, sessions| sessions.iter().all(|s| s.id != of))
    }

    /// Holds a table against writes until the migration's first try at it is over.
    pub fn block_one_turn(&self, table: &str) -> Blocker {
        self.block(table, |of, sessions| !sessions.iter().any(|s| s.id == of && s.waits()))
    }

    fn block(&self, table: &str, given_up: fn(u64, &[Seen]) -> bool) -> Blocker {
        let mut holder = self.sandbox.root();
        holder.query_drop(format!("LOCK TABLES `{table}` READ")).unwrap();
        let mut watcher = self.server.root();
        let user = format!("migrate_{}", self.name);
        let (schema, name) = (self.sandbox.schema.clone(), table.to_owned());
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            // On the live schema; the rehearsal's sessions are on the copy. Others of the
            // account may wait for a moment, too, for a table of the server that another
            // test is changing: only the statement on this table counts.
            let mut waiting = None;
            while !stop.load(Ordering::Relaxed) {
                let sessions = sessions(&mut watcher, &user);
                match waiting {
                    None => {
                        let waits = |s: &&Seen| s.schema == schema && s.waits() && s.changes(&name);
                        waiting = sessions.iter().find(waits).map(|s| s.id);
                    }
                    Some(id) if given_up(id, &sessions) => break,
                    Some(_) => {}
                }
                // Not all the time: the processor is what the run needs. A session waits for
                // its lock for a second.
                clock::until(Instant::now(), PAUSE).unwrap();
            }
            drop(holder);
            waiting.is_some()
        });
        Blocker { thread, done }
    }

    /// Waits until an account waits for a table's lock.
    #[track_caller]
    pub fn wait_for_lock(&self, kind: &str) {
        let user = if kind == "root" { kind.to_owned() } else { format!("{kind}_{}", self.name) };
        let mut root = self.server.root();
        until("a lock is waited for", || waits(&mut root, &user));
    }

    /// Waits until somebody has locked a table against reads.
    #[track_caller]
    pub fn wait_until_locked(&self, table: &str) {
        let mut probe = self.sandbox.root();
        probe.query_drop("SET SESSION lock_wait_timeout = 1, max_statement_time = 0").unwrap();
        until("the table is locked", || {
            probe.query_drop(format!("SELECT 1 FROM `{table}` LIMIT 1")).is_err()
        });
    }

    /// Somebody who goes on writing to a table that no migration touches.
    pub fn writer(&self) -> Writer {
        Writer::start(self.sandbox.root(), |n| {
            format!("INSERT INTO busy (note) VALUES ('writer {n}')")
        })
    }

    /// Rows of the writer that are there, and that the trigger counted.
    #[track_caller]
    pub fn demand_written(&self, written: u64) {
        let mut root = self.sandbox.root();
        let rows: Option<u64> =
            root.query_first("SELECT COUNT(*) FROM busy WHERE note LIKE 'writer %'").unwrap();
        assert_eq!(rows, Some(written), "rows of the writer");
        let counted: Option<u64> = root.query_first("SELECT n FROM tally").unwrap();
        assert_eq!(counted, Some(written), "what the trigger counted");
    }
}

fn waits(conn: &mut Conn, user: &str) -> bool {
    sessions(conn, user).iter().any(Seen::waits)
}

/// A session as the list of processes shows it.
struct Seen {
    id: u64,
    schema: String,
    state: String,
    statement: String,
}

impl Seen {
    /// Whether it waits for a table.
    fn waits(&self) -> bool {
        self.state.starts_with("Waiting for table")
    }

    /// Whether it runs a statement that changes that table.
    fn changes(&self, table: &str) -> bool {
        let reads = ["SELECT", "SHOW"].iter().any(|word| self.statement.starts_with(word));
        let mut words = self.statement.split(|c: char| !c.is_ascii_alphanumeric());
        !reads && words.any(|word| word == table)
    }
}

fn sessions(conn: &mut Conn, user: &str) -> Vec<Seen> {
    let lines: Vec<Row> = conn.query("SHOW FULL PROCESSLIST").unwrap();
    let text = |line: &Row, name: &str| line.get::<Option<String>, _>(name).flatten();
    lines
        .iter()
        .filter(|line| text(line, "User").as_deref() == Some(user))
        .map(|line| Seen {
            id: line.get("Id").unwrap(),
            schema: text(line, "db").unwrap_or_default(),
            state: text(line, "State").unwrap_or_default(),
            // A statement may hold bytes that are no text.
            statement: line
                .get::<Option<Vec<u8>>, _>("Info")
                .flatten()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default(),
        })
        .collect()
}

/// Holds a table until it was waited for.
pub struct Blocker {
    thread: JoinHandle<bool>,
    done: Arc<AtomicBool>,
}

impl Blocker {
    /// Gives the table back; it must have been waited for.
    #[track_caller]
    pub fn end(self) {
        self.done.store(true, Ordering::Relaxed);
        assert!(self.thread.join().unwrap(), "nothing waited for the table");
    }
}
