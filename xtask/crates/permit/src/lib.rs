//! The permit that the API demands before it changes a schema. The tool that proved a
//! backup and rehearsed the change signs it; the API checks it.
//!
//! Its text is two lines: one of JSON, and a seal of 64 hex digits, which is HMAC-SHA256
//! over the first line. Whoever knows the password of the account that makes the change
//! can seal one, and nobody else.

use anyhow::{Context as _, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The format that is written, and the newest that is read.
const VERSION: u64 = 1;
/// What separates this key from any other use of the password. It is a part of the format.
const KEY_LABEL: &[u8] = b"streamflix gate receipt v1\0";
/// How a backup was proven by restoring it.
pub const RESTORED: &str = "restore";

/// What a permit says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// 32 random hex digits: a permit is used once.
    pub id: String,
    /// `migrate` or `import`.
    pub purpose: String,
    /// The server that it is good for, as the API reads its uuid.
    pub server_uuid: String,
    /// The schema that it is good for.
    pub schema: String,
    /// The schema's fingerprint, as the API reads it.
    pub fingerprint: String,
    /// What may be applied.
    pub subject: Vec<Subject>,
    /// The proven backup; `None` where the schema holds no table. It must be there: text
    /// that says nothing about a backup does not say that there is none.
    #[serde(deserialize_with = "present")]
    pub backup: Option<Backup>,
    /// Whether the change was rehearsed on the restored copy.
    pub rehearsed: bool,
    /// When it was signed.
    #[serde(serialize_with = "seconds")]
    pub issued_utc: DateTime<Utc>,
    /// How long it is good after that, in seconds.
    pub max_age_s: u64,
}

/// A migration or a file, and its checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `<version>_<name>` of a migration, or a file name without folders.
    pub name: String,
    /// SHA-384 of the migration, or SHA-256 of the file, in hex.
    pub checksum: String,
    /// Where each statement of the migration begins and ends in its text, in bytes, as it was
    /// rehearsed. Without any, the text runs as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<(usize, usize)>,
}

impl Subject {
    /// A file, or a migration that runs as one text.
    pub fn whole(name: impl Into<String>, checksum: impl Into<String>) -> Self {
        Self { name: name.into(), checksum: checksum.into(), statements: Vec::new() }
    }

    /// The statements of the migration's text; `None`: they do not fit the text.
    pub fn cut<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        if self.statements.is_empty() {
            return Some(vec![text]);
        }
        let mut before = 0;
        let piece = |&(from, end): &(usize, usize)| {
            let in_order = before <= from && from < end;
            before = end;
            in_order.then(|| text.get(from..end)).flatten()
        };
        self.statements.iter().map(piece).collect()
    }
}

/// The backup that a permit relies on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its label.
    #[serde(default)]
    pub label: String,
    /// SHA-256 of its file.
    #[serde(default)]
    pub sha256: String,
    /// How it was verified: [`RESTORED`] is the only level that proves it.
    pub level: String,
    /// When it was verified.
    #[serde(serialize_with = "seconds")]
    pub verified_utc: DateTime<Utc>,
}

/// Why text is not a permit that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

fn not(why: impl std::fmt::Display) -> Unusable {
    Unusable(format!("this is not a permit ({why})"))
}

#[derive(Serialize)]
struct Line<'a> {
    version: u64,
    #[serde(flatten)]
    permit: &'a Permit,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Backup>, D::Error> {
    Option::deserialize(from)
}

fn seconds<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// An id that no other permit has.
///
/// # Errors
/// The system has no random bytes.
pub fn new_id() -> Result<String> {
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id)
        .map_err(|error| anyhow::anyhow!("ask the system for random bytes: {error}"))?;
    Ok(hex(&id))
}

impl Permit {
    /// The permit's text, sealed with the password of the account that makes the change.
    ///
    /// # Errors
    /// Never in practice: every field is text.
    pub fn sign(&self, password: &str) -> Result<String> {
        let line = serde_json::to_string(&Line { version: VERSION, permit: self })
            .context("write the permit")?;
        let seal = seal(&line, password)?.finalize().into_bytes();
        Ok(format!("{line}\n{}\n", hex(&seal)))
    }

    /// Takes a permit's text apart and checks its seal.
    ///
    /// # Errors
    /// The text is not a permit, or its seal is wrong.
    pub fn open(text: &str, password: &str) -> Result<Self, Unusable> {
        let lines = text.strip_suffix('\n').and_then(|lines| lines.split_once('\n'));
        let Some((line, given)) = lines else {
            return Err(not("it must be two lines, each with a line end"));
        };
        let given = unhex(given).ok_or_else(|| not("the second line must be 64 hex digits"))?;
        let Version { version } = serde_json::from_str(line).map_err(not)?;
        if version > VERSION {
            return Err(Unusable(format!(
                "it has format {version}, newer than format {VERSION} of this program"
            )));
        }
        if version != VERSION {
            return Err(not(format!("there is no format {version}")));
        }
        // In constant time.
        if seal(line, password).map_err(not)?.verify_slice(&given).is_err() {
            return Err(Unusable(
                "its seal is wrong: it was altered, or signed with another password \
                 than that of the account in use"
                    .to_owned(),
            ));
        }
        let permit: Self = serde_json::from_str(line).map_err(not)?;
        if permit.id.len() != 32 || !permit.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(not("its id must be 32 hex digits"));
        }
        Ok(permit)
    }
}

fn seal(line: &str, password: &str) -> Result<Hmac<Sha256>> {
    let key = Sha256::new().chain_update(KEY_LABEL).chain_update(password).finalize();
    let mac = Hmac::<Sha256>::new_from_slice(&key).context("a key of any length will do")?;
    Ok(mac.chain_update(line.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The seals were computed with another program:
    // key=$(printf 'streamflix gate receipt v1\0s3cret' | sha256sum | cut -d' ' -f1)
    // printf '%s' "$line" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key
    const LINE: &str = r#"{"version":1,"id":"00112233445566778899aabbccddeeff","purpose":"migrate","server_uuid":"u","schema":"mydb","fingerprint":"f","subject":[{"name":"1_a","checksum":"c"}],"backup":null,"rehearsed":false,"issued_utc":"2026-11-22T10:11:20Z","max_age_s":900}"#;
    const SEAL: &str = "266cee08a7e205b1f15c56a3866c75cd92f542e814cc6f77b02d15d7632f8701";
    const PROVEN: &str = r#"{"version":1,"id":"00112233445566778899aabbccddeeff","purpose":"migrate","server_uuid":"u","schema":"mydb","fingerprint":"f","subject":[{"name":"1_a","checksum":"c"}],"backup":{"label":"mydb_backup_20261122_101112","sha256":"ab","level":"restore","verified_utc":"2026-11-22T10:11:15Z"},"rehearsed":true,"issued_utc":"2026-11-22T10:11:20Z","max_age_s":900}"#;
    const PROVEN_SEAL: &str = "1ab6956fcb1848c26998e44e907af26fbdf602425ec2512cd2e7d109fa671c35";

    fn permit() -> Permit {
        Permit {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            purpose: "migrate".to_owned(),
            server_uuid: "u".to_owned(),
            schema: "mydb".to_owned(),
            fingerprint: "f".to_owned(),
            subject: vec![Subject::whole("1_a", "c")],
            backup: None,
            rehearsed: false,
            issued_utc: "2026-11-22T10:11:20Z".parse().unwrap(),
            max_age_s: 900,
        }
    }

    fn proven() -> Permit {
        let backup = Backup {
            label: "mydb_backup_20261122_101112".to_owned(),
            sha256: "ab".to_owned(),
            level: RESTORED.to_owned(),
            verified_utc: "2026-11-22T10:11:15Z".parse().unwrap(),
        };
        Permit { backup: Some(backup), rehearsed: true, ..permit() }
    }

    fn open(text: &str) -> Result<Permit, String> {
        Permit::open(text, "s3cret").map_err(|unusable| unusable.to_string())
    }

    #[test]
    fn the_text_is_the_golden_one_in_both_directions() {
        for (permit, line, seal) in [(permit(), LINE, SEAL), (proven(), PROVEN, PROVEN_SEAL)] {
            let text = format!("{line}\n{seal}\n");
            assert_eq!(permit.sign("s3cret").unwrap(), text);
            assert_eq!(open(&text).unwrap(), permit);
        }
    }

    #[test]
    fn only_whole_seconds_are_written() {
        let mut permit = permit();
        permit.issued_utc += chrono::TimeDelta::milliseconds(250);
        assert!(permit.sign("s3cret").unwrap().starts_with(LINE));
    }

    #[test]
    fn it_opens_with_the_password_only_and_as_it_was_signed() {
        let text = permit().sign("s3cret").unwrap();
        let other = Permit::open(&text, "s3cre").unwrap_err().to_string();
        assert!(other.starts_with("its seal is wrong"), "{other}");
        let altered = open(&text.replace("900", "901")).unwrap_err();
        assert!(altered.starts_with("its seal is wrong"), "{altered}");
        assert!(!text.contains("s3cret"));
    }

    #[test]
    fn a_migration_is_cut_where_the_permit_says() {
        let cut = |statements: &[(usize, usize)], text: &'static str| {
            Subject { statements: statements.to_vec(), ..Subject::whole("1_a", "c") }.cut(text)
        };
        let text = "-- why\nDROP TABLE a;\nSELECT ';' ;; -- end";
        assert_eq!(cut(&[], text), Some(vec![text]));
        let whole = Some(vec!["-- why\nDROP TABLE a", "SELECT ';'"]);
        assert_eq!(cut(&[(0, 19), (21, 31)], text), whole);
        for wrong in [&[(0, 19), (5, 9)][..], &[(0, 99)], &[(3, 3)], &[(5, 3)]] {
            assert_eq!(cut(wrong, text), None, "{wrong:?}");
        }
        assert_eq!(cut(&[(0, 1)], "é"), None);
        // It is signed with the rest, and left out where there is nothing to say.
        let mut long = permit();
        long.subject[0].statements = vec![(0, 19), (21, 31)];
        let signed = long.sign("s3cret").unwrap();
        assert!(signed.contains(r#""checksum":"c","statements":[[0,19],[21,31]]}"#), "{signed}");
        assert_eq!(open(&signed).unwrap(), long);
    }

    #[test]
    fn ids_are_new_each_time() {
        let (one, other) = (new_id().unwrap(), new_id().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn it_must_say_whether_there_is_a_backup() {
        let line = LINE.replace(r#""backup":null,"#, "");
        let mac = seal(&line, "s3cret").unwrap().finalize().into_bytes();
        let refusal = open(&format!("{line}\n{}\n", hex(&mac))).unwrap_err();
        assert!(refusal.contains("missing field `backup`"), "{refusal}");
    }

    #[test]
    fn what_is_not_a_permit_is_refused_with_the_reason() {
        for (text, why) in [
            (String::new(), "two lines"),
            (format!("{LINE}\n{SEAL}"), "two lines"),
            (format!("{LINE}\n"), "two lines"),
            (format!("{LINE}\n{SEAL}\n\n"), "64 hex digits"),
            (format!("{LINE}\n{SEAL}ab\n"), "64 hex digits"),
            (format!("{LINE}\r\n{SEAL}\r\n"), "64 hex digits"),
            (format!("no json\n{SEAL}\n"), "expected"),
            (format!("{{\"version\":2}}\n{SEAL}\n"), "newer than format 1"),
            (format!("{{\"version\":0}}\n{SEAL}\n"), "there is no format 0"),
        ] {
            let refusal = open(&text).unwrap_err();
            assert!(refusal.contains(why), "{refusal}");
        }
    }
}
