//! `db-drop`

use anyhow::Result;
use serde_json::json;

use cli::drop::DbDrop;
use ops::ctx::Ctx;
use ops::dropping::{self, Request};
use report::json::DOCUMENT_VERSION;

/// Drops a schema beside the live one, or shows what would go.
pub(crate) fn run(ctx: &mut Ctx, args: &DbDrop) -> Result<()> {
    let DbDrop { schema, yes, dry_run } = args.clone();
    let done = dropping::run(ctx, &Request { schema, yes, dry_run })?;
    if ctx.ui.json() {
        let document = json!({
            "version": DOCUMENT_VERSION,
            "dry_run": dry_run,
            "schema": done.schema,
            "server": done.server,
            "contents": done.contents,
            "restored_from": done.restored_from,
            "restored_utc": done.restored_utc,
            "bytes": done.bytes,
            "dropped": done.dropped,
        });
        ctx.ui.outcome(document.to_string());
    } else if done.dropped {
        ctx.ui.outcome(format!("`{}` is dropped.", done.schema));
    } else {
        ctx.ui.result(done.plan());
    }
    Ok(())
}
