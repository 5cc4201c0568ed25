//! The steps of a scheduled run.

use anyhow::Result;

use super::run::{Run, STEP_WAIT};
use crate::prune;
use crate::status::Known;
use config::outside::DestinationPolicy;
use model::entry::Level;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;
use model::manifest::Reason;
use ops::backup;
use ops::backup::Wish;
use ops::copy as copies;
use ops::ctx::{Ctx, Made};
use ops::held::{Held, HeldFolder};
use ops::verify::Verified;
use ops::{prove, verify};
use plan::schedule::rotation;
use store::{Store, remote};
use sys::{clock, signal};

/// Takes the backup.
pub(super) fn backup(ctx: &mut Ctx, run: &mut Run) -> Result<()> {
    let server = run.server.insert(ctx.server(false)?);
    let held = Held::take(ctx, server)?;
    // Whether and when it is copied is for a later step to say, not for the command's end.
    let mut copied_later = Made::default();
    let wish = Wish::because(Reason::Scheduled);
    let made = backup::take(&held, &wish, &mut copied_later)?;
    let lost = backup::suspect(held.store(), &made).and_then(|lost| match lost {
        None => Ok(()),
        Some(loss) => Err(suspect(&made.label, &loss).into()),
    });
    run.made = Some(made);
    run.keep(ctx, "loss", lost);
    Ok(())
}

fn suspect(label: &Label, loss: &Loss) -> Stop {
    let message = format!("{label} is suspect: since {}, {loss}", loss.against);
    Stop::new(ExitCode::VerificationFailed, message)
        .hint(format!("`cargo xtask db-restore {}` brings it back.", loss.against))
        .hint("If it was meant, take a backup with `cargo xtask db-backup --accept-loss`.")
}

/// Proves it by policy; a drill of an older backup may take its turn.
pub(super) fn prove(ctx: &Ctx, store: &Store, run: &mut Run) {
    let Some(label) = run.made.as_ref().map(|manifest| manifest.label.clone()) else { return };
    let looked = turn(ctx, store, &label);
    let Some(turn) = run.keep(ctx, "verify", looked) else { return };
    ctx.ui.detail(&turn.why);
    let mut proof = prove_one(ctx, store, run, &label, turn.newest);
    if turn.newest == Level::Restore && proof.is_err() {
        run.keep(ctx, "drill", proof);
        // It could not be restored here and now; its file can still be read.
        proof = prove_one(ctx, store, run, &label, Level::File);
    }
    if let Some(verified) = run.keep(ctx, "verify", proof) {
        if verified.passed() {
            run.level = Some(verified.level);
        } else {
            run.refuted = true;
            let failed = failure(&label, &verified);
            run.keep::<()>(ctx, "verify", Err(failed.into()));
        }
    }
    if let Some(older) = turn.older {
        ctx.ui.say(format!("this drill restores {older}: {}", turn.why));
        let proof = prove_one(ctx, store, run, &older, Level::Restore);
        if let Some(verified) = run.keep(ctx, "drill", proof)
            && !verified.passed()
        {
            run.keep::<()>(ctx, "drill", Err(failure(&older, &verified).into()));
        }
    }
}

fn failure(label: &Label, verified: &Verified) -> Stop {
    let level = verified.level.word();
    Stop::new(
        ExitCode::VerificationFailed,
        format!("{label} failed the verification at level {level}"),
    )
    .hint(format!("`cargo xtask db-verify {label} --level {level}` shows what is wrong with it."))
    .hint("Do not rely on it: take a new one with `cargo xtask db-backup`.")
}

fn turn(ctx: &Ctx, store: &Store, newest: &Label) -> Result<rotation::Turn> {
    let known = Known::read(ctx)?;
    store.read()?;
    let history = known.history(ctx);
    let kept: Vec<Label> =
        known.usable(&history).iter().map(|manifest| manifest.label.clone()).collect();
    let days = ctx.settings.policy.schedule.drill_days;
    Ok(rotation::turn(&history, &kept, newest, days, clock::now()))
}

fn prove_one(ctx: &Ctx, store: &Store, run: &Run, label: &Label, level: Level) -> Result<Verified> {
    signal::check()?;
    let source = store.source_of(label)?;
    match (level, &run.server) {
        (Level::Restore, Some(server)) => {
            prove::drill(&Held::take_within(ctx, server, STEP_WAIT)?, &source)
        }
        _ => verify::file(&HeldFolder::take_within(ctx, None, STEP_WAIT)?, &source),
    }
}

/// Copies it to every destination, unless it was found to be bad.
pub(super) fn copy(ctx: &Ctx, store: &Store, run: &mut Run) {
    let destinations = &ctx.settings.policy.destination;
    let Some(label) = run.made.as_ref().map(|manifest| manifest.label.clone()) else { return };
    if destinations.is_empty() || run.refuted {
        return;
    }
    let sent = copies::copy(ctx, store, &label, destinations);
    let sent = run.keep(ctx, "copy", sent).unwrap_or_default();
    for one in sent.iter().filter(|one| one.fault.is_none()) {
        ctx.ui.say(report::copies::line(&one.line));
    }
    run.keep(ctx, "copy", copies::demand_all(&sent));
}

/// Reads one old copy of each destination to its end: the one that went longest without.
pub(super) fn read_again(ctx: &Ctx, store: &Store, run: &mut Run) {
    for policy in &ctx.settings.policy.destination {
        let chosen = longest_unread(ctx, run, policy);
        // That it cannot be listed was reported when writing to it.
        let Ok(Some(label)) = chosen else { continue };
        let read = copies::read_again(ctx, store, &label, policy);
        let read = run.keep(ctx, "copy check", read).unwrap_or_default();
        for one in read.iter().filter(|one| one.fault.is_none()) {
            ctx.ui.say(report::copies::line(&one.line));
        }
        run.keep(ctx, "copy check", copies::demand_all(&read));
    }
}

/// The copy at a destination that went longest without being read; not the one that was
/// just written, which was read back then.
fn longest_unread(ctx: &Ctx, run: &Run, policy: &DestinationPolicy) -> Result<Option<Label>> {
    signal::check()?;
    let known = Known::read(ctx)?;
    let read = known.history(ctx).read_back_at(&policy.name);
    let mut depot = copies::open(ctx, policy)?;
    let made = run.made.as_ref().map(|manifest| &manifest.label);
    let there: Vec<Label> = remote::copies(depot.as_mut())?
        .into_iter()
        .filter(|copy| copy.problem.is_none() && copy.label.schema() == ctx.settings.schema)
        .map(|copy| copy.label)
        .filter(|label| Some(label) != made)
        .collect();
    Ok(rotation::copy_to_read(&there, &read))
}

/// Lets go what the rules of retention no longer keep: only behind a verified success.
pub(super) fn prune(ctx: &Ctx, run: &mut Run) {
    if run.level.is_none() {
        return;
    }
    let Some(label) = run.made.as_ref().map(|manifest| manifest.label.clone()) else { return };
    let server = run.server.as_ref();
    let pruned = HeldFolder::take_within(ctx, server, STEP_WAIT)
        .and_then(|held| prune::auto(&held, server, &label));
    // Nothing has to be deleted now: sending and restoring come first.
    if let Err(error) = &pruned
        && super::run::is(error, ExitCode::Locked)
    {
        ctx.ui.say("nothing is pruned: another run is working");
        return;
    }
    run.keep(ctx, "prune", pruned);
}
