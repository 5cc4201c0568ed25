//! `db-drop` removes what `db-restore --into` made, and nothing else.

use std::time::Duration;

use model::exit::ExitCode;
use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;

use crate::faults::demand_stop;
use crate::support::{Sandbox, Server, require};

fn exists(sandbox: &Sandbox, schema: &str) -> bool {
    let sql = format!("SHOW DATABASES LIKE '{}'", schema.replace('_', "\\_"));
    sandbox.root().query_first::<String, _>(sql).unwrap().is_some()
}

#[track_caller]
fn ok(sandbox: &Sandbox, args: &[&str]) -> String {
    let done = sandbox.xtask(args);
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
    done.stdout
}

#[test]
fn only_what_a_restore_made_is_dropped() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "dropping");
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
        ok(&sandbox, &["db-backup"]);
        let named = |end: &str| format!("{}__{end}", sandbox.schema);
        let (look, own) = (named("look"), named("mine"));
        ok(&sandbox, &["db-restore", "latest", "--into", &look]);
        // One that someone made by hand has the name of a companion, and is not the tool's.
        sandbox.root().query_drop(format!("CREATE DATABASE `{own}`")).unwrap();
        let usage = ExitCode::Usage as i32;
        for (schema, words) in [
            (own.as_str(), "the ledger does not say that this tool made"),
            (sandbox.schema.as_str(), "is not a schema beside"),
            ("mysql", "is not a schema beside"),
            (&named("before_20261130_140000"), "is the tool's own"),
            (&named("staging_20261130_140000"), "is the tool's own"),
            (&named("lok"), "there is no schema"),
        ] {
            demand_stop(&sandbox.xtask(&["db-drop", schema, "--yes"]), usage, &[words]);
        }
        demand_stop(&sandbox.xtask(&["db-drop", &named("lok"), "--yes"]), usage, &[&look]);
        demand_stop(&sandbox.xtask(&["db-drop", &look]), usage, &["no terminal to confirm"]);
        let plan = ok(&sandbox, &["db-drop", &look, "--dry-run"]);
        assert!(plan.contains("1 table") && plan.contains("_backup_"), "{plan}");
        assert!(exists(&sandbox, &look) && exists(&sandbox, &own));
        // A run that dies right after it leaves nothing that the next would stumble over.
        let args = ["db-drop", &look, "--yes"];
        let dead = sandbox.command(&args).env(VARIABLE, "kill:drop.dropped");
        assert_eq!(dead.run(Duration::from_secs(120)).unwrap().code, None);
        assert!(!exists(&sandbox, &look));
        ok(&sandbox, &["db-restore", "latest", "--into", &look]);
        assert_eq!(ok(&sandbox, &args).trim(), format!("`{look}` is dropped."));
        assert!(
            !exists(&sandbox, &look) && exists(&sandbox, &own) && exists(&sandbox, &sandbox.schema)
        );
        // Made again by hand it is not what the tool made and dropped.
        sandbox.root().query_drop(format!("CREATE DATABASE `{look}`")).unwrap();
        demand_stop(&sandbox.xtask(&args), usage, &["the ledger does not say"]);
        for schema in [&look, &own] {
            sandbox.root().query_drop(format!("DROP DATABASE `{schema}`")).unwrap();
        }
    }
}
