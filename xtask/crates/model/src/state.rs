//! What a schema holds, small enough to keep: its definitions as one hash, its rows
//! as one digest a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inventory::Inventory;
use super::label::Label;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    pub name: String,
    /// The columns that the digest covers, in its order.
    pub columns: Vec<String>,
    /// Of them, the FLOAT columns that it covers as DOUBLE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact_floats: Vec<String>,
    pub rows: u64,
    /// Content digest as 32 hex digits.
    pub digest: String,
    /// The next id that it gives out, where it does.
    #[serde(default)]
    pub auto_increment: Option<u64>,
}

/// A whole schema at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaState {
    /// SHA-256 over all normalised definitions.
    pub fingerprint: String,
    pub tables: Vec<TableState>,
}

impl SchemaState {
    /// Sum of the tables' rows.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// What `migrate --undo` needs and the old tables alone do not hold. Kept from a migration by swap
/// until undo is no longer possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoState {
    /// Format version: 1, or 2 with [`UndoState::log`].
    pub version: u32,
    pub server: String,
    pub schema: String,
    /// Where the old tables are.
    pub previous_schema: String,
    /// The backup in front of the migration.
    pub backup: Label,
    /// The migrations that were applied, `<version>_<description>`.
    pub migrations: Vec<String>,
    /// The old schema: definitions of tables and everything else.
    pub old: Inventory,
    /// What the old tables hold.
    pub old_state: SchemaState,
    /// The migrated schema as it went live.
    pub new: Inventory,
    pub new_state: SchemaState,
    /// After a swap while others wrote: where in the server's log both sides were equal. The
    /// states above are then unknown, and equal to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogMark>,
}

/// A moment in the server's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// GTIDs, as the server writes them: all that comes after them came later.
    pub position: String,
    /// GTIDs of the swap itself; empty where it is not known to the end.
    pub own: Vec<String>,
    /// By table: each column of the old tables, in lower case, and its name in the new ones.
    pub columns: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether the old tables are the migrated ones: what is undone then is an undo.
    pub undone: bool,
}

/// Written durably before migrations run in place, removed when it is known how they
/// ended: what is found in it belongs to a run that died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPlaceJournal {
    /// Format version, 1.
    pub version: u32,
    pub server: String,
    pub schema: String,
    /// The backup in front of the migrations; `None` where the schema held no table.
    pub backup: Option<Label>,
    /// What it runs, `<version>_<description>`.
    pub migrations: Vec<String>,
    /// The definitions before it, as one hash.
    pub fingerprint: String,
    /// Why a migration failed, where the run saw it fail; `None`: it did not see the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}
