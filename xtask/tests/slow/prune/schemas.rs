//! Retention of the schemas beside the live one.

use std::time::Duration;

use mysql::prelude::Queryable as _;

use super::{backup, document, done, fate, rows, sandbox, verify};
use crate::support::{Sandbox, Server};

/// The schemas of a kind beside the live one.
pub fn companions(sandbox: &Sandbox, kind: &str) -> Vec<String> {
    let like = format!("{}\\_\\_{kind}%", sandbox.schema.replace('_', "\\_"));
    let sql = format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{like}' ORDER BY 1"
    );
    sandbox.root().query(sql).unwrap()
}

#[test]
fn old_tables_go_when_a_proven_backup_holds_them_on_mysql() {
    old_tables(Server::Mysql);
}

#[test]
fn old_tables_go_when_a_proven_backup_holds_them_on_mariadb() {
    old_tables(Server::Mariadb);
}

fn old_tables(kind: Server) {
    let Some(sandbox) = sandbox(kind, "prune_schemas", 9, "") else { return };
    let label = backup(&sandbox);
    let mut safety = Vec::new();
    for title in ["Cube", "Dune"] {
        sandbox.sql(&format!("INSERT INTO film VALUES (3, '{title}')"));
        let restored = document(&done(&sandbox, &["db-restore", &label, "--yes", "--json"]));
        safety.push(restored["safety_backup"].as_str().unwrap().to_owned());
    }
    let old = companions(&sandbox, "before");
    assert_eq!(old.len(), 2);
    let fates = |args: &[&str]| {
        let document = document(&done(&sandbox, args));
        [fate(&document, &old[0], "server"), fate(&document, &old[1], "server")]
    };
    let [one, two] = fates(&["db-prune", "--yes", "--json"]);
    assert!(one.0 == "look" && one.1.contains("was not proven by a restore"), "{one:?}");
    assert_eq!(two.0, "look");
    for label in &safety {
        verify(&sandbox, label);
    }
    // Somebody wrote into old tables: that row is nowhere else.
    sandbox.sql(&format!("INSERT INTO `{}`.film VALUES (9, 'Nosferatu')", old[0]));
    let [one, two] = fates(&["db-prune", "--json"]);
    assert_eq!([one.0, two.0], ["delete", "delete"]);
    assert_eq!(companions(&sandbox, "before"), old, "a plan changes nothing");
    let live = rows(&sandbox);
    let [one, two] = fates(&["db-prune", "--yes", "--json"]);
    assert!(one.0 == "look" && one.1.contains("does not contain what is in film"), "{one:?}");
    assert_eq!(two.0, "deleted");
    assert_eq!(companions(&sandbox, "before"), old[..1]);
    assert_eq!(rows(&sandbox), live);
    // Its safety backup stays for as long as the old tables are there.
    let plan = document(&done(&sandbox, &["db-prune", "--json"]));
    let (keep, why) = fate(&plan, &safety[0], "here");
    assert!(keep == "keep" && why.contains("still exist"), "{why}");
    // Nobody can say whether they still are.
    let command = sandbox.command(&["db-prune", "--json"]);
    let command = command.env("DB_HOST", "127.0.0.1").env("DB_PORT", "9");
    let unreached = command.run(Duration::from_secs(120)).unwrap();
    assert_eq!(unreached.code, Some(0), "{}", unreached.stderr);
    let plan = document(&unreached);
    assert_eq!(plan["not_reached"][0]["place"], "server");
    let (keep, why) = fate(&plan, &safety[0], "here");
    assert!(keep == "keep" && why.contains("cannot be asked"), "{why}");
}
