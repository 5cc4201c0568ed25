//! `db-restore --table`: exactly the backup's rows or nothing, and everything
//! else as it was.

use mysql::prelude::Queryable as _;

use crate::support::{Sandbox, Server, require};

const SCHEMA: &str = "
    CREATE TABLE genre (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL);
    CREATE TABLE film (
        id INT PRIMARY KEY AUTO_INCREMENT, genre_id INT NULL, sequel_of INT NULL,
        title VARCHAR(90) NOT NULL,
        slug VARCHAR(90) GENERATED ALWAYS AS (LOWER(title)) STORED,
        FOREIGN KEY (genre_id) REFERENCES genre (id),
        CONSTRAINT fk_sequel FOREIGN KEY (sequel_of) REFERENCES film (id),
        CONSTRAINT ck_title CHECK (title <> '')
    ) CHARACTER SET utf8mb4;
    CREATE TABLE rating (
        id INT PRIMARY KEY AUTO_INCREMENT, film_id INT NOT NULL, stars INT NOT NULL,
        CONSTRAINT fk_rating_film FOREIGN KEY (film_id) REFERENCES film (id) ON DELETE CASCADE
    );
    CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(90) NOT NULL);
    CREATE TRIGGER film_in BEFORE INSERT ON film FOR EACH ROW INSERT INTO log (what) VALUES ('in');
    CREATE TRIGGER film_in_2 BEFORE INSERT ON film FOR EACH ROW SET NEW.title = CONCAT(NEW.title, '!');
    CREATE TRIGGER film_out AFTER DELETE ON film FOR EACH ROW INSERT INTO log (what) VALUES ('out');
    CREATE TRIGGER rating_in AFTER INSERT ON rating FOR EACH ROW INSERT INTO log (what) VALUES ('r');
    INSERT INTO genre VALUES (1, 'Drama'), (2, 'Comedy');
    INSERT INTO film (id, genre_id, sequel_of, title) VALUES
        (1, 1, NULL, 'Alien'), (2, 1, 1, 'Aliens''\\\\\\n'), (3, NULL, NULL, 'Brazil 🎬');
    INSERT INTO film (id, title) VALUES (41, 'Gone');
    DELETE FROM film WHERE id = 41;
    INSERT INTO rating VALUES (1, 1, 5), (2, 2, 4)";

/// What the tables and their triggers hold, as text that can be compared. MySQL
/// keeps what separates a trigger from the statement behind it in its packet.
#[derive(Debug, PartialEq, Eq)]
struct State {
    film: Vec<String>,
    rating: Vec<String>,
    log: u64,
    triggers: Vec<String>,
    tables: Vec<String>,
}

fn state(sandbox: &Sandbox) -> State {
    let mut root = sandbox.root();
    let mut strings = |sql: &str| -> Vec<String> { root.query(sql).unwrap_or_default() };
    State {
        film: strings(
            "SELECT CONCAT_WS('|', id, COALESCE(genre_id, '-'), COALESCE(sequel_of, '-'), title, slug) FROM film ORDER BY id",
        ),
        rating: strings("SELECT CONCAT_WS('|', id, film_id, stars) FROM rating ORDER BY id"),
        triggers: strings(
            "SELECT CONCAT_WS('|', EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_ORDER, REGEXP_REPLACE(ACTION_STATEMENT, '[;[:space:]]+$', ''), SQL_MODE) \
             FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1",
        ),
        tables: strings(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1",
        ),
        log: root.query_first("SELECT COUNT(*) FROM log").unwrap().unwrap(),
    }
}

/// A sandbox with the schema, for each server.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(SCHEMA);
        test(&sandbox);
    }
}

fn backup(sandbox: &Sandbox) {
    let made = sandbox.xtask(&["db-backup"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

/// Restores tables; gives the exit code and standard error.
fn restore(sandbox: &Sandbox, tables: &[&str]) -> (Option<i32>, String) {
    let done = sandbox.xtask(&args(&latest(sandbox), tables));
    (done.code, format!("{}{}", done.stderr, done.stdout))
}

fn args<'a>(label: &'a str, tables: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["db-restore", label, "--yes"];
    args.extend(tables.iter().flat_map(|table| ["--table", *table]));
    args
}

/// The oldest backup: a restore's own safety backup is newer.
fn latest(sandbox: &Sandbox) -> String {
    let listed = sandbox.xtask(&["db-list", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let backups = document["backups"].as_array().unwrap();
    backups.last().unwrap()["label"].as_str().unwrap().to_owned()
}

fn nothing_left(sandbox: &Sandbox) {
    let like = format!("{}\\_\\_%", sandbox.schema.replace('_', "\\_"));
    let left: Vec<String> = sandbox
        .root()
        .query(format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{like}'"
        ))
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert!(!sandbox.backups().join(".swap.json").exists());
    let odd: Vec<String> = sandbox
        .root()
        .query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE '\\_\\_%'")
        .unwrap();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn an_existing_table_gets_the_backups_rows_and_nothing_else_moves() {
    each("tb_existing", |sandbox| {
        let before = state(sandbox);
        backup(sandbox);
        sandbox.sql(
            "DELETE FROM film WHERE id = 3; UPDATE film SET title = 'spoilt', genre_id = 2;
             INSERT INTO rating VALUES (7, 1, 1); INSERT INTO genre VALUES (3, 'New')",
        );
        let spoilt = state(sandbox);
        let done = sandbox.xtask(&[&args(&latest(sandbox), &["film"])[..], &["--json"]].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!((document["tables"].as_u64(), document["rows"].as_u64()), (Some(1), Some(3)));
        assert!(document["safety_backup"].is_string() && document["previous_schema"].is_null());
        let after = state(sandbox);
        assert_eq!(after.film, before.film);
        // No trigger fired, nothing cascaded.
        assert_eq!((&after.rating, after.log), (&spoilt.rating, spoilt.log));
        assert_eq!(after.triggers, before.triggers);
        nothing_left(sandbox);
        let odd = "SELECT COUNT(*) FROM information_schema.TRIGGERS \
                   WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_STATEMENT REGEXP '[;[:space:]]$'";
        assert_eq!(sandbox.root().query_first::<u64, _>(odd).unwrap(), Some(0));
        // The counter goes on behind the backup's, and the keys and triggers live.
        sandbox.sql("INSERT INTO film (title) VALUES ('next')");
        let mut root = sandbox.root();
        let next: Option<(u32, String)> =
            root.query_first("SELECT id, title FROM film ORDER BY id DESC LIMIT 1").unwrap();
        assert_eq!(next, Some((42, "next!".to_owned())));
        assert!(root.query_drop("UPDATE film SET genre_id = 99 WHERE id = 1").is_err());
    });
}

#[test]
fn the_counter_of_the_backup_is_reached_again() {
    each("tb_counter", |sandbox| {
        backup(sandbox);
        sandbox.sql("SET foreign_key_checks = 0; TRUNCATE TABLE rating");
        sandbox.root().query_drop("SET foreign_key_checks = 0").unwrap();
        sandbox.root().exec_drop("DELETE FROM rating", ()).unwrap();
        let mut root = sandbox.root();
        root.query_drop("SET foreign_key_checks = 0").unwrap();
        root.query_drop("TRUNCATE TABLE film").unwrap();
        let (code, said) = restore(sandbox, &["film", "rating"]);
        assert_eq!(code, Some(0), "{said}");
        sandbox.sql("INSERT INTO film (title) VALUES ('next')");
        let next: Option<u32> = sandbox.root().query_first("SELECT MAX(id) FROM film").unwrap();
        assert_eq!(next, Some(42));
    });
}

#[test]
fn a_dropped_table_comes_back_with_keys_and_triggers() {
    each("tb_dropped", |sandbox| {
        let before = state(sandbox);
        backup(sandbox);
        sandbox.sql("DROP TABLE rating");
        let (code, said) = restore(sandbox, &["rating"]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(state(sandbox), before);
        nothing_left(sandbox);
        assert!(sandbox.root().query_drop("INSERT INTO rating VALUES (9, 99, 1)").is_err());
        // The parent, while its children are there and refer to it.
        let mut root = sandbox.root();
        root.query_drop("SET foreign_key_checks = 0").unwrap();
        root.query_drop("DROP TABLE film").unwrap();
        let (code, said) = restore(sandbox, &["film"]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(state(sandbox), before);
        nothing_left(sandbox);
        assert!(sandbox.root().query_drop("INSERT INTO rating VALUES (9, 99, 1)").is_err());
        assert!(sandbox.root().query_drop("UPDATE film SET sequel_of = 99").is_err());
        sandbox
            .sql("INSERT INTO film (title) VALUES ('next'); INSERT INTO rating VALUES (9, 42, 1)");
    });
}

#[test]
fn orphans_are_refused_and_both_tables_together_are_not() {
    each("tb_orphans", |sandbox| {
        let before = state(sandbox);
        backup(sandbox);
        sandbox.sql(
            "INSERT INTO film (id, title) VALUES (50, 'later'), (51, 'last');
             INSERT INTO rating VALUES (8, 50, 1), (9, 51, 1), (10, 51, 2)",
        );
        let later = state(sandbox);
        let (code, said) = restore(sandbox, &["film"]);
        assert_eq!(code, Some(21), "{said}");
        assert!(
            said.contains("3 rows of `rating` without a `film` (key `fk_rating_film`)"),
            "{said}"
        );
        assert!(said.contains("--table film --table rating"), "{said}");
        assert_eq!(state(sandbox), later);
        nothing_left(sandbox);
        // A dropped child whose parents are gone is refused as well, and not half made.
        sandbox.sql("DROP TABLE rating; DELETE FROM film WHERE id IN (1, 2) ORDER BY id DESC");
        let (code, said) = restore(sandbox, &["rating"]);
        assert_eq!(code, Some(21), "{said}");
        nothing_left(sandbox);
        let (code, said) = restore(sandbox, &["film", "rating"]);
        assert_eq!(code, Some(0), "{said}");
        let after = state(sandbox);
        assert_eq!(
            (after.film, after.rating, after.triggers),
            (before.film, before.rating, before.triggers)
        );
        nothing_left(sandbox);
        // The other direction: the parent's row is gone.
        sandbox.sql("UPDATE film SET genre_id = 2; DELETE FROM genre WHERE id = 1");
        let (code, said) = restore(sandbox, &["film"]);
        assert_eq!(code, Some(21), "{said}");
        assert!(said.contains("2 rows of `film` without a `genre`"), "{said}");
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    each("tb_refused", |sandbox| {
        backup(sandbox);
        let (code, said) = restore(sandbox, &["flim"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("has no table `flim`") && said.contains("Did you mean film"),
            "{said}"
        );
        sandbox.sql("ALTER TABLE film ADD COLUMN added INT NULL");
        let later = state(sandbox);
        let (code, said) = restore(sandbox, &["film"]);
        assert_eq!(code, Some(40), "{said}");
        assert!(
            said.contains("definition of `t_tb_refused`.`film`") && said.contains("`added`"),
            "{said}"
        );
        assert!(said.contains("--into"), "{said}");
        assert_eq!(state(sandbox), later);
        nothing_left(sandbox);
        // A session that holds the table is not waited for without end.
        sandbox.write("xtask.toml", "[restore]\nlock_retries = 0\n");
        let mut other = sandbox.root();
        other.query_drop("SET autocommit = 0").unwrap();
        other.query_drop("UPDATE rating SET stars = 1 WHERE id = 1").unwrap();
        let (code, said) = restore(sandbox, &["rating"]);
        assert_eq!(code, Some(40), "{said}");
        assert!(
            said.contains("is as it was before") && said.contains("is in a transaction"),
            "{said}"
        );
        drop(other);
        assert_eq!(state(sandbox), later);
        nothing_left(sandbox);
    });
}

#[test]
fn a_killed_run_is_finished_or_undone_by_the_next() {
    each("tb_killed", |sandbox| {
        let whole = state(sandbox);
        backup(sandbox);
        for (point, finished) in [
            ("tables.journal", false),
            ("tables.triggers_dropped", false),
            ("tables.committed", true),
        ] {
            for dropped in [false, true] {
                sandbox.sql("UPDATE film SET title = 'spoilt'");
                if dropped {
                    sandbox.sql("DROP TABLE rating");
                } else {
                    sandbox.sql("DELETE FROM rating");
                }
                let spoilt = state(sandbox);
                let label = latest(sandbox);
                let killed = sandbox
                    .command(&args(&label, &["film", "rating"]))
                    .env("XTASK_FAULT", format!("kill:{point}"))
                    .run(std::time::Duration::from_secs(120))
                    .unwrap();
                assert_ne!(killed.code, Some(0), "{point}: {}", killed.stderr);
                assert!(
                    sandbox.backups().join(".swap.json").exists(),
                    "{point}: {}",
                    killed.stderr
                );
                let next = sandbox.xtask(&["db-backup"]);
                assert_eq!(next.code, Some(0), "{point}: {}", next.stderr);
                let word = if finished { "is finished now" } else { "is as it was before" };
                assert!(next.stderr.contains(word), "{point}: {}", next.stderr);
                let want = if finished { &whole } else { &spoilt };
                let now = state(sandbox);
                assert_eq!((&now.film, &now.rating), (&want.film, &want.rating), "{point}");
                assert_eq!((&now.triggers, &now.tables), (&want.triggers, &want.tables), "{point}");
                nothing_left(sandbox);
                let (code, said) = restore(sandbox, &["film", "rating"]);
                assert_eq!(code, Some(0), "{point}: {said}");
                assert_eq!(state(sandbox).film, whole.film, "{point}");
                assert_eq!(state(sandbox).rating, whole.rating, "{point}");
            }
        }
    });
}
