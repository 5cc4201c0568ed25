//! A backups folder that cannot be written: a snapshot, a mounted copy, a share. What lies in
//! it is verified and restored from all the same; what such a run writes goes to
//! `.local/backups`.

use std::path::PathBuf;

use anyhow::Result;

use crate::ctx::Ctx;
use config::Settings;
use model::exit::{ExitCode, Stop};
use store::Store;

fn is_unfinished(store: &Store) -> Result<bool> {
    Ok(store.read_journal()?.is_some()
        || store.read_events()?.is_some()
        || store.read_in_place()?.is_some())
}

/// A run on a read-only folder that died left its journal in `.local/backups`: nothing else may
/// change the schema before that is brought to its end.
///
/// # Errors
/// There is one (40).
pub(crate) fn demand_finished(ctx: &Ctx) -> Result<()> {
    let here = folder(&ctx.settings);
    if !here.is_dir() || here == ctx.settings.backups {
        return Ok(());
    }
    let store = ctx.with(|settings| settings.backups.clone_from(&here)).store()?;
    if !is_unfinished(&store)? {
        return Ok(());
    }
    let message = format!(
        "a restore from a read-only folder did not finish; it is recorded in {}",
        here.display()
    );
    Err(Stop::new(ExitCode::Store, message)
        .hint("`cargo xtask --backups .local/backups doctor --fix` brings it to its end.")
        .into())
}

fn folder(settings: &Settings) -> PathBuf {
    settings.local.join("backups")
}

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
    let (there, here) = (&ctx.settings.backups, folder(&ctx.settings));
    if is_unfinished(&store)? {
        let message = format!(
            "{} is read-only, and a restore or a migration is recorded there that did not finish",
            there.display()
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint("Make the folder writable, and run this again: that is finished first.")
            .hint("A copy of the folder is writable, too: `--backups COPY`.")
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
