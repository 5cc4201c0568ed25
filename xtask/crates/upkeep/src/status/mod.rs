//! The status: looks at everything that is known of the backups, and judges it.

mod gather;
mod places;
mod written;

use anyhow::{Context, Result};

use model::exit::{ExitCode, Stop};
use model::status::{Severity, Status};
use ops::ctx::Ctx;
use plan::status::{LEDGER, judge};
use sys::fs;

pub(super) use gather::Known;

/// Looks at everything and judges it. It changes nothing and takes no lock; what cannot
/// be checked is unknown in the result and no error.
pub fn look(ctx: &mut Ctx, offline: bool) -> Result<Status> {
    let facts = gather::facts(ctx, offline)?;
    Ok(judge(facts, &ctx.settings.policy.monitor))
}

/// Writes the figures for a collector of text files.
pub fn write_metrics(path: &std::path::Path, status: &Status) -> Result<()> {
    fs::write_shared_whole(path, report::metrics::text(status).as_bytes())
        .context("write the metrics")
}

/// What a rule that does not hold means for the exit code.
///
/// # Errors
/// 21 when a rule is broken, 40 when the ledger is damaged.
pub fn check(ctx: &Ctx, status: &Status) -> Result<()> {
    let unseen = status.findings.iter().filter(|it| it.severity == Severity::NotLookedAt);
    let mut broken: Vec<_> = status.broken().collect();
    if ctx.ui.is_quiet() {
        // Nobody sees them in the text.
        for it in status.findings.iter().filter(|it| it.severity == Severity::Warning) {
            ctx.ui.warn(format!("{}: {}", it.id, it.message));
        }
    }
    if status.facts.offline {
        for finding in unseen {
            ctx.ui.warn(format!("not checked: {}", finding.message));
        }
    } else {
        broken.extend(unseen);
    }
    let Some(first) = broken.first() else { return Ok(()) };
    for finding in &broken {
        ctx.ui.warn(format!("{}: {}", finding.id, finding.message));
    }
    let damaged = broken.iter().any(|finding| finding.id == LEDGER);
    let code = if damaged { ExitCode::Store } else { ExitCode::VerificationFailed };
    let message = match broken.len() {
        1 => format!("a [monitor] rule is broken: {}", first.message),
        n => format!("{n} [monitor] rules are broken"),
    };
    let stop = broken.iter().fold(Stop::new(code, message), |stop, it| {
        if stop.hints.contains(&it.todo) { stop } else { stop.hint(&it.todo) }
    });
    Err(stop.into())
}
