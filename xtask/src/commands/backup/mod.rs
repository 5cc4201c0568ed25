//! `db-backup`: dump, prove that the dump is complete, commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ctx::Ctx;
use super::{failed_backup as failed, obstacles, recover};
use crate::cli::backup::{CompressChoice, DbBackup};
use crate::engine::{self, Seen, compare, dumper, fingerprint};
use crate::model::account::Role;
use crate::model::exit::{ExitCode, Stop};
use crate::model::facts::{LogPosition, ServerFacts};
use crate::model::inventory::{Inventory, ObjectKind};
use crate::model::manifest::{
    AppliedMigration, MANIFEST_VERSION, Manifest, ProgramEntry, Reason, TableEntry,
};
use crate::model::receipt::Event;
use crate::plan::backup::{self as plan, BackupPlan};
use crate::report;
use crate::server::{Server, Session, facts, inventory};
use crate::store::commit::FileFacts;
use crate::store::{Store, StoreLock, space};
use crate::sys::{clock, git};

/// How long a command waits for another run to end.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Runs the command.
///
/// # Errors
/// See docs/exit-codes.md; nothing is left behind but a finished backup.
pub fn run(ctx: &mut Ctx, args: &DbBackup) -> Result<()> {
    let server = ctx.server(false)?;
    if let Some(out) = &args.out {
        // An unfinished restore is known in the usual folder only; a backup of a
        // half-done schema must not be made elsewhere either.
        if !args.dry_run && ctx.settings.backups.is_dir() {
            let usual = ctx.store()?;
            recover::first(ctx, &usual, &usual.lock(LOCK_WAIT)?, Some(&server))?;
        }
        ctx.settings.backups.clone_from(out);
    }
    let compress = match args.compress {
        CompressChoice::Auto => None,
        CompressChoice::None => Some(false),
        CompressChoice::Zstd => Some(true),
    };
    let wish = Wish { reason: Reason::Manual, note: args.reason.clone(), compress };
    if args.dry_run {
        let (_, prepared) = prepare(ctx, &server, &wish)?;
        return ctx.show_plan(&prepared.plan.to_string());
    }
    let store = ctx.store()?;
    let lock = store.lock(LOCK_WAIT)?;
    recover::first(ctx, &store, &lock, Some(&server))?;
    let manifest = take(ctx, &server, &store, &lock, &wish)?;
    let folder = store.dir();
    let file = folder.join(&manifest.file).display().to_string();
    let path = folder.join(format!("{}.json", manifest.label)).display().to_string();
    let document = report::json::BackupDocument::new(&manifest, file, path);
    if ctx.ui.json() {
        ctx.ui.result(&report::json::render(&document)?);
    } else {
        ctx.ui.result(&report::text::backup(&document, &manifest));
    }
    Ok(())
}

/// Why and how a backup is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Why.
    pub reason: Reason,
    /// Why, in somebody's words.
    pub note: Option<String>,
    /// Compressed or not; `None` decides by size.
    pub compress: Option<bool>,
}

impl Wish {
    /// A backup for a reason, the rest by policy.
    pub fn because(reason: Reason) -> Self {
        Self { reason, note: None, compress: None }
    }
}

/// What is known before the dump starts.
struct Prepared {
    plan: BackupPlan,
    facts: ServerFacts,
    before: Inventory,
    migrations: Vec<AppliedMigration>,
    rounded: BTreeMap<String, u64>,
    position: LogPosition,
}

fn prepare(ctx: &Ctx, server: &Server, wish: &Wish) -> Result<(Session, Prepared)> {
    let schema = &ctx.settings.schema;
    let mut session = ctx.session(server, Role::Backup, Some(schema))?.read_only()?;
    let facts = facts::read(&mut session)?;
    ctx.demand_rights(&mut session, Role::Backup, "a complete backup needs")?;
    let before = inventory::read(&mut session, schema)?;
    obstacles::demand_writable(&mut session, schema, &before)?;
    if !before.broken_views.is_empty() {
        obstacles::demand_really_broken(ctx, server, &before)?;
    }
    let migrations = facts::migrations(&mut session, schema)?;
    let rounded = obstacles::rounded(&mut session, schema, &before)?;
    let position = facts::log_position(&mut session, facts.flavour);
    let client = dumper::find_client(server, facts.flavour, facts.version)?;
    let bytes_estimate = before.bytes_estimate();
    let above = ctx.settings.policy.backup.compress_above_mib;
    let plan = BackupPlan {
        server: server.to_string(),
        schema: schema.clone(),
        folder: ctx.settings.backups.clone(),
        client,
        compression: plan::compression(wish.compress, bytes_estimate, above),
        contents: plan::contents(&before),
        bytes_estimate,
        non_transactional: before.non_transactional().into_iter().map(str::to_owned).collect(),
        broken_views: before.broken_views.iter().map(|view| view.name.clone()).collect(),
    };
    Ok((session, Prepared { plan, facts, before, migrations, rounded, position }))
}

/// Takes a backup and writes its receipt.
///
/// # Errors
/// See docs/exit-codes.md; then no backup exists and the older ones are untouched.
pub fn take(
    ctx: &Ctx,
    server: &Server,
    store: &Store,
    lock: &StoreLock,
    wish: &Wish,
) -> Result<Manifest> {
    let start = Instant::now();
    for name in store.clean(lock)? {
        ctx.ui.say(format!("removed {name}, left behind by a run that did not finish"));
    }
    let (mut session, prepared) = prepare(ctx, server, wish)?;
    let plan = &prepared.plan;
    ctx.ui.detail(plan.to_string());
    warn(ctx, &prepared);
    space::require(store.dir(), plan.bytes_needed())?;
    let label = store.next_label(&plan.schema, clock::now_local())?;
    let created_utc = clock::now();
    ctx.ui.say(format!("backing up `{}` ({}) as {label}", plan.schema, plan.contents));
    let mut pending = store.begin(lock, &label, plan.compression)?;
    let mut bar = ctx.ui.bar("dump", plan.bytes_estimate);
    let policy = &ctx.settings.policy.backup;
    let limits = dumper::Limits {
        stall: Duration::from_secs(policy.stall_s),
        deadline: Duration::from_secs(policy.deadline_minutes * 60),
    };
    let order = dumper::Order {
        client: &plan.client,
        server,
        account: ctx.settings.account(Role::Backup),
        schema: &plan.schema,
        lock_all: !plan.non_transactional.is_empty(),
        left_out: &plan.broken_views,
        limits,
    };
    let dumped = dumper::dump(&order, &mut pending, &mut |p| bar.set(p.bytes, p.rows, p.object));
    bar.done();
    let seen = dumped
        .map_err(|error| failed::on_full_disk(error, store))
        .map_err(|error| failed::on_lost_server(error, &mut session, server))?;
    let after = inventory::read(&mut session, &plan.schema)?;
    demand_unmoved(&prepared.before, &after)?;
    demand_complete(&seen, &prepared.before)?;
    engine::write_end_marker(&mut pending, &seen)
        .map_err(|error| failed::on_full_disk(error, store))?;
    let entry = pending
        .finish(|file| Ok(manifest(ctx, &prepared, &seen, file, wish, created_utc, start)))
        .map_err(|error| failed::on_full_disk(error, store))?;
    let manifest =
        entry.manifest().cloned().context("the backup that was just made has no manifest")?;
    let event = Event::Backup {
        label: manifest.label.clone(),
        sha256: manifest.sha256.clone(),
        reason: manifest.reason.word().to_owned(),
        rows: manifest.rows,
        duration_ms: manifest.duration_ms,
    };
    store
        .append(lock, &manifest.server.uuid, &manifest.schema, event, clock::now())
        .map_err(|error| failed::without_receipt(error, &manifest))?;
    Ok(manifest)
}

/// What a person should know about this backup before it is made.
fn warn(ctx: &Ctx, prepared: &Prepared) {
    let plan = &prepared.plan;
    if !plan.non_transactional.is_empty() {
        ctx.ui.warn(format!(
            "all tables are locked against writes during this backup: {} have no transactions",
            plan.non_transactional.join(", ")
        ));
    }
    for view in &prepared.before.broken_views {
        ctx.ui.warn(format!(
            "the view `{}` is broken and not in the backup; its definition is in the manifest ({})",
            view.name, view.why
        ));
    }
    for (table, n) in &prepared.rounded {
        ctx.ui.warn(format!(
            "{n} FLOAT values of `{table}` have more digits than a dump program writes and will come back rounded; make the column DOUBLE or DECIMAL"
        ));
    }
}

fn demand_unmoved(before: &Inventory, after: &Inventory) -> Result<()> {
    if fingerprint::schema(before) == fingerprint::schema(after) {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Unexpected,
        "the schema changed while it was being dumped; no backup was made",
    )
    .hint("Something ran DDL at the same time. Take the backup again when it is done.")
    .into())
}

/// The dump holds exactly what the server's inventory lists, with every column.
fn demand_complete(seen: &Seen, inventory: &Inventory) -> Result<()> {
    if let Some(odd) = seen.odd.first() {
        let message = format!(
            "the dump holds a statement that is not known from dumps, line {}: {}",
            odd.line, odd.start
        );
        return Err(
            Stop::new(ExitCode::Unexpected, format!("{message}; no backup was made")).into()
        );
    }
    if let Some(view) = seen.placeholders.first() {
        return Err(Stop::new(ExitCode::Unexpected, format!("the dump holds only a stand-in of view `{view}`; no backup was made"))
            .hint("The view may name a table or column that is gone: `SHOW CREATE VIEW` and `SELECT` from it tell.")
            .into());
    }
    let check = compare::seen_with_inventory(seen, inventory);
    if check.outcome == crate::model::check::Outcome::Passed {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Unexpected,
        format!("the dump is not complete, no backup was made: {}", check.detail),
    )
    .hint("`cargo xtask doctor` checks that backup_user may read everything.")
    .into())
}

fn manifest(
    ctx: &Ctx,
    prepared: &Prepared,
    seen: &Seen,
    file: &FileFacts,
    wish: &Wish,
    created_utc: chrono::DateTime<chrono::Utc>,
    start: Instant,
) -> Manifest {
    let hashes = fingerprint::definitions(&prepared.before);
    let hash = |kind: ObjectKind, name: &str| {
        hashes.get(&(kind, name.to_owned())).cloned().unwrap_or_default()
    };
    let tables = prepared.before.tables.iter().map(|(name, facts)| {
        let table = seen.tables.get(name);
        let content = table.map(|t| t.digest).unwrap_or_default();
        TableEntry {
            name: name.clone(),
            rows: content.rows,
            digest: content.hex(),
            columns: facts.columns.clone(),
            auto_increment: table.and_then(|t| t.auto_increment),
            ddl_sha256: hash(ObjectKind::Table, name),
            rounded_floats: prepared.rounded.get(name).copied().unwrap_or(0),
        }
    });
    let programs = prepared.before.programs.iter().map(|((kind, name), program)| ProgramEntry {
        kind: *kind,
        name: name.clone(),
        definer: program.definer.clone(),
        ddl_sha256: hash(*kind, name),
    });
    Manifest {
        version: MANIFEST_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: git::commit(&ctx.settings.root),
        label: file.label.clone(),
        created_utc,
        reason: wish.reason.clone(),
        note: wish.note.clone(),
        server: prepared.facts.clone(),
        schema: prepared.plan.schema.clone(),
        charset: prepared.before.charset.clone(),
        collation: prepared.before.collation.clone(),
        log_position: prepared.position.clone(),
        migrations: prepared.migrations.clone(),
        engine: "mysqldump".to_owned(),
        engine_version: format!(
            "{} {}",
            prepared.plan.client.program, prepared.plan.client.version
        ),
        definer_policy: "current_user".to_owned(),
        compression: file.compression,
        file: file.file.clone(),
        bytes: file.bytes,
        text_bytes: file.text_bytes,
        sha256: file.sha256.clone(),
        rows: seen.rows,
        tables: tables.collect(),
        programs: programs.collect(),
        broken_views: prepared.before.broken_views.clone(),
        schema_fingerprint: fingerprint::schema(&prepared.before),
        sections: file.sections.clone(),
        duration_ms: clock::elapsed_ms(start),
        manifest_sha256: String::new(),
    }
}
