//! Dumps made by hand with the guide's command, as people have them on their
//! disks: verified, restored and compared; and files that only look like one.

use std::path::Path;
use std::time::Duration;

use mysql::prelude::Queryable as _;
use sys::fs;
use sys::proc::Cmd;

use super::capture::Capture;
use super::{capture, client, demand, restore, root_in, schema};
use crate::support::{Sandbox, Server, require};

/// What a plain dump holds: it has no routines and no events.
const SHOP: &str = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'
%%
CREATE TABLE `account` (`id` INT AUTO_INCREMENT PRIMARY KEY, `name` VARCHAR(50) CHARACTER SET utf8mb4, `at` TIMESTAMP NULL,
  `hash` BINARY(16), `icon` BLOB, `bits` BIT(40), `twice` INT GENERATED ALWAYS AS (length(`icon`)) STORED,
  `old` VARCHAR(20) CHARACTER SET latin1) AUTO_INCREMENT = 99
%%
INSERT INTO `account` (id, name, at, hash, icon, bits, old) VALUES
 (1, 'it''s; \\\\ 🎬 \n--', '2026-03-29 01:30:00', 0xFF00FE80C3285C27220A0D1A00010203, 0x5C27220A0D1A00FF, b'1010', 'é'),
 (2, '', NULL, 0x00, '', b'1111111111111111111111111111111111111111', ''),
 (3, NULL, '1970-01-01 00:00:01', NULL, NULL, NULL, NULL)
%%
CREATE TABLE `movie` (`id` INT PRIMARY KEY, `account` INT, FOREIGN KEY (`account`) REFERENCES `account` (`id`))
%%
INSERT INTO `movie` VALUES (10, 1), (11, NULL)
%%
CREATE VIEW `z view` AS SELECT `id`, `name` FROM `account`
%%
CREATE VIEW `a view` AS SELECT `name` FROM `z view` WHERE `id` > 1
%%
CREATE TRIGGER `shout` BEFORE INSERT ON `movie` FOR EACH ROW
BEGIN
  -- a comment; with 'a quote
  SET NEW.account = IF(NEW.account = 1, 1, NULL);
END
%%
CREATE TRIGGER `single` AFTER INSERT ON `movie` FOR EACH ROW SET @x = 'a;b'";

/// All bytes of a file made by hand in the project folder.
fn write(sandbox: &Sandbox, name: &str, bytes: &[u8]) {
    fs::write_durably(&sandbox.path().join(name), bytes).unwrap();
}

#[test]
fn dumps_made_by_hand_are_restored_on_mysql() {
    dumps_made_by_hand(Server::Mysql, "hand_my");
}

#[test]
fn dumps_made_by_hand_are_restored_on_mariadb() {
    dumps_made_by_hand(Server::Mariadb, "hand_ma");
}

fn dumps_made_by_hand(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let sandbox = Sandbox::new(&server, name);
    schema::run(&sandbox, SHOP);
    let before = capture(&sandbox);
    let plain = client::dump(&sandbox, &[&sandbox.schema]);
    write(&sandbox, "plain.sql", &plain);
    write(&sandbox, "databases.sql", &client::dump(&sandbox, &["--databases", &sandbox.schema]));
    // PowerShell re-encodes text; bytes that are none it would destroy.
    let text = String::from_utf8(client::dump(&sandbox, &["--hex-blob", &sandbox.schema])).unwrap();
    write(&sandbox, "powershell.sql", &as_powershell_writes(&text));
    for (program, packed) in [("gzip", "packed.sql.gz"), ("zstd", "packed.sql.zst")] {
        pack(&sandbox, program, packed);
    }
    for file in ["plain.sql", "databases.sql", "powershell.sql", "packed.sql.gz", "packed.sql.zst"]
    {
        let path = sandbox.path().join(file);
        let path = path.to_str().unwrap();
        for level in ["file", "restore"] {
            let done = sandbox.xtask(&["db-verify", path, "--level", level]);
            demand(&done, 0, &format!("db-verify {file} --level {level}"));
            assert!(done.stderr.contains("has no manifest"), "{}", done.stderr);
            let noted = done.stderr.contains("UTF-16");
            assert_eq!(noted, file == "powershell.sql", "{}", done.stderr);
        }
        sandbox.sql("DROP VIEW `a view`; DROP TABLE movie; UPDATE account SET name = 'lost'");
        restore(&sandbox, &[path]);
        before.demand_equal(&capture(&sandbox), &format!("db-restore {file}"));
    }
}

/// UTF-16 with a byte order mark and CR LF.
fn as_powershell_writes(text: &str) -> Vec<u8> {
    let text = format!("\u{FEFF}{}", text.replace('\n', "\r\n"));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn pack(sandbox: &Sandbox, program: &str, name: &str) {
    let script = format!("{program} -c < plain.sql > {name}");
    Cmd::new("sh")
        .args(["-c", &script])
        .dir(sandbox.path())
        .read(Duration::from_secs(30))
        .unwrap_or_else(|error| panic!("{program}: {error:#}"));
}

#[test]
fn a_hostile_dump_is_refused_and_nothing_runs() {
    for (kind, name) in [(Server::Mysql, "refuse_my"), (Server::Mariadb, "refuse_ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        schema::run(&sandbox, SHOP);
        let before = capture(&sandbox);
        let touched = sandbox.path().join("touched");
        let dump =
            String::from_utf8(client::dump(&sandbox, &["--hex-blob", &sandbox.schema])).unwrap();
        for bad in bad_statements(&sandbox.schema, &touched) {
            // In the middle of a dump that is fine otherwise, and behind its end.
            let middle = dump.replacen(
                "\nDROP TABLE IF EXISTS `movie`",
                &format!("\n{bad}\nDROP TABLE IF EXISTS `movie`"),
                1,
            );
            assert_ne!(middle, dump);
            for text in [middle, format!("{dump}\n{bad}\n"), format!("{bad}\n{dump}")] {
                write(&sandbox, "bad.sql", text.as_bytes());
                let path = sandbox.path().join("bad.sql");
                let done = sandbox.xtask(&["db-restore", path.to_str().unwrap(), "--yes"]);
                demand(&done, 40, &format!("{kind}: {bad}"));
            }
        }
        before.demand_equal(&capture(&sandbox), "a refused dump changed something");
        nothing_else_happened(&sandbox, &touched);
    }
}

fn bad_statements(schema: &str, touched: &Path) -> Vec<String> {
    let touch = format!("touch {}", touched.display());
    vec![
        format!("\\! {touch}"),
        format!("system {touch}"),
        format!("SELECT 1 \\! {touch}\n;"),
        "source /etc/hostname".to_owned(),
        "\\. /etc/hostname".to_owned(),
        format!("tee {}", touched.display()),
        format!("DROP TABLE `{schema}`.`movie`;"),
        format!("DROP TABLE IF EXISTS {schema}.account, {schema}.movie;"),
        format!("DELETE FROM {schema}.account;"),
        format!("INSERT INTO `{schema}`.`account` (id) VALUES (77);"),
        "USE mysql;\nUSE performance_schema;".to_owned(),
        // In front of everything it is left out, as mysqldump's own is.
        format!("CREATE TABLE first (id INT);\nDROP DATABASE {schema};"),
        "CREATE DATABASE elsewhere; CREATE DATABASE elsewhere_too;".to_owned(),
        "GRANT ALL ON *.* TO CURRENT_USER();".to_owned(),
        "SET PASSWORD = 'x';".to_owned(),
        "SET GLOBAL max_connections = 1;".to_owned(),
        "/*!40101 SET GLOBAL max_connections = 1 */;".to_owned(),
        format!("SELECT 1 INTO OUTFILE '{}';", touched.display()),
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE account;".to_owned(),
        "CREATE USER evil;".to_owned(),
        "CALL anything();".to_owned(),
        "DO SLEEP(1);".to_owned(),
        format!("/*!50003 DELETE FROM {schema}.account */;"),
        format!("/*M!100000 DELETE FROM {schema}.account */;"),
        format!("CREATE TABLE stolen AS SELECT * FROM {schema}.account;"),
        format!("INSERT INTO account (id) SELECT id + 500 FROM {schema}.account;"),
        format!(
            "DELIMITER ;;\nCREATE PROCEDURE p() SELECT 1; DELETE FROM {schema}.account;;\nDELIMITER ;"
        ),
        format!(
            "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN END; DELETE FROM {schema}.account;;\nDELIMITER ;"
        ),
        "INSTALL PLUGIN x SONAME 'y.so';".to_owned(),
        "CREATE FUNCTION sys_exec RETURNS INTEGER SONAME 'lib_mysqludf_sys.so';".to_owned(),
    ]
}

fn nothing_else_happened(sandbox: &Sandbox, touched: &Path) {
    assert!(!touched.exists(), "a command of the mysql client was carried out");
    let left: Vec<String> = sandbox
        .root()
        .query(format!(
            "SELECT schema_name FROM information_schema.schemata \
             WHERE schema_name LIKE '{}\\_\\_%' OR schema_name LIKE 'elsewhere%'",
            sandbox.schema.replace('_', "\\_")
        ))
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    let evil: Option<u32> =
        sandbox.root().query_first("SELECT COUNT(*) FROM mysql.user WHERE user = 'evil'").unwrap();
    assert_eq!(evil, Some(0));
}

#[test]
fn a_schema_beside_and_the_old_tables_dropped() {
    for (kind, name) in [(Server::Mysql, "options_my"), (Server::Mariadb, "options_ma")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        schema::run(&sandbox, SHOP);
        let before = capture(&sandbox);
        let label = super::backup(&sandbox, "auto");
        sandbox.sql("DROP TABLE movie; CREATE TABLE later (id INT)");
        let changed = capture(&sandbox);
        let beside = format!("{}__look", sandbox.schema);
        restore(&sandbox, &[&label, "--into", &beside]);
        before.demand_equal(&Capture::of(&mut root_in(&sandbox, &beside), &beside), "--into");
        changed.demand_equal(&capture(&sandbox), "--into touched the live schema");
        // What exists is never written over.
        let again = sandbox.xtask(&["db-restore", &label, "--into", &beside, "--yes"]);
        demand(&again, 2, "--into a schema that exists");
        for elsewhere in ["mysql", "elsewhere", "t_other__look"] {
            let done = sandbox.xtask(&["db-restore", &label, "--into", elsewhere, "--yes"]);
            demand(&done, 2, "--into a foreign schema");
        }
        let document = restore(&sandbox, &[&label, "--drop-old"]);
        assert!(document["previous_schema"].is_null(), "{document}");
        before.demand_equal(&capture(&sandbox), "--drop-old");
        let left: Vec<String> = sandbox
            .root()
            .query(format!(
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{}\\_\\_%'",
                sandbox.schema.replace('_', "\\_")
            ))
            .unwrap();
        assert_eq!(left, [beside], "only what was asked for stays");
        // The safety backup is the way back to what was there.
        let safety = document["safety_backup"].as_str().unwrap();
        restore(&sandbox, &[safety, "--drop-old"]);
        changed.demand_equal(&capture(&sandbox), "the safety backup");
    }
}
