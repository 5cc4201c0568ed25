//! What a backup does not hold although the schema has it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::inventory::ObjectKind;
use super::number::count;

/// An object of the live schema that is in no backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// A sequence counts as a table: it is renamed like one.
    pub kind: ObjectKind,
    pub name: String,
    /// How many rows are only there; `None`: it has none, or they cannot be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// A fragment, as in "it has the storage engine BLACKHOLE".
    pub why: String,
}

impl LeftOut {
    /// "table `x`".
    pub fn what(&self) -> String {
        format!("{} `{}`", self.kind.keyword().to_lowercase(), self.name)
    }

    /// "table `x` (2 rows)".
    pub fn counted(&self) -> String {
        match self.rows {
            Some(rows) => format!("{} ({})", self.what(), count(rows, "row")),
            None => self.what(),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.counted(), self.why)
    }
}
