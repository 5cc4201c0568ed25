//! `db-copy --check`: what lies at the destinations is read again.

use std::time::Instant;

use anyhow::Result;

use super::{Bars, Done, attempt, open, record};
use crate::ctx::Ctx;
use config::outside::DestinationPolicy;
use model::copy::CopyOutcome;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use report::copies::CopyLine;
use store::Store;
use store::remote::fault::{Fault, FaultKind};
use store::remote::known::not_what_was_sent;
use store::remote::{self, Depot, RemoteCopy, send};
use sys::clock;

pub(super) fn run(
    ctx: &Ctx,
    store: &Store,
    text: Option<&str>,
    destinations: &[DestinationPolicy],
) -> Result<Vec<Done>> {
    let label = match text {
        None => None,
        Some(text) => {
            let (label, notes) = store.label_of(text, &ctx.settings.schema)?;
            for note in notes {
                ctx.ui.warn(note);
            }
            Some(label)
        }
    };
    let mut done = Vec::new();
    for policy in destinations {
        let mut depot = open(ctx, policy)?;
        let found = attempt::repeated(ctx, &policy.name, || remote::copies(depot.as_mut()))?;
        let mut of_one = match found {
            Err(fault) => vec![unreachable(ctx, store, policy, label.as_ref(), fault)?],
            Ok(copies) => {
                let wanted = |copy: &RemoteCopy| label.as_ref().is_none_or(|it| copy.label == *it);
                let copies: Vec<RemoteCopy> = copies.into_iter().filter(wanted).collect();
                match &label {
                    Some(label) if copies.is_empty() => {
                        let fault = Fault::new(FaultKind::Damaged, "it has no copies");
                        vec![failed(ctx, policy, label, "unknown", fault, Instant::now())?]
                    }
                    _ => copies
                        .iter()
                        .map(|copy| one(ctx, store, policy, depot.as_mut(), copy))
                        .collect::<Result<_>>()?,
                }
            }
        };
        done.append(&mut of_one);
    }
    Ok(done)
}

/// Where nothing can be read, every backup's copy is in doubt; the entry names the one
/// that was asked for, or the newest here.
fn unreachable(
    ctx: &Ctx,
    store: &Store,
    policy: &DestinationPolicy,
    label: Option<&Label>,
    fault: Fault,
) -> Result<Done> {
    let newest = || store.list().ok()?.first().map(|entry| entry.label.clone());
    let Some(label) = label.cloned().or_else(newest) else {
        let stop = Stop::new(ExitCode::Offsite, format!("`{}`: {}", policy.name, fault.message));
        return Err(stop.hint(fault.kind.advice(&policy.name)).into());
    };
    failed(ctx, policy, &label, "unknown", fault, Instant::now())
}

fn one(
    ctx: &Ctx,
    store: &Store,
    policy: &DestinationPolicy,
    depot: &mut dyn Depot,
    copy: &RemoteCopy,
) -> Result<Done> {
    let start = Instant::now();
    let uuid = copy.manifest.as_ref().map_or("unknown", |it| it.server.uuid.as_str()).to_owned();
    let (note, problem) = (copy.note.as_ref(), copy.problem.clone());
    let ledger = store.read()?;
    let problem = problem.or_else(|| {
        let why = not_what_was_sent(&ledger, &copy.label, &policy.name, &note?.sha256)?;
        Some(why.to_owned())
    });
    let Some(note) = note.filter(|_| problem.is_none()) else {
        let fault = Fault::new(FaultKind::Damaged, problem.unwrap_or_default());
        return failed(ctx, policy, &copy.label, &uuid, fault, start);
    };
    let read = attempt::repeated(ctx, &policy.name, || {
        let mut bars = Bars::new(ctx, &policy.name, note.bytes);
        let read = send::read_back(depot, note, &mut |phase, bytes| bars.at(phase, bytes));
        bars.done();
        // Damage does not go away by reading once more.
        match read.map_err(|error| (Fault::of(&error), error)) {
            Err((fault, _)) if fault.kind == FaultKind::Damaged => Ok(Some(fault)),
            Err((_, error)) => Err(error),
            Ok(()) => Ok(None),
        }
    })?;
    match read {
        Ok(None) => {
            let line = CopyLine {
                label: copy.label.clone(),
                destination: policy.name.clone(),
                outcome: CopyOutcome::Checked,
                bytes: note.bytes,
                sha256: note.sha256.clone(),
                detail: String::new(),
                duration_ms: clock::elapsed_ms(start),
            };
            let line = record(ctx, &uuid, line)?;
            Ok(Done { line, fault: None })
        }
        Ok(Some(fault)) | Err(fault) => failed(ctx, policy, &copy.label, &uuid, fault, start),
    }
}

fn failed(
    ctx: &Ctx,
    policy: &DestinationPolicy,
    label: &Label,
    uuid: &str,
    fault: Fault,
    start: Instant,
) -> Result<Done> {
    let line = CopyLine {
        label: label.clone(),
        destination: policy.name.clone(),
        outcome: CopyOutcome::Failed,
        bytes: 0,
        sha256: String::new(),
        detail: fault.message.clone(),
        duration_ms: clock::elapsed_ms(start),
    };
    let line = record(ctx, uuid, line)?;
    let hint = match fault.kind {
        FaultKind::Damaged => format!(
            "`cargo xtask db-copy {label} --to {}` sends it again, while the backup is here.",
            policy.name
        ),
        kind => kind.advice(&policy.name),
    };
    Ok(Done { line, fault: Some((fault, vec![hint])) })
}
