//! Named places where a test can end the process: proof that a crash there does
//! no harm.
//!
//! Always compiled in, so that what is tested is what runs. Without `XTASK_FAULT`
//! a point does nothing. `XTASK_FAULT=kill:backup.renamed` ends the process at that
//! point as a crash would (no destructor runs, nothing is flushed);
//! `XTASK_FAULT=stop:backup.renamed` makes the step fail instead, and
//! `XTASK_FAULT=hold:gate.locked` waits there until the file that
//! `XTASK_FAULT_FILE` names is gone; it says that it is there with a file of that name
//! and the extension `reached`.

use anyhow::{Result, bail};

/// The variable that names the fault.
pub const VARIABLE: &str = "XTASK_FAULT";

/// Every point there is, in the order in which a run passes them. Tests go
/// through this list, so a new point is tested as soon as it is in here.
pub const POINTS: &[&str] = &[
    "backup.created",
    "snapshot.locked",
    "backup.written",
    "backup.synced",
    "backup.marked",
    "backup.renamed",
    "backup.manifest_written",
    "backup.committed",
    "restore.saved",
    "staging.created",
    "load.rows",
    "load.keys",
    "staging.loaded",
    "staging.compared",
    "swap.journal",
    "swap.prepared",
    "swap.renamed",
    "swap.finished",
    "gate.proved",
    "gate.rehearsed",
    "gate.caught_up",
    "gate.followed",
    "gate.remembered",
    "gate.locked",
    "gate.announced",
    "gate.applied",
    "tables.journal",
    "tables.triggers_dropped",
    "tables.committed",
    "restore.swapped",
    "restore.recorded",
    "restore.enabled",
    "copy.sent",
    "copy.noted",
    "copy.committed",
    "fetch.written",
    "fetch.renamed",
    "prune.schema_dropped",
    "prune.copy_deleted",
    "prune.marked",
    "prune.manifest_removed",
    "prune.recorded",
    "prune.data_removed",
    "prune.done",
    "ledger.torn_kept",
    "ledger.written",
    "ledger.headed",
];

/// Fails or ends the process here when `XTASK_FAULT` says so.
pub fn point(name: &str) -> Result<()> {
    debug_assert!(POINTS.contains(&name), "the fault point {name} is not in the list");
    let Some(fault) = wanted() else { return Ok(()) };
    match fault.split_once(':') {
        // Abort runs no destructor and flushes nothing, like SIGKILL.
        Some(("kill", at)) if at == name => std::process::abort(),
        Some(("stop", at)) if at == name => bail!("stopped at the fault point {name}"),
        Some(("hold", at)) if at == name => hold(),
        _ => Ok(()),
    }
}

/// Waits until the file is gone, for as long as any test may take.
fn hold() -> Result<()> {
    let file = super::env::var_os("XTASK_FAULT_FILE").map(std::path::PathBuf::from);
    let Some(file) = file else { bail!("XTASK_FAULT_FILE is not set") };
    // A test that waits for this file knows that everything before the point is done.
    super::fs::write_durably(&file.with_extension("reached"), b"")?;
    let gone = super::clock::poll(std::time::Duration::from_secs(120), || {
        super::fs::exists(&file).map(|there| (!there).then_some(()))
    })?;
    anyhow::ensure!(gone.is_some(), "{} was not removed", file.display());
    Ok(())
}

fn wanted() -> Option<String> {
    armed::get().or_else(|| super::env::var(VARIABLE))
}

pub use armed::arm;

mod armed {
    use std::cell::RefCell;

    thread_local! {
        static FAULT: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    pub(super) fn get() -> Option<String> {
        FAULT.with_borrow(Clone::clone)
    }

    /// Sets the fault for this thread until the guard is dropped: tests share one
    /// process, and its environment cannot be changed safely.
    pub fn arm(fault: impl Into<String>) -> Armed {
        FAULT.set(Some(fault.into()));
        Armed
    }

    /// Takes the fault away again.
    #[derive(Debug)]
    pub struct Armed;

    impl Drop for Armed {
        fn drop(&mut self) {
            FAULT.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_point_stops() {
        assert!(point("backup.created").is_ok());
        let armed = arm("stop:backup.renamed");
        assert!(point("backup.created").is_ok());
        assert!(point("backup.renamed").is_err());
        drop(armed);
        assert!(point("backup.renamed").is_ok());
    }
}
