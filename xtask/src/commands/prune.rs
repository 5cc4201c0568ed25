//! `db-prune` and `db-pin`

use anyhow::Result;

use cli::prune::{DbPin, DbPrune};
use ops::Ctx;
use report::json::DOCUMENT_VERSION;
use sys::clock;
use upkeep::prune::{self, Pin, PinRequest, Request};

/// Shows the plan, or what was deleted. A destination that was not reached ends it with 41.
pub(crate) fn run(ctx: &Ctx, args: &DbPrune) -> Result<()> {
    let document = prune::run(ctx, Request { delete: args.yes, only_here: args.only_here })?;
    if ctx.ui.json() {
        ctx.ui.result(report::json::render(&document)?);
    } else {
        let text = report::prune::text(&document, clock::now());
        if args.yes {
            ctx.ui.outcome(text)
        } else {
            ctx.ui.result(text)
        }
        if args.yes && ctx.ui.is_quiet() {
            // What a person has to look at is no part of a success.
            for it in document.entries.iter().filter(|it| it.fate == "look") {
                ctx.ui.warn(format!("{} ({}): {}", it.subject, it.place, it.reason));
            }
            for it in &document.not_reached {
                ctx.ui.warn(format!("{} was not reached: {}", it.place, it.why));
            }
        }
    }
    prune::demand_reached(&document)
}

/// Pins a backup, or lets the rules of retention decide again.
pub(crate) fn pin(ctx: &Ctx, args: &DbPin) -> Result<()> {
    let (text, note) = (args.label.clone(), args.note.clone());
    let request = PinRequest { text, pinned: !args.remove, note };
    let done = prune::pin(ctx, request)?;
    let Pin { label, pinned, note } = done.pin;
    if ctx.ui.json() {
        let document = serde_json::json!({
            "version": DOCUMENT_VERSION, "label": label, "pinned": pinned, "note": note,
        });
        ctx.ui.result(document.to_string());
    } else if pinned {
        ctx.ui.outcome(format!("{label} is pinned until `db-pin {label} --remove`."));
    } else {
        ctx.ui.outcome(format!("{label} is not pinned: the retention policy decides."));
    }
    if let Some(problem) = done.problem {
        ctx.ui.warn(format!("{label} {problem}; a pin does not repair it"));
    }
    Ok(())
}
