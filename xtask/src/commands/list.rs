//! `db-list`

use anyhow::Result;

use cli::list::DbList;
use model::manifest::Manifest;
use model::trust::Trust;
use ops::copy::fetching;
use ops::ctx::Ctx;
use store::Store;
use store::ledger::Ledger;
use store::remote::RemoteCopy;
use sys::clock;

/// Runs the command. It takes no lock and changes nothing.
pub(crate) fn run(ctx: &mut Ctx, args: &DbList) -> Result<()> {
    let store = ctx.store()?;
    if let Some(name) = &args.from {
        return remote(ctx, &store, name);
    }
    let entries = store.list()?;
    let ledger = store.read()?;
    let pins = ledger.pins();
    let suspects = store.suspects(&entries, &ledger);
    let listed = |m: &Manifest, trust: &Trust| {
        listed(&ledger, m, trust)
            .pinned(pins.get(&m.label))
            .judged(ledger.last_failed(&m.label))
            .suspect(suspects.get(&m.label))
    };
    if ctx.ui.json() {
        let usable = entries.iter().filter_map(|e| Some(listed(e.manifest()?, &e.trust)));
        let backups = usable.collect();
        let document =
            report::json::ListDocument { version: report::json::DOCUMENT_VERSION, backups };
        ctx.ui.result(&report::json::render(&document)?);
    } else {
        let rows: Vec<report::text::ListRow> = entries
            .iter()
            .map(|entry| match entry.manifest() {
                Some(m) => report::text::ListRow::Usable(listed(m, &entry.trust)),
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
            "{name} was not made by this tool; it can be restored, but its contents are unknown"
        ));
    }
    Ok(())
}

fn listed(ledger: &Ledger, manifest: &Manifest, trust: &Trust) -> report::json::ListedBackup {
    let (label, sha256) = (&manifest.label, &manifest.sha256);
    let verified = ledger.highest_verification(label, sha256);
    report::json::ListedBackup::new(manifest, verified)
        .vouched(trust, ledger.claimed_verification(label, sha256))
}

/// What lies at a destination. How far a backup was proven is in the ledger here.
fn remote(ctx: &Ctx, store: &Store, name: &str) -> Result<()> {
    let copies = fetching::copies(ctx, name)?;
    let ledger = store.read()?;
    let rows: Vec<report::text::ListRow> = copies
        .into_iter()
        .map(|copy| {
            // What is there under the name of a backup of this machine must be that one.
            let other = copy.manifest.as_ref().and_then(|m| ledger.contradicts(m));
            let replaced = other.map(|why| format!("was replaced: {why}"));
            RemoteCopy { problem: copy.problem.or(replaced), ..copy }
        })
        .map(|copy| match (copy.manifest, copy.problem) {
            (Some(m), None) => {
                let trust = ledger.origin(&m, store.keyring().judge(m.signer.as_deref()));
                report::text::ListRow::Usable(listed(&ledger, &m, &trust))
            }
            (_, problem) => report::text::ListRow::Unusable {
                label: copy.label,
                problem: problem.unwrap_or_default(),
            },
        })
        .collect();
    for row in &rows {
        if let report::text::ListRow::Unusable { label, problem } = row {
            ctx.ui.warn(format!("the copy of {label} cannot be used: {problem}"));
        }
    }
    if !ctx.ui.json() {
        ctx.ui.result(&report::text::list(&rows, clock::now()));
        return Ok(());
    }
    let usable = |row| match row {
        report::text::ListRow::Usable(backup) => Some(backup),
        report::text::ListRow::Unusable { .. } => None,
    };
    let backups = rows.into_iter().filter_map(usable).collect();
    let document = report::json::ListDocument { version: report::json::DOCUMENT_VERSION, backups };
    ctx.ui.result(&report::json::render(&document)?);
    Ok(())
}
