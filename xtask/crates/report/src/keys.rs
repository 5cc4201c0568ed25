//! What `db-keys` prints.

use serde::Serialize;

use super::json::DOCUMENT_VERSION;
use super::text::tone;
use model::check::{Check, Outcome};
use model::toned::Toned;

/// A key pair that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewKeyDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// Where the private key is.
    pub file: String,
    pub recipient: String,
    pub fingerprint: String,
    /// The line for `[encryption]` in xtask.toml.
    pub policy_line: String,
    /// The line for `.env`.
    pub env_line: String,
}

/// A public key of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedKey {
    /// `age1…`
    pub recipient: String,
    pub fingerprint: String,
    /// Whether its private key is at hand.
    pub at_hand: bool,
}

/// What `db-keys check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// Whether the files in the backups folder are encrypted.
    pub local: bool,
    /// The file with private keys; `None`: none is named.
    pub identity: Option<String>,
    pub recipients: Vec<ListedKey>,
    pub checks: Vec<Check>,
}

impl KeysDocument {
    /// A document of this version.
    pub fn new(local: bool, identity: Option<String>) -> Self {
        let version = DOCUMENT_VERSION;
        Self { version, local, identity, recipients: Vec::new(), checks: Vec::new() }
    }

    /// For people.
    pub fn text(&self) -> Toned {
        let mut text = Toned::default();
        for key in &self.recipients {
            let at_hand = if key.at_hand { "  (its private key is at hand)" } else { "" };
            text.push(&format!("{}  {}{at_hand}\n", key.fingerprint, key.recipient));
        }
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &self.checks {
            let mark = match check.outcome {
                Outcome::Passed => "ok     ",
                Outcome::Failed => "FAILED ",
                Outcome::NotRun => "not run",
            };
            text.push_as(tone(check.outcome), mark);
            text.push(&format!("  {:width$}  {}\n", check.name, check.detail));
        }
        text
    }
}

impl NewKeyDocument {
    /// For people.
    pub fn text(&self) -> String {
        format!(
            "The private key is in {}, readable only by you.\n\
             \n\
             public key   {}\n\
             fingerprint  {}\n\
             \n\
             Add to xtask.toml, under [encryption]:\n\
             \x20 {}\n\
             Add to .env on each machine that reads encrypted backups (restore, verify, migrate):\n\
             \x20 {}\n\
             \n\
             Losing this file means losing every backup encrypted for it alone. It cannot be\n\
             recreated. Store it in two places, one of them off-line, and not beside the backups.\n\
             docs/keys.md explains more.\n",
            self.file, self.recipient, self.fingerprint, self.policy_line, self.env_line
        )
    }
}

/// The key that this machine signs with, and those that are trusted here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// Where the private key is.
    pub file: String,
    /// Whether it was made just now.
    pub made: bool,
    /// The public key, `ed25519:…`.
    pub key: String,
    pub fingerprint: String,
    /// The name that xtask.toml gives it; `None`: it is not named there.
    pub name: Option<String>,
    /// The line for `[trust]` in xtask.toml of the machines that are to trust this one.
    pub policy_line: String,
    /// Every signer that xtask.toml names.
    pub trusted: Vec<TrustedSigner>,
}

/// A signer that xtask.toml names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustedSigner {
    /// What people call it.
    pub name: String,
    pub key: String,
    pub fingerprint: String,
}

impl SignerDocument {
    /// For people.
    pub fn text(&self) -> String {
        let made = if self.made { "  It was just created." } else { "" };
        let mut text = format!(
            "This machine signs with the private key in {}.{made}\n\
             \n\
             public key   {}\n\
             fingerprint  {}\n\
             \n\
             Add to xtask.toml, under [trust], so that other machines trust this one:\n\
             \x20 {}\n",
            self.file, self.key, self.fingerprint, self.policy_line
        );
        if self.name.is_none() {
            text.push_str("Replace NAME with this machine's name.\n");
        }
        for signer in &self.trusted {
            let own = if signer.key == self.key { "  (this machine)" } else { "" };
            text.push_str(&format!("trusted: {}  {}{own}\n", signer.fingerprint, signer.name));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_in_columns() {
        let mut document = KeysDocument::new(true, None);
        document.recipients.push(ListedKey {
            recipient: "age1abc".to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            at_hand: true,
        });
        document.checks = vec![Check::passed("recipients", "1"), Check::not_run("key", "none")];
        assert_eq!(
            document.text(),
            "0123456789abcdef  age1abc  (its private key is at hand)\n\
             ok       recipients  1\n\
             not run  key         none\n"
        );
    }
}
