//! `[trust]` in `xtask.toml`: whose signatures are trusted besides this machine's own.

use serde::Deserialize;

/// The prefix of every public key.
pub const ALGORITHM: &str = "ed25519:";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustPolicy {
    /// Each a name and a public key: `ci ed25519:<64 hex digits>`.
    pub signers: Vec<String>,
}

/// A signer that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSigner {
    /// The name used in messages.
    pub name: String,
    /// Its public key, `ed25519:…`.
    pub key: String,
}

impl TrustPolicy {
    /// The signers. Invalid lines are skipped; [`Self::demand_sound`] refuses them.
    pub fn named(&self) -> Vec<NamedSigner> {
        self.signers.iter().filter_map(|line| read(line).ok()).collect()
    }

    /// Demands that each line is a name and a key, and that no name or key appears twice.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn demand_sound(&self) -> Result<(), String> {
        let mut known: Vec<NamedSigner> = Vec::new();
        for line in &self.signers {
            let signer = read(line)?;
            if known.iter().any(|other| other.name == signer.name || other.key == signer.key) {
                return Err(format!("trust.signers names `{}` or its key twice", signer.name));
            }
            known.push(signer);
        }
        Ok(())
    }
}

fn read(line: &str) -> Result<NamedSigner, String> {
    let wrong = || {
        format!(
            "trust.signers contains `{line}`, which is not `name {ALGORITHM}` and 64 hex \
        digits"
        )
    };
    let (name, key) = line.trim().split_once(' ').ok_or_else(wrong)?;
    let key = key.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    let digits = key.strip_prefix(ALGORITHM).ok_or_else(wrong)?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if name.len() > 32 || !name.chars().all(plain) || digits.len() != 64 || !digits.bytes().all(hex)
    {
        return Err(wrong());
    }
    Ok(NamedSigner { name: name.to_owned(), key: key.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_key() {
        let key = format!("ed25519:{}", "0a".repeat(32));
        let policy = |lines: &[String]| TrustPolicy { signers: lines.to_vec() };
        let good = policy(&[format!("ci {key}")]);
        assert!(good.demand_sound().is_ok());
        assert_eq!(good.named(), [NamedSigner { name: "ci".to_owned(), key: key.clone() }]);
        let other = format!("ed25519:{}", "0b".repeat(32));
        for bad in [
            key.clone(),
            format!(" {key}"),
            format!("ci {}", key.to_uppercase()),
            format!("ci {key}0"),
            format!("ci {}", key.trim_start_matches("ed25519:")),
            format!("c\u{1b}i {key}"),
        ] {
            assert!(policy(std::slice::from_ref(&bad)).demand_sound().is_err(), "{bad}");
        }
        for (first, second) in [("ci", "ci"), ("ci", "laptop")] {
            let same_key = second != "ci";
            let second = format!("{second} {}", if same_key { &key } else { &other });
            assert!(policy(&[format!("{first} {key}"), second]).demand_sound().is_err());
        }
    }
}
