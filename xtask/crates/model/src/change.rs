//! What a restore would change in the live schema, as far as names and counts show it.

use serde::{Deserialize, Serialize};

use super::loss::LostProgram;

/// What becomes of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFate {
    /// As many rows as now; which ones is not compared.
    Same,
    Fewer,
    More,
    /// It is live and not in the backup.
    Goes,
    /// It is in the backup and not live.
    Comes,
    /// Its rows could not be counted.
    Unknown,
}

/// A table now and after the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableChange {
    pub name: String,
    pub fate: TableFate,
    /// Rows now; null: it is not there, or they could not be counted.
    pub rows_now: Option<u64>,
    /// Rows in the backup; null: it is not in it.
    pub rows_then: Option<u64>,
}

/// What changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Every table of either side that the restore is about, by name.
    pub tables: Vec<TableChange>,
    /// Views, triggers, routines and events that are live and not in the backup.
    pub programs_gone: Vec<LostProgram>,
    /// Migrations that are applied now and pending afterwards; null: not known.
    pub pending: Option<Vec<String>>,
}
