//! Whose log it is, where it is now, and whether it can be read at all.

use anyhow::{Context, Result};
use binlog::gtid::mariadb::GtidList;
use binlog::gtid::mysql::GtidSet;

use super::ended;
use super::position::Position;
use crate::facts;
use crate::session::Session;
use model::facts::Flavour;

/// A server's identity and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    pub flavour: Flavour,
    /// `@@server_uuid` (MySQL), `@@server_uid` (MariaDB, which older ones do not have).
    pub identity: String,
    pub server_id: u32,
    /// All that is in the log now.
    pub position: Position,
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
    let writes_rows = format.eq_ignore_ascii_case("ROW");
    Ok(LogState { flavour, identity, server_id, position, writes_rows })
}
