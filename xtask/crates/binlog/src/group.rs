//! What reading gives: whole transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::gtid::{mariadb, mysql};
use crate::key::Key;
use crate::query::Settings;
use crate::statement::Kind;
use crate::xid::Xid;

/// A transaction's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    Mysql(mysql::Gtid),
    Mariadb(mariadb::Gtid),
    /// MySQL without `gtid_mode`: only its place names it.
    Anonymous,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysql(gtid) => gtid.fmt(f),
            Self::Mariadb(gtid) => gtid.fmt(f),
            Self::Anonymous => f.write_str("a transaction without a GTID"),
        }
    }
}

/// A place in the log. Only together with the server's identity does it name anything: files
/// begin again at 1 after RESET, and on another server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    /// Where the next event begins.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    pub schema: String,
    pub name: String,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What a transaction did to a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Keys of the rows before and after. Rows that a savepoint took back are among them.
    pub keys: BTreeSet<Key>,
    /// Row images that were in the log; 0 if the table was not to be read by its keys.
    pub images: u64,
}

/// A statement whose rows are not in the log as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub kind: Kind,
    /// As the log has it. Bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The session's schema: what the text names can be somewhere else.
    pub schema: String,
    pub settings: Settings,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Committed,
    /// It touched tables without transactions, which keep what it did.
    RolledBack,
    /// Its rows become visible when a later group commits it, if one does.
    Prepared(Xid),
    /// A transaction that an earlier group prepared.
    XaCommitted(Xid),
    XaRolledBack(Xid),
}

/// A whole transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: Id,
    /// The server that wrote it first.
    pub server_id: u32,
    /// When it was committed, in microseconds of Unix time; on MariaDB whole seconds.
    pub committed: u64,
    /// Behind it.
    pub end: Place,
    /// Of the tables that the caller wants.
    pub tables: BTreeMap<Table, Touched>,
    /// In their order, whatever they are about.
    pub statements: Vec<Statement>,
    pub ending: Ending,
}
