//! The guard against both servers, over texts that a generator makes: for each
//! statement that it lets through the server runs one, and what lies outside of the
//! schema that is loaded is as it was.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable as _;
use sys::env;

use super::accepted::{Ended, Loading};
use super::nasty;
use crate::parity::random::Random;
use crate::support::{Sandbox, Server, require};

/// Where the search begins; a failure prints the case's own.
const SEED: &str = "XTASK_WALL_SEED";
/// For how many seconds each server is searched, instead of [`SECONDS`].
const LONGER: &str = "XTASK_WALL_SECONDS";
/// In CI.
const SECONDS: u64 = 12;
/// A schema is made anew after so many texts.
const FRESH: u64 = 100;

#[test]
fn what_the_guard_lets_through_is_what_mysql_runs() {
    search(Server::Mysql, "search_my");
}

#[test]
fn what_the_guard_lets_through_is_what_mariadb_runs() {
    search(Server::Mariadb, "search_ma");
}

#[derive(Debug, Default)]
struct Counts {
    cases: u64,
    whole: u64,
    refused: u64,
    settings: u64,
    sent: u64,
    done: u64,
}

#[expect(clippy::print_stderr, reason = "the count of cases is a result")]
fn search(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let sandbox = Sandbox::new(&server, name);
    sandbox
        .sql("CREATE TABLE victim (id INT PRIMARY KEY); INSERT INTO victim VALUES (1), (2), (3)");
    let number = |name| env::var(name).map(|text| text.parse::<u64>().unwrap());
    let first = number(SEED).unwrap_or(1);
    let long = Duration::from_secs(number(LONGER).unwrap_or(SECONDS));
    let start = Instant::now();
    let mut counts = Counts::default();
    let (mut watch, mut conn) = (sandbox.root(), Some(sandbox.root()));
    while start.elapsed() < long {
        let seed = first + counts.cases;
        if counts.cases % FRESH == 0 {
            fresh(&mut watch, &sandbox);
        }
        one(&sandbox, (&mut watch, &mut conn), seed, &mut counts);
    }
    let Counts { cases, whole, refused, settings, sent, done } = counts;
    eprintln!(
        "{kind}: {cases} texts from {SEED}={first} on: {whole} sent as a whole, {refused} refused, \
         {settings} ended by the server; {sent} statements sent, {done} of them done"
    );
    // A search in which nothing gets through finds nothing.
    assert!(whole * 5 > cases && done * 3 > sent, "too little gets through");
    assert!(refused * 20 > cases, "too little is refused");
    watch.query_drop(format!("DROP DATABASE {}", staging(&sandbox))).unwrap();
}

fn staging(sandbox: &Sandbox) -> String {
    format!("{}__searched", sandbox.schema)
}

fn fresh(watch: &mut Conn, sandbox: &Sandbox) {
    let staging = staging(sandbox);
    watch.query_drop(format!("DROP DATABASE IF EXISTS {staging}")).unwrap();
    watch.query_drop(format!("CREATE DATABASE {staging}")).unwrap();
    watch.query_drop(format!("CREATE TABLE {staging}.t (a INT, b LONGBLOB)")).unwrap();
}

fn one(
    sandbox: &Sandbox,
    (watch, conn): (&mut Conn, &mut Option<Conn>),
    seed: u64,
    counts: &mut Counts,
) {
    let mut random = Random::new(seed);
    let text = nasty::text(&mut random, &sandbox.schema);
    let shown = || format!("{SEED}={seed}\n{}", String::from_utf8_lossy(&text));
    let loading = conn.take().unwrap();
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut loading = Loading::begin(loading, &staging(sandbox));
        let before = questions(&mut loading.conn);
        let ended = loading.load(&text);
        // Asking is a question, too.
        let ran = questions(&mut loading.conn) - before - 1;
        (ended, ran, loading)
    }));
    let Ok((ended, ran, loading)) = ended else { panic!("{}", shown()) };
    let Loading { sent, done, .. } = loading;
    *conn = Some(loading.conn);
    assert_eq!(ran, sent, "statements that the server ran, and that were sent: {}", shown());
    let canary: Option<String> = watch
        .query_first(format!("SELECT GROUP_CONCAT(id ORDER BY id) FROM {}.victim", sandbox.schema))
        .unwrap_or_else(|error| panic!("{error}: {}", shown()));
    assert_eq!(canary.as_deref(), Some("1,2,3"), "{}", shown());
    counts.cases += 1;
    counts.sent += sent;
    counts.done += done;
    match ended {
        Ended::Whole => counts.whole += 1,
        Ended::Refused => counts.refused += 1,
        Ended::Settings => counts.settings += 1,
    }
}

/// How many statements the server ran for this session.
fn questions(conn: &mut Conn) -> u64 {
    let row: Option<(String, u64)> =
        conn.query_first("SHOW SESSION STATUS LIKE 'Questions'").unwrap();
    row.unwrap().1
}
