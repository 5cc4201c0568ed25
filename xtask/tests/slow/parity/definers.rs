//! The policy for definers: what the file says, and what the plain client makes of it.

use mysql::prelude::Queryable as _;

use crate::hostile::{client, demand};
use crate::support::{Sandbox, Server, require};

#[test]
fn definers_stay_where_the_policy_keeps_them() {
    for (kind, suffix) in [(Server::Mysql, "my"), (Server::Mariadb, "ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, &format!("definers_{suffix}"));
        sandbox.write("xtask.toml", "[backup]\ndefiners = \"keep\"\n");
        sandbox.sql(
            "CREATE TABLE t (id INT PRIMARY KEY); \
             CREATE VIEW v AS SELECT id FROM t; \
             CREATE PROCEDURE p() SELECT 1; \
             CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id + 1",
        );
        let done = sandbox.xtask(&["db-backup", "--json", "--compress", "none"]);
        demand(&done, 0, "db-backup");
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let file = json["file"].as_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let mut root = sandbox.root();
        let me: String = root.query_first("SELECT CURRENT_USER()").unwrap().unwrap();
        let written = format!("DEFINER=`{}`", me.replace('@', "`@`"));
        assert_eq!(text.matches(&written).count(), 3, "{text}");
        let manifest = std::fs::read_to_string(json["manifest"].as_str().unwrap()).unwrap();
        assert!(manifest.contains("\"definer_policy\": \"keep\""), "{manifest}");
        // The tool takes them out again; an administrator with the plain client does not.
        demand(&sandbox.xtask(&["db-verify", "latest"]), 0, "db-verify");
        let copy = format!("{}__by_hand", sandbox.schema);
        root.query_drop(format!("CREATE DATABASE `{copy}`")).unwrap();
        client::load(&sandbox, &copy, file.as_ref());
        let definers: Vec<String> = root
            .query(format!(
                "SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{copy}' \
                 UNION ALL SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{copy}' \
                 UNION ALL SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{copy}'"
            ))
            .unwrap();
        root.query_drop(format!("DROP DATABASE `{copy}`")).unwrap();
        assert_eq!(definers, [me.as_str(); 3]);
        let plain = sandbox.xtask(&["db-backup", "--engine", "mysqldump"]);
        demand(&plain, 10, "the dump program takes definers out");
    }
}
