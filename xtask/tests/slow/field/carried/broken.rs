//! Views that cannot be read: named, left out, and the rest is backed up.

use mysql::prelude::Queryable as _;

use super::{backup, demand, restore, sandbox, schema};
use crate::support::Server;

#[test]
fn views_over_what_is_gone_are_named_and_left_out() {
    for (kind, name) in [(Server::Mysql, "gone_my"), (Server::Mariadb, "gone_ma")] {
        let text = "CREATE TABLE t (id INT PRIMARY KEY, doc JSON)
%%
INSERT INTO t VALUES (1, '[1,2]')
%%
CREATE TABLE gone (id INT)
%%
CREATE VIEW good AS SELECT id FROM t
%%
CREATE VIEW plain AS SELECT id FROM gone
%%
CREATE VIEW jt AS SELECT g.id, j.v FROM t, gone g, JSON_TABLE(t.doc, '$[*]' COLUMNS (v INT PATH '$')) j
%%
DROP TABLE gone";
        let Some(sandbox) = sandbox(kind, name, text) else { continue };
        let done = sandbox.xtask(&["db-backup"]);
        demand(&done, 0, "db-backup");
        for view in ["`jt`", "`plain`"] {
            assert!(done.stderr.contains(view), "{kind}: {}", done.stderr);
        }
        assert!(!done.stderr.contains("`good`"), "{}", done.stderr);
        demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
        demand(&sandbox.xtask(&["db-backup", "--engine", "mysqldump"]), 0, "mysqldump");
        demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
        sandbox.sql("DELETE FROM t");
        restore(&sandbox, &["latest"]);
        let rows: Option<u32> = sandbox.root().query_first("SELECT COUNT(*) FROM good").unwrap();
        assert_eq!(rows, Some(1));
    }
}

/// A view that only an account with EXECUTE can read, on MySQL.
pub(super) const OVER_A_FUNCTION: &str = "CREATE TABLE t (id INT PRIMARY KEY, n INT, doc JSON)
%%
INSERT INTO t VALUES (1, 10, '[1,2]')
%%
CREATE FUNCTION doubled(a INT) RETURNS INT DETERMINISTIC RETURN a * 2
%%
CREATE VIEW base AS SELECT id, doubled(n) AS d FROM t
%%
CREATE VIEW top AS SELECT b.id, b.d, j.v FROM base b, JSON_TABLE('[1,2]', '$[*]' COLUMNS (v INT PATH '$')) j";

#[test]
fn a_view_over_a_function_needs_execute() {
    for (kind, name) in [(Server::Mysql, "execute_my"), (Server::Mariadb, "execute_ma")] {
        let Some(sandbox) = sandbox(kind, name, OVER_A_FUNCTION) else { continue };
        let label = backup(&sandbox, "none");
        demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
        schema::run(&sandbox, "DROP VIEW top\n%%\nDELETE FROM t");
        restore(&sandbox, &[&label]);
        let rows: Vec<(u32, u32, u32)> =
            sandbox.root().query("SELECT id, d, v FROM top ORDER BY v").unwrap();
        assert_eq!(rows, [(1, 20, 1), (1, 20, 2)]);
    }
}

#[test]
fn without_execute_the_view_is_named_and_so_is_the_way_out() {
    let Some(sandbox) = sandbox(Server::Mysql, "no_execute_my", OVER_A_FUNCTION) else { return };
    let pattern = sandbox.schema.replace('_', "\\_");
    sandbox.sql(&format!("REVOKE EXECUTE ON `{pattern}`.* FROM 'backup_no_execute_my'@'%'"));
    let done = sandbox.xtask(&["db-backup"]);
    demand(&done, 10, "db-backup");
    assert!(done.stderr.contains("`top`"), "{}", done.stderr);
    assert!(done.stderr.contains("doctor --fix"), "{}", done.stderr);
    let fixed = sandbox.xtask(&["doctor", "--fix"]);
    assert!(
        fixed.stderr.contains("EXECUTE") || fixed.stdout.contains("EXECUTE"),
        "{}",
        fixed.stderr
    );
    demand(&sandbox.xtask(&["db-backup"]), 0, "db-backup");
    // What needs no such view goes without the right.
    sandbox.sql(&format!("REVOKE EXECUTE ON `{pattern}`.* FROM 'backup_no_execute_my'@'%'"));
    schema::run(&sandbox, "DROP VIEW top");
    demand(&sandbox.xtask(&["db-backup"]), 0, "db-backup");
}
