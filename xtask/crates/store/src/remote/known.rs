//! What this machine's ledger knows about a copy. Anyone who can write to a destination can forge a
//! consistent manifest and note, but the ledger is not there.

use super::RemoteCopy;
use crate::Keyring;
use crate::ledger::Ledger;
use model::copy::CopyOutcome;
use model::entry::{Entry, Event};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::trust::Trust;

impl Ledger {
    /// SHA-256 of the object that this machine sent to a destination last. Lines that are
    /// not proven are asked only where no proven one tells.
    pub fn sent(&self, wanted: &Label, to: &str) -> Option<&str> {
        let sent = |entry: &'_ Entry| match &entry.event {
            Event::Copy { label, destination, outcome: CopyOutcome::Copied, .. } => {
                label == wanted && destination == to
            }
            _ => false,
        };
        let proven = self.proven().rev().find(|it| sent(it));
        let entry = proven.or_else(|| self.entries.iter().rev().find(|it| sent(it)))?;
        match &entry.event {
            Event::Copy { sha256, .. } => Some(sha256.as_str()),
            _ => None,
        }
    }
}

/// What the ledger says against an object with this SHA-256 at a destination.
pub fn not_what_was_sent(
    ledger: &Ledger,
    label: &Label,
    to: &str,
    sha256: &str,
) -> Option<&'static str> {
    another(ledger.sent(label, to), sha256)
}

/// The same, of what is known to have been sent.
pub(super) fn another(sent: Option<&str>, sha256: &str) -> Option<&'static str> {
    let other = sent.is_some_and(|sent| sent != sha256);
    other.then_some("the ledger records that this machine sent another object")
}

/// Whether a copy may become a backup here. Gives who vouches for it.
///
/// # Errors
/// The ledger knows the backup, and the copy is of another one ([`ExitCode::Store`]).
pub fn demand_own(
    ledger: &Ledger,
    keyring: &Keyring,
    from: &str,
    copy: &RemoteCopy,
) -> Result<Trust, Stop> {
    let (Some(manifest), Some(note)) = (&copy.manifest, &copy.note) else {
        return Ok(Trust::Unsigned);
    };
    let label = &copy.label;
    // The file that comes out of the object is held against the manifest.
    let other = ledger.contradicts(manifest).or_else(|| {
        let unknown = ledger.made(label).is_empty();
        let sent = unknown.then(|| not_what_was_sent(ledger, label, from, &note.sha256));
        sent.flatten().map(str::to_owned)
    });
    if let Some(why) = other {
        let message = format!("the copy of {label} at `{from}` is not that backup: {why}");
        return Err(Stop::new(ExitCode::Store, message)
            .hint("It was replaced, or another machine used that name for its own backup.")
            .hint("Nothing was changed. `cargo xtask db-list` shows other backups."));
    }
    Ok(ledger.origin(manifest, keyring.judge(manifest.signer.as_deref())))
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
