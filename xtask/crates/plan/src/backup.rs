//! What a backup will do.

use std::fmt;
use std::path::PathBuf;

use crate::dump_client::DumpClient;
use model::entry::Level;
use model::inventory::{Inventory, ObjectKind};
use model::manifest::{Compression, Manifest};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mover {
    /// This program itself, over the protocol.
    Native { threads: usize },
    /// The server's own dump program.
    Mysqldump(DumpClient),
}

impl Mover {
    /// The word in the manifest.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Native { .. } => "native",
            Self::Mysqldump(_) => "mysqldump",
        }
    }
}

impl fmt::Display for Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native { threads: 1 } => f.write_str("native, 1 connection"),
            Self::Native { threads } => write!(f, "native, {threads} connections"),
            Self::Mysqldump(client) => client.fmt(f),
        }
    }
}

/// Below this much data one connection is as fast as several, and needs no lock.
const SMALL: u64 = 16 << 20;

/// What the other tools of this kind take. On two cores, shared with the server, four
/// were faster than two: while one waits for the network another has rows.
const SEVERAL: usize = 4;

/// How many connections read: as asked, or by the data.
pub fn threads(asked: usize, bytes_estimate: u64) -> usize {
    match asked {
        0 if bytes_estimate < SMALL => 1,
        0 => SEVERAL,
        asked => asked.min(64),
    }
}

/// The plan of one backup.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    /// The server, as it was found.
    pub server: String,
    pub schema: String,
    pub folder: PathBuf,
    pub mover: Mover,
    /// How the file is compressed.
    pub compression: Compression,
    /// Fingerprints of those it is encrypted for; empty: it is not encrypted.
    pub encrypted_for: Vec<String>,
    /// "19 tables, 2 views, …"
    pub contents: String,
    /// The server's estimate of the data, in bytes.
    pub bytes_estimate: u64,
    /// Tables without transactions; when there are any, all tables are locked
    /// against writes while they are read.
    pub non_transactional: Vec<String>,
    /// Views that cannot be read and so are left out.
    pub broken_views: Vec<String>,
}

impl BackupPlan {
    /// Free space that the backup may need. The server's data length is in pages;
    /// as text with hex blobs it can double.
    pub fn bytes_needed(&self) -> u64 {
        let text = self.bytes_estimate.saturating_mul(2);
        match self.compression {
            Compression::None => text,
            Compression::Zstd => text / 2,
        }
    }
}

impl fmt::Display for BackupPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Back up `{}` on {}:", self.schema, self.server)?;
        writeln!(f, "  contents     {}, about {} MiB", self.contents, self.bytes_estimate >> 20)?;
        writeln!(f, "  engine       {}", self.mover)?;
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Zstd => "zstd",
        };
        writeln!(f, "  compression  {compression}")?;
        if !self.encrypted_for.is_empty() {
            writeln!(f, "  encrypted    for {}", self.encrypted_for.join(", "))?;
        }
        if !self.non_transactional.is_empty() {
            let tables = self.non_transactional.join(", ");
            writeln!(f, "  locks        all tables, because these have no transactions: {tables}")?;
        }
        if !self.broken_views.is_empty() {
            writeln!(f, "  left out     broken views: {}", self.broken_views.join(", "))?;
        }
        write!(f, "  folder       {}", self.folder.display())
    }
}

/// The compression for what was asked and what the server estimates.
pub fn compression(asked: Option<bool>, bytes_estimate: u64, above_mib: u64) -> Compression {
    let wanted = asked.unwrap_or(bytes_estimate > above_mib << 20);
    if wanted { Compression::Zstd } else { Compression::None }
}

/// "19 tables, 2 views, …": kinds without objects are left out.
pub fn contents(inventory: &Inventory) -> String {
    let parts: Vec<String> = ObjectKind::ALL
        .iter()
        .map(|kind| (*kind, inventory.count(*kind)))
        .filter(|(_, n)| *n > 0)
        .map(|(kind, n)| kind.count(n))
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// The command that takes the next backup after one that failed at `level`. What a dump program
/// wrote and does not restore, it would write again; the native engine reads the server itself.
pub fn another(failed: Option<&Manifest>, level: Level) -> &'static str {
    let by_program = failed.is_some_and(|manifest| manifest.engine != "native");
    if by_program && level == Level::Restore {
        "cargo xtask db-backup --engine native"
    } else {
        "cargo xtask db-backup"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dump_program_writes_wrong_it_would_write_again() {
        let native = crate::testing::manifest();
        let program = Manifest { engine: "mysqldump".to_owned(), ..native.clone() };
        for (manifest, level, native) in [
            (Some(&program), Level::Restore, true),
            // The file itself is damaged.
            (Some(&program), Level::File, false),
            (Some(&native), Level::Restore, false),
            (None, Level::Restore, false),
        ] {
            assert_eq!(another(manifest, level).ends_with("--engine native"), native, "{level:?}");
        }
    }
}
