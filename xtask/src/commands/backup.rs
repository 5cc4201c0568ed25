//! `db-backup`

use anyhow::Result;

use cli::backup::DbBackup;
use ops::backup::{self, Request};
use ops::ctx::{Ctx, Made};
use report::json::BackupDocument;

/// Takes a backup and shows where it is.
pub(crate) fn run(ctx: &mut Ctx, args: &DbBackup, made: &mut Made) -> Result<()> {
    let DbBackup { engine, threads, max_rate, compress, out, reason, accept_loss, dry_run } =
        args.clone();
    let request =
        Request { engine, threads, max_rate_mib: max_rate, compress, out, reason, accept_loss };
    if dry_run {
        let plan = backup::plan(ctx, &request)?;
        return ctx.show_plan(&plan.to_string());
    }
    let backup::Taken { manifest, folder, suspect } = backup::run(ctx, &request, made)?;
    let file = folder.join(&manifest.file).display().to_string();
    let path = folder.join(format!("{}.json", manifest.label)).display().to_string();
    let document = BackupDocument::new(&manifest, file, path).suspect(suspect);
    if ctx.ui.json() {
        ctx.ui.outcome(report::json::render(&document)?);
    } else {
        ctx.ui.outcome(report::text::backup(&document, &manifest));
    }
    Ok(())
}
