//! What the server says about itself, read with rights that every account has.

use anyhow::Result;

use super::session::{Session, code};
use model::facts::{Flavour, LogPosition, ServerFacts, Version};
use model::ident::qualified;
use model::manifest::AppliedMigration;

/// The identity of a server that does not report one.
pub const UNKNOWN: &str = "unknown";

pub fn read(session: &mut Session) -> Result<ServerFacts> {
    let version_text: String = session.value("SELECT VERSION()")?;
    let flavour = if version_text.to_ascii_lowercase().contains("mariadb") {
        Flavour::Mariadb
    } else {
        Flavour::Mysql
    };
    let (sql_mode, zone, system_zone, packet, lower): (String, String, String, u64, u8) = session
        .first(
            "SELECT @@global.sql_mode, @@global.time_zone, @@system_time_zone, \
             @@max_allowed_packet, @@lower_case_table_names",
        )?
        .unwrap_or_default();
    Ok(ServerFacts {
        flavour,
        version: Version::parse(&version_text).unwrap_or(Version(0, 0, 0)),
        uuid: uuid(session, flavour),
        version_text,
        sql_mode,
        time_zone: if zone == "SYSTEM" { format!("SYSTEM ({system_zone})") } else { zone },
        max_allowed_packet: packet,
        lower_case_table_names: lower,
    })
}

/// The question for a server's identity: MySQL has `@@server_uuid`, MariaDB
/// `@@server_uid` since 10.6.12 or so.
pub fn identity_query(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Mysql => "SELECT @@server_uuid",
        Flavour::Mariadb => "SELECT @@server_uid",
    }
}

fn uuid(session: &mut Session, flavour: Flavour) -> String {
    session.value(identity_query(flavour)).unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// The server's position in its binary log, or why it is unknown.
pub fn log_position(session: &mut Session, flavour: Flavour) -> LogPosition {
    let unknown = |reason: &str| LogPosition::Unknown { reason: reason.to_owned() };
    match flavour {
        Flavour::Mysql => {
            let mode: Result<String> = session.value("SELECT @@global.gtid_mode");
            if !mode.is_ok_and(|mode| mode.eq_ignore_ascii_case("ON")) {
                return unknown("gtid_mode is not ON");
            }
            // Without a binary log nothing is entered in the set.
            if !session.value::<bool>("SELECT @@global.log_bin").is_ok_and(|on| on) {
                return unknown("the binary log is off");
            }
            match session.value::<String>("SELECT @@global.gtid_executed") {
                Ok(set) => LogPosition::Gtid { set: set.replace('\n', "") },
                Err(error) => unknown(&error.to_string()),
            }
        }
        Flavour::Mariadb => match session.value::<String>("SELECT @@global.gtid_binlog_pos") {
            Ok(set) if !set.is_empty() => LogPosition::Gtid { set },
            Ok(_) => unknown("the binary log is off or empty"),
            Err(error) => unknown(&error.to_string()),
        },
    }
}

/// What `_sqlx_migrations` of a schema says; empty when there is no such table.
/// Nothing is created by looking.
pub fn migrations(session: &mut Session, schema: &str) -> Result<Vec<AppliedMigration>> {
    let sql = format!(
        "SELECT version, description, success, LOWER(HEX(checksum)) FROM {} ORDER BY version",
        qualified(schema, "_sqlx_migrations")
    );
    let rows: Vec<(i64, String, bool, String)> = match session.rows(&sql) {
        // 1146: no such table.
        Err(error) if code(&error) == Some(1146) => return Ok(Vec::new()),
        other => other?,
    };
    let read = |(version, description, success, checksum)| AppliedMigration {
        version,
        description,
        success,
        checksum,
    };
    Ok(rows.into_iter().map(read).collect())
}
