//! `db-status`

use anyhow::Result;

use cli::status::DbStatus;
use ops::Ctx;
use upkeep::{notify, status};

/// Shows how safe the data is. With `--check`, a broken rule ends it with 21 or 40.
pub(crate) fn run(ctx: &mut Ctx, args: &DbStatus) -> Result<()> {
    let status = status::look(ctx, args.offline)?;
    if let Some(path) = &args.metrics {
        status::write_metrics(path, &status)?;
    }
    if ctx.ui.json() {
        ctx.ui.result(report::json::render(&status)?);
    } else {
        // Under `--quiet`, one that was run to do something shows only what is broken.
        let acts = args.check || args.notify || args.metrics.is_some();
        let text = report::status::text(&status);
        if acts && status.broken().next().is_none() {
            ctx.ui.outcome(text);
        } else {
            ctx.ui.result(text);
        }
    }
    if args.notify {
        notify::tell(ctx, &status);
    }
    if args.check { status::check(ctx, &status) } else { Ok(()) }
}
