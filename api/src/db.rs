//! Connections to the database.

use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::{
    ConnectOptions, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode},
};

use crate::config::Database;

/// Connection options of `database`; built field by field, because a password in
/// a URL would need escaping.
#[must_use]
pub fn options(database: &Database) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .username(&database.user)
        .database(&database.name)
        .ssl_mode(MySqlSslMode::Disabled)
        // Stored with every view and routine a connection creates; this one
        // exists on MySQL and MariaDB, the servers' defaults do not.
        .collation("utf8mb4_unicode_ci")
        // Likewise stored with routines: keep the server's own mode.
        .pipes_as_concat(false);
    // sqlx answers an empty password with a scramble of nothing, which servers refuse.
    let options = match database.password.expose() {
        "" => options,
        password => options.password(password),
    };
    match &database.socket {
        Some(path) => options.socket(path),
        None => options.host(&database.host).port(database.port),
    }
}

/// One connection outside of any pool.
///
/// # Errors
/// When the server cannot be reached or refuses the account.
pub async fn connect(database: &Database) -> Result<MySqlConnection> {
    options(database).connect().await.with_context(|| {
        let place = database.place();
        match &database.socket {
            // sqlx encrypts the password as over TCP, but MySQL expects it as it is.
            // Only the server's cache of earlier logins lets such an account in.
            Some(_) => format!(
                "cannot connect to {place} (MySQL accounts with caching_sha2_password \
                 may be refused over a socket; use DB_HOST and DB_PORT)"
            ),
            None => format!("cannot connect to {place}"),
        }
    })
}

/// The service's pool. It connects when first used, so that the service can start
/// before the database and say in `/readyz` that it waits.
#[must_use]
pub fn pool(database: &Database) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(options(database))
}
