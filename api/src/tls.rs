//! How the connection to the database is encrypted, and who may be at its other end.
//!
//! The driver sends the password itself to any server that asks for it in the right way:
//! inside TLS, or in clear text when the server's greeting demands that. So off this
//! machine it only connects to a server whose certificate was verified, unless it is
//! written down that the network in between can be trusted.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// `DB_TLS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Clear text.
    Off,
    /// Encrypted when the server offers it.
    Preferred,
    /// Encrypted; whoever is at the other end.
    Required,
    /// Encrypted, to a server with a certificate of `DB_TLS_CA`.
    VerifyCa,
    /// Encrypted, to a server with a valid certificate for the name it is called by.
    VerifyIdentity,
}

impl Mode {
    const WORDS: [(&str, Self); 5] = [
        ("off", Self::Off),
        ("preferred", Self::Preferred),
        ("required", Self::Required),
        ("verify-ca", Self::VerifyCa),
        ("verify-identity", Self::VerifyIdentity),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("", |(word, _)| word)
    }

    fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyIdentity)
    }
}

/// A client's own certificate and its key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `DB_TLS_CERT`.
    pub certificate: PathBuf,
    /// `DB_TLS_KEY`.
    pub key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `DB_TLS`.
    pub mode: Mode,
    /// `DB_TLS_CA`: authorities to trust instead of the system's, a PEM file.
    pub ca: Option<PathBuf>,
    pub identity: Option<Identity>,
}

impl Tls {
    /// Encrypted when the server offers it: enough on this machine.
    pub const PREFERRED: Self = Self { mode: Mode::Preferred, ca: None, identity: None };

    /// Reads the settings for the server at `host`, or on this machine's socket.
    ///
    /// # Errors
    /// When a variable makes no sense, a file cannot be read, or the password would go to
    /// an unverified server off this machine. The message names the ways out.
    pub fn read(host: Option<&str>, lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let trusted = match set("DB_TLS_TRUST_NETWORK").as_deref() {
            Some("yes") => true,
            Some("no") | None => false,
            Some(other) => bail!("DB_TLS_TRUST_NETWORK: {other:?} is neither yes nor no"),
        };
        let here = host.is_none_or(this_machine);
        // For programs that can compare them; this one verifies the authority instead.
        let pinned = set("DB_TLS_FINGERPRINT").is_some();
        let mode = match set("DB_TLS") {
            Some(word) => Self::mode(&word)?,
            None if pinned => Mode::VerifyCa,
            None if here => Mode::Preferred,
            None => Mode::VerifyIdentity,
        };
        let ca = set("DB_TLS_CA").map(PathBuf::from);
        if pinned && (ca.is_none() || !mode.verifies()) {
            bail!(
                "DB_TLS_FINGERPRINT: this program cannot compare fingerprints; give the server's \
                 authority as DB_TLS_CA, with DB_TLS=verify-ca for MySQL's generated \
                 certificates (ca.pem in its data folder)"
            );
        }
        if !here && !trusted && !mode.verifies() {
            bail!("{}", refusal(mode, host.unwrap_or_default()));
        }
        if mode == Mode::VerifyCa && ca.is_none() {
            bail!("DB_TLS=verify-ca needs DB_TLS_CA, the PEM file of the server's authority");
        }
        let identity = match (set("DB_TLS_CERT"), set("DB_TLS_KEY")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: certificate.into(), key: key.into() })
            }
            _ => bail!("DB_TLS_CERT and DB_TLS_KEY belong together; only one is set"),
        };
        let tls = Self { mode, ca, identity };
        tls.look_at_files()?;
        Ok(tls)
    }

    /// The host to connect to. `localhost` counts as this machine and the driver would resolve
    /// it freely, so it becomes a loopback address: the first where something `listens`. Where
    /// the certificate must be for the name, the name stays: the authority vouches for it.
    #[must_use]
    pub fn destination(&self, host: &str, listens: impl Fn(IpAddr) -> bool) -> String {
        if !host.eq_ignore_ascii_case("localhost") || self.mode == Mode::VerifyIdentity {
            return host.to_owned();
        }
        let (first, second) =
            (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
        let taken = if !listens(first) && listens(second) { second } else { first };
        taken.to_string()
    }

    fn mode(word: &str) -> Result<Mode> {
        match Mode::WORDS.iter().find(|(known, _)| *known == word) {
            Some((_, mode)) => Ok(*mode),
            None => {
                let words = Mode::WORDS.map(|(word, _)| word).join(", ");
                bail!("DB_TLS: {word:?} is not one of {words}")
            }
        }
    }

    // The driver reads them at each connection; what is wrong is better known at the start.
    fn look_at_files(&self) -> Result<()> {
        let mut files = vec![];
        if self.mode.verifies() {
            files.extend(self.ca.iter().map(|path| ("DB_TLS_CA", path, "CERTIFICATE")));
        }
        if let Some(Identity { certificate, key }) = &self.identity {
            files.push(("DB_TLS_CERT", certificate, "CERTIFICATE"));
            files.push(("DB_TLS_KEY", key, "PRIVATE KEY"));
        }
        for (variable, path, holds) in files {
            let place = path.display();
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{variable}: cannot read {place}"))?;
            if !text.contains(holds) {
                bail!("{variable}: there is no {} in {place}", holds);
            }
        }
        Ok(())
    }
}

fn refusal(mode: Mode, host: &str) -> String {
    format!(
        "DB_TLS={} verifies nothing, and {host} is not this machine: an impostor would receive \
        the password. Use DB_TLS=verify-identity or verify-ca with the \
         server's authority as DB_TLS_CA; or set DB_TLS_TRUST_NETWORK=yes if every machine on the route is trusted",
        mode.word()
    )
}

/// Whether something listens at this address of this machine.
#[must_use]
pub fn listens(address: IpAddr, port: u16) -> bool {
    let limit = Duration::from_millis(500);
    TcpStream::connect_timeout(&SocketAddr::new(address, port), limit).is_ok()
}

// Names are not resolved: what they lead to may change between the look and the connection.
fn this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Mode, Tls};

    fn read(host: Option<&str>, variables: &[(&str, &str)]) -> anyhow::Result<Tls> {
        Tls::read(host, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn this_machine_prefers_tls_and_others_have_to_prove_who_they_are() {
        let local = [None, Some("127.0.0.1"), Some("127.8.8.8"), Some("::1"), Some("localhost")];
        for host in local.into_iter().chain([Some("LOCALHOST"), Some("::ffff:127.0.0.1")]) {
            assert_eq!(read(host, &[]).unwrap(), Tls::PREFERRED, "{host:?}");
        }
        for host in ["db.example.org", "10.0.0.5", "mysql", "localhost.example.org", "::2"] {
            assert_eq!(read(Some(host), &[]).unwrap().mode, Mode::VerifyIdentity, "{host}");
        }
    }

    #[test]
    fn localhost_is_never_left_to_the_resolver() {
        let tls = |word| read(Some("localhost"), &[("DB_TLS", word)]).unwrap();
        let v6 = |address: std::net::IpAddr| address.is_ipv6();
        for word in ["off", "preferred", "required"] {
            for host in ["localhost", "LocalHost"] {
                assert_eq!(tls(word).destination(host, |_| true), "127.0.0.1");
                assert_eq!(tls(word).destination(host, |_| false), "127.0.0.1");
                assert_eq!(tls(word).destination(host, v6), "::1");
            }
            for host in ["127.8.8.8", "db.example.org"] {
                assert_eq!(tls(word).destination(host, |_| true), host);
            }
        }
        // Its certificate must be for this name.
        assert_eq!(tls("verify-identity").destination("localhost", |_| true), "localhost");
    }

    #[test]
    fn unverified_off_this_machine_needs_a_written_word() {
        for word in ["off", "preferred", "required"] {
            let refused = read(Some("10.0.0.5"), &[("DB_TLS", word)]).unwrap_err().to_string();
            for way in [word, "verify-identity", "DB_TLS_CA", "DB_TLS_TRUST_NETWORK=yes"] {
                assert!(refused.contains(way), "{refused}");
            }
            assert!(read(Some("127.0.0.1"), &[("DB_TLS", word)]).is_ok());
            let trusted = [("DB_TLS", word), ("DB_TLS_TRUST_NETWORK", "yes")];
            assert_eq!(read(Some("mysql"), &trusted).unwrap().mode.word(), word);
        }
        // Trust alone changes nothing.
        let trusted = read(Some("mysql"), &[("DB_TLS_TRUST_NETWORK", "yes")]).unwrap();
        assert_eq!(trusted.mode, Mode::VerifyIdentity);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (variables, said) in [
            ([("DB_TLS", "on"), ("", "")], "not one of off, preferred, required"),
            ([("DB_TLS", "verify-ca"), ("", "")], "needs DB_TLS_CA"),
            ([("DB_TLS_FINGERPRINT", "ab:cd"), ("", "")], "cannot compare fingerprints"),
            ([("DB_TLS_FINGERPRINT", "ab:cd"), ("DB_TLS", "required")], "as DB_TLS_CA"),
            ([("DB_TLS_FINGERPRINT", "ab:cd"), ("DB_TLS_CA", "/no/where")], "cannot read /no"),
            ([("DB_TLS_CERT", "c.pem"), ("", "")], "DB_TLS_KEY"),
            ([("DB_TLS_TRUST_NETWORK", "maybe"), ("", "")], "neither yes nor no"),
            ([("DB_TLS", "verify-ca"), ("DB_TLS_CA", "/no/where.pem")], "/no/where.pem"),
            ([("DB_TLS", "verify-ca"), ("DB_TLS_CA", "Cargo.toml")], "no CERTIFICATE in"),
        ] {
            let error = format!("{:#}", read(Some("127.0.0.1"), &variables).unwrap_err());
            assert!(error.contains(said), "{variables:?}: {error}");
        }
    }
}
