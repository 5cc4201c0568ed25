//! Migrations in place that a run did not see the end of: killed, or the machine gone.
//! The API ran on as a process of its own; what it left is checked here.

use anyhow::Result;

use crate::{put_back, state};
use model::entry::{Event, GateOutcome};
use model::exit::{ExitCode, Stop};
use model::gate::{GateTimes, Strategy};
use model::state::InPlaceJournal;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::sessions;
use ops::sessions::Pair;
use plan::failed::{self, Stopped};
use server::{Session, facts};
use sql::fingerprint;

/// Brings them to an end. Does nothing when there are none.
///
/// # Errors
/// Exit code 12 when they still run, 30 or 31 when they had failed half-way.
pub fn settle(held: &Held<'_>, pair: &mut Pair) -> Result<()> {
    let ctx = held.ctx();
    // Whether or not anything is known of it here: the run may have been another's.
    sessions::keep_from_migrating(ctx, pair.live())?;
    let settled = match held.store().read_in_place()? {
        Some(journal) => look(held, pair, &journal),
        None => Ok(()),
    };
    let released = sessions::let_migrate(ctx, pair.live());
    settled.and(released)
}

fn look(held: &Held<'_>, pair: &mut Pair, journal: &InPlaceJournal) -> Result<()> {
    let (ctx, server) = (held.ctx(), held.server());
    ctx.ui.warn(match &journal.failed {
        None => format!(
            "migrations of `{}` ran in place, but how they ended is unknown; finding out",
            journal.schema
        ),
        Some(why) => format!(
            "a migration failed on `{}` earlier, and the run did not see the state before it \
            restored; looking again ({why})",
            journal.schema
        ),
    });
    demand_own(ctx, pair.live(), journal)?;
    let now = state::read(ctx, server)?;
    let live = state::live(ctx, server)
        .map_err(|error| state::or_restore(error, journal.backup.as_ref()))?;
    match failed::stopped(journal, &now, &live, &fingerprint::schema(&live)) {
        Stopped::Completed => {
            ctx.ui.say("they had completed: the schema is migrated");
            record(
                held,
                journal,
                GateOutcome::Applied,
                "the run crashed, the migrations \
            completed",
            )?;
            held.store().remove_in_place(held.lock())
        }
        Stopped::NothingCommitted => {
            ctx.ui.say("none of them was committed: the schema is as it was");
            held.store().remove_in_place(held.lock())
        }
        Stopped::HalfWay => half(held, pair, journal),
    }
}

fn demand_own(ctx: &Ctx, session: &mut Session, journal: &InPlaceJournal) -> Result<()> {
    if journal.schema != ctx.settings.schema {
        let message = format!(
            "migrations of `{}` are unfinished; this run is about `{}`",
            journal.schema, ctx.settings.schema
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint(format!("Run `cargo xtask migrate` with DB_NAME={} first.", journal.schema))
            .into());
    }
    let here = facts::read(session)?.uuid;
    if here == journal.server {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Store,
        format!("unfinished migrations belong to another server ({})", journal.server),
    )
    .hint("Point .env at that server and run `cargo xtask migrate`: it finishes them.")
    .into())
}

fn half(held: &Held<'_>, pair: &mut Pair, journal: &InPlaceJournal) -> Result<()> {
    let why = journal.failed.as_deref().unwrap_or("the run was killed while they ran");
    let entry = match &journal.backup {
        Some(label) => held.store().backup(label)?,
        None => None,
    };
    let Some(manifest) = entry.as_ref().and_then(|entry| entry.manifest()) else {
        return Err(Stop::new(
            ExitCode::MigrationNotRestored,
            format!(
                "migrations of `{}` stopped half-way, and there is no backup of the previous state",
                journal.schema
            ),
        )
        .hint("See `cargo xtask migrate --status`; docs/gate.md explains how to continue by hand.")
        .into());
    };
    let ended = put_back::again(held, pair, manifest, &journal.migrations)?;
    let stop = failed::stop(&journal.schema, &manifest.label, why, &ended);
    record(held, journal, ended.outcome(), &stop.message)?;
    Err(stop.into())
}

fn record(
    held: &Held<'_>,
    journal: &InPlaceJournal,
    outcome: GateOutcome,
    detail: &str,
) -> Result<()> {
    let event = Event::Gate {
        changes: journal.migrations.clone(),
        outcome,
        detail: detail.to_owned(),
        backup: journal.backup.clone(),
        strategy: Some(Strategy::InPlace),
        previous_schema: None,
        statements: Vec::new(),
        times: GateTimes::default(),
        own_gtids: None,
    };
    held.append(&journal.server, &held.ctx().settings.schema, event)
}
