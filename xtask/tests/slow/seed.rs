//! `db-seed`: the promised numbers, the same rows every time, every key right,
//! and rows that a backup carries unharmed.

use std::collections::BTreeMap;
use std::path::Path;

use model::account::{Account, Role};
use model::digest::ContentDigest;
use mysql::prelude::Queryable as _;
use rows::content::digest_table;
use server::endpoint::{Endpoint, Reach};
use server::{Session, inventory};
use sys::fs;

use crate::support::{Sandbox, Server, TestServer, require};

pub const SCALE: &str = "0.002";

/// A sandbox with the schema as `cargo xtask migrate` would make it.
pub fn migrated(server: &TestServer, name: &str) -> Sandbox {
    let sandbox = Sandbox::new(server, name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("api/migrations");
    let mut names = fs::names(&folder).unwrap();
    names.retain(|name| name.ends_with(".up.sql"));
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    let mut root = sandbox.root();
    for name in names {
        let text = fs::read_text(&folder.join(&name)).unwrap();
        let mut results = root.query_iter(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        while let Some(set) = results.iter() {
            set.for_each(drop);
        }
    }
    sandbox
}

pub fn seed(sandbox: &Sandbox, seed: &str) -> serde_json::Value {
    let done = sandbox.xtask(&["db-seed", "--scale", SCALE, "--seed", seed, "--yes", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

fn counts(sandbox: &Sandbox) -> BTreeMap<String, u64> {
    let mut root = sandbox.root();
    let tables: Vec<String> = root
        .query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'")
        .unwrap();
    let count = |table: String| {
        let rows = root.query_first(format!("SELECT COUNT(*) FROM `{table}`")).unwrap().unwrap();
        (table, rows)
    };
    tables.into_iter().map(count).collect()
}

/// The digest of every table. (MariaDB's CHECKSUM TABLE differs between equal
/// tables that have a generated column.)
fn digests(server: &TestServer, sandbox: &Sandbox) -> BTreeMap<String, ContentDigest> {
    let endpoint = Endpoint::Tcp { host: server.host.clone(), port: server.port };
    let place = server::Server::new(endpoint, Reach::Explicit);
    let password = Some(server.root_password.clone());
    let root = Account { role: Role::Root, user: "root".to_owned(), password };
    let mut session = Session::open(&place, &root, Some(&sandbox.schema)).unwrap();
    let tables = inventory::read(&mut session, &sandbox.schema).unwrap().tables;
    let mut digest = |name: String, columns: &[String]| {
        let schema = &sandbox.schema;
        let digest = digest_table(&mut session, schema, &name, columns, &[], &mut |_| ()).unwrap();
        (name, digest)
    };
    tables.into_iter().map(|(name, table)| digest(name, &table.columns)).collect()
}

fn demand_keys_right(sandbox: &Sandbox) {
    let mut root = sandbox.root();
    let keys: Vec<(String, String, String, String)> = root
        .query(
            "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME \
             FROM information_schema.KEY_COLUMN_USAGE \
             WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL",
        )
        .unwrap();
    assert!(keys.len() >= 20, "{keys:?}");
    for (table, column, parent, parent_column) in keys {
        let orphans: Option<u64> = root
            .query_first(format!(
                "SELECT COUNT(*) FROM `{table}` c LEFT JOIN `{parent}` p ON p.`{parent_column}` = c.`{column}` \
                 WHERE c.`{column}` IS NOT NULL AND p.`{parent_column}` IS NULL"
            ))
            .unwrap();
        assert_eq!(orphans, Some(0), "{table}.{column}");
    }
}

#[test]
fn the_same_seed_gives_the_same_rows_and_they_survive_a_backup() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let (one, two) = (migrated(&server, "seed_one"), migrated(&server, "seed_two"));
        let document = seed(&one, "7");
        let rows = counts(&one);
        assert_eq!(document["rows"], serde_json::to_value(&rows).unwrap(), "{kind}");
        assert_eq!((document["scale"].as_f64(), document["seed"].as_u64()), (Some(0.002), Some(7)));
        for (table, wanted) in
            [("account", 400), ("profile", 800), ("movie", 40), ("watch_history", 6000)]
        {
            assert_eq!(rows[table], wanted, "{table}");
        }
        assert!(rows.values().all(|rows| *rows > 0), "{rows:?}");
        demand_keys_right(&one);
        seed(&two, "7");
        assert_eq!(digests(&server, &one), digests(&server, &two), "{kind}");

        // A used seed is refused before anything is written, another one adds to it.
        let again = one.xtask(&["db-seed", "--scale", "0.001", "--seed", "7", "--yes"]);
        assert_eq!(again.code, Some(2), "{}", again.stderr);
        assert!(
            again.stderr.contains("rows of seed 7 (db-seed --scale 0.002 --seed 7)"),
            "{}",
            again.stderr
        );
        assert_eq!(counts(&one), rows);
        seed(&one, "8");
        assert_eq!(counts(&one)["account"], 800);
        demand_keys_right(&one);
        // Rows of others come behind them.
        one.sql("INSERT INTO genre (name) VALUES ('mine')");

        let backup = one.xtask(&["db-backup"]);
        assert_eq!(backup.code, Some(0), "{}", backup.stderr);
        let verified = one.xtask(&["db-verify", "latest", "--level", "restore"]);
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    }
}

#[test]
fn it_refuses_what_cannot_end_well() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let empty = Sandbox::new(&server, "seed_empty");
        let refused = empty.xtask(&["db-seed", "--yes"]);
        assert_eq!(refused.code, Some(10), "{}", refused.stderr);
        assert!(refused.stderr.contains("cargo xtask migrate"), "{}", refused.stderr);
        drop(empty);
        let sandbox = migrated(&server, "seed_refused");
        let refused = sandbox.xtask(&["db-seed", "--scale", "0.001"]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
        for scale in ["0", "-1", "NaN", "1001"] {
            let refused = sandbox.xtask(&["db-seed", &format!("--scale={scale}"), "--yes"]);
            assert_eq!(refused.code, Some(2), "{scale}: {}", refused.stderr);
        }
        assert!(counts(&sandbox).values().all(|rows| *rows == 0));
    }
}
