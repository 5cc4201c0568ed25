//! The way back does not depend on what is live now.
//!
//! A good backup, then something live that no backup can hold, and rows deleted: the backup
//! comes back all the same. What is then in no backup is named, agreed to, and never dropped.

mod killed;
mod obstacles;
mod tables;

use mysql::prelude::Queryable as _;
use serde_json::Value;

use self::obstacles::{Obstacle, obstacles};
use crate::hostile::{demand, root_in};
use crate::support::{Sandbox, Server, require};

/// One of everything, and rows to lose.
const BASE: &str = "CREATE TABLE account (id INT PRIMARY KEY, name VARCHAR(40));\
    CREATE TABLE rating (id INT PRIMARY KEY, account_id INT, stars INT, \
    CONSTRAINT rated_by FOREIGN KEY (account_id) REFERENCES account (id));\
    INSERT INTO account VALUES (1, 'Ada'), (2, 'Brü');\
    INSERT INTO rating VALUES (1, 1, 5), (2, 2, 4), (3, 2, 3);\
    CREATE VIEW best AS SELECT id FROM rating WHERE stars > 3;\
    CREATE TRIGGER stars BEFORE INSERT ON rating FOR EACH ROW SET NEW.stars = NEW.stars + 0;\
    CREATE FUNCTION twice (x INT) RETURNS INT DETERMINISTIC RETURN x * 2;\
    CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM rating";

fn make(sandbox: &Sandbox, statements: &str) {
    let mut root = sandbox.root();
    for statement in statements.split("\n%%\n") {
        root.query_drop(statement)
            .unwrap_or_else(|error| panic!("{}: {error}: {statement}", sandbox.server().flavour));
    }
}

fn base(kind: Server, name: &str) -> Option<Sandbox> {
    let suffix = if kind == Server::Mysql { "my" } else { "ma" };
    let sandbox = Sandbox::new(&require(kind)?, &format!("{name}_{suffix}"));
    // Only what is in no backup protects old tables.
    sandbox.write("xtask.toml", "[retention]\nbefore_days = 0\nsafety_days = 0\n");
    sandbox.sql(BASE);
    Some(sandbox)
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let done = sandbox.xtask(args);
    demand(&done, 0, &format!("{args:?}"));
    serde_json::from_str(&done.stdout).unwrap()
}

fn backup(sandbox: &Sandbox) -> String {
    json(sandbox, &["db-backup", "--json"])["label"].as_str().unwrap().to_owned()
}

fn count(sandbox: &Sandbox, schema: &str, table: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) FROM `{schema}`.`{table}`");
    sandbox.root().query_first(sql).unwrap().unwrap()
}

fn companions(sandbox: &Sandbox, kind: &str) -> Vec<String> {
    let all: Vec<String> =
        sandbox.root().query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").unwrap();
    let prefix = format!("{}__{kind}", sandbox.schema);
    all.into_iter().filter(|name| name.starts_with(&prefix)).collect()
}

/// The schema is what was backed up.
#[track_caller]
fn demand_back(sandbox: &Sandbox, what: &str) {
    let mut root = sandbox.root();
    let stars: Vec<(u32, u32)> = root.query("SELECT id, stars FROM rating ORDER BY id").unwrap();
    assert_eq!(stars, [(1, 5), (2, 4), (3, 3)], "{what}");
    let objects = "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) \
        FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
    assert_eq!(
        root.query_first::<String, _>(objects).unwrap().as_deref(),
        Some("account,best,rating"),
        "{what}"
    );
    let routines = "SELECT GROUP_CONCAT(ROUTINE_NAME) FROM information_schema.ROUTINES \
        WHERE ROUTINE_SCHEMA = DATABASE()";
    assert_eq!(
        root.query_first::<String, _>(routines).unwrap().as_deref(),
        Some("twice"),
        "{what}"
    );
    let triggers = "SELECT GROUP_CONCAT(TRIGGER_NAME) FROM information_schema.TRIGGERS \
        WHERE TRIGGER_SCHEMA = DATABASE()";
    assert_eq!(
        root.query_first::<String, _>(triggers).unwrap().as_deref(),
        Some("stars"),
        "{what}"
    );
}

#[test]
fn whatever_is_live_the_backup_comes_back_on_mysql() {
    comes_back(Server::Mysql);
}

#[test]
fn whatever_is_live_the_backup_comes_back_on_mariadb() {
    comes_back(Server::Mariadb);
}

fn comes_back(kind: Server) {
    for obstacle in obstacles(kind) {
        let Some(sandbox) = base(kind, &format!("wb_{}", obstacle.name)) else { return };
        let label = backup(&sandbox);
        make(&sandbox, obstacle.sql);
        if obstacle.name != "in_the_way" {
            sandbox.sql("DELETE FROM rating");
        }
        over(&sandbox, obstacle, &label);
    }
}

fn over(sandbox: &Sandbox, obstacle: &Obstacle, label: &str) {
    let what = format!("{} on {}", obstacle.name, sandbox.server().flavour);
    let plan = sandbox.xtask(&["db-restore", label, "--dry-run"]);
    demand(&plan, 0, &format!("{what}: the plan"));
    let refused = sandbox.xtask(&["db-restore", label, "--yes", "--json"]);
    let unsaved = refused.code != Some(0);
    assert!(unsaved || obstacle.named.is_empty(), "{what}: {}", refused.stderr);
    if unsaved {
        demand(&refused, 40, &what);
        for word in obstacle.named {
            assert!(refused.stderr.contains(word), "{what}: no {word} in {}", refused.stderr);
            assert!(plan.stdout.contains(word), "{what}: no {word} in {}", plan.stdout);
        }
        for word in ["--accept-unsaved", "--into", "nothing was changed"] {
            assert!(refused.stderr.contains(word), "{what}: no {word} in {}", refused.stderr);
        }
        agreed(sandbox, obstacle, label, &what);
    }
    demand_back(sandbox, &what);
    let old = companions(sandbox, "before");
    assert_eq!(old.len(), 1, "{what}: {old:?}");
    if let Some((table, rows)) = obstacle.table {
        assert_eq!(count(sandbox, &old[0], table), rows, "{what}");
    }
    if unsaved {
        only_copy(sandbox, &old[0], label, &what);
    }
    // From here on all is as ever.
    let next = backup(sandbox);
    demand(&sandbox.xtask(&["db-verify", &next]), 0, &format!("{what}: the next backup"));
}

/// With the words that agree to it, and beside.
fn agreed(sandbox: &Sandbox, obstacle: &Obstacle, label: &str, what: &str) {
    let look = format!("{}__look", sandbox.schema);
    demand(&sandbox.xtask(&["db-restore", label, "--into", &look]), 0, what);
    assert_eq!(count(sandbox, &look, "rating"), 3, "{what}");
    sandbox.sql(&format!("DROP DATABASE `{look}`"));
    let drop = ["db-restore", label, "--yes", "--drop-old"];
    let refused = sandbox.xtask(&drop);
    assert_ne!(refused.code, Some(0), "{what}: {}", refused.stderr);
    assert!(refused.stderr.contains("only copy") || !refused.stderr.is_empty(), "{what}");
    assert!(companions(sandbox, "before").is_empty(), "{what}: nothing was changed");
    let done = json(sandbox, &["db-restore", label, "--yes", "--accept-unsaved", "--json"]);
    let named = done["unsaved"].to_string();
    for word in obstacle.named {
        assert!(named.contains(word), "{what}: no {word} in {done}");
    }
    let schema = done["previous_schema"].as_str().unwrap();
    if let Some(table) = done["definitions"].as_str() {
        let place: String = format!("`{schema}`.");
        assert!(table.starts_with(&place), "{what}: {table}");
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE definition IS NOT NULL");
        let rows: u64 = sandbox.root().query_first(sql).unwrap().unwrap();
        assert!(rows > 0, "{what}: no definitions in {table}");
    }
    let entries = sandbox.store().read().unwrap().entries;
    let last = serde_json::to_string(entries.last().unwrap()).unwrap();
    assert!(last.contains("\"unsaved\":["), "{what}: {last}");
}

/// What is in no backup is not dropped, whatever is tried.
fn only_copy(sandbox: &Sandbox, old: &str, label: &str, what: &str) {
    let there = |when: &str| {
        assert!(companions(sandbox, "before").contains(&old.to_owned()), "{what}: {when}");
    };
    let listed = json(sandbox, &["db-list", "--json"]);
    let partial = listed["backups"].as_array().unwrap().iter().find(|it| it["partial"] == true);
    if let Some(partial) = partial {
        // Verified or not: it holds a part.
        let name = partial["label"].as_str().unwrap();
        sandbox.xtask(&["db-verify", name]);
        let restored = sandbox.xtask(&["db-restore", "latest", "--dry-run"]);
        assert!(!restored.stdout.contains(name), "{what}: {}", restored.stdout);
    }
    for args in [&["db-prune", "--yes"][..], &["db-restore", label, "--yes", "--drop-old"]] {
        demand(&sandbox.xtask(args), 0, &format!("{what}: {args:?}"));
        there(&format!("after {args:?}"));
    }
    demand(&sandbox.xtask(&["db-prune", "--yes"]), 0, what);
    there("after the second db-prune");
}

/// A view that the backup account cannot read is named, too, with what it is about.
#[test]
fn definitions_that_no_backup_holds_stay_beside() {
    for kind in Server::ALL {
        let Some(sandbox) = base(kind, "wb_notes") else { continue };
        let label = backup(&sandbox);
        make(
            &sandbox,
            "CREATE TABLE m_one (id INT) ENGINE=MyISAM
%%
CREATE TABLE m_all (id INT) ENGINE=MERGE UNION=(m_one)
%%
CREATE VIEW over_all AS SELECT id FROM m_all
%%
CREATE TRIGGER in_all BEFORE INSERT ON m_all FOR EACH ROW SET NEW.id = 'ü'",
        );
        let args = ["db-restore", &label, "--yes", "--accept-unsaved", "--json"];
        let done = json(&sandbox, &args);
        let schema = done["previous_schema"].as_str().unwrap();
        let mut root = root_in(&sandbox, schema);
        let notes: Vec<(String, String, String)> = root
            .query("SELECT kind, name, CONVERT(definition USING utf8mb4) FROM __xtask_definitions")
            .unwrap();
        let of = |name: &str| notes.iter().find(|it| it.1 == name).unwrap();
        assert_eq!(of("over_all").0, "VIEW");
        assert!(of("over_all").2.contains("from `m_all`"), "{notes:?}");
        assert!(of("in_all").2.contains("SET NEW.id = 'ü'"), "{notes:?}");
        assert_eq!(notes.len(), 2, "what the partial backup holds is not repeated: {notes:?}");
        // The partial backup holds the rest, and comes back when it is named.
        let partial = done["safety_backup"].as_str().unwrap();
        demand(&sandbox.xtask(&["db-verify", partial]), 0, "the partial backup");
        let back = sandbox.xtask(&["db-restore", partial, "--yes"]);
        demand(&back, 0, "a restore of the partial backup");
        assert!(back.stderr.contains("without table `m_all`"), "{}", back.stderr);
        assert_eq!(count(&sandbox, &sandbox.schema, "m_one"), 0);
    }
}
