//! Whether it is proven who made a file. What of unknown origin holds may not act by itself
//! after a restore: its events stay disabled, and its programs are listed.

use anyhow::Result;

use super::{Source, Store};

/// What is known of where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// A trusted signature covers exactly these bytes: that of the manifest, or that of the
    /// line of the ledger which says that they were made here.
    Proven,
    /// Nothing proves who made it.
    Unknown,
}

impl Provenance {
    /// Whether what the file holds may act as soon as it is live.
    pub fn is_proven(self) -> bool {
        self == Self::Proven
    }
}

impl Store {
    /// The one place that decides it. `sha256` is the hash of the bytes read or, before reading,
    /// the manifest's.
    pub fn provenance(&self, source: &Source, sha256: Option<&str>) -> Result<Provenance> {
        let Some(manifest) = &source.manifest else { return Ok(Provenance::Unknown) };
        let same = sha256.is_none_or(|read| read == manifest.sha256);
        let unsaid = self.read()?.contradicts(manifest).is_none();
        let proven = same && unsaid && source.trust.is_proven();
        Ok(if proven { Provenance::Proven } else { Provenance::Unknown })
    }
}
