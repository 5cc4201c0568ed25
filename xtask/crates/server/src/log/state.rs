//! Whose log it is, where it is now, and whether it can be read at all.

use anyhow::{Context, Result};
use binlog::gtid::mariadb::GtidList;
use binlog::gtid::mysql::GtidSet;

use super::ended;
use super::position::Position;
use crate::facts;
use crate::session::Session;
use model::facts::{Flavour, Version};
use model::ident::literal;

/// A server's identity and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    pub flavour: Flavour,
    /// `@@server_uuid` (MySQL), `@@server_uid` (MariaDB, which older ones do not have).
    pub identity: String,
    pub server_id: u32,
    /// All that is in the log now.
    pub position: Position,
    /// MariaDB: the domain that the server numbers its own transactions in.
    pub domain: Option<u32>,
    /// Whether rows that a foreign key changes are in the log.
    pub logs_cascades: bool,
    /// Whether sessions write rows by default. Each session can do otherwise; what counts is
    /// what is read.
    pub writes_rows: bool,
}

/// Reads it, with rights that every account has.
///
/// # Errors
/// [`super::LogError`] if the server writes no log that could be read.
pub fn read(session: &mut Session) -> Result<LogState> {
    let facts = facts::read(session)?;
    let (flavour, identity) = (facts.flavour, facts.uuid);
    let row: Option<(bool, u32, String, String)> = session.first(
        "SELECT @@global.log_bin, @@global.server_id, @@global.binlog_format, \
         @@global.binlog_checksum",
    )?;
    let (on, server_id, format, checksum) = row.context("the server says nothing of its log")?;
    if !on {
        return Err(ended::off("log_bin is OFF").into());
    }
    if checksum.eq_ignore_ascii_case("NONE") {
        return Err(ended::off("binlog_checksum is NONE, so damage would go unseen").into());
    }
    demand_all_of_it(session, flavour)?;
    let position = match flavour {
        Flavour::Mysql => {
            let mode: String = session.value("SELECT @@global.gtid_mode")?;
            if !mode.eq_ignore_ascii_case("ON") {
                return Err(ended::off(&format!("gtid_mode is {mode}")).into());
            }
            let text: String = session.value("SELECT @@global.gtid_executed")?;
            let set = GtidSet::parse(&text);
            Position::Gtids(set.with_context(|| format!("read the GTIDs `{text}`"))?)
        }
        Flavour::Mariadb => {
            let text: String = session.value("SELECT @@global.gtid_binlog_pos")?;
            let list = GtidList::parse(&text);
            Position::List(list.with_context(|| format!("read the GTIDs `{text}`"))?)
        }
    };
    let domain = match flavour {
        Flavour::Mysql => None,
        Flavour::Mariadb => Some(session.value("SELECT @@global.gtid_domain_id")?),
    };
    // Foreign keys are above the storage engine since then, unless that is turned off.
    let logs_cascades = flavour == Flavour::Mysql
        && facts.version >= Version(9, 6, 0)
        && variable(session, &["innodb_native_foreign_keys"])?.as_deref() == Some("OFF");
    let writes_rows = format.eq_ignore_ascii_case("ROW");
    Ok(LogState { flavour, identity, server_id, position, domain, logs_cascades, writes_rows })
}

/// Refuses the log of a replica that does not log what it gets from its source.
fn demand_all_of_it(session: &mut Session, flavour: Flavour) -> Result<()> {
    let logs = variable(session, &["log_replica_updates", "log_slave_updates"])?;
    let replica = match flavour {
        // Who may not ask cannot see whether it is one. The default is ON.
        Flavour::Mysql => true,
        Flavour::Mariadb => {
            let from_source: String = session.value("SELECT @@global.gtid_slave_pos")?;
            !from_source.is_empty()
        }
    };
    if replica && logs.is_some_and(|on| !on.eq_ignore_ascii_case("ON")) {
        let why = "log_slave_updates is OFF, so what the server gets as a replica is missing";
        return Err(ended::off(why).into());
    }
    Ok(())
}

/// The value of the first of these variables that the server has.
fn variable(session: &mut Session, names: &[&str]) -> Result<Option<String>> {
    for name in names {
        let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name = {}", literal(name));
        let row: Option<(String, String)> = session.first(&sql)?;
        if let Some((_, value)) = row {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
