//! What every session sets for itself.
//!
//! A server's defaults can hide columns, cut answers, change what a statement means or end
//! it. All session variables of MySQL 9.7 and MariaDB 10.11 were gone through, and those that
//! change what this tool sees or stores are here, or, where only making tables depends on
//! them, in `making`. Left to the server are what only costs time, and what belongs to its
//! data: `default_week_format`, `block_encryption_mode`, `div_precision_increment`,
//! `lc_time_names` and `default_regex_flags` decide what generated columns and views compute
//! there, and `default_table_encryption` is a policy.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// Which servers know a variable. The other one passes over the comment it stands in:
/// MariaDB over comments of versions that it never had, MySQL over those of MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Both,
    /// MySQL from this version on.
    Mysql(u32),
    /// MariaDB from this version on.
    Mariadb(u32),
}

/// Whether a rehearsed migration has to meet the server's own value, because the live one
/// will: what it does, or whether it may, depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rehearsal {
    Ours,
    Theirs,
}

struct Setting {
    name: &'static str,
    value: &'static str,
    of: Of,
    rehearsal: Rehearsal,
}

const fn ours(name: &'static str, value: &'static str, of: Of) -> Setting {
    Setting { name, value, of, rehearsal: Rehearsal::Ours }
}

const fn theirs(name: &'static str, value: &'static str, of: Of) -> Setting {
    Setting { name, value, of, rehearsal: Rehearsal::Theirs }
}

/// In the order in which they are set.
const SETTINGS: [Setting; 32] = [
    // Under these, digests are defined.
    ours("time_zone", "'+00:00'", Of::Both),
    ours("sql_mode", "''", Of::Both),
    // The server's words say why a view is broken.
    ours("lc_messages", "'en_US'", Of::Both),
    // A row that waits for others to be written, or for us, must not end the session.
    ours("net_write_timeout", "1800", Of::Both),
    ours("net_read_timeout", "1800", Of::Both),
    ours("wait_timeout", "86400", Of::Both),
    ours("idle_transaction_timeout", "0", Of::Mariadb(100_300)),
    ours("idle_readonly_transaction_timeout", "0", Of::Mariadb(100_300)),
    ours("idle_write_transaction_timeout", "0", Of::Mariadb(100_300)),
    // Limits of a statement: what is read would be cut, or not read at all.
    ours("sql_select_limit", "18446744073709551615", Of::Both),
    theirs("sql_big_selects", "1", Of::Both),
    theirs("group_concat_max_len", "1048576", Of::Both),
    ours("max_execution_time", "0", Of::Mysql(80_000)),
    theirs("max_statement_time", "0", Of::Mariadb(100_100)),
    // Another text for the same object: it would count as changed, or lack something.
    ours("sql_quote_show_create", "1", Of::Both),
    ours("show_create_table_verbosity", "0", Of::Mysql(80_000)),
    ours("show_create_table_skip_secondary_engine", "0", Of::Mysql(80_018)),
    // Hides generated primary keys, which would be missing in a backup that looks whole.
    ours("show_gipk_in_create_table_and_information_schema", "1", Of::Mysql(80_030)),
    // Statistics are of the last day otherwise.
    ours("information_schema_stats_expiry", "0", Of::Mysql(80_000)),
    // Rows of another engine can be older than the snapshot.
    ours("use_secondary_engine", "'OFF'", Of::Mysql(80_018)),
    // `WHERE id IS NULL` would mean the row inserted last.
    theirs("sql_auto_is_null", "0", Of::Both),
    // All rows would first go into a temporary table.
    ours("sql_buffer_result", "0", Of::Both),
    // Whether rows were cut off shows in the number of notes.
    ours("sql_notes", "1", Of::Both),
    // What is done must be committed, once, and the session must outlive it.
    ours("autocommit", "1", Of::Both),
    ours("completion_type", "0", Of::Both),
    // Refuses an UPDATE or DELETE of all rows.
    theirs("sql_safe_updates", "0", Of::Both),
    // Refuses a foreign key that references a key that is not unique. It needs no privilege.
    theirs("restrict_fk_on_non_standard_key", "0", Of::Mysql(80_400)),
    // Refuses an ALTER TABLE that has to copy.
    theirs("alter_algorithm", "'DEFAULT'", Of::Mariadb(100_307)),
    // CREATE TABLE would leave a table that is there, and say nothing.
    theirs("sql_if_exists", "0", Of::Mariadb(100_600)),
    // Tables would be compressed that were not.
    theirs("innodb_compression_default", "0", Of::Mariadb(100_200)),
    // Without it `utf8` is utf8mb4; in old dumps it never was.
    theirs("old_mode", "'UTF8_IS_UTF8MB3'", Of::Mariadb(100_601)),
    // Ends a statement that needs more memory than an administrator likes.
    ours("max_session_mem_used", "9223372036854775807", Of::Mariadb(100_200)),
];

/// What a session runs first.
pub(super) fn begin() -> &'static str {
    static BEGIN: LazyLock<String> =
        LazyLock::new(|| all(&mut |setting| Some(setting.value), "SET NAMES utf8mb4"));
    &BEGIN
}

/// What a session runs second: no list of variables names this on both servers.
pub(super) const ISOLATION: &str =
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE";

/// Gives back to the server what a migration must meet as it will be live.
pub(super) fn as_the_server_has_them() -> &'static str {
    static GIVEN_BACK: LazyLock<String> = LazyLock::new(|| {
        let mut given =
            |setting: &Setting| (setting.rehearsal == Rehearsal::Theirs).then_some("DEFAULT");
        // A SET cannot begin with a comma.
        all(&mut given, "SET @xtask = NULL")
    });
    &GIVEN_BACK
}

fn all(value: &mut dyn FnMut(&Setting) -> Option<&'static str>, begin: &str) -> String {
    let mut out = begin.to_owned();
    for setting in &SETTINGS {
        let Some(value) = value(setting) else { continue };
        let name = setting.name;
        let _ = match setting.of {
            Of::Both => write!(out, ", {name} = {value}"),
            Of::Mysql(since) => write!(out, " /*!{since} , {name} = {value} */"),
            Of::Mariadb(since) => write!(out, " /*M!{since} , {name} = {value} */"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_begins_with_all_of_them() {
        let begin = begin();
        assert!(begin.starts_with("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''"));
        assert!(
            begin.contains(" /*!80030 , show_gipk_in_create_table_and_information_schema = 1 */")
        );
        assert!(begin.contains(" /*M!100307 , alter_algorithm = 'DEFAULT' */"));
        let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len(), "one is set twice");
    }

    #[test]
    fn a_rehearsal_meets_what_the_migration_will() {
        let back = as_the_server_has_them();
        assert!(back.starts_with("SET @xtask = NULL, sql_big_selects = DEFAULT"), "{back}");
        assert!(back.contains(", sql_safe_updates = DEFAULT"));
        assert!(!back.contains("time_zone") && !back.contains("show_gipk"));
    }

    #[test]
    fn mariadb_never_had_the_versions_of_mysqls_comments() {
        for setting in &SETTINGS {
            match setting.of {
                Of::Mysql(since) => assert!((50_700..100_000).contains(&since)),
                Of::Mariadb(since) => assert!(since >= 100_000),
                Of::Both => {}
            }
        }
    }
}
