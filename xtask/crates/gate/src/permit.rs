//! The receipt that the API demands before it changes a schema: two lines, what was
//! proven and a signature. api/README.md has the format.

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

use model::hash;
use model::label::Label;
use model::secret::Secret;

/// What separates this key from any other use of the password.
const CONTEXT: &[u8] = b"streamflix gate receipt v1\0";

/// The proof that a receipt names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The backup.
    pub label: Label,
    /// SHA-256 of its file.
    pub sha256: String,
    /// When it was verified by restoring it.
    pub verified_utc: DateTime<Utc>,
}

/// What a receipt says.
#[derive(Debug, Clone)]
pub struct Permit<'a> {
    /// `migrate` or `import`.
    pub purpose: &'a str,
    /// The server's uuid, as the API reads it.
    pub server_uuid: &'a str,
    /// The schema it is good for.
    pub schema: &'a str,
    /// The schema's fingerprint, as the API reads it.
    pub fingerprint: &'a str,
    /// What may be applied: names and checksums.
    pub subject: Vec<(String, String)>,
    /// The proof; `None` where the schema holds no table.
    pub proven: Option<Proven>,
    /// Whether it was rehearsed on the restored copy.
    pub rehearsed: bool,
    /// How long it is good, in seconds.
    pub max_age_s: u64,
}

impl Permit<'_> {
    /// The receipt's text, signed with what only who may change the schema knows.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn sign(&self, password: &Secret, now: DateTime<Utc>) -> Result<String> {
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).context("ask the system for random bytes")?;
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let subject: Vec<_> = self
            .subject
            .iter()
            .map(|(name, checksum)| json!({"name": name, "checksum": checksum}))
            .collect();
        let backup = self.proven.as_ref().map(|proven| {
            json!({
                "label": proven.label,
                "sha256": proven.sha256,
                "level": "restore",
                "verified_utc": time(proven.verified_utc),
            })
        });
        let line = json!({
            "version": 1,
            "id": hash::hex(&id),
            "purpose": self.purpose,
            "server_uuid": self.server_uuid,
            "schema": self.schema,
            "fingerprint": self.fingerprint,
            "subject": subject,
            "backup": backup,
            "rehearsed": self.rehearsed,
            "issued_utc": time(now),
            "max_age_s": self.max_age_s,
        })
        .to_string();
        let key = Sha256::new().chain_update(CONTEXT).chain_update(password.reveal()).finalize();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key).context("a key of any length will do")?;
        mac.update(line.as_bytes());
        let mac = hash::hex(&mac.finalize().into_bytes());
        Ok(format!("{line}\n{mac}\n"))
    }
}

#[cfg(test)]
mod tests {
    use crate::permit::*;

    #[test]
    fn the_second_line_signs_the_first() {
        let permit = Permit {
            purpose: "migrate",
            server_uuid: "u",
            schema: "mydb",
            fingerprint: "f",
            subject: vec![("1_a".to_owned(), "c".to_owned())],
            proven: None,
            rehearsed: false,
            max_age_s: 900,
        };
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let text = permit.sign(&Secret::new("p"), now).unwrap();
        let other = permit.sign(&Secret::new("q"), now).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].len(), 64);
        assert!(!text.contains("\"p\""));
        let read: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(read["issued_utc"], "2023-11-14T22:13:20Z");
        assert_eq!(read["subject"][0]["name"], "1_a");
        assert!(read["backup"].is_null());
        assert_ne!(lines[1], other.lines().nth(1).unwrap());
    }
}
