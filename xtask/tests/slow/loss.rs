//! A backup of a state that lost something is suspect, everywhere, until the loss is undone,
//! explained or accepted.

use mysql::prelude::Queryable as _;
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

/// What sqlx books, as far as the tool reads it.
const BOOKED: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT \
    NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT \
    NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
    INSERT INTO _sqlx_migrations VALUES (1, 'base', NOW(), TRUE, x'01', 1)";

#[test]
fn a_restores_plan_shows_what_it_takes_away_before_the_question() {
    each("loss_plan", |sandbox| {
        sandbox.sql(BOOKED);
        let (label, _) = backup(sandbox, &[]);
        sandbox.sql(
            "CREATE TABLE invoice (id INT PRIMARY KEY); INSERT INTO invoice VALUES (1), (2), (3);
             CREATE VIEW newer AS SELECT id FROM invoice; DROP TABLE credit;
             INSERT INTO film (title) VALUES ('Alien'), ('Brazil');
             INSERT INTO _sqlx_migrations VALUES (2, 'add invoice', NOW(), TRUE, x'02', 1)",
        );
        let plan = sandbox.xtask(&["db-restore", &label, "--dry-run"]);
        assert_eq!(plan.code, Some(0), "{}", plan.stderr);
        let squeezed: Vec<String> = plan
            .stdout
            .lines()
            .map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "rows now -> then, where they differ (4 of 4 tables):",
            "invoice 3 -> the table goes",
            "film 202 -> 200",
            "credit no table -> 2",
            "_sqlx_migrations 2 -> 1",
            "loses 1 table and 6 rows of what is live now, by count",
            "goes view `newer`",
            "pending again, because the backup is older: 2_add_invoice",
        ] {
            assert!(squeezed.iter().any(|it| it == line), "{line}: {}", plan.stdout);
        }
        let data = json(sandbox, &["db-restore", &label, "--dry-run"]);
        assert_eq!((&data["dry_run"], &data["label"]), (&Value::Bool(true), &Value::from(&*label)));
        assert!(data["age_s"].as_i64().is_some_and(|it| (0..600).contains(&it)), "{data}");
        let changes = &data["changes"];
        let of = |name: &str| {
            let all = changes["tables"].as_array().unwrap();
            all.iter().find(|it| it["name"] == name).unwrap().clone()
        };
        assert_eq!(of("invoice")["fate"], "goes");
        assert_eq!(of("invoice")["rows_now"], 3);
        assert_eq!(of("film")["rows_then"], 200);
        assert_eq!(of("credit")["fate"], "comes");
        assert_eq!(changes["pending"][0], "2_add_invoice");
        assert_eq!(changes["programs_gone"][0]["name"], "newer");
        // Only what --table names is compared, and nothing is where everything is new.
        let one = json(sandbox, &["db-restore", &label, "--table", "film", "--dry-run"]);
        assert_eq!(one["changes"]["tables"].as_array().unwrap().len(), 1, "{one}");
        let into = format!("{}__look", sandbox.schema);
        let beside = json(sandbox, &["db-restore", &label, "--into", &into, "--dry-run"]);
        assert!(beside["changes"].is_null(), "{beside}");
        // The real one says the same before it asks, and a lock is nothing to wait for.
        let mut other = sandbox.root();
        other.query_drop(format!("LOCK TABLES `{}`.film WRITE", sandbox.schema)).unwrap();
        let locked = sandbox.xtask(&["db-restore", &label, "--dry-run"]);
        assert!(locked.stdout.contains("unknown -> 200"), "{}{}", locked.stdout, locked.stderr);
        other.query_drop("UNLOCK TABLES").unwrap();
        let asked = sandbox.xtask(&["db-restore", &label]);
        demand_stop(&asked, 2, &["loses    1 table and 6 rows", "no terminal to confirm"]);
    });
}
