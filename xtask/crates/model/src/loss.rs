//! What a state of the database lacks that an earlier backup has.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::inventory::ObjectKind;
use super::label::Label;
use super::number::thousands;
use super::visible::visible;

/// A loss: never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The backup that has what is lost.
    pub against: Label,
    /// The tables that lost rows, by name.
    pub tables: Vec<TableLoss>,
    /// Views, triggers, routines and events that are gone.
    pub programs: Vec<LostProgram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLoss {
    pub name: String,
    /// Rows in the earlier backup.
    pub before: u64,
    /// Rows now; null: the table is gone.
    pub now: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostProgram {
    pub kind: ObjectKind,
    pub name: String,
}

/// More tables or programs than this are counted, not named.
const NAMED: usize = 5;

impl fmt::Display for TableLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may hold a line break, and the text stays on one line.
        let (name, before) = (visible(&self.name), thousands(self.before));
        match self.now {
            None => write!(f, "`{name}` is gone ({before} rows)"),
            Some(0) => write!(f, "`{name}` is empty ({before} rows before)"),
            Some(now) => write!(f, "`{name}` has {} of {before} rows", thousands(now)),
        }
    }
}

impl fmt::Display for LostProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` is gone", self.kind.keyword().to_lowercase(), visible(&self.name))
    }
}

/// On one line: "`credit` is gone (1,200 rows), `watch_history` has 3,000 of 687,000 rows".
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables.iter().map(TableLoss::to_string);
        let all: Vec<String> =
            tables.chain(self.programs.iter().map(LostProgram::to_string)).collect();
        write!(f, "{}", all[..all.len().min(NAMED)].join(", "))?;
        match all.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
