//! What became of copies, and how the command ends because of it.

use anyhow::Result;

use crate::ctx::{Ctx, Made};
use config::outside::DestinationPolicy;
use model::exit::{ExitCode, Stop, find_stop};
use model::label::Label;
use report::copies::CopyLine;
use store::remote::fault::{Fault, FaultKind};
use sys::signal;
use ui::Step;

/// What became of one copy.
#[derive(Debug, Clone)]
pub struct Done {
    /// For people and scripts.
    pub line: CopyLine,
    /// Why it failed, and what to do.
    pub fault: Option<(Fault, Vec<String>)>,
}

/// Whether every copy is good.
///
/// # Errors
/// One is not: a line for each that failed and what to do. [`ExitCode::Configuration`]
/// where only settings are to be fixed, else [`ExitCode::Offsite`].
pub fn demand_all(done: &[Done]) -> Result<()> {
    let failed: Vec<(&CopyLine, &Fault, &Vec<String>)> = done
        .iter()
        .filter_map(|it| it.fault.as_ref().map(|(fault, hints)| (&it.line, fault, hints)))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let settings = failed.iter().all(|(_, fault, _)| fault.kind == FaultKind::Configuration);
    let code = if settings { ExitCode::Configuration } else { ExitCode::Offsite };
    let lines: Vec<String> = failed
        .iter()
        .map(|(line, _, _)| format!("`{}` ({}): {}", line.destination, line.label, line.detail))
        .collect();
    let (many, all) = (failed.len(), done.len());
    let message = match &lines[..] {
        [one] if all == 1 => format!("the copy is bad: {one}"),
        _ => format!("{many} of {all} copies are bad:\n  {}", lines.join("\n  ")),
    };
    let mut stop = Stop::new(code, message);
    for hint in failed.iter().flat_map(|(_, _, hints)| hints.iter()) {
        if !stop.hints.contains(hint) {
            stop.hints.push(hint.clone());
        }
    }
    Err(stop.hint("The local backups were not changed.").into())
}

/// The end of a command: copies the backups that it took to every destination.
///
/// # Errors
/// As [`demand_all`].
pub fn what_was_made(ctx: &Ctx, made: &mut Made) -> Result<()> {
    let destinations = &ctx.settings.policy.destination;
    let labels = made.take();
    if destinations.is_empty() || labels.is_empty() {
        return Ok(());
    }
    if !ctx.settings.outside.copies {
        for label in &labels {
            ctx.ui.say(format!("{label} exists only here, because of COPIES=off"));
        }
        return Ok(());
    }
    let mut all = Vec::new();
    let mut alone = Vec::new();
    for label in &labels {
        let names: Vec<String> = destinations.iter().map(|it| format!("`{}`", it.name)).collect();
        ctx.ui.last_step(Step::Copy, format!("copying {label} to {}", names.join(", ")));
        match to_all_but_waiting(ctx, label, destinations) {
            Ok(done) => all.extend(done),
            Err(error) => {
                if let Err(interrupted) = signal::check() {
                    // The end of the command says that they are here alone.
                    made.put_back(labels);
                    return Err(interrupted.into());
                }
                alone.push((label, error));
            }
        }
    }
    for one in all.iter().filter(|one| one.fault.is_none()) {
        ctx.ui.say(report::copies::line(&one.line));
    }
    let ended = demand_all(&all).map_err(as_copies);
    let Some((label, error)) = alone.first() else { return ended };
    let why = find_stop(error).map_or_else(|| format!("{error:#}"), |stop| stop.message.clone());
    let hints = alone.iter().map(|(label, _)| format!("`cargo xtask db-copy {label}` copies it."));
    let mut stop = Stop::new(ExitCode::Offsite, format!("{label} is not copied: {why}"));
    stop.hints.extend(hints);
    stop.hints.push("What this command did before is complete.".to_owned());
    if let Err(error) = ended {
        stop.hints.push(format!("Besides, {error}"));
    }
    Err(stop.into())
}

fn to_all_but_waiting(
    ctx: &Ctx,
    label: &Label,
    destinations: &[DestinationPolicy],
) -> Result<Vec<Done>> {
    let store = ctx.store()?;
    // Someone may be sending for hours; this command is done and waits for nobody.
    let _sending = store.lock_copies()?;
    super::to_all(ctx, &store, label, destinations)
}

/// The command itself is done: whatever failed since is about copies.
fn as_copies(error: anyhow::Error) -> anyhow::Error {
    match find_stop(&error) {
        Some(stop) => Stop { code: ExitCode::Offsite, ..stop.clone() }
            .hint("What this command did before is complete.")
            .into(),
        None => error,
    }
}

/// After a command that failed nobody should wait for copies before its message is there;
/// but they are wanted now more than ever.
pub fn left_to_copy(ctx: &Ctx, made: &mut Made) {
    if ctx.settings.policy.destination.is_empty() {
        return;
    }
    for label in made.take() {
        ctx.ui.say(format!("{label} exists only here; `cargo xtask db-copy {label}` copies it"));
    }
}
