//! What becomes of the accounts that views and programs belong to.

use serde::{Deserialize, Serialize};

/// Whether the file names definers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definers {
    /// No `DEFINER` in the file: what it creates belongs to the account that loads it.
    #[default]
    CurrentUser,
    /// `DEFINER` as on the server: with a plain client only an account that may act for
    /// others can load it. This tool takes definers out when it loads.
    Keep,
}

impl Definers {
    /// The word in the manifest and in `xtask.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::CurrentUser => "current_user",
            Self::Keep => "keep",
        }
    }
}
