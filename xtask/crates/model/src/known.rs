//! The servers that a checkout has worked on.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A server that this checkout has worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What the server calls itself: `@@server_uuid`, or `@@server_uid` on MariaDB.
    pub uuid: String,
    /// How it was reached, in words.
    pub place: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// All of them, by schema: `.local/servers.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// Of the file's format.
    pub version: u32,
    /// The last server per schema.
    pub schemas: BTreeMap<String, Known>,
}
