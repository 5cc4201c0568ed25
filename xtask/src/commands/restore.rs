//! `db-restore`

use anyhow::Result;

use cli::restore::DbRestore;
use ops::ctx::{Ctx, Made};
use ops::restore::{self, Ended, Request};
use store::source::TextSaid;

/// Restores a backup and shows where the old tables are.
pub(crate) fn run(ctx: &mut Ctx, args: &DbRestore, made: &mut Made) -> Result<()> {
    let DbRestore {
        source,
        from,
        into,
        table: tables,
        drop_old,
        accept_unsaved,
        enable_events,
        threads,
        no_end_line,
        charset,
        keep_text,
        yes,
        dry_run,
    } = args.clone();
    let text = TextSaid { charset, keep_text };
    let request = Request {
        source,
        from,
        into,
        tables,
        drop_old,
        accept_unsaved,
        enable_events,
        threads,
        no_end_line,
        text,
        yes,
        dry_run,
    };
    match restore::run(ctx, &request, made)? {
        Ended::Planned(plan) => ctx.show_plan(&plan.to_string()),
        Ended::Restored(document) if ctx.ui.json() => {
            ctx.ui.result(&report::json::render(&document)?);
            Ok(())
        }
        Ended::Restored(document) => {
            ctx.ui.result(&report::text::restore(&document));
            Ok(())
        }
    }
}
