//! A backup of a state that lost something is suspect, everywhere, until the loss is undone,
//! explained or accepted.

use serde_json::Value;

use crate::faults::demand_stop;
use crate::support::{Sandbox, Server, require};

const ROWS: &str = "CREATE TABLE film (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(90));
    CREATE TABLE credit (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(90));
    CREATE VIEW titles AS SELECT title FROM film;
    INSERT INTO film (title) SELECT seq FROM (WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL \
        SELECT seq + 1 FROM n WHERE seq < 200) SELECT seq FROM n) AS numbers;
    INSERT INTO credit (name) VALUES ('Scott'), ('Gilliam')";

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(ROWS);
        test(&sandbox);
    }
}

#[track_caller]
fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let done = sandbox.xtask(&all);
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

#[track_caller]
fn backup(sandbox: &Sandbox, more: &[&str]) -> (String, Value) {
    let args: Vec<&str> = ["db-backup"].into_iter().chain(more.iter().copied()).collect();
    let made = json(sandbox, &args);
    (made["label"].as_str().unwrap().to_owned(), made["suspect"].clone())
}

#[test]
fn a_dropped_table_is_noticed_everywhere_and_latest_is_the_good_backup() {
    each("loss_table", |sandbox| {
        let (good, suspect) = backup(sandbox, &[]);
        assert!(suspect.is_null());
        sandbox.xtask(&["db-verify"]);
        sandbox.sql("DROP VIEW titles; DROP TABLE credit");
        let live = sandbox.xtask(&["db-verify", "--live"]);
        assert!(live.stdout.contains("`credit` is gone (2 rows)"), "{}", live.stdout);
        let said = sandbox.xtask(&["db-backup"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        for part in ["is suspect", &*good, "view `titles` is gone", "--accept-loss", "db-restore"] {
            assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        }
        // Backed up twice it is still lost.
        let (bad, suspect) = backup(sandbox, &[]);
        assert_eq!(suspect["against"], *good);
        assert_eq!(suspect["tables"][0]["name"], "credit");
        sandbox.xtask(&["db-verify", &bad, "--level", "restore"]);
        let list = sandbox.xtask(&["db-list"]).stdout;
        assert!(list.contains("SUSPECT") && list.contains(&format!("{bad} is suspect")), "{list}");
        let status = json(sandbox, &["db-status"]);
        assert_eq!(status["state"], "at_risk");
        let found = status["findings"].as_array().unwrap();
        assert!(found.iter().any(|it| it["id"] == "loss"), "{found:?}");
        demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["`credit` is gone"]);
        let restored = sandbox.xtask(&["db-restore", "latest", "--yes"]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        assert!(restored.stderr.contains("`latest` never picks a suspect backup"));
        assert!(restored.stdout.contains(&good), "{}", restored.stdout);
        // What came back is good again.
        let (_, suspect) = backup(sandbox, &[]);
        assert!(suspect.is_null(), "{suspect}");
    });
}

#[test]
fn lost_rows_count_by_policy_and_an_accepted_loss_is_how_things_are() {
    each("loss_rows", |sandbox| {
        let (first, _) = backup(sandbox, &[]);
        sandbox.sql("DELETE FROM film WHERE id > 180");
        let (_, suspect) = backup(sandbox, &[]);
        assert!(suspect.is_null(), "a tenth comes and goes: {suspect}");
        sandbox.sql("DELETE FROM film WHERE id > 100");
        let (_, suspect) = backup(sandbox, &[]);
        assert_eq!(suspect["tables"][0]["now"], 100);
        let (accepted, suspect) = backup(sandbox, &["--accept-loss"]);
        assert!(suspect.is_null(), "{suspect}");
        let ledger = sandbox.store().read().unwrap();
        let line = serde_json::to_string(ledger.entries.last().unwrap()).unwrap();
        assert!(line.contains(r#""accepted_loss":{"against":"#), "{line}");
        assert_ne!(first, accepted);
        let (_, suspect) = backup(sandbox, &[]);
        assert!(suspect.is_null(), "{suspect}");
        sandbox.write("xtask.toml", "[loss]\npercent = 1\nrows = 1\nignore = [\"credit\"]\n");
        sandbox.sql("DELETE FROM credit; DELETE FROM film WHERE id > 98");
        let (_, suspect) = backup(sandbox, &[]);
        assert_eq!(suspect["tables"].as_array().unwrap().len(), 1, "{suspect}");
        sandbox.write("xtask.toml", "[loss]\npercent = 0\n");
        demand_stop(&sandbox.xtask(&["db-list"]), 10, &["loss.percent = 0", "1 to 100"]);
    });
}
