//! Encryption, there and back, and everything that must not come back.

use std::path::Path;

use super::*;
use crate::testing::{put, scratch, stop_of, utc};

fn pair(dir: &Path, name: &str) -> (String, Identities) {
    let (recipient, text) = generate(utc("20261122_101112"));
    let path = dir.join(name);
    put(&path, text.reveal().as_bytes());
    (recipient, identity(&path).unwrap())
}

fn sealed(recipients: &Recipients, text: &[u8]) -> Vec<u8> {
    let mut sealer = recipients.sealer(Vec::new()).unwrap();
    sealer.write_all(text).unwrap();
    sealer.finish().unwrap()
}

fn read(file: &[u8], identities: &Identities) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    open(file, identities, &[])?.read_to_end(&mut text)?;
    Ok(text)
}

fn text_of(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 7 % 251) as u8).collect()
}

#[test]
fn every_recipient_opens_it_alone() {
    let (dir, _) = scratch();
    let (one, first) = pair(dir.path(), "first");
    let (two, second) = pair(dir.path(), "second");
    let (_, stranger) = pair(dir.path(), "stranger");
    let both = Recipients::parse(&[one.clone(), format!(" {two} "), one.clone()]).unwrap();
    assert_eq!(both.texts(), [one, two.clone()]);
    assert_eq!(both.fingerprints()[1], second.fingerprints()[0]);
    // Around the size of age's blocks, and in more than one of them.
    for length in [0, 1, 65_535, 65_536, 65_537, 3 * 65_536, 300_000] {
        let text = text_of(length);
        let file = sealed(&both, &text);
        assert!(file.starts_with(MAGIC));
        assert_eq!(read(&file, &first).unwrap(), text);
        assert_eq!(read(&file, &second).unwrap(), text);
        let stop = stop_of(read(&file, &stranger));
        assert_eq!(stop.code, ExitCode::Configuration);
    }
    round_trip(&both, &first).unwrap();
    let stop = stop_of(round_trip(&both, &stranger));
    assert_eq!(stop.code, ExitCode::Configuration);
    assert!(stop.hints.iter().any(|hint| hint.contains(&two)), "{:?}", stop.hints);
}

#[test]
fn a_key_that_does_not_fit_names_the_ones_that_would() {
    let (dir, _) = scratch();
    let (one, _) = pair(dir.path(), "first");
    let (_, other) = pair(dir.path(), "other");
    let recipients = Recipients::parse(&[one]).unwrap();
    let file = sealed(&recipients, b"text");
    let stop = stop_of(open(&file[..], &other, &recipients.fingerprints()));
    assert!(stop.message.contains(&recipients.fingerprints()[0]), "{}", stop.message);
    assert!(stop.message.contains(&other.fingerprints()[0]), "{}", stop.message);
    assert!(stop.hints.iter().any(|hint| hint.contains(VARIABLE)));
}

#[test]
fn fingerprints_are_those_of_sha256sum() {
    // printf %s age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p | sha256sum
    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    assert_eq!(fingerprint(key), "cf7e568231315068");
    assert_eq!(Recipients::parse(&[key.to_owned()]).unwrap().texts(), [key]);
}

#[test]
fn whatever_is_cut_off_or_altered_is_an_error() {
    let (dir, _) = scratch();
    let (one, first) = pair(dir.path(), "first");
    let recipients = Recipients::parse(&[one]).unwrap();
    // Two whole blocks: a cut between them leaves what looks like a whole file.
    for length in [100, 2 * 65_536, 2 * 65_536 + 50] {
        let file = sealed(&recipients, &text_of(length));
        let body = file.len() - length - 16 * length.div_ceil(65_536);
        let cuts = (0..body + 40).chain([body + 65_536 + 16, file.len() - 16, file.len() - 1]);
        for cut in cuts.filter(|cut| *cut < file.len()) {
            assert!(read(&file[..cut], &first).is_err(), "{length} bytes, cut at {cut}");
        }
        let places = (0..body + 40).chain([file.len() - 20, file.len() - 1]);
        for at in places.filter(|at| *at < file.len()) {
            for mask in [1, 128] {
                let mut altered = file.clone();
                altered[at] ^= mask;
                assert!(read(&altered, &first).is_err(), "{length} bytes, byte {at} altered");
            }
        }
        let longer = [&file[..], b"x"].concat();
        assert!(read(&longer, &first).is_err(), "{length} bytes and one more");
    }
}

#[test]
fn a_failure_stays_one() {
    let (dir, _) = scratch();
    let (one, first) = pair(dir.path(), "first");
    let recipients = Recipients::parse(&[one]).unwrap();
    let mut file = sealed(&recipients, &text_of(200_000));
    let end = file.len();
    file[end - 70_000] ^= 1;
    let mut opened = open(&file[..], &first, &[]).unwrap();
    let mut text = Vec::new();
    assert!(opened.read_to_end(&mut text).is_err());
    assert!(text.len() < 200_000);
    for _ in 0..3 {
        assert!(opened.read(&mut [0; 10]).is_err());
    }
}

#[test]
fn recipients_that_are_none_are_named_and_private_keys_are_not_repeated() {
    let (dir, _) = scratch();
    let (one, _) = pair(dir.path(), "first");
    for bad in ["", "age1", "ssh-ed25519 AAAA", &one[..61], &one.replace("age1", "age2")] {
        let stop = Recipients::parse(&[one.clone(), bad.to_owned()]).unwrap_err();
        assert_eq!(stop.code, ExitCode::Configuration);
        assert!(stop.message.starts_with("recipient 2 "), "{}", stop.message);
        assert!(stop.message.ends_with(&format!("`{bad}`")), "{}", stop.message);
    }
    let (_, secret) = generate(utc("20261122_101112"));
    let secret = secret.reveal().lines().last().unwrap().to_owned();
    let stop = Recipients::parse(&[secret.to_lowercase(), secret.clone()]).unwrap_err();
    let told = format!("{stop:?}").to_uppercase();
    assert!(told.contains("PRIVATE KEY") && !told.contains(&secret), "{told}");
}

#[test]
fn an_identity_file_is_read_as_age_keygen_writes_it() {
    let (dir, _) = scratch();
    let (recipient, text) = generate(utc("20261122_101112"));
    let text = text.reveal().to_owned();
    assert!(text.starts_with("# created: 2026-11-22T10:11:12Z\n# public key: age1"));
    let path = dir.path().join("key");
    put(&path, format!("\n# mine\r\n{}\r\n\n", text.replace('\n', "\r\n")).as_bytes());
    let identities = identity(&path).unwrap();
    assert_eq!(identities.recipients(), [recipient]);
    assert_eq!(identities.fingerprints()[0].len(), 16);
    assert!(!format!("{identities:?}").contains(PREFIX_OF_A_KEY));
    let key = text.lines().last().unwrap();
    for (bad, why) in [
        ("", "holds no private key"),
        ("# only a comment\n", "holds no private key"),
        ("hello\n", "line 1"),
        (&format!("# one\n{}\n", &key[..key.len() - 1]), "line 2"),
        ("AGE-SECRET-KEY-PQ-AAAA\n", "not supported"),
        ("age-encryption.org/v1\n-> scrypt\n", "itself encrypted"),
        ("\u{0}\u{1}", "line 1"),
    ] {
        put(&path, bad.as_bytes());
        let stop = identity(&path).unwrap_err();
        assert_eq!(stop.code, ExitCode::Configuration);
        assert!(stop.message.contains(why), "{bad:?}: {}", stop.message);
        assert!(!format!("{stop:?}").contains(&key[20..40]), "{stop:?}");
    }
}

const PREFIX_OF_A_KEY: &str = "AGE-SECRET-KEY-";

#[test]
fn an_identity_that_is_missing_says_where_it_was_looked_for() {
    let (dir, _) = scratch();
    for (name, hint) in [("nowhere", "only takes backups"), ("~/key", "full path")] {
        let stop = identity(&dir.path().join(name)).unwrap_err();
        assert_eq!(stop.code, ExitCode::Configuration);
        assert!(stop.message.contains(VARIABLE) && stop.message.contains(name));
        assert!(stop.hints.iter().any(|h| h.contains(hint)), "{:?}", stop.hints);
    }
    assert!(identity(dir.path()).unwrap_err().message.contains("not a file"));
}

#[cfg(unix)]
#[test]
fn an_identity_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _) = scratch();
    let (_, first) = pair(dir.path(), "key");
    for (mode, ok) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        std::fs::set_permissions(first.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let read = identity(first.path());
        assert_eq!(read.is_ok(), ok, "{mode:o}");
        if let Err(stop) = read {
            assert_eq!(stop.code, ExitCode::Configuration);
            assert!(stop.hints[0].contains("chmod 600"), "{:?}", stop.hints);
        }
    }
}

#[test]
fn a_file_for_a_passphrase_says_what_to_do() {
    let (dir, _) = scratch();
    let (_, first) = pair(dir.path(), "key");
    let mut recipient = age::scrypt::Recipient::new("word".to_owned().into());
    recipient.set_work_factor(2);
    let file = age::encrypt(&recipient, b"text").unwrap();
    let stop = stop_of(read(&file, &first));
    assert!(stop.message.contains("passphrase"), "{}", stop.message);
}
