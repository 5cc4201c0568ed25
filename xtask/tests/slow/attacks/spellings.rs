//! Spellings of SET and of comments, on each server: what is refused says so by name,
//! and after what is accepted the server has the very settings that the guard believes.

use sql::{Guard, Verdict, read_dump};

use super::accepted::Loading;
use crate::support::{Sandbox, Server, require};

/// Accepted on both servers.
const ACCEPTED: &[&str] = &[
    "SET sql_mode = ''",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SET SESSION sql_mode := 'ansi_quotes,no_backslash_escapes'",
    "SET @@sql_mode = \"ANSI_QUOTES,,NO_ZERO_DATE\"",
    "SET @@SESSION . `sql_mode` = ANSI_QUOTES",
    "SET @@local.sql_mode = 'ANSI'",
    "SET sql_mode = 'TRADITIONAL'",
    "SET sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET sql_mode = 'PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH,REAL_AS_FLOAT,NO_UNSIGNED_SUBTRACTION,NO_DIR_IN_CREATE,ALLOW_INVALID_DATES'",
    "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */",
    "/*! SET sql_mode = 'ANSI_QUOTES' */",
    "/*!50003 SET sql_mode = 'ANSI_QUOTES' */ ",
    "/*!050003 SET sql_mode = 'ANSI_QUOTES' */",
    "SET /* , */ sql_mode = -- x\n 'ANSI_QUOTES' # y\n",
    "SET /*!40101 sql_mode = 'ANSI_QUOTES' */",
    "SET @m = 'ANSI_QUOTES'; SET sql_mode = @m",
    "SET sql_mode = IFNULL(@none, 'ANSI_QUOTES')",
    "SET @m = @@sql_mode; SET sql_mode = 'ANSI_QUOTES'; SET sql_mode = @m",
    "SET NAMES latin1",
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
    "SET NAMES utf8",
    "SET NAMES utf8mb3",
    "SET NAMES binary",
    "SET NAMES koi8r",
    "SET NAMES gbk",
    "SET character_set_client = cp1251",
    "SET character_set_client = sjis",
    "SET character_set_client = 'big5'",
    "SET @c = @@character_set_client; SET character_set_client = latin1; SET character_set_client = @c",
    "SET @c = @@collation_connection; SET NAMES latin1; SET collation_connection = @c",
    "SET collation_connection = utf8mb4_bin",
    "SET character_set_connection = gbk",
    "SET character_set_results = NULL",
    "SET time_zone = 'SYSTEM'",
    "SET time_zone = \"+05:45\"",
    "SET time_zone = '-3:00'",
    "SET FOREIGN_KEY_CHECKS = ON, UNIQUE_CHECKS = 'OFF'",
    "SET FOREIGN_KEY_CHECKS = true",
    "SET autocommit = 1; SET sql_notes = 0",
    "/*M!100201 SET CHECK_CONSTRAINT_CHECKS=0 */",
    "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
];

/// Accepted here, but one server has no such word.
const OF_ONE_SERVER: &[&str] = &[
    "SET sql_mode = 'ORACLE'",
    "SET sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ORACLE,NO_KEY_OPTIONS,NO_TABLE_OPTIONS,NO_FIELD_OPTIONS,NO_AUTO_CREATE_USER,SIMULTANEOUS_ASSIGNMENT'",
    "SET sql_mode = 'DB2'",
    "SET sql_mode = 'MAXDB'",
    "SET sql_mode = 'POSTGRESQL'",
    "SET sql_mode = 'MYSQL323'",
    "SET sql_mode = 'MYSQL40'",
    "SET sql_mode = 'EMPTY_STRING_IS_NULL,IGNORE_BAD_TABLE_OPTIONS'",
    "SET sql_mode = 'TIME_TRUNCATE_FRACTIONAL'",
    "SET sql_mode = 'TIME_ROUND_FRACTIONAL'",
    "SET collation_connection = utf8mb4_0900_ai_ci",
    "SET NAMES gb18030",
    "SET time_zone = 'Nowhere/At_All'",
];

/// Refused, with a word of the refusal.
const REFUSED: &[(&str, &str)] = &[
    ("SET sql_mode = 4", "sql_mode"),
    ("SET sql_mode = 1048576", "sql_mode"),
    ("SET sql_mode = '4'", "sql_mode"),
    ("SET sql_mode = +4", "sql_mode"),
    ("SET sql_mode = 4e0", "sql_mode"),
    ("SET sql_mode = 0x414E53495F51554F544553", "sql_mode"),
    ("SET sql_mode = x'414E53495F51554F544553'", "sql_mode"),
    ("SET sql_mode = b'100'", "sql_mode"),
    ("SET sql_mode = _utf8mb4'ANSI_QUOTES'", "sql_mode"),
    ("SET sql_mode = N'ANSI_QUOTES'", "sql_mode"),
    ("SET sql_mode = 'ANSI' '_QUOTES'", "sql_mode"),
    ("SET sql_mode = ('ANSI_QUOTES')", "sql_mode"),
    ("SET sql_mode = 'ANSI_QUOTES' COLLATE utf8mb4_bin", "sql_mode"),
    ("SET sql_mode = 'NO_BACKSLASH\\_ESCAPES'", "sql_mode"),
    ("SET sql_mode = 'NO_BACKSLASH_ESCAPES '", "sql_mode"),
    ("SET sql_mode = 'NO_BÄCKSLASH_ESCAPES'", "sql_mode"),
    ("SET sql_mode = 'MSSQL'", "sql_mode"),
    ("SET sql_mode = mssql", "sql_mode"),
    ("SET sql_mode = DEFAULT", "sql_mode"),
    ("SET sql_mode = @@global.sql_mode", "sql_mode"),
    ("SET sql_mode = @@init_connect", "sql_mode"),
    ("SET sql_mode = @none", "sql_mode"),
    ("SET @m = 4; SET sql_mode = @m", "sql_mode"),
    ("SET @m = 'ANSI_QUOTES', sql_mode = @m", "sql_mode"),
    ("SET sql_mode = 'ANSI_QUOTES', @m = @@sql_mode", "@m"),
    ("SET sql_mode = IF(1, 'ANSI_QUOTES', '')", "sql_mode"),
    ("SET sql_mode = (SELECT 'ANSI_QUOTES')", "sql_mode"),
    ("/*!99999 SET sql_mode = 'ANSI_QUOTES' */", "sql_mode"),
    ("/*!90000 SET sql_mode = 'ANSI_QUOTES' */", "sql_mode"),
    ("/*!100100 SET sql_mode = 'ANSI_QUOTES' */", "sql_mode"),
    ("/*M!100100 SET sql_mode = 'ANSI_QUOTES' */", "sql_mode"),
    ("/*M! SET sql_mode = 'ANSI_QUOTES' */", "sql_mode"),
    ("/*!80000 SET NAMES latin1 */", "character_set_client"),
    ("/*!80000 SET @OLD_SQL_MODE = @@sql_mode */", "@old_sql_mode"),
    ("SET /*!80000 sql_mode = 'ANSI_QUOTES', */ @a = 1", "version comment"),
    ("SET sql_mode = /*!80000 'ANSI_QUOTES' */ /*!99999 , @a = '' */", "version comment"),
    ("/*!4010 SET sql_mode = 'ANSI_QUOTES' */", "version comment"),
    ("/*!40101SET sql_mode = 'ANSI_QUOTES' */", "version comment"),
    ("/*!401011SET sql_mode = 'ANSI_QUOTES' */", "version comment"),
    ("/*!4010111 SET sql_mode = 'ANSI_QUOTES' */", "version comment"),
    ("/*!40101 SET /*!40101 sql_mode */ = 'ANSI_QUOTES' */", "version comment"),
    ("SET CHARACTER SET latin1", "SET"),
    ("SET CHARSET latin1", "SET"),
    ("SET NAMES DEFAULT", "character_set_client"),
    ("SET NAMES ucs2", "character_set_client"),
    ("SET NAMES utf16", "character_set_client"),
    ("SET NAMES swe7", "character_set_client"),
    ("SET NAMES utf8mb4 COLLATE @x", "SET"),
    ("SET character_set_client = 33", "character_set_client"),
    ("SET character_set_client = CONCAT('gb', 'k')", "character_set_client"),
    ("SET character_set_client = gbk; SET @a = '中'", "gbk"),
    ("SET character_set_connection = utf16", "character_set_connection"),
    ("SET collation_connection = utf32_unicode_ci", "collation_connection"),
    ("SET collation_connection = ucs2_bin", "collation_connection"),
    ("SET character_set_connection = 33", "character_set_connection"),
    ("SET collation_connection = 'utf8mb4_bin '", "collation_connection"),
    ("SET time_zone = 'x\\'y'", "time_zone"),
    ("SET time_zone = ''';'", "time_zone"),
    ("SET foreign_key_checks = 2", "foreign_key_checks"),
    ("SET GLOBAL sql_mode = ''", "global"),
    ("SET @@global.sql_mode = ''", "global"),
    ("SET PERSIST sql_mode = ''", "global"),
    ("SET sql_safe_updates = 1", "sql_safe_updates"),
    ("SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1", "SET"),
    ("SET @a = (SELECT SLEEP(5))", "@a"),
];

#[test]
fn every_spelling_on_mysql() {
    every_spelling(Server::Mysql, "spell_my");
}

#[test]
fn every_spelling_on_mariadb() {
    every_spelling(Server::Mariadb, "spell_ma");
}

fn every_spelling(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let sandbox = Sandbox::new(&server, name);
    for spelling in ACCEPTED {
        let state = judge(spelling).unwrap_or_else(|why| panic!("{spelling}: {why}"));
        let mut loading = Loading::begin(sandbox.root(), &sandbox.schema);
        // The server's values are compared with the model's in there.
        loading.become_state(&state).unwrap_or_else(|why| panic!("{kind}, {spelling}: {why}"));
    }
    for spelling in OF_ONE_SERVER {
        let state = judge(spelling).unwrap_or_else(|why| panic!("{spelling}: {why}"));
        let mut loading = Loading::begin(sandbox.root(), &sandbox.schema);
        // A server without it refuses: then a load stops.
        loading.become_state(&state).ok();
    }
    for (spelling, says) in REFUSED {
        let why = judge(spelling).expect_err(spelling);
        assert!(why.starts_with("line 1: ") && why.contains(says), "{spelling}: {why}");
    }
}

/// The settings after all SETs of a text.
fn judge(text: &str) -> Result<std::sync::Arc<sql::state::State>, String> {
    let mut guard = Guard::new();
    let mut state = Default::default();
    let text = format!("{text};");
    read_dump(text.as_bytes(), &mut |piece, _| {
        if let Verdict::Set(after) = guard.check(piece)? {
            state = after;
        }
        Ok(())
    })
    .map(|_| state)
    .map_err(|error| format!("{error:#}"))
}
