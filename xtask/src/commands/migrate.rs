//! `migrate`

use anyhow::Result;
use serde_json::json;

use cli::migrate::{Migrate, MigrateAction};
use gate::migrate::{self, Applied, Standing};
use gate::{new_migration, undo};
use model::gate::Strategy;
use ops::ctx::{Ctx, Made};
use plan::migrate::MigrationFile;
use report::human;
use server::Server;

/// Ends with 20 when the gate refuses, with 30 when a migration failed and the state before
/// it is back, and with 31 when it is not.
pub(crate) fn run(ctx: &mut Ctx, args: &Migrate, made: &mut Made) -> Result<()> {
    if let Some(MigrateAction::New(args)) = &args.action {
        return write(ctx, &args.name);
    }
    let server = ctx.server(false)?;
    if args.status {
        show_standing(ctx, &migrate::standing(ctx, &server)?);
    } else if args.undo {
        take_back(ctx, &server, args.dry_run)?;
    } else if args.dry_run {
        ctx.show_plan(&migrate::plan(ctx, &server, args.strategy)?.to_string())?;
    } else {
        show(ctx, &migrate::run(ctx, &server, args.strategy, made)?);
    }
    Ok(())
}

/// Writes the files of a new migration; needs no server.
fn write(ctx: &Ctx, name: &str) -> Result<()> {
    let paths = new_migration::write(ctx, name)?.map(|path| path.display().to_string());
    if ctx.ui.json() {
        let [up, down] = &paths;
        ctx.ui.result(json!({ "version": 1, "up": up, "down": down }).to_string());
    } else {
        ctx.ui.outcome(paths.join("\n"));
    }
    Ok(())
}

fn show_standing(ctx: &Ctx, standing: &Standing) {
    let Standing { state, unfinished } = standing;
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
        ctx.ui.result(document.to_string());
        return;
    }
    ctx.ui.result(state.to_string());
    if *unfinished {
        ctx.ui.warn("migrations ran in place and their end was not seen; `cargo xtask migrate` looks where they stopped and brings them to their end");
    }
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
        ctx.ui.outcome(document.to_string());
        return;
    }
    let Some(live) = live else {
        ctx.ui.outcome("Nothing is pending; nothing was done.");
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
    ctx.ui.outcome(text);
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
        ctx.ui.outcome(document.to_string());
    } else {
        ctx.ui.outcome(format!(
            "{} taken back; the schema is as it was before.\n  migrated tables  in `{}` until dropped",
            human::count(undone.migrations.len() as u64, "migration"),
            undone.previous_schema
        ));
    }
    Ok(())
}
