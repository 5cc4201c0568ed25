//! The second wall: what gets past the judgement of a file's text runs as an account that
//! can reach nothing, and what a file brings does not act by itself once it is live.

use model::entry::Event;
use mysql::Conn;
use mysql::prelude::Queryable as _;
use store::Store;
use sys::fault::VARIABLE;
use sys::fs;
use sys::proc::Finished;

use crate::faults::demand_stop;
use crate::hostile::{demand, is_mysql};
use crate::support::{Sandbox, Server, alone, five, require};

pub(super) fn sandbox(kind: Server, name: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(&require(kind)?, name);
    sandbox.sql(
        "SET NAMES utf8mb4; SET time_zone = '+00:00'; SET sql_mode = ''; \
         CREATE TABLE victim (id INT PRIMARY KEY); INSERT INTO victim VALUES (1), (2); \
         CREATE EVENT known ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO CALL helper(); \
         CREATE PROCEDURE helper() SELECT 1",
    );
    Some(sandbox)
}

pub(super) fn number(conn: &mut Conn, sql: &str) -> i64 {
    conn.query_first(sql).unwrap().unwrap()
}

fn companions(sandbox: &Sandbox, kind: &str) -> Vec<String> {
    let all: Vec<String> =
        sandbox.root().query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").unwrap();
    let prefix = format!("{}__{kind}", sandbox.schema);
    all.into_iter().filter(|name| name.starts_with(&prefix)).collect()
}

fn last_restore(sandbox: &Sandbox) -> bool {
    let entries = Store::open(&sandbox.backups()).unwrap().read().unwrap().entries;
    entries.iter().any(|entry| matches!(entry.event, Event::Restore { .. }))
}

/// Passes the allow-list by design: a procedure that drops the old tables by a name that it
/// puts together, and an event that calls it every second.
const EV2: &str = "\
SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = '';
DROP TABLE IF EXISTS `victim`;
CREATE TABLE `victim` (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;
INSERT INTO `victim` VALUES (1);
DELIMITER ;;
CREATE DEFINER=`root`@`localhost` PROCEDURE `strike`()
BEGIN
  DECLARE doomed varchar(64);
  SELECT MAX(SCHEMA_NAME) INTO doomed FROM information_schema.SCHEMATA
    WHERE SCHEMA_NAME LIKE CONCAT(REPLACE(DATABASE(), '_', '\\\\_'), '\\\\_\\\\_before%');
  SET @sql = CONCAT('DROP DATABASE ', COALESCE(doomed, CONCAT(DATABASE(), '__before_unseen')));
  PREPARE s FROM @sql;
  EXECUTE s;
END ;;
CREATE PROCEDURE `helper`() SQL SECURITY INVOKER CALL strike() ;;
CREATE EVENT `known` ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE DO CALL helper() ;;
CREATE EVENT `every` ON SCHEDULE EVERY 1 SECOND ON COMPLETION NOT PRESERVE ENABLE DO CALL strike() ;;
DELIMITER ;
-- Dump completed
";

/// The names of the events that are enabled, and the definers of all programs.
fn state(sandbox: &Sandbox) -> (Vec<String>, Vec<String>) {
    let schema = &sandbox.schema;
    let mut root = sandbox.root();
    let enabled = root
        .query(format!(
            "SELECT EVENT_NAME FROM information_schema.EVENTS \
             WHERE EVENT_SCHEMA = '{schema}' AND STATUS = 'ENABLED' ORDER BY 1"
        ))
        .unwrap();
    let mut definers: Vec<String> = Vec::new();
    for (view, of) in [("EVENTS", "EVENT"), ("ROUTINES", "ROUTINE"), ("TRIGGERS", "TRIGGER")] {
        let sql = format!(
            "SELECT DISTINCT DEFINER FROM information_schema.{view} WHERE {of}_SCHEMA = '{schema}'"
        );
        definers.extend(root.query::<String, _>(sql).unwrap());
    }
    definers.sort();
    definers.dedup();
    (enabled, definers)
}

pub(super) fn json(done: &Finished) -> serde_json::Value {
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn what_a_file_brings_does_not_act_by_itself() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_events") else { continue };
        sandbox.write("ev2.sql", EV2);
        let plan = sandbox.xtask(&["db-restore", "ev2.sql", "--dry-run"]);
        demand(&plan, 0, "the plan");
        for word in [
            "origin   unknown",
            "procedure `strike` (new)",
            "procedure `helper` (exist",
            "event `every` (new)",
            "stay disabled",
        ] {
            assert!(plan.stdout.contains(word), "no `{word}` in {}", plan.stdout);
        }
        let done = sandbox.xtask(&["db-restore", "ev2.sql", "--yes", "--json"]);
        demand(&done, 0, "db-restore ev2.sql");
        assert!(done.stderr.contains("procedure `helper` (differs)"), "{}", done.stderr);
        let document = json(&done);
        let before = document["previous_schema"].as_str().unwrap().to_owned();
        let listed: Vec<String> =
            serde_json::from_value(document["disabled_events"].clone()).unwrap();
        assert_eq!(listed.len(), 2, "{document}");
        let enabling = listed.iter().find(|sql| sql.contains("`every`")).unwrap();
        assert!(last_restore(&sandbox), "there is no entry");
        // Nothing belongs to a strong account, so the event that ran before was made again;
        // what it calls is the file's now, so it waits, too.
        let (enabled, definers) = state(&sandbox);
        let locked = format!("{}@%", sandbox.program_user());
        assert!(enabled.is_empty(), "{enabled:?}");
        assert_eq!(definers, std::slice::from_ref(&locked));
        // Somebody asks for it: it cannot reach the old tables, and neither can who calls it.
        let mut root = sandbox.root();
        root.query_drop(enabling).unwrap();
        assert_eq!(state(&sandbox), (vec!["every".to_owned()], vec![locked]));
        let refused = root.query_drop("CALL strike()").unwrap_err().to_string();
        assert!(refused.contains("denied"), "{refused}");
        if is_mysql(&sandbox) {
            // Its scheduler is on: the event runs, and fails.
            let ran = format!(
                "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_NAME = 'every' \
                 AND EVENT_SCHEMA = '{}' AND LAST_EXECUTED IS NOT NULL",
                sandbox.schema
            );
            crate::faults::world::until("the event ran", || number(&mut root, &ran) == 1);
        }
        assert_eq!(companions(&sandbox, "before"), std::slice::from_ref(&before));
        assert_eq!(number(&mut root, &format!("SELECT COUNT(*) FROM `{before}`.victim")), 2);
    }
}

#[test]
fn events_of_an_own_backup_run_and_others_by_asking() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_own") else { continue };
        let backup = sandbox.xtask(&["db-backup", "--json"]);
        demand(&backup, 0, "db-backup");
        let label = json(&backup)["label"].as_str().unwrap().to_owned();
        sandbox.sql("DROP EVENT known");
        let done = sandbox.xtask(&["db-restore", &label, "--yes", "--json"]);
        demand(&done, 0, "db-restore");
        assert_eq!(json(&done)["disabled_events"], serde_json::json!([]));
        let locked = format!("{}@%", sandbox.program_user());
        let (enabled, definers) = state(&sandbox);
        assert_eq!(enabled, ["known"], "made here, so it runs");
        assert!(definers.contains(&locked), "{definers:?}");
        // The same bytes under a name that no entry knows.
        let text = fs::read_text(&sandbox.backups().join(format!("{label}.sql"))).unwrap();
        sandbox.write("copy.sql", &text);
        sandbox.sql("DROP EVENT known");
        demand(&sandbox.xtask(&["db-restore", "copy.sql", "--yes"]), 0, "copy.sql");
        assert!(state(&sandbox).0.is_empty());
        sandbox.sql("DROP EVENT known");
        let asked = ["db-restore", "copy.sql", "--yes", "--enable-events"];
        demand(&sandbox.xtask(&asked), 0, "--enable-events");
        assert_eq!(state(&sandbox), (vec!["known".to_owned()], vec![locked]));
        // One that is there just so, of the same owner, is not touched and goes on running.
        let again = sandbox.xtask(&["db-restore", "copy.sql", "--yes", "--json"]);
        demand(&again, 0, "copy.sql again");
        assert_eq!(json(&again)["disabled_events"], serde_json::json!([]));
        assert_eq!(state(&sandbox).0, ["known"]);
        // A copy beside never acts, whoever made it.
        let beside = format!("{}__look", sandbox.schema);
        demand(&sandbox.xtask(&["db-restore", &label, "--into", &beside]), 0, "--into");
        let idle = format!(
            "SELECT COUNT(*) FROM information_schema.EVENTS \
             WHERE EVENT_SCHEMA = '{beside}' AND STATUS = 'DISABLED'"
        );
        assert_eq!(number(&mut sandbox.root(), &idle), 1);
        assert!(companions(&sandbox, "staging").is_empty());
    }
}

/// Killed between the swap and the end: the next run says so and enables them.
#[test]
fn a_killed_restore_leaves_its_events_to_the_next_run() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_killed") else { continue };
        let backup = sandbox.xtask(&["db-backup", "--json"]);
        let label = json(&backup)["label"].as_str().unwrap().to_owned();
        for point in ["swap.finished", "restore.swapped", "restore.recorded"] {
            sandbox.sql("DROP EVENT known");
            let dead = sandbox
                .command(&["db-restore", &label, "--yes"])
                .env(VARIABLE, format!("kill:{point}"))
                .run(std::time::Duration::from_secs(120))
                .unwrap();
            assert_eq!(dead.code, None, "{point}: {}", dead.stderr);
            assert!(state(&sandbox).0.is_empty(), "{point}: an event runs before the entry");
            let next = sandbox.xtask(&["db-backup"]);
            demand(&next, 0, point);
            assert!(next.stderr.contains("enabled the events"), "{point}: {}", next.stderr);
            assert_eq!(state(&sandbox).0, ["known"], "{point}");
            assert!(!sandbox.backups().join(".events.json").exists());
        }
    }
}

#[test]
fn the_drilling_account_reaches_nothing_but_copies() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_drill") else { continue };
        let schema = &sandbox.schema;
        let mut root = sandbox.root();
        for other in ["before_20260101_000000", "gate", "look"] {
            root.query_drop(format!("CREATE DATABASE `{schema}__{other}`")).unwrap();
            root.query_drop(format!("CREATE TABLE `{schema}__{other}`.t (id INT PRIMARY KEY)"))
                .unwrap();
        }
        let copy = format!("{schema}__staging_20260101_000000");
        let server = sandbox.server();
        let drill = schema.replacen("t_", "drill_", 1);
        let mut drill = server.login(&drill, &sandbox.password(), None);
        drill.query_drop(format!("CREATE DATABASE `{copy}`")).unwrap();
        drill.query_drop(format!("CREATE TABLE `{copy}`.t (id INT PRIMARY KEY)")).unwrap();
        let mut attempts = vec![
            format!("DROP TABLE `{schema}`.victim"),
            format!("INSERT INTO `{schema}`.victim VALUES (3)"),
            format!("SELECT * FROM `{schema}`.victim"),
            format!("CREATE TABLE `{schema}`.more (id INT)"),
            format!("RENAME TABLE `{copy}`.t TO `{schema}`.more"),
            format!("CREATE VIEW `{copy}`.v AS SELECT * FROM `{schema}`.victim"),
            format!("CREATE EVENT `{schema}`.e ON SCHEDULE EVERY 1 SECOND DO SELECT 1"),
            format!(
                "CREATE EVENT `{copy}`.e ON SCHEDULE EVERY 1 SECOND DO DROP TABLE `{schema}`.victim; \
                 DROP TABLE `{schema}`.victim"
            ),
            format!(
                "ALTER TABLE `{copy}`.t ADD FOREIGN KEY (id) REFERENCES `{schema}`.victim (id)"
            ),
            format!(
                "CREATE TABLE `{copy}`.m (id INT NOT NULL, KEY (id)) ENGINE=MERGE UNION=(`{schema}`.victim)"
            ),
            "CREATE USER 'more'@'%' IDENTIFIED BY 'Tr1cky-enough'".to_owned(),
            "SET GLOBAL local_infile = 0".to_owned(),
            format!("CREATE DEFINER='root'@'localhost' PROCEDURE `{copy}`.p() SELECT 1"),
            format!("CREATE DEFINER='{}'@'%' VIEW `{copy}`.v AS SELECT 1", sandbox.program_user()),
        ];
        for other in ["before_20260101_000000", "gate", "look"] {
            attempts.push(format!("DROP DATABASE `{schema}__{other}`"));
            attempts.push(format!("INSERT INTO `{schema}__{other}`.t VALUES (1)"));
        }
        for sql in &attempts {
            // The second half of a packet counts, too.
            let refused = sql.split("; ").map(|one| drill.query_drop(one)).last().unwrap();
            assert!(refused.is_err(), "{kind}: `{sql}` was done");
        }
        drill.query_drop(format!("DROP DATABASE `{copy}`")).unwrap();
        assert_eq!(number(&mut root, "SELECT COUNT(*) FROM victim"), 2);
        // Nobody logs in as the account that owns programs.
        let (host, port) = (server.host.clone(), server.port);
        let options = mysql::OptsBuilder::new()
            .ip_or_hostname(Some(host))
            .tcp_port(port)
            .user(Some(sandbox.program_user()))
            .pass(Some(sandbox.password().reveal().to_owned()));
        assert!(Conn::new(options).is_err(), "the owner of programs is not locked");
    }
}

/// What a run makes again of the live schema, it gives back to whom it belonged.
#[test]
fn a_trigger_that_comes_back_keeps_its_owner() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sw_back") else { continue };
        sandbox.sql("CREATE TABLE other (id INT PRIMARY KEY)");
        let backup = sandbox.xtask(&["db-backup", "--json"]);
        demand(&backup, 0, "db-backup");
        let label = json(&backup)["label"].as_str().unwrap().to_owned();
        let (mut root, schema) = (sandbox.root(), &sandbox.schema);
        let (far, gone) = (format!("{schema}__far"), schema.replacen("t_", "gone_", 1));
        for sql in [
            format!("CREATE DATABASE `{far}`"),
            format!("CREATE TABLE `{far}`.log (id INT)"),
            format!(
                "CREATE TRIGGER far AFTER INSERT ON victim FOR EACH ROW \
                 INSERT INTO `{far}`.log VALUES (NEW.id)"
            ),
            format!("CREATE USER `{gone}`@`%` IDENTIFIED BY 'Tr1cky-enough'"),
            format!(
                "CREATE DEFINER=`{gone}`@`%` TRIGGER lost AFTER INSERT ON other FOR EACH ROW \
                 SET @a = 1"
            ),
            format!("DROP USER `{gone}`@`%`"),
        ] {
            root.query_drop(&sql).unwrap();
        }
        let owner = |root: &mut Conn, name: &str| -> String {
            let sql = format!(
                "SELECT DEFINER FROM information_schema.TRIGGERS \
                 WHERE TRIGGER_SCHEMA = '{schema}' AND TRIGGER_NAME = '{name}'"
            );
            root.query_first(sql).unwrap().unwrap()
        };
        let strong = owner(&mut root, "far");
        let args = ["db-restore", &label, "--table", "victim", "--table", "other", "--yes"];
        let done = sandbox.xtask(&args);
        demand(&done, 0, "--table");
        assert_eq!(owner(&mut root, "far"), strong, "{kind}");
        root.query_drop("INSERT INTO victim VALUES (9)").unwrap();
        assert_eq!(number(&mut root, &format!("SELECT COUNT(*) FROM `{far}`.log")), 1);
        // An account that is gone: MySQL refuses it, so the trigger needs another owner.
        let (fallback, warned) = (format!("{}@%", sandbox.program_user()), "cannot be set");
        if is_mysql(&sandbox) {
            assert_eq!(owner(&mut root, "lost"), fallback);
            assert!(done.stderr.contains(warned), "{}", done.stderr);
        } else {
            assert_eq!(owner(&mut root, "lost"), format!("{gone}@%"));
        }
    }
}

/// The schema is not in the text: it is put together while the migration runs.
#[test]
fn a_migration_that_puts_a_schemas_name_together_is_refused() {
    let _alone = alone();
    let checkout = tempfile::tempdir().unwrap();
    five::copy_five(checkout.path());
    five::add(
        checkout.path(),
        "20260103000000_far",
        "SET @far = CONCAT('DROP TABLE ', SUBSTRING_INDEX(DATABASE(), '__', 1), '.tally');\n\
         PREPARE far FROM @far;\nEXECUTE far;\nDEALLOCATE PREPARE far;\n",
    );
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, &kind.own("sw_concat"));
        sandbox.base();
        let command = sandbox.in_checkout(checkout.path(), &["migrate"]);
        let refused = command.run(std::time::Duration::from_secs(600)).unwrap();
        demand_stop(&refused, 20, &["the rehearsal failed", "was not touched", "denied"]);
        assert_eq!(number(&mut sandbox.root(), "SELECT COUNT(*) FROM tally"), 1);
        let booked = number(&mut sandbox.root(), "SELECT COUNT(*) FROM _sqlx_migrations");
        assert_eq!(booked, 1, "nothing was applied");
        assert!(companions(&sandbox, "staging").is_empty());
    }
}
