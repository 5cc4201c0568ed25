//! What is live, counted, beside what comes back: for the plan, before the question.

use std::collections::BTreeMap;

use anyhow::Result;

use super::planning::File;
use crate::ctx::Ctx;
use model::change::Changes;
use model::facts::{Flavour, ServerFacts};
use model::ident::qualified;
use model::inventory::{Inventory, ObjectKind};
use model::manifest::Manifest;
use plan::change::{self, Side};
use plan::restore::{RestorePlan, Scope};
use server::session::code;
use server::survey::Survey;
use server::{Session, facts};
use sql::{fingerprint, guard};
use sys::signal;

/// From so many rows on, by the server's estimate, counting takes long enough to be said.
const MANY: u64 = 5_000_000;
/// How long one table may take to be counted, in seconds: a person waits. Longer: unknown.
const COUNTING_S: u32 = 30;

/// What a restore changes in `target`; `None`: it writes beside it, or nothing is there.
///
/// # Errors
/// The session ends, or Ctrl-C was pressed. What cannot be counted is unknown.
pub(super) fn look(
    ctx: &Ctx,
    session: &mut Session,
    file: &File<'_>,
    (target, live, scope): (&str, &Survey, &Scope),
    server: &ServerFacts,
) -> Result<Option<Changes>> {
    if *scope == Scope::Beside || live.is_empty() {
        return Ok(None);
    }
    let only = match scope {
        Scope::Tables(tables) => Some(&tables[..]),
        Scope::Replace | Scope::Beside => None,
    };
    let then = match &file.source.manifest {
        Some(manifest) => kept(manifest),
        None => brought(file),
    };
    // A table that another session has locked is not worth a wait.
    session.run("SET lock_wait_timeout = 1")?;
    let fold = server.lower_case_table_names != 0;
    limit(session, server.flavour, COUNTING_S)?;
    let now = live_side(ctx, session, (target, &live.everything()), (only, fold));
    limit(session, server.flavour, 0)?;
    let now = now?;
    Ok(Some(change::between(&now, &then, only, fold)))
}

/// Ends later SELECTs of the session after so many seconds; 0: not at all.
fn limit(session: &mut Session, flavour: Flavour, seconds: u32) -> Result<()> {
    session.run(&match flavour {
        Flavour::Mysql => format!("SET SESSION max_execution_time = {}", seconds * 1000),
        Flavour::Mariadb => format!("SET SESSION max_statement_time = {seconds}"),
    })
}

fn live_side(
    ctx: &Ctx,
    session: &mut Session,
    (schema, live): (&str, &Inventory),
    (only, fold): (Option<&[String]>, bool),
) -> Result<Side> {
    let same = |one: &String, name: &String| {
        one == name || fold && one.to_lowercase() == name.to_lowercase()
    };
    let wanted = |name: &String| only.is_none_or(|only| only.iter().any(|one| same(one, name)));
    let estimate: u64 = live.tables.values().map(|it| it.rows_estimate).sum();
    if estimate >= MANY {
        ctx.ui.say(format!("counting what `{schema}` holds now"));
    }
    let mut tables = BTreeMap::new();
    for (name, table) in live.tables.iter().filter(|(name, _)| wanted(name)) {
        signal::check()?;
        // One that is elsewhere, or nowhere, may take its time to answer.
        let here = guard::keeps_rows(&table.engine);
        let rows = if here { count(session, schema, name)? } else { None };
        tables.insert(name.clone(), rows);
    }
    let programs = live.programs.keys().cloned();
    let broken = live.broken_views.iter().map(|view| (ObjectKind::View, view.name.clone()));
    let migrations = match facts::migrations(session, schema) {
        Ok(all) => Some(all),
        // One of that name that is not sqlx's.
        Err(error) if code(&error).is_some() => None,
        Err(error) => return Err(error),
    };
    Ok(Side { tables, programs: programs.chain(broken).collect(), migrations })
}

fn count(session: &mut Session, schema: &str, table: &str) -> Result<Option<u64>> {
    match session.value(&format!("SELECT COUNT(*) FROM {}", qualified(schema, table))) {
        Err(error) if code(&error).is_some() => Ok(None),
        other => other.map(Some),
    }
}

/// What a backup holds.
fn kept(manifest: &Manifest) -> Side {
    Side {
        tables: manifest.tables.iter().map(|it| (it.name.clone(), Some(it.rows))).collect(),
        programs: manifest.programs.iter().map(|it| (it.kind, it.name.clone())).collect(),
        migrations: Some(manifest.migrations.clone()),
    }
}

/// What a file without a manifest holds, as it was read.
fn brought(file: &File<'_>) -> Side {
    Side {
        tables: file.tables.iter().map(|(name, rows)| (name.clone(), Some(*rows))).collect(),
        programs: file.programs.clone(),
        migrations: (!file.tables.contains_key("_sqlx_migrations")).then(Vec::new),
    }
}

/// What is live and not in the backup is gone after the swap: said before it.
pub(super) fn say_what_goes(ctx: &Ctx, plan: &RestorePlan, live: &Inventory, staged: &Inventory) {
    let broken = live.broken_views.iter().map(|view| format!("view `{}`", view.name));
    let gone: Vec<String> = fingerprint::differences(live, staged)
        .into_iter()
        .filter_map(|line| line.strip_suffix(" is missing").map(str::to_owned))
        .chain(broken)
        .collect();
    if !gone.is_empty() {
        ctx.ui.warn(format!(
            "{} does not contain these, so they are removed from `{}`: {}",
            plan.source,
            plan.target,
            gone.join(", ")
        ));
    }
}
