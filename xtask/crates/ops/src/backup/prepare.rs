//! What is checked before a dump starts: rights, definitions, and what moves the rows.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Failed, Wish};
use crate::ctx::Ctx;
use crate::obstacles;
use config::backup::EngineChoice;
use model::account::Role;
use model::definers::Definers;
use model::exit::{ExitCode, Stop};
use model::facts::ServerFacts;
use model::inventory::{Inventory, ObjectKind};
use model::manifest::{AppliedMigration, Reason};
use plan::backup::{BackupPlan, Mover};
use plan::unsaved::without;
use rows::dumper;
use server::{Reach, Server, Session, facts, inventory};
use store::age::{Sealing, VARIABLE};

/// What is known before the dump starts.
pub(super) struct Prepared {
    pub(super) plan: BackupPlan,
    pub(super) facts: ServerFacts,
    pub(super) before: Inventory,
    pub(super) migrations: Vec<AppliedMigration>,
    pub(super) rounded: BTreeMap<String, u64>,
    pub(super) changed_texts: BTreeMap<String, u64>,
    /// Documents per JSON column that come back with other types.
    pub(super) plainer: Vec<(String, u64)>,
    pub(super) sealing: Option<Sealing>,
    /// Tables and views that a dump program has to pass over.
    pub(super) left_out: Vec<String>,
}

pub(super) fn prepare(
    ctx: &Ctx,
    server: &Server,
    wish: &Wish,
) -> Result<(Session, Prepared), Failed> {
    let sealing = sealing(ctx, wish)?;
    let schema = &ctx.settings.schema;
    let mut session = ctx.session(server, Role::Backup, Some(schema))?.read_only()?;
    let facts = facts::read(&mut session)?;
    ctx.demand_rights(&mut session, Role::Backup, "a complete backup needs")?;
    let before = seen(&mut session, schema, wish).map_err(Failed::of_schema)?;
    if !before.broken_views.is_empty() {
        obstacles::demand_really_broken(ctx, server, &before)?;
    }
    let migrations = facts::migrations(&mut session, schema)?;
    let bytes_estimate = before.bytes_estimate();
    let mover = mover(ctx, server, &facts, bytes_estimate, wish)?;
    if let Some(found) =
        obstacles::first(&mut session, schema, &facts, &before).map_err(Failed::of_schema)?
    {
        return Err(Failed::OfSchema(found.no_backup().into()));
    }
    let changed_texts =
        obstacles::changed_texts(&mut session, schema, &before).map_err(Failed::of_schema)?;
    let documents =
        obstacles::documents(&mut session, schema, &facts, &before).map_err(Failed::of_schema)?;
    if let Some(found) = documents.obstacle() {
        return Err(Failed::OfSchema(found.no_backup().into()));
    }
    let plainer = documents.plainer;
    let mut rounded = BTreeMap::new();
    if let Mover::Mysqldump(_) = mover {
        obstacles::demand_writable(&mut session, schema, &before).map_err(Failed::of_schema)?;
        rounded = obstacles::rounded(&mut session, schema, &before).map_err(Failed::of_schema)?;
    }
    let above = ctx.settings.policy.backup.compress_above_mib;
    let plan = BackupPlan {
        server: server.to_string(),
        schema: schema.clone(),
        folder: ctx.settings.backups.clone(),
        mover,
        compression: plan::backup::compression(wish.compress, bytes_estimate, above),
        encrypted_for: sealing.as_ref().map_or_else(Vec::new, |s| s.recipients().fingerprints()),
        contents: plan::backup::contents(&before),
        bytes_estimate,
        non_transactional: before.non_transactional().into_iter().map(str::to_owned).collect(),
        broken_views: before.broken_views.iter().map(|view| view.name.clone()).collect(),
    };
    let of_wish =
        wish.left_out.iter().filter(|it| matches!(it.kind, ObjectKind::Table | ObjectKind::View));
    let left_out = plan.broken_views.iter().chain(of_wish.map(|it| &it.name)).cloned().collect();
    let prepared = Prepared {
        plan,
        facts,
        before,
        migrations,
        rounded,
        changed_texts,
        plainer,
        sealing,
        left_out,
    };
    Ok((session, prepared))
}

/// The definitions, but for what the wish leaves out.
pub(super) fn seen(session: &mut Session, schema: &str, wish: &Wish) -> Result<Inventory> {
    if wish.left_out.is_empty() {
        return inventory::read(session, schema);
    }
    let mut found = inventory::survey(session, schema)?;
    let left_out =
        |kind, name: &str| wish.left_out.iter().any(|it| it.kind == kind && it.name == name);
    found.unread.retain(|it| !left_out(it.kind, &it.name));
    found.inventory = without(&found.inventory, &wish.left_out);
    found.whole()
}

/// How the file is encrypted, tried before anything is read from the server.
fn sealing(ctx: &Ctx, wish: &Wish) -> Result<Option<Sealing>> {
    let Some(sealing) = Sealing::of(&ctx.settings)? else { return Ok(None) };
    let read_back = matches!(wish.reason, Reason::Migrate | Reason::Import | Reason::Deploy);
    if read_back && !sealing.is_tested() {
        let message = format!(
            "backups are encrypted, but {VARIABLE} names no private key: this one could not be \
            proven by restoring it"
        );
        return Err(Stop::new(ExitCode::Configuration, message)
            .hint("The database was not touched.")
            .hint(format!(
                "Set {VARIABLE} in .env to the file with the private key (docs/keys.md)."
            ))
            .into());
    }
    Ok(Some(sealing))
}

/// What moves the rows. Over `docker exec` there is one way in, through a program in
/// the container.
fn mover(
    ctx: &Ctx,
    server: &Server,
    facts: &ServerFacts,
    bytes: u64,
    wish: &Wish,
) -> Result<Mover> {
    let policy = &ctx.settings.policy.backup;
    let through_exec = matches!(server.reach, Reach::DockerExec { .. });
    let native = match policy.engine {
        // A dump program cannot leave out a routine or an event.
        _ if !wish.left_out.is_empty() && !through_exec => true,
        EngineChoice::Native => true,
        EngineChoice::Mysqldump => false,
        EngineChoice::Auto => !through_exec,
    };
    if native {
        return Ok(Mover::Native { threads: plan::backup::threads(policy.threads, bytes) });
    }
    if policy.definers == Definers::Keep {
        return Err(Stop::new(
            ExitCode::Configuration,
            "definers = \"keep\" needs the native engine, which this backup does not use",
        )
        .hint("Reach the server over TCP or a socket (DB_HOST, DB_PORT, DB_SOCKET), or use \"current_user\".")
        .into());
    }
    Ok(Mover::Mysqldump(dumper::find_client(server, facts.flavour, facts.version)?))
}

/// What the user should know about this backup before it is made.
pub(super) fn warn(ctx: &Ctx, prepared: &Prepared) {
    let plan = &prepared.plan;
    if prepared.sealing.as_ref().is_some_and(|sealing| !sealing.is_tested()) {
        ctx.ui.say(format!(
            "no private key is at hand ({VARIABLE}): whether this backup decrypts was not tested"
        ));
    }
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
    for (table, n) in &prepared.changed_texts {
        ctx.ui.warn(format!(
            "{n} texts of `{table}` come back as different bytes in their character set; make the \
            column utf8mb4"
        ));
    }
    for (column, n) in &prepared.plainer {
        ctx.ui.warn(format!(
            "{n} documents of {column} hold dates or other values that JSON has no words for; they \
            come back as strings with the same text"
        ));
    }
    for (table, n) in &prepared.rounded {
        ctx.ui.warn(format!(
            "{n} FLOAT values of `{table}` have more digits than a dump program writes and will come back rounded; make the column DOUBLE or DECIMAL"
        ));
    }
}
