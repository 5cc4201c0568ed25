//! Certificates as they come, against each way to check.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use super::*;

struct World {
    roots: RootCertStore,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn authority() -> World {
    named("an authority of a test")
}

fn named(name: &str) -> World {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("a root");
    World { roots, issuer }
}

impl World {
    fn certificate(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, &self.issuer).expect("a certificate").der().clone()
    }

    fn judge(
        &self,
        check: Check,
        certificate: &CertificateDer<'_>,
        host: &str,
    ) -> Option<Rejection> {
        let provider = rustls::crypto::ring::default_provider();
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Verifier { check, roots: self.roots.clone(), algorithms };
        let host = ServerName::try_from(host.to_owned()).expect("a name");
        let judged = verifier.verify_server_cert(certificate, &[], &host, &[], UnixTime::now());
        match judged {
            Ok(_) => None,
            Err(Error::InvalidCertificate(CertificateError::Other(other))) => {
                let rejected = other.0.downcast_ref::<Rejected>().expect("our own words");
                Some(Rejection(rejected.why.clone()))
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Why it was not taken; `None` for its fingerprint.
#[derive(Debug, PartialEq)]
struct Rejection(Option<CertificateError>);

const AUTHORITY: Check = Check { authority: true, name: false, fingerprint: None };
const IDENTITY: Check = Check { authority: true, name: true, fingerprint: None };

fn pinned(certificate: &CertificateDer<'_>) -> Check {
    Check { fingerprint: Some(fingerprint(certificate)), ..Check::default() }
}

#[test]
fn a_name_counts_for_identity_alone() {
    let world = authority();
    let certificate = world.certificate(&["db.example.com", "10.1.2.3"], |_| ());
    for host in ["db.example.com", "DB.Example.Com", "10.1.2.3"] {
        assert_eq!(world.judge(IDENTITY, &certificate, host), None, "{host}");
    }
    for host in ["db.example.org", "example.com", "10.1.2.4", "x.db.example.com"] {
        let why = world.judge(IDENTITY, &certificate, host);
        let Some(Rejection(Some(CertificateError::NotValidForNameContext { presented, .. }))) = why
        else {
            panic!("{host}: {why:?}");
        };
        assert!(presented.iter().any(|name| name.contains("db.example.com")), "{presented:?}");
        assert_eq!(world.judge(AUTHORITY, &certificate, host), None, "{host}");
    }
}

#[test]
fn a_common_name_is_no_name() {
    // As MySQL makes them: a name in the subject, and no subjectAltName.
    let world = authority();
    let certificate = world.certificate(&[], |params| {
        params.distinguished_name.push(DnType::CommonName, "db.example.com");
    });
    assert_eq!(world.judge(AUTHORITY, &certificate, "db.example.com"), None);
    let why = world.judge(IDENTITY, &certificate, "db.example.com");
    assert!(
        matches!(&why, Some(Rejection(Some(CertificateError::NotValidForNameContext { presented, .. }))) if presented.is_empty()),
        "{why:?}"
    );
}

#[test]
fn another_authority_is_none() {
    let world = authority();
    let others = [
        (named("another"), CertificateError::UnknownIssuer),
        // Its name is no proof.
        (authority(), CertificateError::BadSignature),
    ];
    for (other, expected) in others {
        let certificate = other.certificate(&["db"], |_| ());
        for check in [AUTHORITY, IDENTITY] {
            let why = world.judge(check, &certificate, "db");
            assert_eq!(why, Some(Rejection(Some(expected.clone()))));
        }
        assert_eq!(world.judge(Check::default(), &certificate, "db"), None);
    }
}

#[test]
fn dates_count_and_a_fingerprint_does_without() {
    let world = authority();
    let old = world.certificate(&["db"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let why = world.judge(AUTHORITY, &old, "db");
    assert!(
        matches!(why, Some(Rejection(Some(CertificateError::ExpiredContext { .. })))),
        "{why:?}"
    );
    let early = world.certificate(&["db"], |params| {
        params.not_before = date_time_ymd(2201, 1, 1);
        params.not_after = date_time_ymd(2202, 1, 1);
    });
    let why = world.judge(IDENTITY, &early, "db");
    assert!(
        matches!(why, Some(Rejection(Some(CertificateError::NotValidYetContext { .. })))),
        "{why:?}"
    );
    // Who pins a certificate takes it for what it is.
    assert_eq!(world.judge(pinned(&old), &old, "other"), None);
}

#[test]
fn a_fingerprint_is_of_one_certificate() {
    let world = authority();
    let (one, two) = (world.certificate(&["db"], |_| ()), world.certificate(&["db"], |_| ()));
    assert_eq!(world.judge(pinned(&one), &one, "x"), None);
    assert_eq!(world.judge(pinned(&one), &two, "x"), Some(Rejection(None)));
    // With both, both are demanded.
    let both = Check { fingerprint: Some(fingerprint(&one)), ..IDENTITY };
    assert_eq!(world.judge(both, &one, "db"), None);
    assert!(world.judge(both, &one, "x").is_some());
    assert_eq!(world.judge(both, &two, "db"), Some(Rejection(None)));
}
