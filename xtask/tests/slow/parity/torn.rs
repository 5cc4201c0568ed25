//! A dump is one moment, whatever is written while it runs: money goes from table
//! to table, rows come and go in pairs, and tables grow at both ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable as _;

use super::random::Random;
use super::{NATIVE, RANGE_ROWS, backup, by_the_tool, drop_schema};
use crate::hostile::{demand, schema};
use crate::support::{Sandbox, Server, TestServer, require};

/// How many backups are taken while the writers run.
const BACKUPS: u64 = 3;
/// Accounts on each side; enough that a dump takes a while.
const ACCOUNTS: usize = 1500;
const WRITERS: u64 = 2;
/// Every account begins with so much.
const MONEY: usize = 1000;

const TABLES: &str = "CREATE TABLE `left side` (id BIGINT PRIMARY KEY, money BIGINT NOT NULL, moves BIGINT NOT NULL DEFAULT 0, pad CHAR(200) NOT NULL DEFAULT 'x')
%%
CREATE TABLE `right side` (id INT UNSIGNED PRIMARY KEY, money BIGINT NOT NULL, moves BIGINT NOT NULL DEFAULT 0, pad CHAR(200) NOT NULL DEFAULT 'x')
%%
CREATE TABLE `journal` (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, amount BIGINT NOT NULL)
%%
CREATE TABLE `tally` (writer INT PRIMARY KEY, moves BIGINT NOT NULL)
%%
CREATE TABLE `twin one` (id BIGINT PRIMARY KEY, v INT NOT NULL)
%%
CREATE TABLE `twin two` (k VARCHAR(30) PRIMARY KEY, v INT NOT NULL)";

/// Somebody who moves money until told to stop.
struct Mover {
    threads: Vec<JoinHandle<()>>,
    moves: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Mover {
    fn start(sandbox: &Sandbox) -> Self {
        let (moves, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for writer in 0..WRITERS {
            let (moves, done) = (Arc::clone(&moves), Arc::clone(&done));
            let mut conn = sandbox.root();
            threads.push(std::thread::spawn(move || {
                let mut random = Random::new(writer);
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    number += 1;
                    if transfer(&mut conn, writer, number, &mut random) {
                        moves.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }));
        }
        Self { threads, moves, done }
    }

    fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    fn end(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.moves.load(Ordering::Relaxed)
    }
}

/// One transaction over every table; `false` where another writer stood in its way.
fn transfer(conn: &mut Conn, writer: u64, number: i64, random: &mut Random) -> bool {
    let (from, to) = (random.below(ACCOUNTS) as i64 - ACCOUNTS as i64 / 2, random.below(ACCOUNTS));
    let amount = random.below(50);
    // At both ends of the key, so that a dump's first and last ranges grow.
    let sign = if writer == 0 { 1 } else { -1 };
    let edge = sign * (1_000_000 + number);
    let old = sign * (1_000_000 + number - 50);
    let all = [
        "START TRANSACTION".to_owned(),
        format!(
            "UPDATE `left side` SET money = money - {amount}, moves = moves + 1 WHERE id = {from}"
        ),
        format!("INSERT INTO `twin one` VALUES ({edge}, {number})"),
        format!(
            "UPDATE `right side` SET money = money + {amount}, moves = moves + 1 WHERE id = {to}"
        ),
        format!("INSERT INTO journal (amount) VALUES ({amount})"),
        format!("INSERT INTO `twin two` VALUES ('{edge}', {number})"),
        format!("DELETE FROM `twin two` WHERE k = '{old}'"),
        format!("UPDATE tally SET moves = moves + 1 WHERE writer = {writer}"),
        format!("DELETE FROM `twin one` WHERE id = {old}"),
        "COMMIT".to_owned(),
    ];
    for statement in all {
        if let Err(error) = conn.query_drop(&statement) {
            // A deadlock or a wait that was too long; everything else is a mistake here.
            let code = if let mysql::Error::MySqlError(error) = &error { error.code } else { 0 };
            assert!([1205, 1213].contains(&code), "{statement}: {error}");
            conn.query_drop("ROLLBACK").unwrap();
            return false;
        }
    }
    true
}

/// A sandbox with accounts on both sides.
fn world(server: &TestServer, name: &str) -> Sandbox {
    let sandbox = Sandbox::new(server, name);
    schema::run(&sandbox, TABLES);
    let mut root = sandbox.root();
    let rows = |from: i64| {
        let row = |at: i64| format!("({}, {MONEY})", from + at);
        (0..ACCOUNTS as i64).map(row).collect::<Vec<_>>().join(", ")
    };
    let half = ACCOUNTS as i64 / 2;
    root.query_drop(format!("INSERT INTO `left side` (id, money) VALUES {}", rows(-half))).unwrap();
    root.query_drop(format!("INSERT INTO `right side` (id, money) VALUES {}", rows(0))).unwrap();
    root.query_drop("INSERT INTO tally VALUES (0, 0), (1, 0)").unwrap();
    sandbox
}

/// How many transfers a schema saw; fails where its tables disagree.
fn demand_one_moment(conn: &mut Conn, schema: &str) -> u64 {
    conn.query_drop(format!("USE {schema}")).unwrap();
    let mut number = |sql: &str| -> i64 { conn.query_first(sql).unwrap().unwrap() };
    let money = number(
        "SELECT CAST((SELECT SUM(money) FROM `left side`) + (SELECT SUM(money) FROM `right side`) AS SIGNED)",
    );
    assert_eq!(money, (2 * ACCOUNTS * MONEY) as i64, "{schema}: money came or went");
    let moves = number("SELECT COUNT(*) FROM journal");
    for (what, sql) in [
        ("left side", "SELECT CAST(SUM(moves) AS SIGNED) FROM `left side`"),
        ("right side", "SELECT CAST(SUM(moves) AS SIGNED) FROM `right side`"),
        ("tally", "SELECT CAST(SUM(moves) AS SIGNED) FROM tally"),
    ] {
        assert_eq!(number(sql), moves, "{schema}: the journal and {what} disagree");
    }
    let sent = number("SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM journal");
    let got =
        number("SELECT CAST(SUM(money) AS SIGNED) FROM `right side`") - (ACCOUNTS * MONEY) as i64;
    assert_eq!(sent, got, "{schema}: the journal and the accounts disagree");
    let alone = "SELECT COUNT(*) FROM `twin one` a LEFT JOIN `twin two` b ON b.k = a.id WHERE b.v IS NULL OR b.v <> a.v";
    assert_eq!(number(alone), 0, "{schema}: a twin is alone");
    let twins = number("SELECT COUNT(*) FROM `twin one`");
    assert_eq!(number("SELECT COUNT(*) FROM `twin two`"), twins, "{schema}: a twin is alone");
    moves as u64
}

#[test]
fn a_dump_under_writers_is_one_moment_on_mysql() {
    one_moment(Server::Mysql, "par_torn_my");
}

#[test]
fn a_dump_under_writers_is_one_moment_on_mariadb() {
    one_moment(Server::Mariadb, "par_torn_ma");
}

fn one_moment(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let sandbox = world(&server, name);
    let mover = Mover::start(&sandbox);
    let (mut backups, mut several) = (Vec::new(), 0);
    for _ in 0..BACKUPS {
        let begun = mover.moves();
        let (label, said) = backup(&sandbox, &NATIVE[1]);
        several += u64::from(!said.contains("using one connection"));
        let ended = mover.moves();
        assert!(ended > begun, "nobody wrote during the backup");
        backups.push((label, begun, ended));
    }
    let all = mover.end();
    assert!(several > 0, "no backup came through several connections");
    assert_eq!(demand_one_moment(&mut sandbox.root(), &sandbox.schema), all);
    for (at, (label, begun, ended)) in backups.into_iter().enumerate() {
        let copy = by_the_tool(&sandbox, &label, &format!("moment{at}"));
        let moves = demand_one_moment(&mut sandbox.root(), &copy);
        // Each writer may be between its commit and its count.
        let window = begun..=ended + WRITERS;
        assert!(window.contains(&moves), "{moves} transfers in a backup taken in {window:?}");
        drop_schema(&sandbox, &copy);
    }
}

/// Without LOCK TABLES nobody can hold all writers for a moment: then several
/// connections are not used, or there is no backup; it is said either way.
#[test]
fn without_the_right_to_lock_nothing_is_pretended() {
    for (kind, name) in [(Server::Mysql, "par_lock_my"), (Server::Mariadb, "par_lock_ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = world(&server, name);
        let schema = sandbox.schema.replace('_', "\\_");
        let user = format!("backup_{name}");
        sandbox.sql(&format!("REVOKE LOCK TABLES ON `{schema}`.* FROM '{user}'@'%'"));
        let mover = Mover::start(&sandbox);
        let args: Vec<&str> =
            ["db-backup", "--json"].iter().chain(NATIVE[1].args).copied().collect();
        let done =
            sandbox.command(&args).env("XTASK_RANGE_ROWS", RANGE_ROWS).run(DEADLINE).unwrap();
        mover.end();
        assert!(done.stderr.contains("LOCK TABLES"), "{kind}: not a word: {}", done.stderr);
        if done.code == Some(0) {
            let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
            let copy = by_the_tool(&sandbox, json["label"].as_str().unwrap(), "unlocked");
            demand_one_moment(&mut sandbox.root(), &copy);
            drop_schema(&sandbox, &copy);
        } else {
            demand(&done, 10, "a missing right");
        }
    }
}

const DEADLINE: Duration = Duration::from_secs(120);
/// How long others may be held up while a dump waits for a table.
const PATIENCE: Duration = Duration::from_secs(15);

/// Somebody in a long transaction keeps a table from being locked. The dump waits for
/// a moment only, and so do those who queue behind it.
#[test]
fn a_long_transaction_holds_up_neither_the_dump_nor_the_writers() {
    for (kind, name) in [(Server::Mysql, "par_long_my"), (Server::Mariadb, "par_long_ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = world(&server, name);
        let mut holder = sandbox.root();
        holder.query_drop("START TRANSACTION").unwrap();
        holder.query_drop("UPDATE `left side` SET money = money WHERE id = 1").unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let mut conn = sandbox.root();
        let writer = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                conn.query_drop("UPDATE `left side` SET money = money WHERE id = 2").unwrap();
                longest = longest.max(start.elapsed());
            }
            longest
        });
        let start = Instant::now();
        let args: Vec<&str> =
            ["db-backup", "--json"].iter().chain(NATIVE[1].args).copied().collect();
        let finished = sandbox.command(&args).env("XTASK_RANGE_ROWS", RANGE_ROWS).run(DEADLINE);
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        let longest = writer.join().unwrap();
        holder.query_drop("ROLLBACK").unwrap();
        let finished = finished.unwrap();
        assert!(took < 4 * PATIENCE, "{kind}: the dump took {took:?}");
        assert!(longest < PATIENCE, "{kind}: a writer was held up for {longest:?}");
        // What is not committed could be committed while the snapshots open, one after
        // the other. So a lock that is granted beside it would be worth nothing.
        demand(&finished, 0, "a backup beside a long transaction");
        assert!(finished.stderr.contains("using one connection"), "{kind}: {}", finished.stderr);
    }
}
