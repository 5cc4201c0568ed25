//! The accounts: an older installation is told what to run, and one project leaves another's
//! rights alone.

use mysql::prelude::Queryable as _;

use super::second_wall::{json, number, sandbox};
use crate::faults::demand_stop;
use crate::faults::world::World;
use crate::hostile::{demand, is_mysql};
use crate::support::{Sandbox, Server, own_mariadb};

#[test]
fn an_installation_without_the_accounts_is_told_what_to_run() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "sw_old") else { continue };
        let sandbox = &world.sandbox;
        let label = world.backup();
        let mut root = world.server.root();
        let program = sandbox.program_user();
        // As an older version left it.
        world.set_env("DB_DRILL_PASSWORD", "");
        root.query_drop(format!("DROP USER '{}'@'%'", world.user("drill"))).unwrap();
        root.query_drop(format!("DROP USER '{program}'@'%'")).unwrap();
        let right = if is_mysql(sandbox) { "SET_ANY_DEFINER" } else { "SET USER" };
        root.query_drop(format!("REVOKE {right} ON *.* FROM '{}'@'%'", world.user("restore")))
            .unwrap();
        let before = world.live();
        for args in [&["db-verify"][..], &["db-restore", &label, "--yes"]] {
            let told = sandbox.xtask(args);
            demand_stop(&told, 10, &["cargo xtask doctor --fix"]);
        }
        let doctor = sandbox.xtask(&["doctor"]);
        for word in ["DB_DRILL_PASSWORD", "object owner", right] {
            assert!(doctor.stdout.contains(word), "no `{word}` in {}", doctor.stdout);
        }
        // Only the account of the programs is missing: found out before anything moves.
        sandbox.xtask(&["doctor", "--fix"]);
        root.query_drop(format!("DROP USER '{program}'@'%'")).unwrap();
        world.change();
        let changed = world.live();
        let told = sandbox.xtask(&["db-restore", &label, "--yes"]);
        demand_stop(&told, 10, &["locked account", "cargo xtask doctor --fix"]);
        world.demand_live(&changed, "a restore that could not be finished");
        world.demand_clean();
        let fixed = sandbox.xtask(&["doctor", "--fix"]);
        assert!(
            fixed.stdout.contains("locked, with privileges on its schema only"),
            "{}",
            fixed.stdout
        );
        demand(&sandbox.xtask(&["db-restore", &label, "--yes"]), 0, "after doctor --fix");
        world.demand_live(&before, "the restore");
    }
}

#[test]
fn two_schemas_of_one_server_share_the_accounts() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_two") else { continue };
        let other = "t_sw_two_other";
        let mut root = sandbox.root();
        root.query_drop(format!("DROP DATABASE IF EXISTS {other}")).unwrap();
        let fix = |schema: &str| {
            let fix = sandbox.command(&["doctor", "--fix", "--json"]).env("DB_NAME", schema);
            json(&fix.run(std::time::Duration::from_secs(120)).unwrap())["mended"].to_string()
        };
        fix(&sandbox.schema);
        let taken = fix(other);
        assert!(!taken.contains("revoked from"), "{taken}");
        for schema in [sandbox.schema.as_str(), other] {
            let look = sandbox.command(&["doctor", "--json"]).env("DB_NAME", schema);
            let checks = json(&look.run(std::time::Duration::from_secs(120)).unwrap());
            let rights: Vec<_> = checks["checks"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| {
                    let name = it["name"].as_str().unwrap();
                    name.starts_with("rights ") || name.starts_with("object owner")
                })
                .collect();
            assert_eq!(rights.len(), 6, "{checks}");
            assert!(rights.iter().all(|it| it["outcome"] == "passed"), "{schema}: {rights:?}");
        }
        root.query_drop(format!("DROP DATABASE {other}")).unwrap();
        // And a name that its companions would be mistaken under is no name.
        for args in [["doctor"], ["db-backup"], ["quickstart"]] {
            let bad = sandbox.command(&args).env("DB_NAME", "my__db");
            let told = bad.run(std::time::Duration::from_secs(60)).unwrap();
            demand_stop(&told, 10, &["DB_NAME", "my__db"]);
        }
    }
}

#[test]
fn accounts_can_be_bound_to_a_host() {
    // A server whose way in is known: this machine's own.
    let Some(own) = own_mariadb() else { return };
    let sandbox = Sandbox::new(&own.server, "sw_host");
    let mut root = own.server.root();
    let host: String =
        root.query_first("SELECT SUBSTRING_INDEX(USER(), '@', -1)").unwrap().unwrap();
    let fix = |args: &[&str]| {
        let command = sandbox.command(args).env("DB_ACCOUNT_HOST", &host);
        command.run(std::time::Duration::from_secs(120)).unwrap()
    };
    let fixed = fix(&["doctor", "--fix"]);
    assert!(fixed.stderr.contains("can still log in from anywhere"), "{}", fixed.stderr);
    for (name, value) in sandbox.settings() {
        if name.ends_with("_USER") && name != "DB_PROGRAM_USER" {
            root.query_drop(format!("DROP USER '{value}'@'%'")).unwrap();
        }
    }
    let look = fix(&["doctor"]);
    let rights = |line: &&str| line.contains("  rights ") || line.contains("  login ");
    let lines: Vec<&str> = look.stdout.lines().filter(rights).collect();
    assert!(lines.len() == 10 && lines.iter().all(|it| it.starts_with("ok")), "{lines:?}");
    demand(&fix(&["db-backup"]), 0, "db-backup");
    demand(&fix(&["db-verify"]), 0, "db-verify");
    let left = "SELECT COUNT(*) FROM mysql.user WHERE Host = '%' AND User LIKE '%sw_host' \
                AND User NOT LIKE 'program%'";
    assert_eq!(number(&mut root, left), 0);
}
