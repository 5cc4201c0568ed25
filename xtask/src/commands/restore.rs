//! `db-restore`

use anyhow::Result;

use cli::restore::DbRestore;
use ops::ctx::{Ctx, Made};
use ops::restore::{self, Ended, Request};
use plan::restore::RestorePlan;
use report::json::{DOCUMENT_VERSION, RestorePlanDocument};
use store::source::TextSaid;
use sys::clock;

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
        Ended::Planned(plan) if ctx.ui.json() => {
            ctx.ui.outcome(report::json::render(&planned(plan))?);
            Ok(())
        }
        Ended::Planned(plan) => ctx.show_plan(&plan.to_string()),
        Ended::Restored(document) if ctx.ui.json() => {
            ctx.ui.outcome(report::json::render(&document)?);
            Ok(())
        }
        Ended::Restored(document) => {
            if ctx.ui.is_quiet() {
                // What only these lines say is at risk.
                for line in report::text::restored_but(&document) {
                    ctx.ui.warn(line);
                }
            }
            ctx.ui.outcome(report::text::restore(&document));
            Ok(())
        }
    }
}

fn planned(plan: RestorePlan) -> RestorePlanDocument {
    RestorePlanDocument {
        version: DOCUMENT_VERSION,
        dry_run: true,
        plan: plan.to_string(),
        label: plan.source,
        taken_utc: plan.taken_utc,
        age_s: plan.taken_utc.map(|at| (clock::now() - at).num_seconds().max(0)),
        target: plan.target,
        server: plan.server,
        safety_backup: plan.safety_backup,
        changes: plan.changes,
    }
}
