//! Which certificates are taken for the server's. The chain and the name are checked by
//! webpki, the fingerprint here.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use config::tls::Fingerprint;

/// What a certificate must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Check {
    /// It leads to an authority.
    pub(super) authority: bool,
    /// It is for the host.
    pub(super) name: bool,
    pub(super) fingerprint: Option<Fingerprint>,
}

impl Check {
    /// Whether anything is checked at all.
    pub(super) fn any(self) -> bool {
        self.authority || self.name || self.fingerprint.is_some()
    }
}

/// A certificate that was not taken.
#[derive(Debug)]
pub(super) struct Rejected {
    /// Why; `None`: its fingerprint is not the one of the settings.
    pub(super) why: Option<CertificateError>,
    pub(super) seen: Fingerprint,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(f, "{why}"),
            None => write!(f, "its fingerprint is {}", shown(&self.seen)),
        }
    }
}

impl std::error::Error for Rejected {}

/// Judges by a [`Check`].
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) check: Check,
    /// The authorities; empty where none is asked for.
    pub(super) roots: RootCertStore,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Check { authority, name: named, .. } = self.check;
        if !authority && !named {
            return Ok(());
        }
        let certificate = ParsedCertificate::try_from(certificate)?;
        if authority {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots,
                between,
                now,
                algorithms,
            )?;
        }
        if named { verify_server_name(&certificate, name) } else { Ok(()) }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = fingerprint(certificate);
        let rejected = |why| {
            let rejected: Arc<dyn std::error::Error + Send + Sync> =
                Arc::new(Rejected { why, seen });
            Error::InvalidCertificate(CertificateError::Other(OtherError(rejected)))
        };
        if self.check.fingerprint.is_some_and(|wanted| wanted != seen) {
            return Err(rejected(None));
        }
        match self.judge(certificate, between, name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(Error::InvalidCertificate(why)) => Err(rejected(Some(why))),
            Err(other) => Err(other),
        }
    }

    // Proves possession of the certificate's key: always checked, even if any certificate is
    // accepted.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The fingerprint of a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

/// A fingerprint as `openssl x509 -fingerprint -sha256` prints it.
pub(super) fn shown(fingerprint: &Fingerprint) -> String {
    fingerprint.map(|byte| format!("{byte:02X}")).join(":")
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
