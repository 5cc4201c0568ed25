//! The same schema dumped by each engine, restored by this tool and by the plain
//! client: all of it equal to the source, value by value.

use std::time::Instant;

use mysql::prelude::Queryable as _;
use sys::env;

use super::generate::{Generator, Made};
use super::kinds::Kinds;
use super::{
    MYSQLDUMP, NATIVE, Way, asleep, backup, by_the_client, by_the_tool, content, drop_schema,
    ranges_in,
};
use crate::hostile::capture::Floats;
use crate::hostile::{demand, schema};
use crate::seed;
use crate::support::{Sandbox, Server, require};

/// How many random schemas a run looks at on each server.
const SCHEMAS: u64 = 12;
/// Names one schema to look at again; a failure prints it.
const SEED: &str = "XTASK_PARITY_SEED";

#[test]
fn the_hostile_schema_on_mysql() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "par_host_my");
    schema::create(&sandbox);
    every_way(&sandbox, &[&NATIVE[0], &NATIVE[1], &MYSQLDUMP]);
}

#[test]
fn the_hostile_schema_on_mariadb() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "par_host_ma");
    schema::create(&sandbox);
    every_way(&sandbox, &[&NATIVE[0], &NATIVE[1], &MYSQLDUMP]);
}

#[test]
fn the_seeded_schema() {
    for (kind, name) in [(Server::Mysql, "par_seed_my"), (Server::Mariadb, "par_seed_ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = seed::migrated(&server, name);
        seed::seed(&sandbox, "7");
        every_way(&sandbox, &[&NATIVE[0], &NATIVE[1], &MYSQLDUMP]);
    }
}

#[test]
fn random_schemas_on_mysql() {
    random_schemas(Server::Mysql, "par_rand_my");
}

#[test]
fn random_schemas_on_mariadb() {
    random_schemas(Server::Mariadb, "par_rand_ma");
}

/// A zero with a sign: as a bare number it would lose it. MariaDB keeps none.
#[test]
fn a_negative_zero_keeps_its_sign() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "par_zero");
    sandbox.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, d DOUBLE, f FLOAT); INSERT INTO t VALUES (1, -0e0, -0e0), (2, 0, 0)",
    );
    let before = content(&sandbox, &sandbox.schema, Floats::Shown);
    assert!(before.0["rows of t"].contains("2D30"), "the server stored no negative zero");
    let (label, _) = backup(&sandbox, &NATIVE[0]);
    for copy in [by_the_tool(&sandbox, &label, "tool"), by_the_client(&sandbox, &label, "client")] {
        before.demand_equal(&content(&sandbox, &copy, Floats::Shown), &copy);
        drop_schema(&sandbox, &copy);
    }
    // The dump program writes it bare. Where rows go by INSERT, the sign is lost, and it is
    // not called proven; where they go by LOAD DATA, it is kept.
    let (label, _) = backup(&sandbox, &MYSQLDUMP);
    let by_data: bool =
        sandbox.root().query_first("SELECT @@global.local_infile").unwrap().unwrap();
    let wanted = if by_data { 0 } else { 21 };
    demand(&sandbox.xtask(&["db-verify", &label]), wanted, "a sign that is kept or missed");
}

/// docs/limits.md says so; when a server or an engine learns better, this says that.
#[test]
fn a_byte_that_is_no_text_is_lost_as_the_page_says() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "par_byte");
        sandbox.sql(
            "CREATE TABLE t (v VARCHAR(9) CHARACTER SET cp1251); INSERT INTO t VALUES (0x419842)",
        );
        for way in [&NATIVE[0], &MYSQLDUMP] {
            let (label, _) = backup(&sandbox, way);
            let copy = by_the_tool(&sandbox, &label, way.name);
            let rows = &content(&sandbox, &copy, Floats::Exact).0["rows of t"];
            assert_eq!(rows, "1 rows\n413F42", "{kind}, {}", way.name);
            drop_schema(&sandbox, &copy);
        }
    }
}

/// Dumps by each way, restores twice where the file is our own, and compares; gives
/// how many ranges of rows those files have.
fn every_way(sandbox: &Sandbox, ways: &[&Way]) -> usize {
    let mut ranges = 0;
    let before =
        [Floats::Shown, Floats::Exact].map(|floats| content(sandbox, &sandbox.schema, floats));
    for way in ways {
        let (label, _) = backup(sandbox, way);
        let expected = &before[usize::from(way.floats == Floats::Exact)];
        let copy = by_the_tool(sandbox, &label, way.name);
        asleep(expected).demand_equal(&asleep(&content(sandbox, &copy, way.floats)), &copy);
        drop_schema(sandbox, &copy);
        if way.name != MYSQLDUMP.name {
            ranges += ranges_in(sandbox, &label);
            let copy = by_the_client(sandbox, &label, &format!("{}_client", way.name));
            expected.demand_equal(&content(sandbox, &copy, way.floats), &copy);
            drop_schema(sandbox, &copy);
        }
    }
    let after = content(sandbox, &sandbox.schema, Floats::Exact);
    before[1].demand_equal(&after, "a backup changed something");
    ranges
}

#[expect(clippy::print_stderr, reason = "which schema it was, and what was seen")]
fn random_schemas(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let start = Instant::now();
    let asked = Sandbox::new(&server, &format!("{name}_a"));
    let kinds = Kinds::ask(&mut asked.root());
    drop(asked);
    kinds.demand_complete(kind);
    let chosen: Option<u64> = env::var(SEED).map(|seed| seed.parse().unwrap());
    let seeds = chosen.map_or(1..SCHEMAS + 1, |seed| seed..seed + 1);
    let (mut made, mut ranges) = (Made::new(&kinds), 0);
    for seed in seeds {
        let sandbox = Sandbox::new(&server, name);
        eprintln!("{kind}: {SEED}={seed}");
        Generator::new(&kinds, seed, SCHEMAS, &mut made).fill(&sandbox, seed);
        // Each schema with one of the two in turn, and every third by the dump program,
        // too, for time; one that is asked for by all.
        let native = &NATIVE[(seed % 2) as usize];
        let ways: &[&Way] = match chosen {
            Some(_) => &[&NATIVE[0], &NATIVE[1], &MYSQLDUMP],
            None if seed % 3 == 0 => &[native, &MYSQLDUMP],
            None => &[native],
        };
        ranges += every_way(&sandbox, ways);
    }
    let seconds = start.elapsed().as_secs();
    eprintln!(
        "{kind}: {} tables, {ranges} ranges, rows (kept, refused) {:?}, clauses (kept, refused) {:?}, \
         values (offered, taken) {:?}, without a text {:?}, {seconds} s",
        made.tables, made.rows, made.clauses, kinds.offered, kinds.without_text
    );
    if chosen.is_none() {
        made.demand_enough();
        // Not every key can be cut.
        assert!(2 * ranges > 3 * made.tables as usize, "only {ranges} ranges: too few are cut");
    }
}
