//! What a restore will do: decided from what was typed, what is on the server,
//! and the manifest.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::NaiveDateTime;

use super::{changes, programs};
use crate::ctx::Ctx;
use crate::{tables, unsaved};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::facts::ServerFacts;
use model::inventory::ObjectKind;
use model::manifest::Manifest;
use model::wrong_clock::WrongClock;
use plan::backup::contents;
use plan::restore::{RestorePlan, Scope, before_name, staging_name};
use server::survey::Survey;
use server::{Server, Session, facts, inventory};
use store::Provenance;
use store::source::{Source, TextSaid};
use sys::clock;

/// What is to be restored, and where to.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// A label, a file, or `latest`.
    pub source: String,
    /// The destination that it is fetched from.
    pub from: Option<String>,
    /// A new schema beside the live one.
    pub into: Option<String>,
    /// Only the rows of these tables, where any is named.
    pub tables: Vec<String>,
    /// Drop the old tables instead of keeping them.
    pub drop_old: bool,
    /// Go on although the safety backup cannot hold all of the live schema.
    pub accept_unsaved: bool,
    /// Let events of a file of unknown origin run.
    pub enable_events: bool,
    /// Sessions that load rows; `None`: by the policy.
    pub threads: Option<u8>,
    /// The user says that the file is whole, although it has no end line.
    pub no_end_line: bool,
    /// What the user says of the file's text.
    pub text: TextSaid,
    /// Overwrite without asking.
    pub yes: bool,
    /// Only make the plan.
    pub dry_run: bool,
}

/// The file, and what was found out about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    /// Which one.
    pub source: &'a Source,
    /// Whether this machine made it.
    pub provenance: Provenance,
    /// The programs that it holds; empty where its manifest lists them.
    pub programs: &'a programs::Names,
    /// Its tables with their rows; empty where its manifest lists them.
    pub tables: &'a BTreeMap<String, u64>,
}

pub(super) fn scope(ctx: &Ctx, args: &Request) -> Result<Scope> {
    if !args.tables.is_empty() {
        let once: BTreeSet<String> = args.tables.iter().cloned().collect();
        return Ok(Scope::Tables(once.into_iter().collect()));
    }
    let Some(into) = &args.into else { return Ok(Scope::Replace) };
    if *into == ctx.settings.schema {
        return Ok(Scope::Replace);
    }
    let prefix = ctx.settings.companion_prefix();
    if !into.starts_with(&prefix) || into.len() > 64 {
        let user = &ctx.settings.account(Role::Restore).user;
        return Err(Stop::new(
            ExitCode::Usage,
            format!(
                "--into {into}: `{user}` may only write to schemas whose name starts with {prefix}"
            ),
        )
        .hint(format!("Use, for example, --into {prefix}look"))
        .into());
    }
    // These names are the tool's own: a later run would take such a schema for a leftover.
    let own = ["staging_", "before_", "proof_", "gate"];
    if own.iter().any(|own| into.starts_with(&format!("{prefix}{own}"))) {
        return Err(Stop::new(
            ExitCode::Usage,
            format!("--into {into}: the tool reserves that name"),
        )
        .hint(format!("Use, for example, --into {prefix}look"))
        .into());
    }
    Ok(Scope::Beside)
}

pub(super) fn plan(
    ctx: &Ctx,
    server: &Server,
    file: &File<'_>,
    scope: Scope,
    args: &Request,
) -> Result<(RestorePlan, ServerFacts)> {
    let source = file.source;
    let mut session = ctx.session(server, Role::Restore, None)?.read_only()?;
    // A swap that lacks a right halfway could not be finished.
    let facts = facts::read(&mut session)?;
    // Found out in the middle of the swap it would be too late.
    ctx.demand_rights(&mut session, Role::Restore, "an exact restore needs")?;
    let mut loader = ctx.session(server, Role::Drill, None)?;
    ctx.demand_rights(&mut loader, Role::Drill, "loading a file needs")?;
    drop(loader);
    let now = clock::now_local();
    let schema = &ctx.settings.schema;
    let beside = args.into.clone().filter(|_| scope == Scope::Beside);
    let (staging, before) = free_names(&mut session, ctx, now)?;
    let target = beside.unwrap_or_else(|| schema.clone());
    if scope == Scope::Beside && inventory::schema_exists(&mut session, &target)? {
        return Err(Stop::new(ExitCode::Usage, format!("`{target}` exists already"))
            .hint("--into creates a new schema; choose another name, or drop that one first.")
            .into());
    }
    let live = what_is_there(&mut session, &target, &scope)?;
    let safety_backup = scope != Scope::Beside && !live.is_empty();
    let unsaved = if safety_backup { unsaved::look(ctx, server)? } else { Vec::new() };
    let (description, age) = match &source.manifest {
        Some(m) => (
            format!("{}, {} rows", m.contents(), report::human::thousands(m.rows)),
            taken(m, source.wrong_clock.as_ref()),
        ),
        None => ("unknown, it was not made by this tool".to_owned(), "age unknown".to_owned()),
    };
    if let (Scope::Tables(wanted), Some(manifest)) = (&scope, &source.manifest) {
        let known: Vec<String> = manifest.tables.iter().map(|t| t.name.clone()).collect();
        tables::demand_known(wanted, &known, &source.name)?;
    }
    let about = (target.as_str(), &live, &scope);
    let changes = changes::look(ctx, &mut session, file, about, &facts)?;
    let believed = source.manifest.as_ref().filter(|_| source.wrong_clock.is_none());
    let plan = RestorePlan {
        source: source.name.clone(),
        contents: description,
        origin: source.trust.to_string(),
        taken_utc: believed.map(|it| it.created_utc),
        age,
        server: server.to_string(),
        target,
        target_contents: contents(&live.everything()),
        changes,
        safety_backup,
        unsaved,
        accepts_unsaved: args.accept_unsaved,
        events: brings_events(file),
        staging,
        before,
        drop_old: args.drop_old,
        proven: file.provenance.is_proven(),
        brings: if file.provenance.is_proven() || matches!(scope, Scope::Tables(_)) {
            Vec::new()
        } else {
            programs::announced(source, file.programs, &live.inventory)
        },
        enable_events: args.enable_events,
        scope,
    };
    Ok((plan, facts))
}

/// When it was taken, and how old it is.
fn taken(manifest: &Manifest, wrong_clock: Option<&WrongClock>) -> String {
    let at = manifest.created_utc;
    match wrong_clock {
        Some(wrong) => format!("age unknown; {}", wrong.words(&clock::minute)),
        None => format!("taken {}, {}", clock::minute(at), report::human::age(at, clock::now())),
    }
}

/// What the target holds now. Whatever it is must not be in the way of what comes back.
fn what_is_there(session: &mut Session, target: &str, scope: &Scope) -> Result<Survey> {
    if inventory::schema_exists(session, target)? {
        return inventory::survey(session, target);
    }
    if let Scope::Tables(_) = scope {
        return Err(Stop::new(ExitCode::Usage, format!("`{target}` does not exist"))
            .hint(
                "--table restores into an existing schema; without it everything is \
                restored.",
            )
            .into());
    }
    Ok(Survey::default())
}

/// Whether there are events in the file.
fn brings_events(file: &File<'_>) -> bool {
    let listed = file.source.manifest.iter().flat_map(|manifest| &manifest.programs);
    listed
        .map(|it| it.kind)
        .chain(file.programs.iter().map(|(kind, _)| *kind))
        .any(|kind| kind == ObjectKind::Event)
}

/// Names for staging and for the old tables that nothing has yet: two restores can
/// fall into one second.
fn free_names(session: &mut Session, ctx: &Ctx, now: NaiveDateTime) -> Result<(String, String)> {
    let taken = inventory::schemas_with_prefix(session, &ctx.settings.companion_prefix())?;
    let schema = &ctx.settings.schema;
    let names = |second| {
        let at = now + chrono::Duration::seconds(second);
        (staging_name(schema, at), before_name(schema, at))
    };
    let free = (0..3600).map(names).find(|(a, b)| !taken.contains(a) && !taken.contains(b));
    free.context("no free name for the staging schema")
}
