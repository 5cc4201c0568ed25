//! What the data is worth: `DB_ROLE` in `.env`.

use anyhow::Result;

use crate::{bad_value, dotenv::DotEnv};

/// What the schema is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// A developer's, or a test's.
    #[default]
    Development,
    /// What people depend on: confirmations name the server, and generated data is refused.
    Production,
}

impl Stage {
    /// As `.env` says.
    ///
    /// # Errors
    /// It says something else.
    pub(crate) fn read(env: &DotEnv) -> Result<Self> {
        match env.get("DB_ROLE").as_deref() {
            None | Some("development") => Ok(Self::Development),
            Some("production") => Ok(Self::Production),
            Some(other) => Err(bad_value("DB_ROLE", other, "development or production").into()),
        }
    }

    /// Whether it is production.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }
}
