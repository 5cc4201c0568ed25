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
            "followed": live.is_some_and(|live| live.followed),
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
        let way_back = match live.followed {
            true => "brings them back, with what is written since",
            false => "brings them back while nothing else wrote",
        };
        text = format!(
            "{text}\n  old tables  in `{previous}`; `cargo xtask migrate --undo` {way_back}"
        );
    }
    ctx.ui.outcome(text);
}

fn take_back(ctx: &Ctx, server: &Server, dry_run: bool) -> Result<()> {
    if dry_run {
        let undo = undo::known(ctx, &ctx.store()?)?;
        let later = undo::later(ctx, server, &undo)?;
        let migrations = undo.migrations.join(", ");
        let (place, schema) = (&undo.previous_schema, &undo.schema);
        let condition = match &later {
            None => ", if nothing wrote since".to_owned(),
            Some(later) if later.rows == 0 => "; nothing was written since".to_owned(),
            Some(later) => {
                let rows = human::count(later.rows, "row");
                format!("; {rows} written since come along, and all of them fit")
            }
        };
        let left_behind = later.map(|later| later.left_behind).unwrap_or_default();
        let what = match undo.log.as_ref().is_some_and(|mark| mark.undone) {
            true => format!("Apply {migrations} again"),
            false => format!("Take {migrations} back"),
        };
        let line = format!(
            "{what} on {server}: the tables in `{place}` take the place of `{schema}`{condition}."
        );
        return ctx
            .show_plan(&format!("{line}{}", behind(&left_behind, "the tables that go aside")));
    }
    let undone = undo::go(ctx, server)?;
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "undone": undone.migrations,
            "applied_again": undone.again,
            "previous_schema": undone.previous_schema,
            "later_writes": if undone.kept_writes { "kept" } else { "none" },
            "left_behind": undone.left_behind,
        });
        ctx.ui.outcome(document.to_string());
        return Ok(());
    }
    let (how_many, previous) =
        (undone.migrations.len() + undone.again.len(), &undone.previous_schema);
    let migrations = human::count(how_many as u64, "migration");
    let text = match (undone.again.is_empty(), undone.kept_writes) {
        (true, false) => format!(
            "{migrations} taken back; the schema is as it was before.\n  migrated tables  in \
             `{previous}` until dropped"
        ),
        (true, true) => format!(
            "{migrations} taken back; what was written since is kept.\n  migrated tables  in \
             `{previous}`; `cargo xtask migrate --undo` brings them back the same way"
        ),
        (false, _) => format!(
            "{migrations} applied again; what was written since is kept.\n  other tables  in \
             `{previous}`; `cargo xtask migrate --undo` brings them back the same way"
        ),
    };
    let place = format!("`{previous}`");
    ctx.ui.outcome(format!("{text}{}", behind(&undone.left_behind, &place)));
    Ok(())
}

/// What has no place in the tables that come back.
fn behind(left: &[String], place: &str) -> String {
    match left.is_empty() {
        true => String::new(),
        false => format!(
            "\n  left behind  what was written to {}: it is in {place}, and only there",
            left.join(", ")
        ),
    }
}
