//! After migrations failed in place: the state before them comes back when it is
//! proven that nothing would be lost.
//!
//! The proof is the experiment repeated: on a second copy of the backup the same
//! statements run one by one. If the live schema is, row by row, what the copy is
//! after one of them, nobody else wrote to it, and the backup may take its place.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::api::Api;
use crate::rehearse::Copy;
use crate::{Gate, by_swap, rehearse, state, told};
use model::account::Role;
use model::facts::Flavour;
use model::inventory::Inventory;
use model::manifest::Manifest;
use model::state::SchemaState;
use model::swap::Purpose;
use ops::held::Held;
use ops::sessions::Pair;
use ops::staging::Staged;
use ops::swap::Swap;
use ops::{sessions, staging, swap, unchanged};
use plan::definer::Owner;
use plan::failed::{PutBack, left_nothing};
use plan::gate::no_exact_copy;
use plan::migrate::MigrationState;
use plan::restore::{before_name, staging_name};
use plan::swap::{Leaving, Sides};
use server::survey::Survey;
use server::{Session, facts, inventory};
use sql::fingerprint;

/// Restores the state before the migrations, or says why not.
pub fn go(gate: &Gate<'_>, pair: &mut Pair, manifest: &Manifest) -> PutBack {
    match attempt(gate, pair, manifest) {
        Ok(ended) => ended,
        Err(error) => PutBack::Not {
            why: format!("the attempt failed: {error:#}"),
            differences: differences(gate, manifest).unwrap_or_default(),
        },
    }
}

/// As [`go`], for migrations whose own passage is over: what stood before its gate is
/// read again, from the backup and the files.
///
/// # Errors
/// The files or the schema cannot be read.
pub fn again(
    held: &Held<'_>,
    pair: &mut Pair,
    manifest: &Manifest,
    migrations: &[String],
) -> Result<PutBack> {
    let (ctx, server) = (held.ctx(), held.server());
    // The files that were pending when the backup was taken.
    let then = MigrationState::of(state::all_files(ctx)?, manifest.migrations.clone());
    let mut pending = state::texts(ctx, &then)?;
    pending.retain(|one| migrations.contains(&one.name()));
    let api = Api::build(ctx)?;
    let told = told::ask(ctx, server, &api, &ctx.settings.schema)?;
    let live = state::live(ctx, server)
        .map_err(|error| state::or_restore(error, Some(&manifest.label)))?;
    let gate = Gate { held, api: &api, pending: &pending, before: &live, told: &told };
    Ok(go(&gate, pair, manifest))
}

fn attempt(gate: &Gate<'_>, pair: &mut Pair, manifest: &Manifest) -> Result<PutBack> {
    let ctx = gate.ctx();
    // The server may still be executing what the API sent before it died.
    sessions::keep_from_migrating(ctx, pair.live())?;
    let live = state::live(ctx, gate.server())?;
    let booked = facts::migrations(pair.live(), &ctx.settings.schema)?;
    if left_nothing(manifest, &live, &fingerprint::schema(&live), &booked) {
        gate.held.store().remove_in_place(gate.held.lock())?;
        return Ok(PutBack::Nothing);
    }
    if let Some(why) = no_exact_copy(manifest, &live) {
        return Ok(PutBack::Not { why, differences: differences(gate, manifest)? });
    }
    ctx.ui.say("checking for other writes: running the same statements again on a copy");
    let source = gate.held.store().source_of(&manifest.label)?;
    let session = pair.copy();
    let old = copy(gate, session, &source)?;
    let twin = copy(gate, session, &source)?;
    let accepted = replay(gate, session, &twin, &live);
    twin.drop_schema(session)?;
    let accepted = match accepted {
        Ok(found) if !found.is_empty() => found,
        other => {
            old.drop_schema(session)?;
            let why = match other {
                Ok(_) => {
                    "the live schema is not what these statements make of the backup".to_owned()
                }
                Err(error) => format!("the statements could not be repeated: {error:#}"),
            };
            return Ok(PutBack::Not { why, differences: differences(gate, manifest)? });
        }
    };
    exchange(gate, pair.live(), manifest, &live, &old, &accepted)
}

fn copy(gate: &Gate<'_>, session: &mut Session, source: &store::source::Source) -> Result<Staged> {
    let schema = staging::free_name(gate.ctx(), session, staging_name)?;
    let staged = staging::stage(gate.held, session, source, &schema)?;
    anyhow::ensure!(staged.passed(), "{} does not restore to what was backed up", source.name);
    Ok(staged)
}

/// The states of the copy, after each statement, whose definitions are the live ones.
fn replay(
    gate: &Gate<'_>,
    session: &mut Session,
    twin: &Staged,
    live: &Inventory,
) -> Result<Vec<SchemaState>> {
    let wanted = fingerprint::schema(live);
    rehearse::enable_events(session, &twin.schema, &twin.inventory)?;
    // Another session: it sees what was committed, as others see the live schema.
    let mut reader = gate.ctx().session(gate.server(), Role::Drill, None)?.read_only()?;
    let mut found = Vec::new();
    let mut watch = || {
        let now = inventory::read(&mut reader, &twin.schema)?;
        if fingerprint::schema(&now) == wanted {
            found.push(unchanged::of_schema(gate.ctx(), &mut reader, &twin.schema, &now, true)?);
        }
        Ok(false)
    };
    let rows: BTreeMap<String, u64> = BTreeMap::new();
    let copy = Copy { settings: &gate.told.session, schema: &twin.schema, rows: &rows };
    rehearse::run(gate.ctx(), gate.server(), &copy, gate.pending, Some(&mut watch))?;
    Ok(found)
}

fn exchange(
    gate: &Gate<'_>,
    session: &mut Session,
    manifest: &Manifest,
    live: &Inventory,
    old: &Staged,
    accepted: &[SchemaState],
) -> Result<PutBack> {
    let ctx = gate.ctx();
    let schema = &ctx.settings.schema;
    let before = staging::free_name(ctx, session, before_name)?;
    let mut reader = ctx.session(gate.server(), Role::Backup, None)?.read_only()?;
    let mut lost: Vec<String> = Vec::new();
    let mut guard = |session: &mut Session| {
        let now = inventory::read(&mut reader, schema)?;
        for state in accepted {
            lost = unchanged::differences(session, schema, &now, state)?;
            if lost.is_empty() {
                return Ok(());
            }
        }
        anyhow::bail!("something else wrote to it")
    };
    let definer = ctx.settings.program_definer();
    let source = manifest.label.to_string();
    let change = Swap::of(
        &manifest.server.uuid,
        Sides {
            flavour: old.flavour,
            target: schema,
            live,
            staging: &old.schema,
            staged: &old.inventory,
            before: &before,
            owner: Owner::Locked(&definer),
            leaving: Leaving::default(),
        },
        &source,
        Purpose::Restore,
    );
    let swapped = swap::execute(gate.held, session, &change, Some(&mut guard));
    if let Err(error) = swapped {
        if lost.is_empty() {
            return Err(error);
        }
        let why = "someone else wrote to it since the backup".to_owned();
        return Ok(PutBack::Not { why, differences: differences(gate, manifest)? });
    }
    // From here on the old state is back, whatever else is said.
    gate.held.store().remove_in_place(gate.held.lock())?;
    let exact = swap::demand_exact(session, schema, &old.inventory)
        .and_then(|()| staging::drop_schema(session, &old.schema));
    if let Err(error) = exact {
        ctx.ui.warn(format!("{error:#}"));
    }
    let slipped = match old.flavour {
        Flavour::Mariadb => by_swap::slipped(session, &before, accepted),
        Flavour::Mysql => Vec::new(),
    };
    Ok(PutBack::Restored { previous: before, slipped })
}

/// How the live schema differs from the backup, for the user who has to decide.
fn differences(gate: &Gate<'_>, manifest: &Manifest) -> Result<Vec<String>> {
    let schema = &gate.ctx().settings.schema;
    let mut session = gate.ctx().session(gate.server(), Role::Backup, None)?.read_only()?;
    let Survey { inventory: live, unread } = inventory::survey(&mut session, schema)?;
    let (then, now) = (fingerprint::listed(manifest), fingerprint::definitions(&live));
    let mut out = fingerprint::differing(&then, &now);
    out.extend(unread.iter().map(|it| it.left_out().to_string()));
    let wanted = unchanged::of_backup(manifest);
    let kept = wanted.tables.into_iter().filter(|table| {
        table.name != "_sqlx_migrations"
            && live.tables.get(&table.name).is_some_and(|now| now.columns == table.columns)
    });
    let comparable =
        SchemaState { fingerprint: fingerprint::schema(&live), tables: kept.collect() };
    out.extend(unchanged::differences(&mut session, schema, &live, &comparable)?);
    Ok(out)
}
