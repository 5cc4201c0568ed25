//! What a server says when it refuses.

use std::fmt;

/// An error that the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Its number.
    pub code: u16,
    /// Its text.
    pub message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServerError {}

fn own(error: &anyhow::Error) -> Option<&ServerError> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The server's error number, when the server (and not the network) refused.
pub fn code(error: &anyhow::Error) -> Option<u16> {
    own(error).map(|error| error.code)
}

/// Whether the server has no room for one more connection: all of them are taken (1040),
/// or all of this account's (1203, 1226).
pub fn has_no_room(error: &anyhow::Error) -> bool {
    matches!(code(error), Some(1040 | 1203 | 1226))
}

/// What went wrong in the server's own words, without the context around it.
pub fn said(error: &anyhow::Error) -> String {
    own(error).map_or_else(|| error.root_cause().to_string(), ToString::to_string)
}

/// Whether the server takes nobody without TLS. MariaDB says so under another number.
pub fn wants_tls(error: &anyhow::Error) -> bool {
    own(error).is_some_and(|e| e.code == 3159 || e.message.contains("require_secure_transport"))
}
