//! Whether a proof still holds: the ledger and the server's log say that nothing was written
//! since, so that the backup need not be taken again.

use anyhow::Result;

use super::ProvenCopy;
use super::known::{self, Proven};
use crate::ctx::Ctx;
use crate::staging::{self, Staged};
use crate::unchanged;
use model::check;
use plan::reuse::{self, Reusable};
use plan::timeline::Timeline;
use server::{Session, facts, inventory};
use store::{Store, check as file_check};
use sys::clock;

/// A backup that is proven and holds what the live schema holds.
#[derive(Debug)]
pub struct Still {
    proven: Proven,
    known: Reusable,
}

impl Still {
    /// The proof.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// The GTIDs of what earlier runs did on the server since the backup: a set each.
    pub fn earlier(&self) -> &[String] {
        &self.known.own
    }

    /// The schema with the restored copy, where that was kept.
    pub fn kept(&self) -> Option<&str> {
        self.known.kept.as_deref()
    }

    /// The copy that a drill made and compared, where it was kept. That nothing wrote to the
    /// server since means that nothing wrote to the copy either.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub fn copy(&self, session: &mut Session) -> Result<Option<ProvenCopy>> {
        let Some(schema) = self.kept() else { return Ok(None) };
        let manifest = self.proven.manifest();
        let flavour = facts::read(session)?.flavour;
        let inventory = inventory::read(session, schema)?;
        let rows = manifest.tables.iter().map(|table| (table.name.clone(), table.rows));
        let staged = Staged {
            schema: schema.to_owned(),
            events: staging::events_of(&inventory),
            inventory,
            checks: self.known.checks.clone(),
            rows: manifest.rows,
            table_rows: rows.collect(),
            sha256: manifest.sha256.clone(),
            duration_ms: 0,
            flavour,
        };
        Ok(Some(ProvenCopy { proven: self.proven.clone(), staged }))
    }
}

/// The newest backup that was proven by restoring it, if the server's log proves that nothing
/// was committed since but by this tool's own drills.
///
/// # Errors
/// The ledger is damaged, or the server cannot be asked.
pub fn still(ctx: &Ctx, store: &Store, session: &mut Session) -> Result<Option<Still>> {
    let ledger = store.read()?;
    let now = clock::now();
    let entries = Timeline::of(&ledger.entries, now).earliest(ledger.entries.clone());
    let Some(mut known) = reuse::newest(&entries, now) else { return Ok(None) };
    let Some(proven) = known::find(store, &known.label)? else { return Ok(None) };
    let manifest = proven.manifest();
    let own: Vec<&str> = known.own.iter().map(String::as_str).collect();
    if manifest.schema != ctx.settings.schema || !unchanged::by_gtids(session, manifest, &own)? {
        return Ok(None);
    }
    // The proof was about this very file.
    let source = store.source_of(&known.label)?;
    if !check::all_passed(&file_check::check_file(&source)?.checks) {
        return Ok(None);
    }
    if let Some(schema) = &known.kept
        && !inventory::schema_exists(session, schema)?
    {
        known.kept = None;
    }
    Ok(Some(Still { proven, known }))
}
