//! Room on the disk, asked for before a dump fills it.

use std::path::Path;

use anyhow::{Context, Result};

use model::exit::{ExitCode, Stop};

/// Left free whatever the size of the backup: manifests, the ledger, other programs.
const RESERVE: u64 = 64 << 20;

/// Bytes that this user can still write on the disk with that folder.
pub fn free_bytes(dir: &Path) -> Result<u64> {
    fs4::available_space(dir)
        .with_context(|| format!("ask for the free space at {}", dir.display()))
}

/// Demands room for so many bytes, plus 10 % because they are an estimate, plus 64 MiB.
///
/// # Errors
/// There is less room, or the disk cannot be asked ([`ExitCode::Store`]).
pub fn require(dir: &Path, estimate_bytes: u64) -> Result<(), Stop> {
    let free = free_bytes(dir).map_err(|error| Stop::new(ExitCode::Store, format!("{error:#}")))?;
    demand(dir, estimate_bytes, free)
}

fn demand(dir: &Path, estimate: u64, free: u64) -> Result<(), Stop> {
    let needed = estimate.saturating_add(estimate / 10).saturating_add(RESERVE);
    if free >= needed {
        return Ok(());
    }
    // Rounded away from each other, so that the numbers never look equal.
    let message = format!(
        "{} has {} MiB free, but {} MiB are needed",
        dir.display(),
        free >> 20,
        needed.div_ceil(1 << 20)
    );
    Err(Stop::new(ExitCode::Store, message)
        .hint("Free some space there, or use a folder on another disk."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_counts() {
        let dir = Path::new("backups");
        let needed = 1_100_000_000 + RESERVE;
        assert!(demand(dir, 1_000_000_000, needed).is_ok());
        let stop = demand(dir, 1_000_000_000, needed - 1).unwrap_err();
        assert_eq!(stop.code, ExitCode::Store);
        assert_eq!(stop.message, "backups has 1113 MiB free, but 1114 MiB are needed");
        assert!(demand(dir, u64::MAX, u64::MAX).is_ok());
    }

    #[test]
    fn a_disk_can_be_asked() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
        assert!(require(&dir.path().join("missing"), 0).is_err());
    }
}
