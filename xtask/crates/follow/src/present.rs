//! What can be seen now, and how far a reader has to be to know all of it.

use anyhow::{Context, Result};

use model::facts::Flavour;
use server::Session;
use server::log::{self, Position, Visible};

/// A moment.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub visible: Visible,
    /// All that is visible comes before it.
    pub position: Position,
}

impl Present {
    /// Asks; `session` is in no transaction and holds no lock.
    pub(crate) fn read(session: &mut Session, flavour: Flavour) -> Result<Self> {
        let visible = log::visible(session, flavour)?;
        Ok(Self { visible, position: written(session, flavour)? })
    }
}

/// How far the log was written. Who holds a lock on tables knows that all in it that is about
/// them can be seen, and that nothing follows.
pub(crate) fn written(session: &mut Session, flavour: Flavour) -> Result<Position> {
    let sql = match flavour {
        Flavour::Mysql => "SELECT @@global.gtid_executed",
        Flavour::Mariadb => "SELECT @@global.gtid_binlog_pos",
    };
    let text: String = session.value(sql)?;
    Position::parse(flavour, &text).with_context(|| format!("read the GTIDs `{text}`"))
}
