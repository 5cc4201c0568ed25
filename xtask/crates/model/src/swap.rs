//! The journal of a swap: enough to finish or to undo it after a crash.

use serde::{Deserialize, Serialize};

use super::left_out::LeftOut;

/// How far a swap got before the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapPhase {
    /// Staging holds the new state; the live schema may have lost triggers,
    /// which `undo` recreates.
    Prepared,
    /// The tables have changed places; `finish` recreates views, routines and events.
    Renamed,
}

/// One statement with the session settings that it has to run under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatement {
    /// `sql_mode` while it runs.
    pub sql_mode: String,
    /// `character_set_client` while it runs.
    pub charset_client: String,
    /// `collation_connection` while it runs.
    pub collation: String,
    /// `time_zone` while it runs (events); `None` leaves it.
    pub time_zone: Option<String>,
    /// The trigger that it creates: on a second run it is left out when it is there.
    #[serde(default)]
    pub trigger: Option<String>,
    pub sql: String,
}

/// What a swap is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    #[default]
    Restore,
    /// The rehearsed copy becomes the migrated schema.
    Migrate,
    /// The state before a migration comes back.
    Undo,
}

/// Written durably before the first statement of a swap, removed after the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapJournal {
    /// Format version, 1.
    pub version: u32,
    /// `@@server_uuid` or the endpoint where there is none: a journal is only replayed on the
    /// server it was written for.
    pub server: String,
    pub target: String,
    /// Where the staged tables come from.
    pub staging: String,
    /// Where the old tables go.
    pub before: String,
    /// The backup that is being restored, or that was taken for the migration.
    pub source: String,
    #[serde(default)]
    pub purpose: Purpose,
    /// How far it got, as far as the process could still write.
    pub phase: SwapPhase,
    /// Names of the tables that move in.
    pub tables_in: Vec<String>,
    /// Names of the tables that move out.
    pub tables_out: Vec<String>,
    /// Whether the triggers that came with the tables have to be made again.
    #[serde(default)]
    pub remake_triggers: bool,
    /// Recreates the old triggers when the tables did not change places.
    pub undo: Vec<JournalStatement>,
    /// Makes the programs of the new state when they did.
    pub finish: Vec<JournalStatement>,
    /// Chosen tables get new rows and no table is renamed: a marker table in `staging`, filled in
    /// the same transaction, shows whether they did.
    #[serde(default)]
    pub rows_only: bool,
    /// For `rows_only`: tables that were missing, each made under the first name
    /// and renamed to the second one after the commit.
    #[serde(default)]
    pub created: Vec<(String, String)>,
    /// For `rows_only`: the AUTO_INCREMENT value that a table has to reach.
    #[serde(default)]
    pub counters: Vec<(String, u64)>,
    /// Enables events that may run, once the entry is written: they are made disabled.
    #[serde(default)]
    pub enable: Vec<EventStatement>,
    /// The target was made for this restore, beside the live schema.
    #[serde(default)]
    pub beside: bool,
    /// What of the old state is in no backup: afterwards it is in `before` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaved: Vec<LeftOut>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventStatement {
    pub event: String,
    /// The ALTER, with the settings that the event keeps.
    pub statement: JournalStatement,
}

/// Events of a restored schema that may run and do not yet. Written when the swap is over,
/// removed when they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsState {
    /// Format version, 1.
    pub version: u32,
    /// As in [`SwapJournal`].
    pub server: String,
    pub target: String,
    /// The backup that was restored.
    pub source: String,
    pub enable: Vec<EventStatement>,
}

impl SwapJournal {
    /// "a restore of X into `mydb`", for messages.
    pub fn what(&self) -> String {
        let (source, target) = (&self.source, &self.target);
        match self.purpose {
            Purpose::Restore => format!("a restore of {source} into `{target}`"),
            Purpose::Migrate => format!("a migration of `{target}` (backup {source})"),
            Purpose::Undo => {
                format!("the undo of a migration of `{target}` (backup {source})")
            }
        }
    }
}
