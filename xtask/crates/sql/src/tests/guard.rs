//! What may run, and what may not.

use crate::{Guard, Verdict, read_dump};
use model::exit::{ExitCode, Stop};

fn check(dump: &str) -> anyhow::Result<Vec<Verdict>> {
    let mut guard = Guard::new();
    let mut all = Vec::new();
    read_dump(dump.as_bytes(), &mut |piece, _| {
        all.push(guard.check(piece)?);
        Ok(())
    })?;
    Ok(all)
}

#[test]
fn a_dumps_work_is_allowed() {
    for good in [
        "SET NAMES utf8mb4;",
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;",
        "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */;",
        "SET SESSION time_zone = '+00:00'; SET @@session.foreign_key_checks = 0;",
        "DROP TABLE IF EXISTS `a`; LOCK TABLES `a` WRITE; UNLOCK TABLES;",
        "CREATE TABLE t (a int /*!80023 INVISIBLE */, KEY (a)) ENGINE=InnoDB /*!80016 ENCRYPTION='N' */;",
        "CREATE TABLE t (a text, CHECK ((a like 'x%'))) ENGINE=InnoDB;",
        "CREATE TABLE t (a int) /*!50100 PARTITION BY HASH (a) */;",
        "CREATE TABLE t (a int) /*!50100 TABLESPACE `innodb_file_per_table` */ ENGINE=InnoDB;",
        "CREATE TABLE t (a int) TABLESPACE = innodb_system ENGINE=InnoDB;",
        "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER JSON RELATIONAL DUALITY VIEW v AS SELECT 1;",
        "/*!50001 CREATE JSON DUALITY VIEW `v` AS SELECT JSON_DUALITY_OBJECT('_id': a) FROM t */;",
        "START TRANSACTION; INSERT INTO t (a) VALUES (1); COMMIT;",
        "ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_swedish_ci;",
        "ALTER DATABASE `mydb` CHARACTER SET utf8mb4;",
        "/*!50106 DROP EVENT IF EXISTS `e` */;",
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t ADD PRIMARY KEY (a), \
         ADD KEY k (a) /*!80000 INVISIBLE */; ALTER TABLE t MODIFY a int AUTO_INCREMENT, \
         AUTO_INCREMENT=5; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (a);",
        "CREATE TABLE t (a int); TRUNCATE TABLE t; INSERT INTO t VALUES (1);",
    ] {
        let all = check(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        assert!(!all.iter().any(|verdict| matches!(verdict, Verdict::Skip(_))), "{good}");
    }
    let all = check("CREATE TABLE t (a int); DELETE FROM `t`;").unwrap();
    assert!(matches!(all[..], [Verdict::Run, Verdict::Skip(_)]));
    let databases = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `a` /*!40100 DEFAULT CHARACTER SET \
                     utf8mb4 */ /*!80016 DEFAULT ENCRYPTION='N' */; USE `a`;";
    assert!(check(databases).unwrap().iter().all(|v| matches!(v, Verdict::Skip(_))));
    let dropped = "/*!40000 DROP DATABASE IF EXISTS `a`*/; CREATE DATABASE `a`; USE `a`;";
    assert!(check(dropped).unwrap().iter().all(|v| matches!(v, Verdict::Skip(_))));
    let gtid = "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-5'; SET @@SESSION.SQL_LOG_BIN= 0;";
    assert!(check(gtid).unwrap().iter().all(|v| matches!(v, Verdict::Skip(_))));
}

#[test]
fn everything_else_is_refused() {
    for bad in [
        "SET GLOBAL max_connections = 1;",
        "SET @@persist.sql_mode = '';",
        "SET PERSIST sql_mode = '';",
        "SET PASSWORD = 'x';",
        "SET ROLE admin;",
        "SET sql_mode = (SELECT 1);",
        "SET @x = load_file('/etc/passwd');",
        "SET max_heap_table_size = 1;",
        "SET @x = 1; SET sql_mode = '', GLOBAL general_log = 1;",
        "CREATE TABLE t (a int); DROP DATABASE mydb;",
        "CREATE PROCEDURE p() SELECT 1; DROP DATABASE mydb;",
        "CREATE DATABASE a; DROP DATABASE b;",
        "DROP DATABASE a; USE b;",
        "DROP TABLE mysql.user;",
        "DROP TABLE a, b;",
        "INSERT INTO mysql.user VALUES (1);",
        "INSERT INTO `mysql`.`user` (`a`) VALUES (1);",
        "INSERT INTO t (a) SELECT 1;",
        "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2;",
        "INSERT /*!99999 INTO x.y VALUES */ INTO t (a) VALUES (1);",
        "CREATE USER x;",
        "GRANT ALL ON *.* TO x;",
        "CREATE FUNCTION f RETURNS STRING SONAME 'x.so';",
        "CREATE VIEW other.v AS SELECT 1;",
        "CREATE TABLE t (a int) DATA DIRECTORY='/tmp';",
        "CREATE TABLE t (a int) TABLESPACE x;",
        "CREATE TABLE t (a int) /*!50100 TABLESPACE `ts1` */ ENGINE=InnoDB;",
        "CREATE TABLE t (a int) TABLESPACE 'innodb_system';",
        "CREATE TABLE t (a int) TABLESPACE;",
        "CREATE TABLE t (a int) TABLESPACE innodb_system.x;",
        "CREATE TABLE t (a int) TABLESPACE innodb_system CONNECTION='x';",
        "CREATE TABLE t (a int) SECONDARY_ENGINE=rapid;",
        "CREATE JSON VIEW v AS SELECT 1;",
        "CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='x';",
        "CREATE TABLE t (a int) ENGINE=CONNECT;",
        "CREATE TABLE t (a int) ENGINE=MRG_MyISAM UNION=(x);",
        "CREATE TABLE t (a int) /*!99999 DATA DIRECTORY='/tmp' */;",
        "CREATE TABLE t LIKE u;",
        "CREATE TABLE t (LIKE u);",
        "CREATE TABLE t (a int) SELECT 1;",
        "CREATE TABLE t TABLE u;",
        "CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES o.u (a));",
        "USE a; USE b;",
        "CREATE DATABASE a; USE b;",
        "SELECT 1;",
        "LOAD DATA INFILE 'x' INTO TABLE t;",
        "CALL p();",
        "ALTER DATABASE `x` READ ONLY = 1;",
        "BEGIN NOT ATOMIC SELECT 1; END;",
        "LOCK TABLES a WRITE, b.c WRITE;",
        "/*!99999 SET @x = */ DROP DATABASE foo;",
        "CREATE DATABASE foo /*!99999 ; DROP DATABASE foo */;",
        "SET @x = 1 /*!99999 '*/, GLOBAL y = 1 -- ' */\n;",
        "DELIMITER ;;\nSET @x = 1; DROP DATABASE foo ;;",
        "DELIMITER ;;\nDROP TABLE a; DROP DATABASE foo ;;",
        "\\! id\n",
        "source /etc/passwd\n",
        "SELECT 1 \\! id\n;",
    ] {
        demand_refused(bad);
    }
}

fn demand_refused(bad: &str) {
    let error = check(bad).expect_err(bad);
    let stop = error.downcast_ref::<Stop>().unwrap_or_else(|| panic!("{bad}: {error}"));
    assert_eq!(stop.code, ExitCode::Store, "{bad}");
    assert!(stop.message.starts_with("line "), "{bad}: {}", stop.message);
}

#[test]
fn a_table_is_altered_and_emptied_only_as_a_dump_does() {
    for bad in [
        "ALTER TABLE t ADD COLUMN b int;",
        "CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b int;",
        "CREATE TABLE t (a int); ALTER TABLE t RENAME mysql.x;",
        "CREATE TABLE t (a int); ALTER TABLE t ADD KEY (a) /*!99999 , RENAME u */;",
        "CREATE TABLE t (a int); ALTER TABLE t ADD KEY (a) /*!80000 , DISCARD TABLESPACE */;",
        "CREATE TABLE t (a int); ALTER TABLE t /*!99999 RENAME u -- \n */ ADD KEY (a);",
        "ALTER TABLE t ADD KEY (a);",
        "ALTER TABLE mysql.user ADD KEY (a);",
        "CREATE TABLE t (a int); DROP TABLE t; ALTER TABLE t ADD KEY (a);",
        "USE a; CREATE TABLE a.t (a int); ALTER TABLE b.t ADD KEY (a);",
        "DELETE FROM t;",
        "TRUNCATE TABLE mysql.user;",
        "DELETE FROM mysql.user;",
        "CREATE TABLE t (a int); DELETE FROM t WHERE a = 1;",
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); DELETE FROM t;",
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); TRUNCATE t;",
        "CREATE TABLE t (a int); DELETE FROM t RETURNING f();",
    ] {
        demand_refused(bad);
    }
}

#[test]
fn names_of_the_dumps_own_schema_pass_without_it() {
    let text = "CREATE SCHEMA IF NOT EXISTS `s`; USE `s`; CREATE TABLE IF NOT EXISTS `s`.`t` (a int); \
                INSERT INTO `s`.`t` (a) VALUES (1),(2); ALTER TABLE `s`.`t` ADD KEY (a); \
                CREATE VIEW `s`.`v` AS SELECT a FROM `s`.`t`;";
    let mut guard = Guard::new();
    let mut sent = Vec::new();
    let seen = read_dump(text.as_bytes(), &mut |piece, _| {
        if matches!(guard.check(piece)?, Verdict::Run) {
            sent.push(String::from_utf8(piece.text.to_vec()).unwrap());
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(
        sent,
        [
            "CREATE TABLE IF NOT EXISTS `t` (a int)",
            "INSERT INTO `t` (a) VALUES (1),(2)",
            "ALTER TABLE `t` ADD KEY (a)",
            "CREATE VIEW `v` AS SELECT a FROM `t`",
        ]
    );
    assert_eq!((seen.rows, seen.tables.len()), (2, 1));
}

#[test]
fn messages_show_no_data() {
    let error = check("\n\nSELECT 'secret' FROM t;").unwrap_err().to_string();
    assert!(error.starts_with("line 3: ") && !error.contains("secret"), "{error}");
}
