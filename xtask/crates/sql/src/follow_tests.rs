//! SETs of dump programs, and of attackers.

use super::*;

fn follow(sets: &[&str]) -> Result<Model, String> {
    let mut model = Model::default();
    for (at, set) in sets.iter().enumerate() {
        model.apply(set.as_bytes(), at as u64 + 1)?;
    }
    Ok(model)
}

#[test]
fn what_dump_programs_write_is_followed() {
    let model = follow(&[
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
        "/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */",
        "/*!50503 SET NAMES latin1 */",
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='ANSI_QUOTES' */",
        "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=1 */",
        "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
        "/*M!100201 SET CHECK_CONSTRAINT_CHECKS=0 */",
        "SET time_zone = \"Europe/Berlin\"",
    ]);
    let text = model.clone().map(|model| model.state.time_zone.clone());
    assert!(text.is_err(), "a string in ANSI_QUOTES is a name: {text:?}");
    let mut model = follow(&[
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
        "/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */",
        "/*!50503 SET NAMES latin1 */",
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='ANSI_QUOTES' */",
        "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=1 */",
        "/*M!100201 SET CHECK_CONSTRAINT_CHECKS=0 */",
        "SET time_zone = 'Europe/Berlin'",
    ])
    .unwrap();
    let state = model.state().clone();
    assert!(model.mode().ansi_quotes && state.unique_keys && !state.checks);
    assert_eq!((state.client.name, state.collation.charset()), ("latin1", "latin1"));
    for back in [
        "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */",
        "/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */",
        "/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */",
        "/*!40014 SET UNIQUE_CHECKS=IFNULL(@OLD_UNIQUE_CHECKS, 1) */",
        "/*M!100201 SET CHECK_CONSTRAINT_CHECKS=1 */",
        "SET TIME_ZONE=IFNULL(@never_set, '+00:00')",
    ] {
        assert_eq!(model.apply(back.as_bytes(), 9), Ok(Effect::Session), "{back}");
    }
    assert!(model.state().since(&State::default()).is_empty(), "{:?}", model.state());
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (bad, name) in [
        ("SET sql_mode = 1048576", "sql_mode"),
        ("SET sql_mode = 0x4E4F5F4241434B534C4153485F45534341504553", "sql_mode"),
        ("SET sql_mode = 'MSSQL'", "sql_mode"),
        ("SET sql_mode = CONCAT('ANSI', '_QUOTES')", "sql_mode"),
        ("SET sql_mode = DEFAULT", "sql_mode"),
        ("SET sql_mode = @never_set", "sql_mode"),
        ("SET sql_mode = @@global.sql_mode", "sql_mode"),
        ("SET sql_mode = @@sql_select_limit", "sql_mode"),
        ("SET sql_mode = 'NO_BACKSLASH\\_ESCAPES'", "sql_mode"),
        ("SET @a = 'ANSI_QUOTES', sql_mode = @a", "sql_mode"),
        ("SET sql_mode = '', @a = @@sql_mode", "@a"),
        ("/*!99999 SET sql_mode='ANSI_QUOTES' */", "sql_mode"),
        ("/*!50700 SET sql_mode='ANSI_QUOTES' */", "sql_mode"),
        ("/*M!100000 SET sql_mode='ANSI_QUOTES' */", "sql_mode"),
        ("/*M!50000 SET sql_mode='ANSI_QUOTES' */", "sql_mode"),
        ("/*!80000 SET NAMES latin1 */", "character_set_client"),
        ("/*!99999 SET @OLD_SQL_MODE = @@sql_mode */", "@old_sql_mode"),
        ("SET NAMES utf16", "character_set_client"),
        ("SET NAMES 0x6762", "character_set_client"),
        ("SET NAMES DEFAULT", "character_set_client"),
        ("SET character_set_client = ucs2", "character_set_client"),
        ("SET character_set_client = @@character_set_results", "character_set_client"),
        ("SET collation_connection = 45", "collation_connection"),
        ("SET collation_connection = utf16_bin", "collation_connection"),
        ("SET character_set_connection = ucs2", "character_set_connection"),
        ("SET collation_connection = 'utf8mb4_bin;'", "collation_connection"),
        ("SET time_zone = 'x\\'; DROP'", "time_zone"),
        ("SET foreign_key_checks = 2", "foreign_key_checks"),
        ("SET max_heap_table_size = 1", "max_heap_table_size"),
        ("SET GLOBAL sql_mode = ''", "global"),
        ("SET @x = SLEEP(1)", "@x"),
    ] {
        let why = follow(&[bad]).expect_err(bad);
        assert!(why.contains(name), "{bad}: {why}");
    }
    let why = follow(&["SET @m = 1048576", "SET sql_mode = @m"]).unwrap_err();
    assert!(why.contains("sql_mode is set to a number"), "{why}");
    for bad in ["SET CHARACTER SET latin1", "SET @x = 1 /*!99999 , sql_mode = 'ANSI' */"] {
        assert!(follow(&[bad]).is_err(), "{bad}");
    }
}
