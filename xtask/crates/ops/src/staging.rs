//! A backup, restored into a schema of its own and compared: the heart of the
//! drill and of every restore.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{NaiveDateTime, TimeDelta};

use crate::ctx::Ctx;
use crate::held::Held;
pub use crate::leftovers::{clean, drop_kept};
use crate::{copy_digests, reading, whole};
use model::account::Role;
use model::check::{self, Check, Outcome};
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::ident::{literal, quote, word};
use model::inventory::{Inventory, ObjectKind, Program};
use plan::restore::staging_name;
use rows::load::{self, Loaded, Part};
use server::session::{code, said};
use server::{Session, facts, inventory};
use sql::compare::{self, Expected};
use sql::enable_event;
use store::check as file_check;
use store::source::Source;
use sys::clock;
use sys::fault::point;
use ui::{Step, Total};

/// A restored copy. It exists on the server until [`Staged::drop_schema`].
#[derive(Debug)]
pub struct Staged {
    /// The schema it is in.
    pub schema: String,
    /// What is in it; events as they were in the backup, although they are disabled here.
    pub inventory: Inventory,
    /// Its events as they are here: disabled, whatever they were in the backup.
    pub events: BTreeMap<String, Program>,
    /// Every check that was made of it.
    pub checks: Vec<Check>,
    /// Rows in it.
    pub rows: u64,
    /// Rows in each of its tables.
    pub table_rows: Vec<(String, u64)>,
    /// SHA-256 of the file that it came from.
    pub sha256: String,
    /// How long loading and comparing took, in milliseconds.
    pub duration_ms: u64,
    /// The server's flavour.
    pub flavour: Flavour,
}

impl Staged {
    /// Whether everything that was compared is equal.
    pub fn passed(&self) -> bool {
        check::all_passed(&self.checks)
    }

    /// Removes the copy.
    ///
    /// # Errors
    /// The server refuses.
    pub fn drop_schema(&self, session: &mut Session) -> Result<()> {
        drop_schema(session, &self.schema)
    }
}

/// A companion's name that is not taken: two can be asked for within one second.
///
/// # Errors
/// The server cannot be asked.
pub fn free_name(
    ctx: &Ctx,
    session: &mut Session,
    named: fn(&str, NaiveDateTime) -> String,
) -> Result<String> {
    let mut at = clock::now_local();
    loop {
        let name = named(&ctx.settings.schema, at);
        if !inventory::schema_exists(session, &name)? {
            return Ok(name);
        }
        at += TimeDelta::seconds(1);
    }
}

/// Drops a companion schema; never anything else.
///
/// # Errors
/// The name is not one of a companion, or the server refuses.
pub fn drop_schema(session: &mut Session, schema: &str) -> Result<()> {
    anyhow::ensure!(
        schema.contains("__"),
        "`{schema}` is not a companion schema; it is not dropped"
    );
    session.run("SET foreign_key_checks = 0")?;
    let dropped = session.run(&format!("DROP DATABASE IF EXISTS {}", quote(schema)));
    session.run("SET foreign_key_checks = 1")?;
    dropped
}

/// Runs something in a new schema with the character set of `like`; it goes afterwards.
///
/// # Errors
/// The server refuses the schema, or as `run`.
pub fn scratch<T>(
    ctx: &Ctx,
    session: &mut Session,
    like: &Inventory,
    run: impl FnOnce(&mut Session, &str) -> Result<T>,
) -> Result<T> {
    let schema = free_name(ctx, session, staging_name)?;
    let (charset, collation) = (word(&like.charset)?, word(&like.collation)?);
    session.run(&format!(
        "CREATE DATABASE {} CHARACTER SET {charset} COLLATE {collation}",
        quote(&schema)
    ))?;
    let ended = run(session, &schema);
    let dropped = drop_schema(session, &schema);
    // What went wrong first is what is said.
    let ended = ended?;
    dropped.map(|()| ended)
}

/// As [`drop_schema`], where it holds no table and no view.
///
/// # Errors
/// As [`drop_schema`].
pub fn drop_empty(session: &mut Session, schema: &str) -> Result<()> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
        literal(schema)
    );
    if session.value::<u64>(&sql)? == 0 {
        drop_schema(session, schema)?;
    }
    Ok(())
}

/// Loads a dump into a new schema, as `drill_user`, and compares it with its manifest (or, without
/// one, with what its text holds). A copy that could not be loaded is removed
/// again; one that differs is given back with its failed checks.
///
/// # Errors
/// The file cannot be read, holds something that is not allowed, or the server refuses it.
pub fn stage(
    held: &Held<'_>,
    session: &mut Session,
    source: &Source,
    schema: &str,
) -> Result<Staged> {
    stage_part(held, session, source, schema, &Part::Everything)
}

/// As [`stage`], for a part of a dump: only that is loaded and compared.
///
/// # Errors
/// As [`stage`].
pub fn stage_part(
    held: &Held<'_>,
    session: &mut Session,
    source: &Source,
    schema: &str,
    part: &Part,
) -> Result<Staged> {
    create(held, session, source, schema)?;
    point("staging.created")?;
    let staged = load_and_compare(held.ctx(), session, source, schema, part);
    if staged.is_err() {
        // The session may be the cause of the failure; the next run cleans up then.
        drop_schema(session, schema).ok();
    }
    staged
}

fn create(held: &Held<'_>, session: &mut Session, source: &Source, schema: &str) -> Result<()> {
    let ctx = held.ctx();
    let defaults = match &source.manifest {
        Some(manifest) => Some((manifest.charset.clone(), manifest.collation.clone())),
        // As with `mysql mydb < file`: what the dump does not say is the schema's. Who
        // loads it may not see that.
        None => {
            let mut reader = ctx.session(held.server(), Role::Backup, None)?;
            inventory::defaults(&mut reader, &ctx.settings.schema)?
        }
    };
    let (charset, collation) = defaults.unwrap_or_else(|| ("utf8mb4".to_owned(), String::new()));
    let mut sql = format!("CREATE DATABASE {} CHARACTER SET {}", quote(schema), word(&charset)?);
    if !collation.is_empty() {
        sql += &format!(" COLLATE {}", word(&collation)?);
    }
    session.run(&sql).map_err(|error| match code(&error) {
        // Unknown character set or collation: the server is older or of the other flavour.
        Some(1115 | 1273) => error.context(
            Stop::new(
                ExitCode::Store,
                format!(
                    "this server cannot hold {}: it lacks a character set or collation",
                    source.name
                ),
            )
            .hint("Restore it on a server of the flavour and version it came from."),
        ),
        _ => error,
    })
}

fn load_and_compare(
    ctx: &Ctx,
    session: &mut Session,
    source: &Source,
    schema: &str,
    part: &Part,
) -> Result<Staged> {
    let start = Instant::now();
    let facts = facts::read(session)?;
    let (loaded, sha256, mut checks) = load_file(ctx, session, source, schema, part)?;
    point("staging.loaded")?;
    demand_idle(session, schema, source)?;
    let mut inventory =
        inventory::read(session, schema).map_err(|error| unprintable(source, error))?;
    let events = events_of(&inventory);
    enable_events(&mut inventory, &loaded);
    let mut expected = match &source.manifest {
        Some(manifest) => {
            Expected::from_manifest(manifest).context("the manifest contains an invalid digest")?
        }
        None => {
            checks.push(whole::end(&loaded.seen, source));
            Expected::from_text(&loaded.seen)
        }
    };
    if session.value::<u8>("SELECT @@lower_case_table_names")? != 0 {
        expected = expected.named_as_in(&inventory);
    }
    if !loaded.past_events.is_empty() {
        let names: Vec<String> =
            loaded.past_events.iter().map(|name| format!("`{name}`")).collect();
        let detail = format!("not created, because their time has passed: {}", names.join(", "));
        checks.push(Check::passed("events", detail));
        expected.programs.retain(|(kind, name)| {
            *kind != ObjectKind::Event || !loaded.past_events.contains(name)
        });
    }
    if let Part::Tables(tables) = part {
        expected = expected.only(tables, &inventory.programs.keys().cloned().collect());
    }
    ctx.ui.step(Step::Compare, format!("comparing `{schema}` with {}", source.name));
    let found = copy_digests::read(ctx, session, (schema, facts.flavour), &inventory, &expected)?;
    checks.extend(compare::restored(&expected, facts.flavour, &inventory, &found));
    point("staging.compared")?;
    Ok(Staged {
        schema: schema.to_owned(),
        inventory,
        events,
        checks,
        rows: found.values().map(|digest| digest.rows).sum(),
        table_rows: found.into_iter().map(|(name, digest)| (name, digest.rows)).collect(),
        sha256,
        duration_ms: clock::elapsed_ms(start),
        flavour: facts.flavour,
    })
}

/// Loads (a part of) a file; gives what it held, its hash, and the file's own checks.
///
/// # Errors
/// As [`stage`].
pub fn load_file(
    ctx: &Ctx,
    session: &mut Session,
    source: &Source,
    schema: &str,
    part: &Part,
) -> Result<(Loaded, String, Vec<Check>)> {
    let reading = reading::of(source)?;
    let mut reader = file_check::open_checked(source)?;
    let expected = source.manifest.as_ref().map(|m| m.text_bytes);
    let mut bar = ctx.ui.bar("load", total(expected));
    let loaded = {
        let text = reading::open(ctx, source, &mut reader)?;
        let threads = ctx.settings.policy.restore.threads();
        load::load((text, reading), session, schema, part, threads, &mut |p| {
            bar.set(p.bytes, p.rows, p.object)
        })
    };
    bar.done();
    let checked = reader.finish();
    let failed: Vec<&Check> =
        checked.checks.iter().filter(|c| c.outcome == Outcome::Failed).collect();
    if let Some(check) = failed.first() {
        let stop = Stop::new(
            ExitCode::Store,
            format!("{} is not what was backed up: {}: {}", source.name, check.name, check.detail),
        )
        .hint(source.instead());
        return Err(match loaded {
            Err(error) => error.context(stop),
            Ok(_) => stop.into(),
        });
    }
    let loaded = loaded?;
    loaded.notes.iter().for_each(|note| ctx.ui.warn(note));
    if let Some(said) = reading::bodies(&loaded.seen) {
        ctx.ui.warn(format!("{}: {said}", source.name));
    }
    let sha256 = checked.facts.map(|facts| facts.sha256).unwrap_or_default();
    Ok((loaded, sha256, checked.checks))
}

/// How much text there is, where a manifest says so.
pub(crate) fn total(text_bytes: Option<u64>) -> Total {
    text_bytes.map_or(Total::Unknown, Total::Bytes)
}

/// The server's own word that nothing in the copy acts by itself.
fn demand_idle(session: &mut Session, schema: &str, source: &Source) -> Result<()> {
    let sql = format!(
        "SELECT EVENT_NAME FROM information_schema.EVENTS \
         WHERE EVENT_SCHEMA = {} AND STATUS = 'ENABLED' ORDER BY 1",
        literal(schema)
    );
    match session.first::<(String,)>(&sql)? {
        None => Ok(()),
        Some((name,)) => Err(Stop::new(
            ExitCode::Store,
            format!("the event `{name}` of {} would run in its copy", source.name),
        )
        .hint("No dump program writes such a file; do not use it. Nothing was changed.")
        .into()),
    }
}

/// The events of a schema.
pub fn events_of(inventory: &Inventory) -> BTreeMap<String, Program> {
    let events = inventory.programs.iter().filter(|((kind, _), _)| *kind == ObjectKind::Event);
    events.map(|((_, name), event)| (name.clone(), event.clone())).collect()
}

/// Events are disabled in the copy; in the inventory they are what they will be.
pub(crate) fn enable_events(inventory: &mut Inventory, loaded: &Loaded) {
    for name in &loaded.enabled_events {
        if let Some(event) = inventory.programs.get_mut(&(ObjectKind::Event, name.clone())) {
            event.ddl = enable_event(&event.ddl);
        }
    }
}

/// A server can take a program and then not be able to print it: the marks of version
/// comments are gone from the text that it keeps, and what is left need not be a program.
fn unprintable(source: &Source, error: anyhow::Error) -> anyhow::Error {
    if code(&error) != Some(1064) {
        return error;
    }
    let stop = Stop::new(
        ExitCode::Store,
        format!(
            "a program of {} cannot be read back from the server, so it could not be recreated; \
            nothing was changed: {}",
            source.name,
            said(&error)
        ),
    )
    .hint("A server takes the marks of version comments (`/*! … */`) out of a program's text. Write the program without them.");
    error.context(stop)
}
