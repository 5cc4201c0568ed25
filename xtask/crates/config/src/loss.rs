//! `[loss]` in `xtask.toml`: how much less than before makes a backup suspect.

use serde::Deserialize;

/// A table that lost this much since the last good backup makes the new one suspect. Tables
/// and programs that are gone, and tables that are empty now, always do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossPolicy {
    /// At least this share of a table's rows, in percent.
    pub percent: u8,
    /// … and at least this many rows.
    pub rows: u64,
    /// Tables whose rows come and go; only their disappearance counts.
    pub ignore: Vec<String>,
}

impl Default for LossPolicy {
    fn default() -> Self {
        Self { percent: 20, rows: 10, ignore: Vec::new() }
    }
}

impl LossPolicy {
    /// Demands a share that a table can lose.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn demand_sound(&self) -> Result<(), String> {
        if (1..=100).contains(&self.percent) {
            return Ok(());
        }
        Err(format!("loss.percent = {}: use a number from 1 to 100", self.percent))
    }
}
