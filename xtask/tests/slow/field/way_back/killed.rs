//! Killed at every point of a restore without a whole safety backup: what is in no backup is
//! live or beside, whatever follows.

use std::time::Duration;

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;

use super::{backup, base, companions, count, demand_back, make};
use crate::hostile::demand;
use crate::support::{Sandbox, Server};

/// Where a restore can die from the safety backup on.
const POINTS: [&str; 10] = [
    "backup.written",
    "backup.committed",
    "restore.saved",
    "staging.compared",
    "swap.journal",
    "swap.prepared",
    "swap.renamed",
    "swap.finished",
    "restore.swapped",
    "restore.recorded",
];

/// Something that no backup can hold, with a row of its own.
fn obstacle(kind: Server) -> &'static str {
    match kind {
        Server::Mysql => {
            "CREATE TABLE only (id INT) ENGINE=MyISAM
%%
CREATE TABLE far (id INT) ENGINE=MERGE UNION=(only) INSERT_METHOD=LAST
%%
CREATE TRIGGER only_in BEFORE INSERT ON only FOR EACH ROW SET @x = 1
%%
CREATE VIEW over_far AS SELECT id FROM far
%%
INSERT INTO only VALUES (7)"
        }
        Server::Mariadb => {
            "CREATE TABLE only (id INT) ENGINE=MyISAM
%%
CREATE TABLE far (id INT) ENGINE=MERGE UNION=(only) INSERT_METHOD=LAST
%%
CREATE TRIGGER only_in BEFORE INSERT ON only FOR EACH ROW SET @x = 1
%%
CREATE VIEW over_far AS SELECT id FROM far
%%
CREATE SEQUENCE s
%%
INSERT INTO only VALUES (7)"
        }
    }
}

#[test]
fn a_killed_run_loses_no_only_copy_on_mysql() {
    killed(Server::Mysql);
}

#[test]
fn a_killed_run_loses_no_only_copy_on_mariadb() {
    killed(Server::Mariadb);
}

fn killed(kind: Server) {
    for point in POINTS {
        let Some(sandbox) = base(kind, "wb_killed") else { return };
        let label = backup(&sandbox);
        make(&sandbox, obstacle(kind));
        sandbox.sql("DELETE FROM rating");
        let args = ["db-restore", &label, "--yes", "--accept-unsaved"];
        let dead = sandbox.command(&args).env(VARIABLE, format!("kill:{point}"));
        let dead = dead.run(Duration::from_secs(120)).unwrap();
        assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
        let moved = ["swap.renamed", "swap.finished", "restore.swapped", "restore.recorded"];
        let moved = moved.contains(&point);
        demand_there(&sandbox, moved, point);
        // What comes first to the rest of the dead run: retention, or the restore again.
        demand(&sandbox.xtask(&["doctor", "--fix"]), 0, &format!("{point}: doctor --fix"));
        demand_there(&sandbox, moved, point);
        demand(&sandbox.xtask(&["db-prune", "--yes"]), 0, &format!("{point}: db-prune"));
        demand_there(&sandbox, moved, point);
        demand(&sandbox.xtask(&args), 0, &format!("{point}: the restore again"));
        demand_back(&sandbox, point);
        demand_there(&sandbox, true, point);
        demand(&sandbox.xtask(&["db-prune", "--yes"]), 0, &format!("{point}: db-prune"));
        demand_there(&sandbox, true, point);
        assert!(companions(&sandbox, "staging").is_empty(), "{point}");
    }
}

/// The row that no backup has to hold is there: live, or in one of the old schemas.
#[track_caller]
fn demand_there(sandbox: &Sandbox, moved: bool, point: &str) {
    let old = companions(sandbox, "before");
    if !moved {
        assert_eq!(count(sandbox, &sandbox.schema, "only"), 1, "{point}");
        assert!(has(sandbox, &sandbox.schema, "far"), "{point}");
        return;
    }
    let beside = |schema: &&String| has(sandbox, schema, "far");
    let place = old.iter().find(beside).unwrap_or_else(|| panic!("{point}: not in {old:?}"));
    assert_eq!(count(sandbox, place, "only"), 1, "{point}");
    let notes = format!("SELECT COUNT(*) FROM `{place}`.__xtask_definitions");
    let notes: u64 = sandbox.root().query_first(notes).unwrap().unwrap();
    assert!(notes > 0, "{point}: the definitions are gone");
}

fn has(sandbox: &Sandbox, schema: &str, table: &str) -> bool {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = '{table}'"
    );
    sandbox.root().query_first::<u64, _>(sql).unwrap() == Some(1)
}
