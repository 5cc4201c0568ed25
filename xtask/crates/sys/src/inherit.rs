//! Which variables of our environment a child does not inherit. In a pipeline, the secrets of
//! `.env` may come from the environment: only children that need one get it.

use super::env;

/// What the names of secrets, and of places where secrets are, begin with: credentials of
/// destinations, private keys, webhooks, and what is meant for `streamflix-offsite` alone.
const PREFIXES: [&str; 5] = ["COPY_", "BACKUP_", "NOTIFY_", "HEARTBEAT_", "OFFSITE_"];
/// Passwords of other tools for the same server.
const OTHERS: [&str; 2] = ["MYSQL_PWD", "MYSQL_ROOT_PASSWORD"];

/// Whether a variable is kept from children.
fn is_kept(name: &str) -> bool {
    // On Windows names differ in their case alone.
    let name = name.to_ascii_uppercase();
    let account = name.starts_with("DB_")
        && ["_PASSWORD", "_KEY", "_SECRET", "_TOKEN"].iter().any(|end| name.ends_with(end));
    account || PREFIXES.iter().any(|front| name.starts_with(front)) || OTHERS.contains(&&*name)
}

/// The variables of this process that are kept from children.
pub(super) fn kept() -> Vec<String> {
    env::names_with("").into_iter().filter(|name| is_kept(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_and_settings_are_not() {
        for name in [
            "DB_ROOT_PASSWORD",
            "DB_DRILL_PASSWORD",
            "DB_TLS_KEY",
            "db_app_password",
            "COPY_CLOUD_SECRET_ACCESS_KEY",
            "BACKUP_AGE_IDENTITY",
            "NOTIFY_SLACK_URL",
            "HEARTBEAT_URL",
            "OFFSITE_SECRETS",
            "MYSQL_PWD",
        ] {
            assert!(is_kept(name), "{name}");
        }
        for name in ["DB_NAME", "DB_BACKUP_USER", "DB_HOST", "PATH", "HTTP_PROXY", "API_URL"] {
            assert!(!is_kept(name), "{name}");
        }
    }
}
