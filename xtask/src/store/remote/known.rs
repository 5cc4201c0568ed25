//! What this machine's own ledger knows of a copy. Whoever can write to a destination can
//! write a manifest and a note that agree with each other; the ledger is not there.

use super::RemoteCopy;
use crate::model::copy::CopyOutcome;
use crate::model::exit::{ExitCode, Stop};
use crate::model::label::Label;
use crate::model::receipt::Event;
use crate::store::ledger::Ledger;

impl Ledger {
    /// SHA-256 of the object that this machine sent to a destination last.
    pub fn sent(&self, wanted: &Label, to: &str) -> Option<&str> {
        self.receipts.iter().rev().find_map(|receipt| match &receipt.event {
            Event::Copy { label, destination, outcome: CopyOutcome::Copied, sha256, .. }
                if label == wanted && destination == to =>
            {
                Some(sha256.as_str())
            }
            _ => None,
        })
    }

    /// SHA-256 of the file of a backup that this machine made.
    pub fn made(&self, wanted: &Label) -> Option<&str> {
        self.receipts.iter().rev().find_map(|receipt| match &receipt.event {
            Event::Backup { label, sha256, .. } if label == wanted => Some(sha256.as_str()),
            _ => None,
        })
    }

    /// Whether this machine made a backup, or sent it anywhere: that it was read here
    /// does not say where it came from.
    fn knows_origin(&self, wanted: &Label) -> bool {
        self.receipts.iter().any(|receipt| match &receipt.event {
            Event::Backup { label, .. }
            | Event::Copy { label, outcome: CopyOutcome::Copied, .. } => label == wanted,
            _ => false,
        })
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
    other.then_some("the ledger here says that another object was sent from this machine")
}

/// Whether a copy may become a backup here. Gives what a person should know of it.
///
/// # Errors
/// The ledger knows the backup, and the copy is of another one ([`ExitCode::Store`]).
pub fn demand_own(ledger: &Ledger, from: &str, copy: &RemoteCopy) -> Result<Option<String>, Stop> {
    let (Some(manifest), Some(note)) = (&copy.manifest, &copy.note) else { return Ok(None) };
    let label = &copy.label;
    let other = match ledger.made(label) {
        // The file that comes out of the object is held against this one.
        Some(made) if made == manifest.sha256 => None,
        Some(_) => Some("the ledger here says that the backup of that name has another SHA-256"),
        None => not_what_was_sent(ledger, label, from, &note.sha256),
    };
    if let Some(why) = other {
        let message = format!("the copy of {label} at `{from}` is not that backup: {why}");
        return Err(Stop::new(ExitCode::Store, message)
            .hint("Somebody replaced it, or another machine gave that name to its own backup.")
            .hint("Nothing was changed. `cargo xtask db-list` shows other backups."));
    }
    let unknown = format!("the origin of {label} is not known here: no receipt tells of it");
    Ok((!ledger.knows_origin(label)).then_some(unknown))
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
