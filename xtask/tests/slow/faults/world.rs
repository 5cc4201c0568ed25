//! A sandbox with a small schema that has one of everything, and what a test
//! demands of it after a failure.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::hash::sha256_hex;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Row};
use sys::proc::{Cmd, Finished};
use sys::{clock, fs};

use super::live::{self, Live};
use crate::support::{Sandbox, Server, TestServer, require};

/// How long a state may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);

/// The schema as it is backed up.
const BASE: &[&str] = &[
    "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "CREATE TABLE account (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(80) NOT NULL UNIQUE, \
     token VARBINARY(32), joined TIMESTAMP NOT NULL DEFAULT '2026-01-02 03:04:05')",
    "CREATE TABLE rating (id INT PRIMARY KEY AUTO_INCREMENT, account_id INT NOT NULL, stars INT, \
     CONSTRAINT rated_by FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE)",
    "CREATE TABLE tally (name VARCHAR(20) PRIMARY KEY, n BIGINT NOT NULL)",
    "CREATE TABLE zz_last (id INT PRIMARY KEY, note TEXT)",
    "CREATE TABLE turncoat (id INT PRIMARY KEY)",
    "INSERT INTO turncoat VALUES (1), (2)",
    "INSERT INTO tally VALUES ('first', 0), ('second', 0)",
    "INSERT INTO zz_last VALUES (1, 'ünï''c\\\\ode'), (2, NULL)",
    "INSERT INTO account (email, token) WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL \
     SELECT n + 1 FROM s WHERE n < 900) SELECT CONCAT('a', n, '@example.org'), UNHEX(SHA2(n, 256)) FROM s",
    // Made in an order that is not the one of their names.
    "CREATE TRIGGER z_first AFTER INSERT ON rating FOR EACH ROW \
     UPDATE tally SET n = n + 1 WHERE name = 'first'",
    "CREATE TRIGGER a_second AFTER INSERT ON rating FOR EACH ROW \
     UPDATE tally SET n = n + (SELECT n FROM (SELECT 1 AS n) AS one) WHERE name = 'second'",
    "INSERT INTO rating (account_id, stars) SELECT id, id % 5 FROM account ORDER BY id",
    "CREATE VIEW best AS SELECT id, account_id FROM rating WHERE stars = 4",
    "CREATE VIEW a_best AS SELECT account_id FROM best",
    "CREATE VIEW deserter AS SELECT 1 AS one",
    "CREATE FUNCTION twice (x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "CREATE PROCEDURE ratings () SELECT COUNT(*) FROM rating",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' \
     DO DELETE FROM rating WHERE stars IS NULL",
];

/// What happens to it afterwards, so that no part is as it was.
const CHANGE: &[&str] = &[
    "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "INSERT INTO account (email) VALUES ('new@example.org')",
    "DELETE FROM rating WHERE id % 3 = 0",
    "DROP TRIGGER a_second",
    "CREATE TRIGGER added_trigger BEFORE DELETE ON tally FOR EACH ROW SET @gone = OLD.name",
    "ALTER TABLE zz_last ADD COLUMN more INT DEFAULT 7",
    "CREATE TABLE added (id INT PRIMARY KEY, account_id INT, \
     FOREIGN KEY (account_id) REFERENCES account (id))",
    "INSERT INTO added VALUES (1, 1)",
    "DROP VIEW a_best",
    "CREATE VIEW added_view AS SELECT 2 AS two",
    "DROP VIEW deserter",
    "CREATE TABLE deserter (id INT PRIMARY KEY)",
    "DROP TABLE turncoat",
    "CREATE VIEW turncoat AS SELECT 3 AS three",
    "DROP PROCEDURE ratings",
    "CREATE PROCEDURE added_procedure () SELECT 4",
    "DROP EVENT nightly",
    "CREATE EVENT added_event ON SCHEDULE EVERY 2 DAY STARTS '2037-01-01 00:00:00' \
     DISABLE DO DELETE FROM rating",
];

/// A sandbox with the schema in it.
#[derive(Debug)]
pub struct World {
    pub sandbox: Sandbox,
    pub server: TestServer,
    name: String,
}

/// What must not move.
#[derive(Debug)]
pub struct State {
    live: Live,
    files: BTreeMap<String, String>,
}

impl World {
    /// A new one; `None` where the server is not there (the test says so).
    pub fn new(kind: Server, name: &str) -> Option<Self> {
        let server = require(kind)?;
        Some(Self::on(&server, name))
    }

    /// A new one on this server.
    pub fn on(server: &TestServer, name: &str) -> Self {
        let sandbox = Sandbox::new(server, name);
        let server = sandbox.server().clone();
        let world = Self { sandbox, server, name: name.to_owned() };
        world.run_sql(BASE);
        world
    }

    /// An account's name in this sandbox.
    pub fn user(&self, kind: &str) -> String {
        format!("{kind}_{}", self.name)
    }

    pub fn run_sql(&self, statements: &[&str]) {
        let mut root = self.sandbox.root();
        for statement in statements {
            root.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// Makes the live schema differ from what was backed up, in everything.
    pub fn change(&self) {
        self.run_sql(CHANGE);
    }

    /// What is in the schema now.
    pub fn live(&self) -> Live {
        live::read(&mut self.server.root(), &self.sandbox.schema)
    }

    /// The live schema and every backup, to be compared with later.
    pub fn state(&self) -> State {
        State { live: self.live(), files: self.files() }
    }

    /// Name and hash of every backup file; lock, journal and ledger change by design.
    pub fn files(&self) -> BTreeMap<String, String> {
        let folder = self.sandbox.backups();
        if !folder.exists() {
            return BTreeMap::new();
        }
        let names = fs::names(&folder).unwrap().into_iter();
        names
            .filter(|name| !name.starts_with('.') && !name.starts_with("ledger."))
            .map(|name| {
                let hash = sha256_hex(&fs::read_bytes(&folder.join(&name)).unwrap());
                (name, hash)
            })
            .collect()
    }

    /// Demands that the schema is as it was, and every older backup still there as it was.
    #[track_caller]
    pub fn demand(&self, state: &State) {
        self.demand_live(&state.live, "the live schema moved");
        self.demand_files(&state.files);
    }

    #[track_caller]
    pub fn demand_live(&self, expected: &Live, what: &str) {
        let now = self.live();
        assert!(*expected == now, "{what}:\n{}", live::differences(expected, &now));
    }

    #[track_caller]
    pub fn demand_files(&self, expected: &BTreeMap<String, String>) {
        let now = self.files();
        for (name, hash) in expected {
            assert_eq!(now.get(name), Some(hash), "{name} is not what it was");
        }
    }

    /// Demands that no unfinished file and no staging schema is there.
    #[track_caller]
    pub fn demand_clean(&self) {
        let files = fs::names(&self.sandbox.backups()).unwrap();
        let left = |name: &&String| {
            name.ends_with(".partial")
                || name.ends_with(".pending")
                || [".swap.json", ".events.json"].contains(&name.as_str())
        };
        let left: Vec<&String> = files.iter().filter(left).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let staging = self.companions("staging");
        assert!(staging.is_empty(), "left behind: {staging:?}");
    }

    /// Schemas named after this one.
    pub fn companions(&self, kind: &str) -> Vec<String> {
        let all: Vec<String> = self
            .server
            .root()
            .query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
            .unwrap();
        let prefix = format!("{}__{kind}", self.sandbox.schema);
        all.into_iter().filter(|name| name.starts_with(&prefix)).collect()
    }

    /// The next run: it works, and nothing unfinished is left.
    #[track_caller]
    pub fn demand_next_run(&self, state: &State) {
        let next = self.sandbox.xtask(&["db-backup"]);
        assert_eq!(next.code, Some(0), "the next run: {}", next.stderr);
        self.demand(state);
        self.demand_clean();
    }

    /// Takes a backup; gives its label.
    #[track_caller]
    pub fn backup(&self) -> String {
        let finished = self.sandbox.xtask(&["db-backup", "--json"]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        document["label"].as_str().unwrap().to_owned()
    }

    /// Takes a table's lock in a session of its own; dropping that gives it back.
    pub fn hold(&self, table: &str, mode: &str) -> Conn {
        let mut holder = self.sandbox.root();
        holder.query_drop(format!("LOCK TABLES `{table}` {mode}")).unwrap();
        holder
    }

    /// Waits until the account waits for a table's lock.
    #[track_caller]
    pub fn wait_until_held(&self, kind: &str) {
        let user = self.user(kind);
        let mut root = self.server.root();
        until("the lock is waited for", || {
            let lines: Vec<Row> = root.query("SHOW FULL PROCESSLIST").unwrap();
            lines.iter().any(|line| {
                let text = |name: &str| line.get::<Option<String>, _>(name).flatten();
                text("User").as_deref() == Some(&user)
                    && text("State").is_some_and(|state| state.starts_with("Waiting for table"))
            })
        });
    }

    /// Replaces a line's value in `.env`.
    pub fn set_env(&self, name: &str, value: &str) {
        let text = fs::read_text(&self.sandbox.path().join(".env")).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with(&format!("{name}=")))
            .map(str::to_owned)
            .collect();
        lines.push(format!("{name}={value}\n"));
        self.sandbox.write(".env", &lines.join("\n"));
    }
}

/// Waits for a condition.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let found = clock::poll(PATIENCE, || Ok::<_, ()>(holds().then_some(())));
    assert!(found == Ok(Some(())), "it never came about that {what}");
}

/// Demands an exit code, and words that the message must hold.
#[track_caller]
pub fn demand_stop(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "no `{word}` in: {}", finished.stderr);
    }
    assert!(finished.stderr.contains("hint:"), "it does not say what to do: {}", finished.stderr);
}

/// Runs a program of the system that must succeed.
#[track_caller]
pub fn system(program: &str, args: &[&str]) -> String {
    Cmd::new(program).args(args.iter().copied()).read(PATIENCE).unwrap()
}

/// Replaces a file's content.
pub fn put(path: &Path, bytes: &[u8]) {
    fs::write_durably(path, bytes).unwrap();
}
