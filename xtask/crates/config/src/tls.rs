//! How connections to the server are encrypted: `DB_TLS` and its companions.

use std::path::{Path, PathBuf};

use super::bad_value;
use super::dotenv::DotEnv;
use model::exit::{ExitCode, Stop};

/// What `DB_TLS` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Off,
    /// On this machine: TLS if the server demands it. Elsewhere as `required`.
    Preferred,
    /// TLS, whoever answers.
    Required,
    /// TLS, with a certificate of a known authority.
    VerifyCa,
    /// As `VerifyCa`, and the certificate is for the host asked for.
    VerifyIdentity,
}

/// A SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// The settings; the default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// `DB_TLS`; if unset, the address decides.
    pub mode: Option<Mode>,
    /// `DB_TLS_CA`: a PEM file with the authorities; without it those of the system.
    pub ca: Option<PathBuf>,
    /// `DB_TLS_CERT` and `DB_TLS_KEY`: PEM files of the client certificate.
    pub client: Option<(PathBuf, PathBuf)>,
    /// `DB_TLS_FINGERPRINT`: the only certificate accepted.
    pub fingerprint: Option<Fingerprint>,
}

impl Tls {
    /// Reads the variables; relative paths start at `root`.
    pub fn read(env: &DotEnv, root: &Path) -> Result<Self, Stop> {
        let mode = env.get("DB_TLS").map(|text| mode(&text)).transpose()?;
        let path = |name: &str| env.get(name).map(|path| root.join(path));
        let client = match (path("DB_TLS_CERT"), path("DB_TLS_KEY")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(contradiction("DB_TLS_CERT and DB_TLS_KEY go together")),
        };
        let fingerprint =
            env.get("DB_TLS_FINGERPRINT").map(|text| fingerprint(&text)).transpose()?;
        if fingerprint.is_some() && matches!(mode, Some(Mode::Off | Mode::Preferred)) {
            return Err(contradiction(
                "DB_TLS_FINGERPRINT requires a certificate, but DB_TLS does not require TLS",
            ));
        }
        Ok(Self { mode, ca: path("DB_TLS_CA"), client, fingerprint })
    }
}

fn contradiction(what: &str) -> Stop {
    Stop::new(ExitCode::Configuration, what)
        .hint("Change the variables in .env or in the environment; docs/tls.md explains them.")
}

fn mode(text: &str) -> Result<Mode, Stop> {
    match text {
        "off" => Ok(Mode::Off),
        "preferred" => Ok(Mode::Preferred),
        "required" => Ok(Mode::Required),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-identity" => Ok(Mode::VerifyIdentity),
        other => {
            let known = "off, preferred, required, verify-ca or verify-identity";
            Err(bad_value("DB_TLS", other, known))
        }
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, Stop> {
    let known = "a SHA-256 in hexadecimal (64 digits, colons between them allowed)";
    let wrong = || bad_value("DB_TLS_FINGERPRINT", text, known);
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high << 4 | low).map_err(|_| wrong()),
        _ => Err(wrong()),
    });
    bytes.collect::<Result<Vec<u8>, Stop>>()?.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let plain = "ab".repeat(32);
        assert_eq!(fingerprint(&plain), Ok([0xab; 32]));
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(fingerprint(&colons), Ok([0xab; 32]));
        for wrong in ["", "ab", &plain[1..], &format!("{plain}ab"), &plain.replace('b', "x")] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn modes_are_words() {
        assert_eq!(mode("verify-identity"), Ok(Mode::VerifyIdentity));
        for wrong in ["on", "OFF", "verify_ca", "disabled", "true"] {
            assert_eq!(mode(wrong).map_err(|stop| stop.code), Err(ExitCode::Configuration));
        }
    }
}
