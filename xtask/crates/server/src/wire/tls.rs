//! TLS over a connection, and what its refusals mean.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, ProtocolVersion};

use super::guard::Guard;
use super::trust::{Rejected, fingerprint, shown};
use model::exit::{ExitCode, Stop};

/// Records are at most 16 KiB: without this each would be read in several pieces.
const ROOM: usize = 64 << 10;

pub(super) struct Secured {
    connection: ClientConnection,
    raw: Raw,
}

impl Secured {
    pub(super) fn new(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self { connection, raw: Raw { socket, buf: vec![0; ROOM], start: 0, end: 0 } })
    }

    /// Goes on with the handshake; `true` when it is done. An error because nothing came
    /// in time leaves it where it was.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        if self.connection.is_handshaking() {
            self.connection.complete_io(&mut self.raw)?;
        }
        Ok(!self.connection.is_handshaking())
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.raw.socket
    }

    /// The protocol's version and the fingerprint of the server's certificate.
    pub(super) fn facts(&self) -> Facts {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        };
        let certificates = self.connection.peer_certificates();
        let seen = certificates.and_then(<[_]>::first).map(|first| shown(&fingerprint(first)));
        Facts { version, fingerprint: seen.unwrap_or_default() }
    }
}

/// What is known of a connection with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) version: &'static str,
    pub(super) fingerprint: String,
}

impl Read for Secured {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.connection, &mut self.raw).read(into)
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.connection, &mut self.raw).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(&mut self.connection, &mut self.raw).flush()
    }
}

/// A socket with a larger receive buffer than the library's.
struct Raw {
    socket: TcpStream,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            self.end = self.socket.read(&mut self.buf)?;
            self.start = 0;
        }
        let count = into.len().min(self.end - self.start);
        into[..count].copy_from_slice(&self.buf[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// The server offers no TLS although it is required: it has none, or an attacker removed the offer.
pub(super) fn not_offered(place: &str) -> Stop {
    Stop::new(ExitCode::Server, format!("{place} offers no TLS, and nothing was sent without it"))
        .hint(
            "Turn on TLS there (MySQL and MariaDB: ssl_cert, ssl_key), or use a tunnel to this \
        machine.",
        )
        .hint("If it offered TLS before, something on the network removes the offer.")
        .hint("`DB_TLS=off` in .env turns protection off; docs/tls.md explains what that means.")
}

/// Something came before TLS that would have been read as if it came through it.
pub(super) fn injected(place: &str) -> Stop {
    Stop::new(ExitCode::Server, format!("{place} sent more than its greeting before TLS began"))
        .hint("Something on the network injects data.")
}

/// The server asks for the password where it must not be sent.
pub(super) fn no_password(place: &str, user: &str, tls: Option<&Facts>, guard: &Guard) -> Stop {
    let how = match tls {
        Some(_) => "over a connection with an unverified certificate",
        None => "over a connection without TLS",
    };
    let stop = Stop::new(
        ExitCode::Server,
        format!("{place} asks for the clear-text password of `{user}` {how}; it was not sent"),
    )
    .hint(
        "To verify the server, set DB_TLS=verify-identity (or verify-ca), and DB_TLS_CA for an \
    authority of your own.",
    )
    .hint("DB_TLS_FINGERPRINT pins one certificate, such as MySQL's own: docs/tls.md.");
    match tls {
        Some(facts) if !guard.check().any() => stop.hint(seen(&facts.fingerprint)),
        _ => stop,
    }
}

fn seen(fingerprint: &str) -> String {
    format!(
        "The certificate shown has the SHA-256 {fingerprint}. Compare it on the server \
         (`openssl x509 -in server-cert.pem -noout -fingerprint -sha256`) before you pin it."
    )
}

pub(super) fn failed(error: &io::Error, place: &str, guard: &Guard) -> Stop {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let refusal = |what: String| Stop::new(ExitCode::Server, format!("{place}: {what}"));
    let Some(tls) = tls else {
        return refusal(format!("TLS handshake failed: {error}"))
            .hint("The server may have no usable certificate; see its log.");
    };
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = tls else {
        let stop = refusal(format!("TLS handshake failed: {tls}"));
        return match tls {
            rustls::Error::AlertReceived(_) => stop.hint(
                "The server may require a client certificate: DB_TLS_CERT and \
                DB_TLS_KEY.",
            ),
            _ => stop.hint("TLS 1.2 or 1.3 is needed, with an X.509 version 3 certificate."),
        };
    };
    match other.0.downcast_ref::<Rejected>() {
        Some(rejected) => not_taken(rejected, &refusal, guard),
        None => refusal(format!("its certificate was rejected: {other}")),
    }
}

fn not_taken(rejected: &Rejected, refusal: &dyn Fn(String) -> Stop, guard: &Guard) -> Stop {
    let print = shown(&rejected.seen);
    let Some(why) = &rejected.why else {
        return refusal("its certificate does not match DB_TLS_FINGERPRINT".to_owned())
            .hint(seen(&print))
            .hint("Unless the certificate was changed on purpose, another server is answering.");
    };
    match why {
        // The second: an authority of the same name and another key, as all servers of one
        // version of MySQL have.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            refusal(format!("its certificate is not from {}", authorities(guard)))
                .hint("DB_TLS_CA names a PEM file with the authority (MySQL's own: ca.pem in its data folder).")
                .hint(seen(&print))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = match presented.as_slice() {
                [] => "no name at all".to_owned(),
                names => names.join(", "),
            };
            refusal(format!("its certificate is not for {}; it has {names}", expected.to_str()))
                .hint("DB_HOST must be a name in the certificate (a subjectAltName).")
                .hint("`DB_TLS=verify-ca` accepts any certificate of the authority; \
                DB_TLS_FINGERPRINT accepts one.")
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            refusal(format!("its certificate expired on {}", day(*not_after)))
                .hint("Give the server a new one.")
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            refusal(format!("its certificate is not valid before {}", day(*not_before)))
                .hint("Compare the clocks of this machine and of its issuer.")
        }
        other => refusal(format!("its certificate cannot be verified: {other}"))
            .hint("It must be X.509 version 3 and not an authority's own; DB_TLS_FINGERPRINT can \
            pin it.")
            .hint(seen(&print)),
    }
}

fn authorities(guard: &Guard) -> String {
    // Only the authority was asked for, or the name, too: the words begin with it.
    let words = guard.words();
    words.split(" and the host").next().unwrap_or(&words).to_owned()
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    chrono::DateTime::from_timestamp(seconds, 0)
        .map_or_else(|| "an unknown date".to_owned(), |time| time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use rustls::OtherError;

    use super::*;
    use crate::endpoint::{Endpoint, Reach};
    use config::tls::{Mode, Tls};

    #[test]
    fn an_authority_of_the_same_name_is_an_unknown_one() {
        let endpoint = Endpoint::Tcp { host: "db".to_owned(), port: 3306 };
        let tls = Tls { mode: Some(Mode::VerifyCa), ca: Some("/ca.pem".into()), ..Tls::default() };
        let guard = Guard::new(&endpoint, &Reach::Explicit, &tls);
        for why in [CertificateError::UnknownIssuer, CertificateError::BadSignature] {
            let rejected = Rejected { why: Some(why), seen: [0xab; 32] };
            let other = CertificateError::Other(OtherError(Arc::new(rejected)));
            let error = io::Error::other(rustls::Error::InvalidCertificate(other));
            let stop = failed(&error, "db:3306", &guard);
            assert_eq!(stop.code, ExitCode::Server);
            assert!(stop.message.contains("not from an authority of /ca.pem"), "{stop}");
            assert!(stop.hints.iter().any(|hint| hint.contains("AB:AB")), "{:?}", stop.hints);
        }
    }
}
