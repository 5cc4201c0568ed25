//! `migrate`: pending migrations through the gate.

use anyhow::Result;
use serde_json::json;

pub use crate::Applied;
use crate::{passage, state, undo};
use cli::migrate::Migrate;
use config::gate::StrategyChoice;
use model::gate::Strategy;
use model::receipt::{Event, GateOutcome};
use ops::ctx::{Ctx, Made};
use plan::migrate::{MigrationFile, MigrationState};
use report;
use report::human;
use server::Server;

/// Runs the command.
///
/// # Errors
/// Exit code 20 when the gate refuses (the live schema was not touched), 30 when a
/// migration failed on the live schema and the state before it is back, 31 when not.
pub fn run(ctx: &mut Ctx, args: &Migrate, made: &mut Made) -> Result<()> {
    let server = ctx.server(false)?;
    let choice = args.strategy.unwrap_or(ctx.settings.policy.gate.strategy);
    if args.status {
        return status(ctx, &server);
    }
    if args.undo {
        return take_back(ctx, &server, args.dry_run);
    }
    if args.dry_run {
        let state = state::read(ctx, &server)?;
        state.demand_sound()?;
        return ctx.show_plan(&describe(ctx, &server, &state, choice)?);
    }
    let applied = passage::migrate(ctx, &server, choice, made)?;
    show(ctx, &applied);
    Ok(())
}

/// The gate with the policy's strategy, for commands that migrate on their way.
///
/// # Errors
/// As [`run`].
pub fn apply(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<Applied> {
    passage::migrate(ctx, server, ctx.settings.policy.gate.strategy, made)
}

fn status(ctx: &Ctx, server: &Server) -> Result<()> {
    let state = state::read(ctx, server)?;
    let unfinished = ctx.settings.backups.is_dir() && ctx.store()?.read_in_place()?.is_some();
    if ctx.ui.json() {
        let applied: Vec<String> =
            state.applied.iter().map(|m| format!("{}_{}", m.version, m.description)).collect();
        let pending: Vec<String> = state.pending.iter().map(MigrationFile::name).collect();
        let document = json!({
            "version": 1,
            "applied": applied,
            "pending": pending,
            "troubles": state.troubles,
            "unfinished": unfinished,
        });
        ctx.ui.result(&document.to_string());
        return Ok(());
    }
    ctx.ui.result(&state.to_string());
    if unfinished {
        ctx.ui.warn("migrations ran in place and their end was not seen; `cargo xtask migrate` looks where they stopped and brings them to their end");
    }
    Ok(())
}

fn describe(
    ctx: &Ctx,
    server: &Server,
    state: &MigrationState,
    choice: StrategyChoice,
) -> Result<String> {
    let schema = &ctx.settings.schema;
    if state.pending.is_empty() {
        return Ok(format!(
            "Nothing is pending for `{schema}` on {server}; nothing would be done."
        ));
    }
    let live = match choice {
        StrategyChoice::Auto => {
            "the copy takes the place of the live schema, if nothing wrote since; else they run on it"
        }
        StrategyChoice::Swap => "the copy takes the place of the live schema, or nothing happens",
        StrategyChoice::InPlace => "they run on the live schema",
    };
    let mut text = format!(
        "Migrate `{schema}` on {server}:\n{state}\n  first  a backup, restored beside the live schema and compared\n  \
         then   the pending migrations run on that copy\n  then   {live}"
    );
    if let Some(last) = last_times(ctx)? {
        text = format!("{text}\n  time   {last}");
    }
    Ok(text)
}

/// What the last passage took; reads only what is there.
fn last_times(ctx: &Ctx) -> Result<Option<String>> {
    if !ctx.settings.backups.is_dir() {
        return Ok(None);
    }
    let ledger = ctx.store()?.read()?;
    let last = ledger.proven().rev().find_map(|receipt| match &receipt.event {
        Event::Gate { times, outcome: GateOutcome::Applied, .. }
            if receipt.schema == ctx.settings.schema && times.total_ms > 0 =>
        {
            Some(report::gate::prediction(times))
        }
        _ => None,
    });
    Ok(last)
}

fn show(ctx: &Ctx, applied: &Applied) {
    let live = applied.live.as_ref();
    if ctx.ui.json() {
        let names: Vec<String> = applied.pending.iter().map(MigrationFile::name).collect();
        let document = json!({
            "version": 1,
            "applied": names,
            "backup": applied.backup,
            "backup_reused": applied.reused,
            "strategy": live.map(|live| live.strategy),
            "previous_schema": live.and_then(|live| live.previous_schema.clone()),
            "statements": applied.statements,
            "times": applied.times,
        });
        ctx.ui.result(&document.to_string());
        return;
    }
    let Some(live) = live else {
        ctx.ui.result("Nothing is pending; nothing was done.");
        return;
    };
    let mut text = format!(
        "{} applied ({}) in {}.",
        human::count(applied.pending.len() as u64, "migration"),
        live.strategy.word(),
        human::duration(applied.times.total_ms)
    );
    if let Some(label) = &applied.backup {
        text = format!("{text}\n  backup      {label}, proven before");
    }
    if live.strategy == Strategy::Swap {
        text = format!("{text}\n  locked      for {}", human::duration(live.locked_ms));
    }
    if let Some(previous) = &live.previous_schema {
        text = format!(
            "{text}\n  old tables  in `{previous}`; `cargo xtask migrate --undo` brings them back while nothing else wrote"
        );
    }
    ctx.ui.result(&text);
}

fn take_back(ctx: &Ctx, server: &Server, dry_run: bool) -> Result<()> {
    if dry_run {
        let undo = undo::known(ctx, &ctx.store()?)?;
        return ctx.show_plan(&format!(
            "Take {} back on {server}: the tables in `{}` take the place of `{}`, if nothing wrote since.",
            undo.migrations.join(", "),
            undo.previous_schema,
            undo.schema
        ));
    }
    let undone = undo::go(ctx, server)?;
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "undone": undone.migrations,
            "previous_schema": undone.previous_schema,
        });
        ctx.ui.result(&document.to_string());
    } else {
        ctx.ui.result(&format!(
            "{} taken back; the schema is as it was before.\n  migrated tables  in `{}` until dropped",
            human::count(undone.migrations.len() as u64, "migration"),
            undone.previous_schema
        ));
    }
    Ok(())
}
