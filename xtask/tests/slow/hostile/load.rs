//! One dump over one session and over several: the same schema, whatever is in the
//! file; and what is left when it fails.

use std::fmt::Write as _;

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;
use sys::fs;

use super::{Capture, demand, root_in};
use crate::support::{Sandbox, Server, own_mariadb, require};

/// Each server that is there, with a sandbox.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for (kind, suffix) in [(Server::Mysql, "my"), (Server::Mariadb, "ma")] {
        let Some(server) = require(kind) else { continue };
        test(&Sandbox::new(&server, &format!("{name}_{suffix}")));
    }
}

fn write(sandbox: &Sandbox, text: &str) -> String {
    let path = sandbox.path().join("dump.sql");
    fs::write_durably(&path, text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Restores a file beside the live schema over that many sessions; everything in it.
fn restored(sandbox: &Sandbox, file: &str, threads: &str) -> Capture {
    let into = format!("{}__over{threads}", sandbox.schema);
    let done = sandbox.xtask(&["db-restore", file, "--into", &into, "--threads", threads, "--yes"]);
    demand(&done, 0, &format!("over {threads}"));
    let all = Capture::of(&mut root_in(sandbox, &into), &into);
    // Each is in a schema of its own name.
    let same = |text: String| text.replace(&into, "the schema");
    Capture(all.0.into_iter().map(|(name, text)| (same(name), same(text))).collect())
}

/// Rows of every kind of value, escapes of every kind, in statements of all sizes.
fn all_values() -> String {
    let mut text = String::from(
        "SET NAMES utf8mb4;\nSET @saved = @@sql_mode;\nSET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';\n\
         CREATE TABLE `plain` (`id` int NOT NULL AUTO_INCREMENT, `t` text, `d` decimal(20,6), \
         `f` double, `e` enum('0','1','a,b',''), `s` set('x','y'), `y` year, `at` timestamp NULL, \
         `n` int DEFAULT NULL, PRIMARY KEY (`id`), UNIQUE KEY `u` (`n`), KEY `k` (`t`(9),`n`), \
         FULLTEXT KEY `f` (`t`), FULLTEXT KEY `f2` (`t`), CONSTRAINT `self` FOREIGN KEY (`n`) \
         REFERENCES `plain` (`id`)) ENGINE=InnoDB AUTO_INCREMENT=50000 DEFAULT CHARSET=utf8mb4;\n\
         CREATE TABLE `odd` (`id` int NOT NULL, `b` blob, `i` bit(12), `h` varbinary(4), KEY `k` (`id`)) \
         ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n",
    );
    let awkward = r#"'it''s \'\"\\ \0 \n \r \t \b \Z \% \_ \N é🎬', -1.500000, 1.5, '0', 'x,y', 0000, '2001-02-03 04:05:06'"#;
    for from in (0..9000).step_by(1500) {
        text += "INSERT INTO `plain` VALUES ";
        for id in from..from + 1500 {
            let n = if id % 3 == 0 { "NULL".to_owned() } else { id.to_string() };
            let values = if id % 7 == 0 {
                awkward.to_owned()
            } else {
                format!("'row {id}', {id}.000000, {id}, 'a,b', '', 2024, NULL")
            };
            let comma = if id == from { "" } else { "," };
            write!(text, "{comma}({id},{values},{n})").unwrap();
        }
        text += ";\n";
    }
    for id in 0..300 {
        writeln!(text, "INSERT INTO `odd` VALUES ({id},0xFF00{id:04},0x01{:02},_binary 'a\\0'),({id},'',0x0000,'');", id % 2)
            .unwrap();
    }
    text += "SET sql_mode = @saved;\n-- Dump completed\n";
    text
}

#[test]
fn every_value_is_the_same_over_several_sessions() {
    each("values", |sandbox| {
        let file = write(sandbox, &all_values());
        let loads = || -> u64 {
            let row: Option<(String, u64)> =
                sandbox.root().query_first("SHOW GLOBAL STATUS LIKE 'Com_load'").unwrap();
            row.unwrap().1
        };
        let serial = restored(sandbox, &file, "1");
        let before = loads();
        restored(sandbox, &file, "4").demand_equal(&serial, "over four sessions");
        let mut root = sandbox.root();
        if root.query_first("SELECT @@local_infile").unwrap() == Some(true) {
            assert!(loads() > before, "LOAD DATA was not used");
        }
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "db-verify");
    });
}

/// What no dump program writes in one file, but people's files hold.
const BY_HAND: &str = "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), UNIQUE KEY u (v), KEY k (id, v)) ENGINE=InnoDB AUTO_INCREMENT=11;
CREATE TABLE b (id INT PRIMARY KEY, a INT, KEY (a), CONSTRAINT f FOREIGN KEY (a) REFERENCES a (id)) ENGINE=InnoDB;
INSERT INTO a VALUES (1, 'one'), (2, 'two');
INSERT INTO b VALUES (1, 1);
INSERT INTO a VALUES (3, 'three');
INSERT IGNORE INTO a VALUES (4, 'one'), (5, 'five');
REPLACE INTO a VALUES (6, 'two'), (7, 'seven');
INSERT INTO a (id) VALUES (8), (9);
INSERT INTO a (id) VALUES (10);
CREATE TABLE gone (id INT PRIMARY KEY, KEY k (id)) ENGINE=InnoDB;
INSERT INTO gone VALUES (1), (2);
DROP TABLE gone;
CREATE TABLE gone (id INT PRIMARY KEY, v INT, KEY j (v)) ENGINE=InnoDB;
INSERT INTO gone VALUES (3, 3);
CREATE TABLE m (id INT PRIMARY KEY, t TEXT, KEY (t(4))) ENGINE=MyISAM;
INSERT INTO m VALUES (1, 'x');
DELIMITER ;;
CREATE TRIGGER tr BEFORE INSERT ON m FOR EACH ROW SET NEW.t = 'from the trigger';;
DELIMITER ;
ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_bin;
CREATE VIEW v AS SELECT id FROM b;
CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB;
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO c VALUES (1, 'x');
INSERT INTO b VALUES (2, 2), (3, NULL);
CREATE TABLE d (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB;
/*!50001 CREATE TABLE w (id INT NOT NULL) ENGINE=MyISAM */;
CREATE VIEW over_w AS SELECT id FROM w;
/*!50001 DROP TABLE w */;
/*!50001 CREATE VIEW w AS SELECT id FROM c */;
-- Dump completed
";

#[test]
fn a_file_made_by_hand_means_the_same_over_several_sessions() {
    each("shapes", |sandbox| {
        let file = write(sandbox, BY_HAND);
        let serial = restored(sandbox, &file, "1");
        restored(sandbox, &file, "2").demand_equal(&serial, "over two sessions");
        restored(sandbox, &file, "5").demand_equal(&serial, "over five sessions");
    });
}

#[test]
fn what_one_session_refuses_ends_all_and_leaves_nothing() {
    each("refused", |sandbox| {
        let all = all_values();
        let cases = [
            // The same row once more, in the middle.
            (all.replacen("(4000,", "(3999,", 1), "Duplicate entry"),
            // A duplicate that only a key built later sees.
            (all.replacen("2024, NULL,4001)", "2024, NULL,4000)", 1), "Duplicate entry"),
            (all.replacen("(5000,", "(SLEEP(1),", 1), "not a literal"),
        ];
        for (text, words) in cases {
            assert_ne!(text, all);
            let file = write(sandbox, &text);
            for threads in ["1", "4"] {
                let into = format!("{}__refused", sandbox.schema);
                let done = sandbox.xtask(&[
                    "db-restore",
                    &file,
                    "--into",
                    &into,
                    "--threads",
                    threads,
                    "--yes",
                ]);
                demand(&done, 40, words);
                assert!(done.stderr.contains(words), "{}", done.stderr);
                assert!(done.stderr.contains("line "), "{}", done.stderr);
            }
        }
        demand_nothing_left(sandbox);
    });
}

fn demand_nothing_left(sandbox: &Sandbox) {
    let like = format!("{}\\_\\_%", sandbox.schema.replace('_', "\\_"));
    let left: Vec<String> = sandbox
        .root()
        .query(format!(
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{like}'"
        ))
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_next_run_ends_what_a_killed_load_left_running() {
    each("orphan", |sandbox| {
        let file = write(sandbox, &all_values());
        let dead = sandbox
            .command(&["db-verify", &file])
            .env(VARIABLE, "kill:load.rows")
            .run(std::time::Duration::from_secs(120))
            .unwrap();
        assert_eq!(dead.code, None, "{}", dead.stderr);
        let staging: Option<String> = sandbox
            .root()
            .query_first(format!(
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{}\\_\\_staging%'",
                sandbox.schema.replace('_', "\\_")
            ))
            .unwrap();
        let staging = staging.unwrap();
        // As a server does that builds keys for a client that is gone: it holds the table.
        let user = sandbox.settings().into_iter().find(|(name, _)| name == "DB_DRILL_USER");
        let mut orphan =
            sandbox.server().login(&user.unwrap().1, &sandbox.password(), Some(&staging));
        let holding = std::thread::spawn(move || {
            orphan.query_drop("SELECT id, SLEEP(60) FROM plain, (SELECT 1 UNION SELECT 2) x").ok();
        });
        let start = std::time::Instant::now();
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "the next run");
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
        holding.join().unwrap();
        demand_nothing_left(sandbox);
    });
}

#[test]
fn a_load_goes_on_with_the_connections_that_it_gets() {
    each("fewer", |sandbox| {
        let file = write(sandbox, &all_values());
        let user = sandbox.settings().into_iter().find(|(name, _)| name == "DB_DRILL_USER");
        let user = user.unwrap().1;
        for (most, over) in [(1, "over 1"), (2, "over 1"), (4, "over 2"), (6, "")] {
            sandbox.sql(&format!("ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS {most}"));
            let done = sandbox.xtask(&["db-verify", &file, "--threads", "4"]);
            demand(&done, 0, &format!("{most} connections"));
            let said = done.stderr.contains("refuses more connections");
            assert!(said != over.is_empty() && done.stderr.contains(over), "{}", done.stderr);
        }
    });
}

#[test]
fn statements_are_cut_to_the_packet_that_the_server_takes() {
    let Some(own) = own_mariadb() else { return };
    let server = &own.server;
    // The server is our own: nobody else sees this.
    for set in ["max_allowed_packet = 16384", "local_infile = OFF"] {
        server.root().query_drop(format!("SET GLOBAL {set}")).unwrap();
    }
    let sandbox = Sandbox::new(server, "packet_ma");
    let file = write(&sandbox, &all_values());
    restored(&sandbox, &file, "1").demand_equal(&restored(&sandbox, &file, "3"), "small packets");
    let long = all_values().replacen("'row 4001'", &format!("'{}'", "x".repeat(20_000)), 1);
    let file = write(&sandbox, &long);
    for threads in ["1", "3"] {
        let done = sandbox.xtask(&["db-verify", &file, "--threads", threads]);
        demand(&done, 21, "a row that no packet holds");
        assert!(done.stdout.contains("max_allowed_packet"), "{}", done.stdout);
    }
}
