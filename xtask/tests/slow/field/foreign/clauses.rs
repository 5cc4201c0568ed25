//! What one server wrote and another does not take: loaded all the same where nothing is
//! lost, or refused with the way.

use mysql::prelude::Queryable as _;

use super::{by_client, by_tool, demand_refused, each, write};
use crate::hostile::{demand, is_mysql, root_in};

const END: &str = "-- Dump completed on 2026-11-20 10:00:00\n";

/// mariadb-dump writes what a generated column had; MySQL takes no value for one.
const GENERATED: &str = "\
CREATE TABLE `bill` (
  `id` int(11) NOT NULL,
  `net` decimal(8,2) DEFAULT NULL,
  `gross` decimal(8,2) GENERATED ALWAYS AS (`net` * 1.2) STORED,
  `text` varchar(20) DEFAULT NULL,
  `long` int(11) GENERATED ALWAYS AS (char_length(`text`)) VIRTUAL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `bill` WRITE;
INSERT INTO `bill` VALUES (1,10.00,12.00,'a, b',4),(2,5.00,6.00,'it\\'s',4);
INSERT INTO `bill` VALUES (3,NULL,NULL,'',0);
INSERT INTO `bill` (`id`,`gross`,`net`) VALUES (4,DEFAULT,1.00);
UNLOCK TABLES;
";

#[test]
fn values_of_generated_columns_are_left_to_the_server() {
    each("generated", |sandbox| {
        let file = write(sandbox, "generated.sql", &format!("{GENERATED}{END}"));
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "with generated values");
        let into = format!("{}__look", sandbox.schema);
        for threads in ["1", "4"] {
            let args = ["db-restore", &file, "--into", &into, "--threads", threads, "--yes"];
            demand(&sandbox.xtask(&args), 0, threads);
            let rows: Vec<String> = root_in(sandbox, &into)
                .query("SELECT CONCAT_WS('|', `id`, `net`, `gross`, `text`, `long`) FROM bill ORDER BY id")
                .unwrap();
            assert_eq!(rows, ["1|10.00|12.00|a, b|4", "2|5.00|6.00|it's|4", "3||0", "4|1.00|1.20"]);
            sandbox.root().query_drop(format!("DROP DATABASE `{into}`")).unwrap();
        }
    });
}

const CHECKS: &str = "\
CREATE TABLE `a` (
  `id` int(11) NOT NULL,
  `doc` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`doc`)),
  PRIMARY KEY (`id`),
  CONSTRAINT `CONSTRAINT_1` CHECK (`id` > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `a` VALUES (1,'{\\\"k\\\": 1}');
CREATE TABLE `b` (
  `id` int(11) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `k` (`id`),
  CONSTRAINT `CONSTRAINT_1` CHECK (`id` < 1000)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `b` VALUES (1);
";

#[test]
fn checks_of_one_name_get_names_of_the_server_on_mysql() {
    each("check_names", |sandbox| {
        let file = write(sandbox, "checks.sql", &format!("{CHECKS}{END}"));
        for threads in ["1", "4"] {
            let (done, found) = by_tool(sandbox, &file, threads, &[]);
            let all: String = found.0.values().map(String::as_str).collect();
            assert!(all.contains("1000") && all.contains("json_valid"), "{all}");
            let said = done.stderr.contains("get names of the server");
            assert_eq!(said, is_mysql(sandbox), "{}", done.stderr);
        }
    });
}

#[test]
fn fixed_rows_are_what_the_engine_has() {
    each("fixed_rows", |sandbox| {
        let text = "CREATE TABLE `fx` (`id` int(11) NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB \
                    DEFAULT CHARSET=latin1 ROW_FORMAT=FIXED;\nINSERT INTO `fx` VALUES (1);\n";
        let file = write(sandbox, "fixed.sql", &format!("{text}{END}"));
        let (done, found) = by_tool(sandbox, &file, "4", &[]);
        assert!(found.0["rows of fx"].starts_with("1 rows"));
        // MariaDB takes the clause when innodb_strict_mode is off, as it is for a load, and has
        // the same format as without it.
        let said = done.stderr.contains("ROW_FORMAT=FIXED is left out");
        assert_eq!(said, is_mysql(sandbox), "{}", done.stderr);
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "ROW_FORMAT=FIXED");
    });
}

#[test]
fn a_schema_that_the_file_drops_first_stays_where_it_is() {
    each("dropped", |sandbox| {
        sandbox.sql("CREATE TABLE live (id INT PRIMARY KEY)");
        let schema = &sandbox.schema;
        let text = format!(
            "/*!40000 DROP DATABASE IF EXISTS `{schema}`*/;\nCREATE DATABASE `{schema}`;\n\
             USE `{schema}`;\nCREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);\n"
        );
        let file = write(sandbox, "dropped.sql", &format!("{text}{END}"));
        let (_, found) = by_tool(sandbox, &file, "4", &[]);
        assert!(found.0["rows of t"].starts_with("1 rows"));
        assert_eq!(
            sandbox.root().query_first::<u64, _>("SELECT COUNT(*) FROM live").unwrap(),
            Some(0)
        );
        let late = write(sandbox, "late.sql", &format!("{text}DROP DATABASE `{schema}`;\n{END}"));
        let done = sandbox.xtask(&["db-verify", &late]);
        demand_refused(&done, 21, &["line 6", "drops a schema"]);
    });
}

/// MySQL 5.7 puts it into every routine and trigger.
const OLD_MODE: &str = "\
CREATE TABLE `t` (`id` int(11) NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `t` VALUES (1);
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.id = NEW.id + 0 */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
";

#[test]
fn a_mode_that_only_older_servers_have_is_left_out() {
    each("old_mode", |sandbox| {
        let file = write(sandbox, "old.sql", &format!("{OLD_MODE}{END}"));
        let into = format!("{}__look", sandbox.schema);
        for threads in ["1", "4"] {
            let args = ["db-restore", &file, "--into", &into, "--threads", threads, "--yes"];
            demand(&sandbox.xtask(&args), 0, threads);
            let sql = format!(
                "SELECT SQL_MODE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{into}'"
            );
            let mode: String = sandbox.root().query_first(sql).unwrap().unwrap();
            assert!(mode.contains("STRICT_TRANS_TABLES,NO_ZERO_IN_DATE"), "{mode}");
            assert_eq!(mode.contains("NO_AUTO_CREATE_USER"), !is_mysql(sandbox), "{mode}");
            sandbox.root().query_drop(format!("DROP DATABASE `{into}`")).unwrap();
        }
    });
}

/// Keys between rows, more than one ALTER of a table, and a counter that the rows lead on.
const MIXED: &str = "\
SET NAMES utf8mb4;
CREATE TABLE `child` (`id` int NOT NULL, `parent` int, `g` int AS (`parent` * 2) VIRTUAL) ENGINE=InnoDB;
INSERT INTO `child` (`id`, `parent`) VALUES (1,1),(2,2);
ALTER TABLE `child` ADD PRIMARY KEY (`id`), ADD KEY `p` (`parent`), ADD KEY `g` (`g`);
INSERT INTO `child` (`id`, `parent`) VALUES (5,NULL);
ALTER TABLE `child` MODIFY `id` int NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=3;
CREATE TABLE `parent` (`id` int NOT NULL, `u` varchar(9)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
ALTER TABLE `parent` ADD PRIMARY KEY (`id`), ADD UNIQUE KEY `u` (`u`) COMMENT 'one; only', AUTO_INCREMENT=1;
ALTER TABLE `child` ADD CONSTRAINT `f` FOREIGN KEY (`parent`) REFERENCES `parent` (`id`), ADD CONSTRAINT `c` CHECK (`parent` > 0);
ALTER TABLE `child` ADD UNIQUE KEY `u` (`id`,`parent`);
INSERT INTO `parent` VALUES (1,'a'),(2,'b');
CREATE TABLE `empty` (`id` int NOT NULL AUTO_INCREMENT, PRIMARY KEY (`id`)) ENGINE=InnoDB AUTO_INCREMENT=50;
TRUNCATE TABLE `empty`;
CREATE TABLE `gone` (`id` int NOT NULL) ENGINE=InnoDB;
INSERT INTO `gone` VALUES (1);
ALTER TABLE `gone` ADD PRIMARY KEY (`id`), ADD CONSTRAINT `fg` FOREIGN KEY (`id`) REFERENCES `parent` (`id`);
DROP TABLE IF EXISTS `gone`;
CREATE TABLE `late` (`id` int NOT NULL, `p` int) ENGINE=InnoDB;
ALTER TABLE `late` ADD PRIMARY KEY (`id`), ADD CONSTRAINT `fl` FOREIGN KEY (`p`) REFERENCES `parent` (`id`);
INSERT INTO `late` VALUES (1,1);
";

#[test]
fn alter_table_means_the_same_wherever_it_stands() {
    each("alter_order", |sandbox| {
        let file = write(sandbox, "mixed.sql", &format!("{MIXED}{END}"));
        let before = "SET foreign_key_checks = 0";
        let wanted = by_client(sandbox, MIXED, before);
        for threads in ["1", "2", "5"] {
            let (_, found) = by_tool(sandbox, &file, threads, &[]);
            found.demand_equal(&wanted, &format!("over {threads}"));
        }
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "db-verify");
    });
}

#[test]
fn a_mistake_in_a_key_ends_the_load_and_names_its_line() {
    each("alter_fails", |sandbox| {
        let text = "CREATE TABLE `t` (`id` int NOT NULL) ENGINE=InnoDB;\n\
                    INSERT INTO `t` VALUES (1),(1);\n\
                    ALTER TABLE `t`\n  ADD PRIMARY KEY (`id`);\n";
        let file = write(sandbox, "twice.sql", &format!("{text}{END}"));
        for threads in ["1", "4"] {
            let refused = sandbox.xtask(&["db-verify", &file, "--threads", threads]);
            demand_refused(&refused, 21, &["line 3", "Duplicate entry"]);
        }
        let left: Vec<String> = sandbox
            .root()
            .query(format!("SHOW DATABASES LIKE '{}\\_\\_%'", sandbox.schema))
            .unwrap();
        assert!(left.is_empty(), "{left:?}");
    });
}
