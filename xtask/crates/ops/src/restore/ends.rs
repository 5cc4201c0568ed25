//! The first look at the file, and the last word when only the entry is missing.

use anyhow::Result;

use super::Outcomes;
use super::safety::Saved;
use crate::ctx::Ctx;
use crate::held::Held;
use crate::{old_tables, reading, verify, whole};
use model::check::Outcome;
use model::exit::{ExitCode, Stop, find_stop};
use model::ident::qualified;
use plan::restore::{RestorePlan, Scope};
use report::json::{DOCUMENT_VERSION, RestoreDocument};
use server::{Session, inventory};
use store::source::Source;
use ui::Step;

/// The whole file, read and compared with its manifest.
pub(super) fn checked(ctx: &Ctx, source: &Source) -> Result<verify::FileChecked> {
    ctx.ui.step(Step::Read, format!("reading {} to its end", source.name));
    let checked = verify::file_level(ctx, source)?;
    say_unknown_end(ctx, source, &checked);
    match checked.checks.iter().find(|c| c.outcome == Outcome::Failed) {
        None => Ok(checked),
        Some(check) => {
            let stop = Stop::new(
                ExitCode::Store,
                format!("{} cannot be restored: {}: {}", source.name, check.name, check.detail),
            )
            .hint(whole::way_of(source, &checked.checks).unwrap_or_else(|| source.instead()));
            Err(reading::with_hints(stop, source, &checked.hints).into())
        }
    }
}

/// With `--drop-old`: only when every old table holds exactly what the safety
/// backup saved. What was written between that backup and the swap is nowhere else.
pub(super) fn old_tables_can_go(
    held: &Held<'_>,
    session: &mut Session,
    plan: &RestorePlan,
    saved: &Saved,
) -> Result<bool> {
    let before = &plan.before;
    if inventory::survey(session, before)?.everything().tables.is_empty() {
        return Ok(true);
    }
    if !plan.drop_old || !saved.unsaved.is_empty() {
        return Ok(false);
    }
    let label = saved.label.as_ref();
    let entry = label.map(|label| held.store().backup(label)).transpose()?.flatten();
    let Some(manifest) = entry.as_ref().and_then(|entry| entry.manifest()) else {
        return Ok(false);
    };
    let written = old_tables::not_in(session, before, manifest)?;
    if written.is_empty() {
        return Ok(true);
    }
    held.ctx().ui.warn(format!(
        "the old tables are kept in `{before}`: the safety backup {} does not exactly match {}",
        manifest.label,
        written.join(", ")
    ));
    Ok(false)
}

/// What stands in the way of a swap does not stand in the way of a copy beside it.
pub(super) fn with_into(error: anyhow::Error, plan: &RestorePlan) -> anyhow::Error {
    let Some(stop) = find_stop(&error).filter(|stop| stop.code == ExitCode::Store).cloned() else {
        return error;
    };
    if plan.scope == Scope::Beside {
        return error;
    }
    let RestorePlan { source, target, .. } = plan;
    error.context(stop.hint(format!(
        "`cargo xtask db-restore {source} --into {target}__look` restores it beside `{target}`, \
        which stays as it is."
    )))
}

/// What a restore does after it was agreed to; `read`: the file is read first.
pub(super) fn steps(ctx: &Ctx, plan: &RestorePlan, read: bool) -> Vec<Step> {
    let saves = plan.safety_backup;
    let all = [
        (Step::Read, read),
        (Step::Dump, saves),
        (Step::Load, true),
        (Step::Compare, true),
        (Step::Live, true),
        (Step::Copy, saves && ctx.copies_follow()),
    ];
    all.into_iter().filter_map(|(step, comes)| comes.then_some(step)).collect()
}

/// What its last step is.
pub(super) fn going_live(plan: &RestorePlan) -> String {
    let target = &plan.target;
    match &plan.scope {
        Scope::Replace => format!("the copy takes the place of `{target}`"),
        Scope::Beside => format!("the copy becomes `{target}`"),
        Scope::Tables(_) => format!("its rows replace those in `{target}`"),
    }
}

/// What the user's word stands for, in front of everything that relies on it.
fn say_unknown_end(ctx: &Ctx, source: &Source, checked: &verify::FileChecked) {
    let end = checked.checks.iter().find(|check| check.name == whole::END);
    if let Some(end) = end.filter(|end| end.outcome == Outcome::NotRun) {
        ctx.ui.warn(format!("{}: {}: {}", source.name, end.name, end.detail));
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
    duration_ms: u64,
) -> RestoreDocument {
    let place = done.previous.as_deref().unwrap_or_default();
    let definitions = done.notes.map(|table| qualified(place, &table));
    RestoreDocument {
        version: DOCUMENT_VERSION,
        label: source.to_owned(),
        target: target.to_owned(),
        safety_backup: done.saved.label,
        previous_schema: done.previous,
        unsaved: done.saved.unsaved.iter().map(ToString::to_string).collect(),
        definitions,
        tables: done.tables,
        rows: done.rows,
        duration_ms,
        disabled_events: done.disabled_events,
    }
}
