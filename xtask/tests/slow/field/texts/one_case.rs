//! A server that keeps the names of tables in lower case, as those on Windows do.

use mysql::prelude::Queryable as _;

use super::{beside, file, said};
use crate::support::{Sandbox, Server, own_mariadb_with, require};

const DUMP: &str = "-- MySQL dump 10.13\n/*!50503 SET NAMES utf8mb4 */;\n\
DROP TABLE IF EXISTS `Film`;\n\
CREATE TABLE `Film` (`Id` int NOT NULL AUTO_INCREMENT, `Title` varchar(20), PRIMARY KEY (`Id`), \
KEY `Kt` (`Title`)) ENGINE=InnoDB AUTO_INCREMENT=3;\n\
LOCK TABLES `Film` WRITE;\n\
INSERT INTO `Film` VALUES (1,'a'),(2,'B');\n\
UNLOCK TABLES;\n\
CREATE TABLE `FilmCast` (`FilmId` int, CONSTRAINT `Fk` FOREIGN KEY (`FilmId`) REFERENCES `Film` (`Id`)) \
ENGINE=InnoDB;\n\
INSERT INTO `FilmCast` VALUES (2);\n\
/*!50001 CREATE VIEW `AllFilms` AS SELECT 1 AS `Id` */;\n\
DELIMITER ;;\n\
CREATE TRIGGER `OnFilm` BEFORE INSERT ON `Film` FOR EACH ROW SET NEW.Title = 'x' ;;\n\
DELIMITER ;\n\
/*!50001 DROP VIEW IF EXISTS `AllFilms`*/;\n\
/*!50001 CREATE VIEW `AllFilms` AS SELECT `Id` FROM `Film` */;\n\
-- Dump completed on 2026-01-01  1:00:00\n";

#[test]
fn names_in_mixed_case_load_where_there_is_one_case() {
    let options = ["--lower-case-table-names=1".to_owned()];
    let Some(own) = own_mariadb_with(&options) else { return };
    let sandbox = Sandbox::new(&own.server, "one_case");
    let at = file(&sandbox, "mixed.sql", DUMP.as_bytes());
    for threads in ["1", "3"] {
        let done = sandbox.xtask(&["db-verify", &at, "--threads", threads]);
        assert_eq!(done.code, Some(0), "{}", said(&done));
    }
    let (into, _) = beside(&sandbox, &at, &[]);
    let mut root = sandbox.root();
    let names: Vec<String> = root
        .query(format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{into}' \
             ORDER BY 1"
        ))
        .unwrap();
    assert_eq!(names, ["allfilms", "film", "filmcast"]);
    let done = sandbox.xtask(&["db-restore", &at, "--yes"]);
    assert_eq!(done.code, Some(0), "{}", said(&done));
    let rows: Option<u32> = root.query_first("SELECT COUNT(*) FROM Film").unwrap();
    assert_eq!(rows, Some(2));
    // Two tables of the file that would be one here are not loaded as one.
    let twice = DUMP.replace("FilmCast", "fILM").replace("REFERENCES `Film`", "REFERENCES `x`");
    let at = file(&sandbox, "twice.sql", twice.as_bytes());
    let done = sandbox.xtask(&["db-verify", &at]);
    assert_eq!(done.code, Some(21), "{}", said(&done));
}

/// A backup of this tool, from a server that tells `Film` and `film` apart.
#[test]
fn our_own_backup_with_mixed_names_loads_where_there_is_one_case() {
    let options = ["--lower-case-table-names=1".to_owned()];
    let Some(own) = own_mariadb_with(&options) else { return };
    let Some(server) = require(Server::Mariadb) else { return };
    let from = Sandbox::new(&server, "two_cases");
    from.sql(
        "CREATE TABLE Film (Id INT PRIMARY KEY, Title VARCHAR(20));
         INSERT INTO Film VALUES (1, 'a'), (2, 'B');
         CREATE TABLE FilmCast (FilmId INT, CONSTRAINT Fk FOREIGN KEY (FilmId) REFERENCES Film (Id));
         INSERT INTO FilmCast VALUES (2);
         CREATE VIEW AllFilms AS SELECT Id FROM Film;
         CREATE TRIGGER OnFilm BEFORE INSERT ON Film FOR EACH ROW SET NEW.Title = 'x'",
    );
    let made = from.xtask(&["db-backup", "--json"]);
    assert_eq!(made.code, Some(0), "{}", said(&made));
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let at = made["file"].as_str().unwrap();
    let sandbox = Sandbox::new(&own.server, "own_case");
    let done = sandbox.xtask(&["db-verify", at]);
    assert_eq!(done.code, Some(0), "{}", said(&done));
    let done = sandbox.xtask(&["db-restore", at, "--yes"]);
    assert_eq!(done.code, Some(0), "{}", said(&done));
    let rows: Option<u32> = sandbox.root().query_first("SELECT COUNT(*) FROM Film").unwrap();
    assert_eq!(rows, Some(2));
}
