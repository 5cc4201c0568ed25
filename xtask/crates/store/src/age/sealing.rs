//! How the files in the backups folder are encrypted, and the proof that they open.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Identities, Recipients, identity_of, open, round_trip};
use config::Settings;
use model::copy::Encryption;
use sys::fs;

/// For whom files are encrypted, and what they are tried with.
#[derive(Debug, Clone)]
pub struct Sealing {
    recipients: Recipients,
    identities: Option<Identities>,
}

impl Sealing {
    /// What the policy says of local files; `None`: they are not encrypted. Where a private
    /// key is at hand it was tried, there and back.
    ///
    /// # Errors
    /// There is no recipient, or the key at hand does not open what is encrypted for them
    /// ([`model::exit::ExitCode::Configuration`]).
    pub fn of(settings: &Settings) -> Result<Option<Self>> {
        if !settings.policy.encryption.local {
            return Ok(None);
        }
        let recipients = Recipients::of(settings)?;
        Self::new(recipients, identity_of(settings)?).map(Some)
    }

    /// Tries the key, where there is one.
    pub fn new(recipients: Recipients, identities: Option<Identities>) -> Result<Self> {
        if let Some(identities) = &identities {
            round_trip(&recipients, identities)?;
        }
        Ok(Self { recipients, identities })
    }

    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Whether a private key is at hand that opens what is written.
    pub fn is_tested(&self) -> bool {
        self.identities.is_some()
    }

    /// Decrypts the beginning of a finished file, and compares it with what was encrypted.
    pub(crate) fn prove(&self, path: &Path, front: &[u8]) -> Result<Encryption> {
        let encryption = self.recipients.encryption(self.is_tested());
        if let Some(identities) = &self.identities {
            let reader = BufReader::new(fs::open(path)?);
            let opened = open(reader, identities, &encryption.recipients)
                .context("open what was just encrypted")?;
            let mut back = Vec::new();
            opened
                .take(front.len() as u64)
                .read_to_end(&mut back)
                .context("decrypt what was just encrypted")?;
            ensure!(back == front, "decrypting what was just encrypted gave something else");
        }
        Ok(encryption)
    }
}
