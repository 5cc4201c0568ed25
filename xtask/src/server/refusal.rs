//! What a server says when it refuses.

/// The server's error number, when the server (and not the network) refused.
pub fn code(error: &anyhow::Error) -> Option<u16> {
    error.chain().find_map(|cause| match cause.downcast_ref::<mysql::Error>() {
        Some(mysql::Error::MySqlError(error)) => Some(error.code),
        _ => None,
    })
}

/// Whether the server has no room for one more connection: all of them are taken (1040),
/// or all of this account's (1203, 1226).
pub fn has_no_room(error: &anyhow::Error) -> bool {
    matches!(code(error), Some(1040 | 1203 | 1226))
}

/// What went wrong in the server's own words, without the driver's wrapping.
pub fn said(error: &anyhow::Error) -> String {
    let own = error.chain().find_map(|cause| match cause.downcast_ref::<mysql::Error>() {
        Some(mysql::Error::MySqlError(error)) => {
            Some(format!("{} ({})", error.message, error.code))
        }
        _ => None,
    });
    own.unwrap_or_else(|| error.root_cause().to_string())
}
