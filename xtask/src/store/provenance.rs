//! Whether it is known who made a file. What of unknown origin holds may not act by itself
//! after a restore: its events stay disabled, and its programs are listed.

use anyhow::Result;

use super::{Source, Store};

/// What is known of where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The ledger of this folder says that this machine made exactly this file.
    MadeHere,
    /// Nothing says who made it.
    Unknown,
}

impl Provenance {
    /// Whether what the file holds may act as soon as it is live.
    pub fn is_proven(self) -> bool {
        self == Self::MadeHere
    }
}

impl Store {
    /// The one place that decides it. `sha256` is the hash of the bytes that were read;
    /// before they are, that of the manifest stands for it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn provenance(&self, source: &Source, sha256: Option<&str>) -> Result<Provenance> {
        let Some(manifest) = &source.manifest else { return Ok(Provenance::Unknown) };
        let ledger = self.read()?;
        let made = ledger.made(&manifest.label);
        let known = made == Some(sha256.unwrap_or(&manifest.sha256));
        Ok(if known { Provenance::MadeHere } else { Provenance::Unknown })
    }
}
