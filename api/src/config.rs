//! Configuration, from the environment only: what has no flag cannot end up in a process list.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{Secret, client::Proxies, serve::Limits, tls::Tls};

/// The account a subcommand works as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `app_user`: reads and writes rows, cannot change the schema.
    App,
    /// `migrate_user`: may change the schema.
    Migrate,
}

/// How to reach the database, and as whom.
#[derive(Debug, Clone)]
pub struct Database {
    pub host: String,
    pub port: u16,
    /// Unix socket; used instead of host and port when given.
    pub socket: Option<PathBuf>,
    pub name: String,
    pub user: String,
    pub password: Secret,
    /// How the connection is encrypted.
    pub tls: Tls,
}

impl Database {
    /// Reads the settings of `role` through `lookup` (the environment, outside of tests).
    ///
    /// An empty variable counts as not set, because compose files pass on what is
    /// not set as an empty string; only a password may be empty on purpose.
    pub fn read(role: Role, lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let (user_variable, user, password_variable) = match role {
            Role::App => ("DB_APP_USER", "app_user", "DB_APP_PASSWORD"),
            Role::Migrate => ("DB_MIGRATE_USER", "migrate_user", "DB_MIGRATE_PASSWORD"),
        };
        let Some(password) = lookup(password_variable) else {
            bail!("{password_variable} is not set");
        };
        let port = match set("DB_PORT") {
            Some(text) => {
                text.parse().with_context(|| format!("DB_PORT: {text:?} is not a port"))?
            }
            None => 3306,
        };
        let host = set("DB_HOST").unwrap_or_else(|| "127.0.0.1".into());
        let socket = set("DB_SOCKET").map(PathBuf::from);
        let over_tcp = socket.is_none().then_some(host.as_str());
        Ok(Self {
            tls: Tls::read(over_tcp, &lookup)?,
            host,
            port,
            socket,
            name: set("DB_NAME").unwrap_or_else(|| "mydb".into()),
            user: set(user_variable).unwrap_or_else(|| user.into()),
            password: Secret::new(password),
        })
    }

    /// Where the server is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.socket {
            Some(path) => format!("{}@{}/{}", self.user, path.display(), self.name),
            None => format!("{}@{}:{}/{}", self.user, self.host, self.port, self.name),
        }
    }
}

/// Where the service listens: `API_BIND`.
pub fn bind(lookup: impl Fn(&str) -> Option<String>) -> Result<SocketAddr> {
    let text =
        lookup("API_BIND").filter(|v| !v.is_empty()).unwrap_or_else(|| "127.0.0.1:3000".into());
    text.parse().with_context(|| format!("API_BIND: {text:?} is not an address like 0.0.0.0:3000"))
}

/// How much clients may take: `API_CONNECTIONS` and `API_CLIENT_TIMEOUT_SECONDS`.
pub fn limits(lookup: impl Fn(&str) -> Option<String>) -> Result<Limits> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let mut limits = Limits::default();
    if let Some(text) = set("API_CONNECTIONS") {
        limits.connections = match text.parse() {
            Ok(count @ 8..=65_536) => count,
            _ => bail!("API_CONNECTIONS: {text:?} is not a number from 8 to 65536"),
        };
    }
    if let Some(text) = set("API_CLIENT_TIMEOUT_SECONDS") {
        limits.patience = match text.parse() {
            Ok(seconds @ 1..=300) => Duration::from_secs(seconds),
            _ => bail!(
                "API_CLIENT_TIMEOUT_SECONDS: {text:?} is not a number of seconds from 1 to 300"
            ),
        };
    }
    Ok(limits)
}

/// Whose `X-Forwarded-For` is believed: `API_TRUSTED_PROXIES`.
pub fn proxies(lookup: impl Fn(&str) -> Option<String>) -> Result<Proxies> {
    let text = lookup("API_TRUSTED_PROXIES").unwrap_or_default();
    Proxies::read(&text).context("API_TRUSTED_PROXIES")
}

/// How long a migration waits for a table that others use: `DB_LOCK_WAIT_SECONDS`.
pub fn lock_wait(lookup: impl Fn(&str) -> Option<String>) -> Result<Duration> {
    let text = lookup("DB_LOCK_WAIT_SECONDS")
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| "1".into());
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => bail!("DB_LOCK_WAIT_SECONDS: {text:?} is not a number of seconds from 1 to 3600"),
    }
}

/// How often a migration that got no lock is tried again: `DB_LOCK_RETRIES`.
pub fn lock_retries(lookup: impl Fn(&str) -> Option<String>) -> Result<u32> {
    let text =
        lookup("DB_LOCK_RETRIES").filter(|value| !value.is_empty()).unwrap_or_else(|| "10".into());
    match text.parse() {
        Ok(count @ 0..=100) => Ok(count),
        _ => bail!("DB_LOCK_RETRIES: {text:?} is not a number from 0 to 100"),
    }
}

/// Reads one variable of the process environment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that does")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::{Database, Role, bind, limits, lock_retries, lock_wait, proxies};

    #[test]
    fn defaults_need_only_a_password() {
        let lookup = |name: &str| match name {
            "DB_MIGRATE_PASSWORD" => Some("p@ss:/?#".to_owned()),
            "DB_SOCKET" => Some(String::new()),
            _ => None,
        };
        let database = Database::read(Role::Migrate, lookup).unwrap();
        assert_eq!(database.place(), "migrate_user@127.0.0.1:3306/mydb");
        assert_eq!(database.password.expose(), "p@ss:/?#");
        assert!(!format!("{database:?}").contains("p@ss"));
        let missing = Database::read(Role::App, lookup).unwrap_err();
        assert_eq!(missing.to_string(), "DB_APP_PASSWORD is not set");
    }

    #[test]
    fn what_cannot_be_parsed_is_named() {
        let lookup = |name: &str| match name {
            "DB_APP_PASSWORD" => Some(String::new()),
            _ => Some("many".to_owned()),
        };
        assert!(Database::read(Role::App, lookup).unwrap_err().to_string().contains("DB_PORT"));
        assert!(bind(lookup).unwrap_err().to_string().contains("API_BIND"));
        assert!(lock_wait(lookup).unwrap_err().to_string().contains("DB_LOCK_WAIT_SECONDS"));
        for (value, fine) in [("0", true), ("100", true), ("", true), ("101", false), ("-1", false)]
        {
            let read = lock_retries(|_| Some(value.to_owned()));
            assert_eq!(read.is_ok(), fine, "{value:?}: {read:?}");
        }
        assert_eq!(lock_retries(|_| None).unwrap(), 10);
        assert!(proxies(lookup).unwrap_err().to_string().contains("API_TRUSTED_PROXIES"));
        for name in ["API_CONNECTIONS", "API_CLIENT_TIMEOUT_SECONDS"] {
            for bad in ["0", "7.5", "many", "100000"] {
                let read = limits(|asked| (asked == name).then(|| bad.to_owned()));
                assert!(read.unwrap_err().to_string().contains(name), "{bad}");
            }
        }
        assert_eq!(limits(|_| Some("8".to_owned())).unwrap().connections, 8);
        assert_eq!(limits(|_| Some(String::new())).unwrap(), super::Limits::default());
        assert_eq!(bind(|_| None).unwrap().port(), 3000);
    }
}
