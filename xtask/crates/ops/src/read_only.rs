//! A backups folder that cannot be written: a snapshot, a mounted copy, a share. What lies in
//! it is verified and restored from all the same; what such a run writes goes to
//! `.local/backups`.

use anyhow::Result;

use crate::ctx::Ctx;
use model::exit::{ExitCode, Stop};

/// The run with a folder of its own, and the path of the backup that `text` names in the one
/// that cannot be written; `None` where it can.
///
/// # Errors
/// There is no such backup, or a run that wrote to the folder left a restore unfinished (40).
pub(crate) fn aside(ctx: &Ctx, text: &str) -> Result<Option<(Ctx, String)>> {
    let store = ctx.store()?;
    if !store.is_read_only()? {
        return Ok(None);
    }
    let (there, here) = (&ctx.settings.backups, ctx.settings.local.join("backups"));
    if store.read_journal()?.is_some() {
        let message = format!(
            "{} is read-only, and a restore is recorded there that did not finish",
            there.display()
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint("Make the folder writable, and run this again: the restore is finished first.")
            .into());
    }
    let source = store.resolve_in(text, &ctx.settings.schema)?;
    for note in &source.notes {
        ctx.ui.warn(note);
    }
    ctx.ui.warn(format!(
        "{} is read-only: what this run writes (safety backup, ledger) goes to {}",
        there.display(),
        here.display()
    ));
    let path = source.path.display().to_string();
    Ok(Some((ctx.with(|settings| settings.backups = here), path)))
}
