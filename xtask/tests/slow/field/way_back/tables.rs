//! Single tables come back, too, whatever else is live; but not over rows that are nowhere else.

use mysql::prelude::Queryable as _;

use super::{backup, base, count, make};
use crate::hostile::demand;
use crate::support::Server;

#[test]
fn a_table_comes_back_beside_what_no_backup_can_hold() {
    for kind in Server::ALL {
        let Some(sandbox) = base(kind, "wb_table") else { continue };
        let label = backup(&sandbox);
        make(
            &sandbox,
            "CREATE TABLE m_one (id INT) ENGINE=MyISAM
%%
CREATE TABLE m_all (id INT) ENGINE=MERGE UNION=(m_one)",
        );
        sandbox.sql("DELETE FROM rating");
        let table = ["db-restore", &label, "--table", "rating", "--yes"];
        let refused = sandbox.xtask(&table);
        demand(&refused, 40, "without the word");
        for word in ["table `m_all`", "--accept-unsaved", "--into", "--table rating"] {
            assert!(refused.stderr.contains(word), "no {word} in {}", refused.stderr);
        }
        let all: Vec<&str> = table.iter().copied().chain(["--accept-unsaved"]).collect();
        demand(&sandbox.xtask(&all), 0, "with the word");
        assert_eq!(count(&sandbox, &sandbox.schema, "rating"), 3);
        assert_eq!(count(&sandbox, &sandbox.schema, "m_all"), 0);
    }
}

/// The plan does not wait for a lock, and a lock is no reason to leave a table out.
#[test]
fn a_table_that_is_locked_for_the_moment_does_not_stop_the_plan() {
    for kind in Server::ALL {
        let Some(sandbox) = base(kind, "wb_locked") else { continue };
        sandbox.sql("CREATE TABLE j (id INT PRIMARY KEY, d JSON); INSERT INTO j VALUES (1, '[1]')");
        let label = backup(&sandbox);
        let mut holder = sandbox.root();
        holder.query_drop("LOCK TABLES j WRITE").unwrap();
        let plan = sandbox.xtask(&["db-restore", &label, "--dry-run"]);
        demand(&plan, 0, "the plan beside a lock");
        assert!(!plan.stdout.contains("no backup"), "{}", plan.stdout);
        holder.query_drop("UNLOCK TABLES").unwrap();
        demand(&sandbox.xtask(&["db-restore", &label, "--yes"]), 0, "without it");
    }
}
