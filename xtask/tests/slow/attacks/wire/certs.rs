//! An authority of one test and what it signs.

use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use sha2::{Digest, Sha256};
use sys::fs;

/// What a server shows.
pub struct Shown {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
}

/// An authority whose files lie in a folder.
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub ca: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca = folder.join(format!("{name}.pem"));
        fs::write_durably(&ca, issuer.pem().as_bytes()).unwrap();
        Self { folder: folder.to_owned(), issuer, ca }
    }

    /// A certificate for these names; the same files are written again by the next call
    /// with the same `file`.
    pub fn sign(&self, file: &str, names: &[&str], expired: bool) -> Shown {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if expired {
            params.not_before = date_time_ymd(2001, 2, 3);
            params.not_after = date_time_ymd(2002, 2, 3);
        }
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let cert = self.folder.join(format!("{file}-cert.pem"));
        let private = self.folder.join(format!("{file}-key.pem"));
        fs::write_durably(&cert, signed.pem().as_bytes()).unwrap();
        fs::write_durably(&private, key.serialize_pem().as_bytes()).unwrap();
        let hash = Sha256::digest(signed.der());
        let fingerprint = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Shown { cert, key: private, fingerprint }
    }
}

/// An address of this machine that is not loopback, so that the tool takes it for another
/// machine's.
pub fn outside_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: this asks for the way only. The first is a documentation address.
    for there in ["192.0.2.1:9", "172.17.0.2:9"] {
        if socket.connect(there).is_ok() {
            let own = socket.local_addr().unwrap().ip();
            if !own.is_loopback() && !own.is_unspecified() {
                return own;
            }
        }
    }
    panic!("this machine has no address but loopback");
}
