//! The text of a receipt: one line of JSON, and one with its seal.

use std::{fs::File, io::Read as _, path::Path};

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use super::{Refusal, Subject};
use crate::Secret;

/// The format that this side knows.
const VERSION: u64 = 1;
const KEY_LABEL: &[u8] = b"streamflix gate receipt v1\0";
/// Far above any receipt; what is longer is something else.
const LENGTH_MAX: usize = 1 << 20;

/// A receipt whose seal was found to be right.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Receipt {
    pub id: String,
    pub purpose: String,
    pub server_uuid: String,
    pub schema: String,
    pub fingerprint: String,
    pub subject: Vec<Subject>,
    // Must be there: a receipt that says nothing is not one that says "no backup".
    #[serde(deserialize_with = "present")]
    pub backup: Option<Backup>,
    pub rehearsed: bool,
    pub issued_utc: DateTime<Utc>,
    pub max_age_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Backup {
    pub level: String,
    pub verified_utc: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Backup>, D::Error> {
    Option::deserialize(from)
}

/// Reads the text of a receipt from a file, or from standard input for `-`.
///
/// # Errors
/// When nothing was given, or it cannot be read.
pub fn read(source: Option<&str>) -> Result<String, Refusal> {
    let Some(source) = source else {
        return Err(Refusal::new("there is none; give it with --receipt PATH, or - for stdin"));
    };
    let mut bytes = vec![];
    let limit = LENGTH_MAX as u64 + 1;
    let done = match source {
        "-" => std::io::stdin().take(limit).read_to_end(&mut bytes),
        path => {
            File::open(Path::new(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
    };
    let named = if source == "-" { "standard input" } else { source };
    if let Err(error) = done {
        return Err(Refusal::new(format!("{named} cannot be read: {error}")));
    }
    if bytes.len() > LENGTH_MAX {
        return Err(Refusal::new(format!("{named} is too long for a receipt")));
    }
    String::from_utf8(bytes).map_err(|_| Refusal::new(format!("{named} is not UTF-8 text")))
}

impl Receipt {
    /// Takes a receipt apart and checks its seal against the account's `password`.
    pub(crate) fn open(text: &str, password: &Secret) -> Result<Self, Refusal> {
        let not = |why: &str| Refusal::new(format!("this is not a receipt ({why})"));
        let lines = text.strip_suffix('\n').and_then(|lines| lines.split_once('\n'));
        let Some((line, seal)) = lines else {
            return Err(not("it must be two lines, each with a line end"));
        };
        let seal = unhex(seal).ok_or_else(|| not("the second line must be 64 hex digits"))?;
        let json = |error: serde_json::Error| not(&error.to_string());
        let Version { version } = serde_json::from_str(line).map_err(json)?;
        if version > VERSION {
            return Err(Refusal::new(format!(
                "it has format {version}, newer than format {VERSION} of this program"
            )));
        }
        if version != VERSION {
            return Err(not(&format!("there is no format {version}")));
        }
        let key = Sha256::new()
            .chain_update(KEY_LABEL)
            .chain_update(password.expose().as_bytes())
            .finalize();
        let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| not(&error.to_string()))?;
        // In constant time.
        if mac.chain_update(line.as_bytes()).verify_slice(&seal).is_err() {
            return Err(Refusal::new(
                "its seal is wrong: it was altered, or issued with another password \
                 than that of the account in use",
            ));
        }
        let receipt: Self = serde_json::from_str(line).map_err(json)?;
        if receipt.id.len() != 32 || !receipt.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(not("its id must be 32 hex digits"));
        }
        Ok(receipt)
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::Receipt;
    use crate::Secret;

    // Computed with another program:
    // key=$(printf 'streamflix gate receipt v1\0s3cret' | sha256sum | cut -d' ' -f1)
    // printf '%s' "$line" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key
    const LINE: &str = r#"{"version":1,"id":"00112233445566778899aabbccddeeff","purpose":"migrate","server_uuid":"u","schema":"mydb","fingerprint":"f","subject":[{"name":"1_a","checksum":"c"}],"backup":null,"rehearsed":false,"issued_utc":"2026-11-22T10:11:20Z","max_age_s":900}"#;
    const SEAL: &str = "266cee08a7e205b1f15c56a3866c75cd92f542e814cc6f77b02d15d7632f8701";

    fn open(text: &str) -> Result<Receipt, String> {
        Receipt::open(text, &Secret::new("s3cret")).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_sealed_receipt_opens_with_the_password_only() {
        let text = format!("{LINE}\n{SEAL}\n");
        let receipt = open(&text).unwrap();
        assert_eq!((receipt.schema.as_str(), receipt.max_age_s), ("mydb", 900));
        let other = Receipt::open(&text, &Secret::new("s3cre")).unwrap_err().to_string();
        assert!(other.starts_with("receipt refused: its seal is wrong"), "{other}");
        let altered = open(&text.replace("900", "901")).unwrap_err();
        assert!(altered.contains("its seal is wrong"), "{altered}");
    }

    #[test]
    fn what_is_no_receipt_is_told() {
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
            assert!(refusal.starts_with("receipt refused: ") && refusal.contains(why), "{refusal}");
        }
    }
}
