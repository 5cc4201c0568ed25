//! `db-pin`: a line in the ledger, which retention reads.

use anyhow::Result;

use cli::prune::DbPin;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::receipt::Event;
use ops::backup::LOCK_WAIT;
use ops::ctx::Ctx;
use report::json::DOCUMENT_VERSION;
use server::facts::UNKNOWN;
use sys::clock;

/// Runs `db-pin`.
///
/// # Errors
/// There is no such backup, or the ledger is damaged (40).
pub fn pin(ctx: &mut Ctx, args: &DbPin) -> Result<()> {
    let store = ctx.store()?;
    let label: Label = args.label.parse().map_err(|error| {
        Stop::new(ExitCode::Usage, format!("{error}"))
            .hint("`cargo xtask db-list` shows the labels.")
    })?;
    let lock = store.lock(LOCK_WAIT)?;
    ctx.demand_signer(&store)?;
    let ledger = store.read()?;
    let entry = store.entry(&label)?;
    // One that only a destination still holds can be pinned, too.
    if entry.is_none() && !(ledger.knows(&label) || ledger.pins().contains_key(&label)) {
        return Err(Stop::new(ExitCode::Store, format!("there is no backup {label}"))
            .hint("`cargo xtask db-list` shows those that are there.")
            .into());
    }
    let uuid = entry.as_ref().and_then(|entry| entry.manifest());
    let uuid = uuid.map_or(UNKNOWN, |manifest| manifest.server.uuid.as_str());
    let note = ctx.settings.redact(&args.note);
    let event = Event::Pin { label: label.clone(), pinned: !args.remove, note: note.clone() };
    store.append(&lock, uuid, label.schema(), event, clock::now())?;
    if ctx.ui.json() {
        let document = serde_json::json!({
            "version": DOCUMENT_VERSION, "label": label, "pinned": !args.remove, "note": note,
        });
        ctx.ui.result(&document.to_string());
    } else if args.remove {
        ctx.ui.result(&format!("{label} is not pinned: the rules of retention decide."));
    } else {
        ctx.ui.result(&format!("{label} is pinned: it is kept until `db-pin {label} --remove`."));
    }
    if let Some(problem) = entry.as_ref().and_then(|entry| entry.problem()) {
        ctx.ui.warn(format!("{label} {problem}; a pin does not mend it"));
    }
    Ok(())
}
