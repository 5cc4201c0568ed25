//! Whether a connection must be encrypted and whose certificate it takes: decided once
//! for a server, by its address and the settings.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::trust::{Check, Verifier};
use crate::endpoint::{Endpoint, Reach};
use config::tls::{Mode, Tls};
use model::exit::{ExitCode, Stop};
use model::link::Link;
use sys::fs;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Never.
    Never,
    /// Once the server has refused a connection without it.
    Demanded,
    Always,
}

/// What protects the connections to one server.
#[derive(Debug)]
pub struct Guard {
    /// The connection cannot be intercepted.
    here: bool,
    /// What makes it so, where the server's address alone does not: the connection begins at
    /// this address of this machine, the gateway of the container's network. Looked at on
    /// each connection before anything is sent.
    bridge: Option<IpAddr>,
    /// Whether the password itself is never sent, whatever else holds.
    challenge_only: bool,
    when: When,
    check: Check,
    tls: Tls,
    /// Read from files, so only when it is needed.
    config: OnceLock<Arc<ClientConfig>>,
    /// The server refused a connection without TLS.
    demanded: AtomicBool,
}

impl Guard {
    /// For a server at an address that was found in this way.
    pub fn new(endpoint: &Endpoint, reach: &Reach, tls: &Tls) -> Self {
        match reach {
            Reach::ContainerAddress { bridge, .. } => {
                Self::with(endpoint, bridge.is_some(), *bridge, tls)
            }
            _ => Self::with(endpoint, is_here(endpoint), None, tls),
        }
    }

    /// For the address of a container on a network where this machine has the address
    /// `bridge`. Logins there are by challenge and response only: the published port, where
    /// the account logged in before, is there for all others.
    pub(crate) fn near(endpoint: &Endpoint, bridge: IpAddr, tls: &Tls) -> Self {
        Self { challenge_only: true, ..Self::with(endpoint, true, Some(bridge), tls) }
    }

    fn with(endpoint: &Endpoint, here: bool, bridge: Option<IpAddr>, tls: &Tls) -> Self {
        let default = match (here, tls.fingerprint) {
            (_, Some(_)) => Mode::Required,
            (true, None) => Mode::Preferred,
            (false, None) => Mode::VerifyIdentity,
        };
        let mode = tls.mode.unwrap_or(default);
        let when = match (endpoint, mode) {
            // What goes through a socket stays in this machine's kernel.
            (Endpoint::Socket(_), _) | (_, Mode::Off) => When::Never,
            (_, Mode::Preferred) if here => When::Demanded,
            _ => When::Always,
        };
        let check = Check {
            authority: matches!(mode, Mode::VerifyCa | Mode::VerifyIdentity),
            name: mode == Mode::VerifyIdentity,
            fingerprint: tls.fingerprint,
        };
        let (config, demanded) = (OnceLock::new(), AtomicBool::new(false));
        let tls = tls.clone();
        Self { here, bridge, challenge_only: false, when, check, tls, config, demanded }
    }

    /// Refuses a connection that does not begin at this machine's address on the container's
    /// network: it would leave this machine, to whoever has the container's address there.
    ///
    /// # Errors
    /// A [`Stop`] with exit code 11.
    pub(super) fn demand_bridge(&self, place: &Endpoint, from: Option<IpAddr>) -> Result<(), Stop> {
        let Some(bridge) = self.bridge else { return Ok(()) };
        if from.is_some_and(|from| from.to_canonical() == bridge.to_canonical()) {
            return Ok(());
        }
        let message =
            format!("the route to {place} does not start at {bridge}, its network on this machine");
        Err(Stop::new(ExitCode::Server, message)
            .hint("Another container engine or a VPN may use the same addresses.")
            .hint(
                "Publish the container's port on 127.0.0.1, or set DB_REACH=docker-exec in .env.",
            ))
    }

    /// Whether the connection cannot be intercepted.
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// Whether the settings leave TLS out where it could be.
    pub(crate) fn is_off(&self) -> bool {
        self.tls.mode == Some(Mode::Off)
    }

    /// Whether the next connection begins with TLS.
    pub(super) fn begins_with_tls(&self) -> bool {
        self.when == When::Always || self.demanded.load(Ordering::Relaxed)
    }

    /// Whether TLS may be tried after a refusal without it.
    pub(super) fn may_try_tls(&self) -> bool {
        self.when == When::Demanded && !self.begins_with_tls()
    }

    /// Notes that the server refused a connection without TLS and took one with it.
    pub(super) fn tls_was_demanded(&self) {
        self.demanded.store(true, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> Check {
        self.check
    }

    /// Whether a password may be sent as it is, or encrypted with a key that came over
    /// the same connection.
    pub(crate) fn may_send_password(&self, with_tls: bool) -> bool {
        !self.challenge_only && (self.here || (with_tls && self.check.any()))
    }

    /// How a dump program is to connect.
    pub fn link(&self) -> Link {
        let client = self.tls.client.clone();
        let tls = self.begins_with_tls();
        match (&self.tls.ca, self.check) {
            _ if self.here && !tls => Link::Plain,
            _ if !tls => Link::Not("DB_TLS is off, and it might send a password in clear text"),
            (_, Check { fingerprint: Some(_), .. }) => {
                Link::Not("it cannot pin a single certificate (DB_TLS_FINGERPRINT)")
            }
            (Some(ca), Check { authority: true, name, .. }) => {
                Link::Verified { ca: ca.clone(), identity: name, client }
            }
            (None, Check { authority: true, .. }) => {
                Link::Not("it does not use the system's certificate authorities")
            }
            _ if self.here => Link::Encrypted { client },
            _ => Link::Not("it might send a password to a server that was not verified"),
        }
    }

    /// The variables that protect the connection of a child which reads them.
    pub const VARIABLES: [&'static str; 6] = [
        "DB_TLS",
        "DB_TLS_CA",
        "DB_TLS_CERT",
        "DB_TLS_KEY",
        "DB_TLS_FINGERPRINT",
        "DB_TLS_TRUST_NETWORK",
    ];

    /// Their values for the API. It compares no fingerprints: where nothing else verifies the
    /// server, it refuses by itself what must not be.
    pub fn variables(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        let mode = match (self.when, self.check) {
            (When::Never, _) if !matches!(endpoint, Endpoint::Socket(_)) => "off",
            (_, Check { name: true, .. }) => "verify-identity",
            (_, Check { authority: true, .. }) => "verify-ca",
            _ if self.begins_with_tls() => "required",
            _ => "preferred",
        };
        let path = |path: &Path| path.display().to_string();
        let mut all = vec![("DB_TLS", mode.to_owned())];
        all.extend(self.tls.ca.as_deref().map(|ca| ("DB_TLS_CA", path(ca))));
        if let Some((cert, key)) = &self.tls.client {
            all.extend([("DB_TLS_CERT", path(cert)), ("DB_TLS_KEY", path(key))]);
        }
        // A container's address does not look like this machine's; it is.
        if self.here && matches!(endpoint, Endpoint::Tcp { host, .. } if !is_loopback(host)) {
            all.push(("DB_TLS_TRUST_NETWORK", "yes".to_owned()));
        }
        all
    }

    /// How the certificate is checked, in words.
    pub(crate) fn words(&self) -> String {
        let Check { authority, name, fingerprint } = self.check;
        let authorities = || match &self.tls.ca {
            Some(ca) => format!("an authority of {}", ca.display()),
            None => "an authority of this system".to_owned(),
        };
        let words = [
            fingerprint.map(|_| "the fingerprint of DB_TLS_FINGERPRINT".to_owned()),
            authority.then(authorities),
            name.then(|| "the host's name".to_owned()),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }

    /// What TLS is done with.
    ///
    /// # Errors
    /// A [`Stop`] with exit code 10: a file cannot be read or holds something else.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build()?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    fn build(&self) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = if self.check.authority { self.roots()? } else { RootCertStore::empty() };
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Arc::new(Verifier { check: self.check, roots, algorithms });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let Some((cert, key)) = &self.tls.client else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(cert, "DB_TLS_CERT")?;
        let text = read(key, "DB_TLS_KEY")?;
        let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            unusable(key, "DB_TLS_KEY", "contains no unencrypted private key in PEM format")
        })?;
        builder.with_client_auth_cert(chain, private).map_err(|error| {
            let stop = unusable(key, "DB_TLS_KEY", "does not match DB_TLS_CERT");
            anyhow::Error::new(error).context(stop)
        })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if let Some(ca) = &self.tls.ca {
            for certificate in certificates(ca, "DB_TLS_CA")? {
                roots.add(certificate).map_err(|error| {
                    let stop = unusable(ca, "DB_TLS_CA", "contains an unusable certificate");
                    anyhow::Error::new(error).context(stop)
                })?;
            }
        } else {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(Stop::new(
                    ExitCode::Configuration,
                    "this system has no certificate authorities to verify the server with",
                )
                .hint(
                    "Set DB_TLS_CA in .env to a PEM file with the server's authority \
                    (docs/tls.md).",
                )
                .into());
            }
        }
        Ok(roots)
    }
}

/// The name that a certificate must be for.
pub(super) fn name(endpoint: &Endpoint) -> Result<ServerName<'static>> {
    let host = match endpoint {
        Endpoint::Tcp { host, .. } => host.clone(),
        Endpoint::Socket(_) => "localhost".to_owned(),
    };
    ServerName::try_from(host.clone()).map_err(|_| {
        Stop::new(ExitCode::Configuration, format!("`{host}` is not a valid name in a certificate"))
            .hint("For TLS, DB_HOST must be a DNS name or an IP address.")
            .into()
    })
}

/// Whether the address alone proves that the connection cannot be intercepted. Docker's word does
/// not: its engine may be in another network or on another machine.
fn is_here(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Socket(_) => true,
        Endpoint::Tcp { host, .. } => is_loopback(host),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn read(path: &Path, variable: &str) -> Result<Vec<u8>> {
    fs::read_bytes(path).map_err(|error| {
        let stop = unusable(path, variable, "cannot be read");
        error.context(stop)
    })
}

fn certificates(path: &Path, variable: &str) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(path, variable)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(unusable(path, variable, "contains no certificate in PEM format").into()),
    }
}

fn unusable(path: &Path, variable: &str, how: &str) -> Stop {
    Stop::new(ExitCode::Configuration, format!("{variable}: {} {how}", path.display())).hint(
        format!(
            "Correct {variable} in .env; docs/tls.md explains where the file comes \
        from."
        ),
    )
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
