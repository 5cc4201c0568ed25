//! The first look at the file, and the last word when only the entry is missing.

use std::time::Instant;

use anyhow::Result;

use super::Outcomes;
use crate::ctx::Ctx;
use crate::verify;
use model::check::Outcome;
use model::exit::{ExitCode, Stop};
use plan::restore::RestorePlan;
use report::json::{DOCUMENT_VERSION, RestoreDocument};
use store::source::Source;
use sys::clock;

/// The whole file, read and compared with its manifest.
pub(super) fn checked(ctx: &Ctx, source: &Source) -> Result<verify::FileChecked> {
    let checked = verify::file_level(ctx, source)?;
    match checked.checks.iter().find(|c| c.outcome == Outcome::Failed) {
        None => Ok(checked),
        Some(check) => Err(Stop::new(
            ExitCode::Store,
            format!("{} cannot be restored: {}: {}", source.name, check.name, check.detail),
        )
        .hint("Use another backup: `cargo xtask db-list`. Nothing was changed.")
        .into()),
    }
}

/// The restore is done by then, and the message must say so.
pub(super) fn without_entry(
    error: anyhow::Error,
    plan: &RestorePlan,
    done: &Outcomes,
) -> anyhow::Error {
    let old = done
        .previous
        .as_ref()
        .map_or_else(String::new, |old| format!(", the old tables are in `{old}`"));
    let stop = Stop::new(
        ExitCode::Store,
        format!(
            "{} IS restored into `{}`{old}; only the entry in the ledger could not be written: {}",
            plan.source,
            plan.target,
            error.root_cause()
        ),
    )
    .hint("Do not restore again. `cargo xtask doctor` shows what is wrong with the ledger.");
    error.context(stop)
}

/// The result.
pub(super) fn document(
    source: &str,
    target: &str,
    done: Outcomes,
    start: Instant,
) -> RestoreDocument {
    RestoreDocument {
        version: DOCUMENT_VERSION,
        label: source.to_owned(),
        target: target.to_owned(),
        safety_backup: done.safety,
        previous_schema: done.previous,
        tables: done.tables,
        rows: done.rows,
        duration_ms: clock::elapsed_ms(start),
        disabled_events: done.disabled_events,
    }
}
