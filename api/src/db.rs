//! Connections to the database.

use std::time::Duration;

use anyhow::Result;
use sqlx::{
    ConnectOptions, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions, MySqlSslMode},
};

use crate::{
    config::Database,
    tls::{self, Identity, Mode, Tls},
};

/// Connection options of `database`; built field by field, because a password in
/// a URL would need escaping.
#[must_use]
pub fn options(database: &Database) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .username(&database.user)
        .database(&database.name)
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
    let options = encrypted(options, &database.tls);
    match &database.socket {
        Some(path) => options.socket(path),
        None => {
            let listens = |address| tls::listens(address, database.port);
            let host = database.tls.destination(&database.host, listens);
            options.host(&host).port(database.port)
        }
    }
}

fn encrypted(options: MySqlConnectOptions, tls: &Tls) -> MySqlConnectOptions {
    let mut options = options.ssl_mode(match tls.mode {
        Mode::Off => MySqlSslMode::Disabled,
        Mode::Preferred => MySqlSslMode::Preferred,
        Mode::Required => MySqlSslMode::Required,
        Mode::VerifyCa => MySqlSslMode::VerifyCa,
        Mode::VerifyIdentity => MySqlSslMode::VerifyIdentity,
    });
    if let Some(path) = &tls.ca {
        options = options.ssl_ca(path);
    }
    if let Some(Identity { certificate, key }) = &tls.identity {
        options = options.ssl_client_cert(certificate).ssl_client_key(key);
    }
    options
}

/// One connection outside of any pool.
pub async fn connect(database: &Database) -> Result<MySqlConnection> {
    options(database).connect().await.map_err(|error| {
        let mut what = format!("cannot connect to {}", database.place());
        if let Some(cause) = cause(&error) {
            what = format!("{what}: {cause}");
        }
        anyhow::Error::new(error).context(what)
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

/// Why there is no connection, where the driver's own words do not say what to do.
#[must_use]
pub fn cause(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref().and_then(refused_certificate),
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => Some(
            "DB_TLS requires TLS, but the server offers none, or something on the network removed \
            the offer",
        ),
        // The only things that the driver finds wrong with options at this point.
        sqlx::Error::Configuration(error) if error.to_string().contains("RSA") => Some(
            "the server asks for the clear-text password, which is sent over TLS only: use \
            DB_TLS=preferred on this machine, or verify-identity",
        ),
        sqlx::Error::Database(error) => {
            let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
            (error.number() == SECURE_TRANSPORT_REQUIRED)
                .then_some("the server accepts encrypted connections only, and DB_TLS=off is set")
        }
        _ => None,
    }
}

const SECURE_TRANSPORT_REQUIRED: u16 = 3159;

fn refused_certificate(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else { return None };
    Some(match bad {
        // A bad signature: another authority of the same name, as those that servers make
        // for themselves.
        Bad::UnknownIssuer | Bad::BadSignature => {
            "the server's certificate is from an unknown authority; set DB_TLS_CA to the right one"
        }
        Bad::Expired | Bad::ExpiredContext { .. } => "the server's certificate has expired",
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; compare the clocks"
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            "the server's certificate is for another name than DB_HOST; MySQL's generated ones \
             have none, for them use DB_TLS=verify-ca"
        }
        _ => "the server's certificate is not acceptable",
    })
}
