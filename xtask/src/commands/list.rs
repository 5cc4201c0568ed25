//! `db-list`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::list::DbList;
use crate::report;
use crate::sys::clock;

/// Runs the command. It takes no lock and changes nothing.
///
/// # Errors
/// The folder or the ledger cannot be read.
pub fn run(ctx: &mut Ctx, _args: &DbList) -> Result<()> {
    let store = ctx.store()?;
    let entries = store.list()?;
    let ledger = store.read()?;
    let pins = ledger.pins();
    let verified =
        |m: &crate::model::manifest::Manifest| ledger.highest_verification(&m.label, &m.sha256);
    if ctx.ui.json() {
        let backups = entries.iter().filter_map(|e| e.manifest());
        let listed = |m| report::json::ListedBackup::new(m, verified(m)).pinned(pins.get(&m.label));
        let backups = backups.map(listed).collect();
        let document =
            report::json::ListDocument { version: report::json::DOCUMENT_VERSION, backups };
        ctx.ui.result(&report::json::render(&document)?);
    } else {
        let rows: Vec<report::text::ListRow> = entries
            .iter()
            .map(|entry| match entry.manifest() {
                Some(m) => report::text::ListRow::Usable(
                    report::json::ListedBackup::new(m, verified(m)).pinned(pins.get(&m.label)),
                ),
                None => report::text::ListRow::Unusable {
                    label: entry.label.clone(),
                    problem: entry.problem().unwrap_or_default(),
                },
            })
            .collect();
        ctx.ui.result(&report::text::list(&rows, clock::now()));
    }
    for entry in &entries {
        if let Some(problem) = entry.problem() {
            ctx.ui.warn(format!("{} cannot be used: {problem}", entry.label));
        }
    }
    for name in store.strangers()? {
        ctx.ui.say(format!(
            "{name} was not made by this tool; it can be restored, what it holds is unknown"
        ));
    }
    Ok(())
}
