//! `migrate`: a backup, its proof, a rehearsal on the restored copy, and only
//! then the live schema. It fails closed at every step.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::api::{self, Api};
use super::backup::{LOCK_WAIT, Wish};
use super::ctx::Ctx;
use super::{backup, recover, staging, verify};
use crate::cli::migrate::Migrate;
use crate::engine::fingerprint;
use crate::engine::own_schema::named_schema;
use crate::model::account::Role;
use crate::model::exit::{ExitCode, Stop};
use crate::model::inventory::Inventory;
use crate::model::label::Label;
use crate::model::manifest::Reason;
use crate::plan::migrate::{MigrationFile, MigrationState};
use crate::plan::restore::staging_name;
use crate::report::human;
use crate::server::{Server, Session, facts, inventory};
use crate::store::{Store, StoreLock};
use crate::sys::{clock, fs, hash, signal};

/// One migration may rebuild a large table.
const MIGRATE: Duration = Duration::from_secs(6 * 3600);

/// Runs the command.
///
/// # Errors
/// Exit code 20 when the gate refuses (the live schema was not touched), 31 when
/// a migration failed on the live schema.
pub fn run(ctx: &mut Ctx, args: &Migrate) -> Result<()> {
    let server = ctx.server(false)?;
    if args.status {
        return status(ctx, &server);
    }
    let state = read_state(ctx, &server)?;
    state.demand_sound()?;
    if args.dry_run {
        return ctx.show_plan(&describe(ctx, &server, &state));
    }
    let applied = apply(ctx, &server)?;
    if ctx.ui.json() {
        let names: Vec<String> = applied.pending.iter().map(name).collect();
        ctx.ui
            .result(&json!({"version": 1, "applied": names, "backup": applied.backup}).to_string());
    } else if applied.pending.is_empty() {
        ctx.ui.result("Nothing is pending; nothing was done.");
    } else {
        ctx.ui.result(&format!(
            "{} applied.",
            human::count(applied.pending.len() as u64, "migration")
        ));
    }
    Ok(())
}

fn name(file: &MigrationFile) -> String {
    format!("{}_{}", file.version, file.description)
}

fn status(ctx: &Ctx, server: &Server) -> Result<()> {
    let state = read_state(ctx, server)?;
    if ctx.ui.json() {
        let applied: Vec<String> =
            state.applied.iter().map(|m| format!("{}_{}", m.version, m.description)).collect();
        let pending: Vec<String> = state.pending.iter().map(name).collect();
        let document = json!({"version": 1, "applied": applied, "pending": pending, "troubles": state.troubles});
        ctx.ui.result(&document.to_string());
    } else {
        ctx.ui.result(&state.to_string());
    }
    Ok(())
}

fn describe(ctx: &Ctx, server: &Server, state: &MigrationState) -> String {
    let schema = &ctx.settings.schema;
    if state.pending.is_empty() {
        return format!("Nothing is pending for `{schema}` on {server}; nothing would be done.");
    }
    format!(
        "Migrate `{schema}` on {server}:\n{state}\n  first  a backup, restored beside the live schema and compared\n  \
         then   the pending migrations run on that copy\n  then   they run on `{schema}`"
    )
}

/// What was done.
#[derive(Debug, Default)]
pub struct Applied {
    /// The migrations that are applied now and were pending before.
    pub pending: Vec<MigrationFile>,
    /// The backup in front of them; `None` where the schema held no table.
    pub backup: Option<Label>,
}

/// Reads files and table; creates nothing by looking.
///
/// # Errors
/// The server or the folder cannot be read.
pub fn read_state(ctx: &Ctx, server: &Server) -> Result<MigrationState> {
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    let applied = facts::migrations(&mut session, &ctx.settings.schema)?;
    Ok(MigrationState::of(files(ctx)?, applied))
}

fn files(ctx: &Ctx) -> Result<Vec<MigrationFile>> {
    let dir = api::migrations_dir(&ctx.settings.root);
    let mut files = Vec::new();
    for name in fs::names(&dir)? {
        let checksum =
            || Ok::<_, anyhow::Error>(hash::sha384_hex(&fs::read_bytes(&dir.join(&name))?));
        if let Some(mut file) = MigrationFile::from_name(&name, String::new()) {
            file.checksum = checksum()?;
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Stop::new(
            ExitCode::Configuration,
            format!("no migrations in {}", dir.display()),
        )
        .into());
    }
    Ok(files)
}

/// The whole gate, and the migrations behind it.
///
/// # Errors
/// See [`run`].
pub fn apply(ctx: &Ctx, server: &Server) -> Result<Applied> {
    let store = ctx.store()?;
    let lock = store.lock(LOCK_WAIT)?;
    recover::first(ctx, &store, &lock, Some(server))?;
    let state = read_state(ctx, server)?;
    state.demand_sound()?;
    if state.pending.is_empty() {
        return Ok(Applied::default());
    }
    demand_own_schema(ctx, &state)?;
    let api = Api::build(ctx)?;
    let before = live_inventory(ctx, server)?;
    // Held until the end: nobody restores or migrates the same schema meanwhile.
    let mut session = staging::locked_session(ctx, server)?;
    let mut backup = None;
    if before.tables.is_empty() {
        ctx.ui
            .say(format!("`{}` holds no table: there is nothing to back up", ctx.settings.schema));
    } else {
        backup = Some(prove_and_rehearse(ctx, server, &store, &lock, &api, &mut session)?);
    }
    demand_unmoved(ctx, server, &state, &before)?;
    signal::check()?;
    go_live(ctx, server, &api, &state, backup.as_ref())?;
    Ok(Applied { pending: state.pending, backup })
}

fn live_inventory(ctx: &Ctx, server: &Server) -> Result<Inventory> {
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    inventory::read(&mut session, &ctx.settings.schema)
}

fn prove_and_rehearse(
    ctx: &Ctx,
    server: &Server,
    store: &Store,
    lock: &StoreLock,
    api: &Api,
    session: &mut Session,
) -> Result<Label> {
    let manifest = backup::take(ctx, server, store, lock, &Wish::because(Reason::Migrate))
        .context("take the backup in front of the migration; the database was not touched")?;
    let source = store.resolve(&manifest.label.to_string())?;
    staging::clean(ctx, session)?;
    let schema = staging_name(&ctx.settings.schema, clock::now_local());
    ctx.ui.say(format!("restoring {} into `{schema}` to compare it", source.name));
    let start = Instant::now();
    let staged = staging::stage(ctx, session, &source, &schema)?;
    let verified = verify::Verified {
        level: crate::model::receipt::Level::Restore,
        checks: staged.checks.clone(),
        duration_ms: clock::elapsed_ms(start),
    };
    let uuid = manifest.server.uuid.clone();
    verify::record(ctx, store, lock, &source, &verified, staged.sha256.clone(), &uuid)?;
    let rehearsed = if verified.passed() {
        ctx.ui.say(format!("the backup is proven ({} rows equal)", human::thousands(staged.rows)));
        rehearse(ctx, server, api, &schema, &manifest.schema_fingerprint)
    } else {
        let failed =
            verified.checks.iter().find(|c| c.outcome == crate::model::check::Outcome::Failed);
        let detail = failed.map_or_else(String::new, |c| format!(": {}: {}", c.name, c.detail));
        Err(Stop::new(
            ExitCode::GateRefused,
            format!("the backup {} does not restore to what it should{detail}", manifest.label),
        )
        .hint("The database was not touched. `cargo xtask db-verify` shows every check.")
        .into())
    };
    staged.drop_schema(session)?;
    rehearsed?;
    Ok(manifest.label)
}

/// Runs the pending migrations on the restored copy.
fn rehearse(ctx: &Ctx, server: &Server, api: &Api, schema: &str, live: &str) -> Result<()> {
    let start = Instant::now();
    let finished = api.run(ctx, server, Role::Migrate, schema, &["migrate", "up"], MIGRATE)?;
    // The account may write to the live schema, too. A migration that got there
    // although its text does not name it is found out here at the latest.
    if fingerprint::schema(&live_inventory(ctx, server)?) != live {
        return Err(Stop::new(
            ExitCode::MigrationNotRestored,
            format!("the definitions of `{}` changed during the rehearsal on a copy", ctx.settings.schema),
        )
        .hint("Either somebody else changed them, or the migration reaches out of the schema it runs on.")
        .hint("Compare with the backup that was just proven: `cargo xtask db-list`.")
        .into());
    }
    if finished.ok() {
        ctx.ui
            .say(format!("rehearsed on the copy in {}", human::duration(clock::elapsed_ms(start))));
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::GateRefused,
        format!(
            "the rehearsal failed; it ran on a copy, `{}` was not migrated:\n  {}",
            ctx.settings.schema,
            api::said(&finished)
        ),
    )
    .hint("Mend the migration and run `cargo xtask migrate` again.")
    .into())
}

/// A migration that names a schema would not be rehearsed on the copy but run on
/// the live schema.
fn demand_own_schema(ctx: &Ctx, state: &MigrationState) -> Result<()> {
    let dir = api::migrations_dir(&ctx.settings.root);
    for file in &state.pending {
        for ending in [".up.sql", ".sql"] {
            let path = dir.join(format!("{}{ending}", name(file)));
            if !path.is_file() {
                continue;
            }
            if let Some(place) = named_schema(&fs::read_text(&path)?, &ctx.settings.schema) {
                return Err(Stop::new(
                    ExitCode::GateRefused,
                    format!("the migration {} names a schema ({place}), so it cannot be rehearsed on a copy", name(file)),
                )
                .hint("Leave the schema out: a migration runs on the schema it is run on. The database was not touched.")
                .into());
            }
        }
    }
    Ok(())
}

/// Nothing moved between the backup and now.
fn demand_unmoved(
    ctx: &Ctx,
    server: &Server,
    state: &MigrationState,
    before: &Inventory,
) -> Result<()> {
    let now = read_state(ctx, server)?;
    let after = live_inventory(ctx, server)?;
    if now.pending == state.pending && fingerprint::schema(before) == fingerprint::schema(&after) {
        return Ok(());
    }
    Err(Stop::new(ExitCode::GateRefused, "the schema or the list of migrations changed since the backup; the database was not touched")
        .hint("Somebody else works on it. Run `cargo xtask migrate` again when they are done.")
        .into())
}

fn go_live(
    ctx: &Ctx,
    server: &Server,
    api: &Api,
    state: &MigrationState,
    backup: Option<&Label>,
) -> Result<()> {
    let schema = &ctx.settings.schema;
    ctx.ui.say(format!(
        "applying {} to `{schema}`",
        human::count(state.pending.len() as u64, "migration")
    ));
    let run = api.run(ctx, server, Role::Migrate, schema, &["migrate", "up"], MIGRATE);
    let said = match run {
        Ok(finished) if finished.ok() => {
            let left = read_state(ctx, server)?;
            if left.pending.is_empty() && left.troubles.is_empty() {
                return Ok(());
            }
            "it ended well, but not every migration is applied".to_owned()
        }
        Ok(finished) => api::said(&finished),
        Err(error) => format!("{error:#}"),
    };
    let mut stop = Stop::new(
        ExitCode::MigrationNotRestored,
        format!("the migration failed on `{schema}` although its rehearsal passed:\n  {said}"),
    );
    stop = match backup {
        Some(label) => stop
            .hint("MySQL commits every DDL statement at once: part of it may be applied. `cargo xtask migrate --status` shows how far it got.")
            .hint(format!("To go back to the state before it (what was written since is lost): cargo xtask db-restore {label}")),
        None => stop.hint("The schema was empty before; drop its tables and run `cargo xtask migrate` again."),
    };
    Err(stop.into())
}
