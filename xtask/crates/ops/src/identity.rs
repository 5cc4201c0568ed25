//! Which server this checkout works on: remembered in `.local/servers.json`, and compared
//! before anything on it is changed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ctx::Ctx;
use config::Settings;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, ServerFacts};
use model::known::{Known, Servers};
use plan::identity::{Seen, Verdict, is_chosen, judge, short};
use server::Server;
use sys::{clock, fs, signal};

/// The file is written in no time.
const LOCK_WAIT: Duration = Duration::from_secs(10);

fn path(settings: &Settings) -> PathBuf {
    settings.local.join("servers.json")
}

fn read(settings: &Settings) -> Result<Servers> {
    let path = path(settings);
    if !path.exists() {
        return Ok(Servers::default());
    }
    serde_json::from_str(&fs::read_text(&path)?).with_context(|| {
        Stop::new(ExitCode::Configuration, format!("{} cannot be read", path.display()))
            .hint("It only remembers which server was used last: delete it, and it is made again.")
    })
}

fn remember(ctx: &Ctx, server: &Server, uuid: &str) -> Result<()> {
    let settings = &ctx.settings;
    fs::create_private_dir(&settings.local)?;
    // Runs about other schemas of this checkout write the same file.
    let alone = fs::lock_private(&settings.local.join("servers.lock"), LOCK_WAIT)?;
    if alone.is_none() {
        signal::check()?;
        let message = "another run of this checkout is writing down which server it uses";
        return Err(Stop::new(ExitCode::Locked, message)
            .hint("Wait until it ends, then run the command again.")
            .into());
    }
    let mut all = read(settings)?;
    let known = Known { uuid: uuid.to_owned(), place: server.to_string(), since: clock::now() };
    all.version = 1;
    all.schemas.insert(settings.schema.clone(), known);
    let text = serde_json::to_vec_pretty(&all).context("write which server was used as JSON")?;
    fs::write_durably(&path(settings), &text)
}

fn verdict(ctx: &Ctx, server: &Server, facts: &ServerFacts) -> Result<Verdict> {
    let settings = &ctx.settings;
    let all = read(settings)?;
    let place = server.to_string();
    let stable = facts.flavour == Flavour::Mysql;
    let seen = Seen { uuid: &facts.uuid, stable, place: &place };
    let known = all.schemas.get(&settings.schema);
    Ok(judge(&settings.schema, known, seen, settings.server_choice.as_deref()))
}

/// Before a change of what the schema holds. `empty`: it holds nothing that could be lost.
///
/// # Errors
/// It is another server than the last time, and that is not confirmed (10).
pub fn demand(ctx: &Ctx, server: &Server, facts: &ServerFacts, empty: bool) -> Result<()> {
    match verdict(ctx, server, facts)? {
        Verdict::Same => return Ok(()),
        Verdict::Remember => {}
        Verdict::Renamed(remark) => ctx.ui.warn(remark),
        Verdict::NotChosen(stop) => return Err(stop.into()),
        Verdict::Other(other) if empty => {
            let schema = &ctx.settings.schema;
            ctx.ui.warn(format!("{}. `{schema}` is empty there.", other.what));
        }
        Verdict::Other(other) if ctx.ui.can_ask() => {
            ctx.ui.confirm_by_name(&other.what, &short(&facts.uuid), false)?;
        }
        Verdict::Other(other) => return Err(other.refusal().into()),
    }
    remember(ctx, server, &facts.uuid)
}

/// Before a backup, which changes nothing of the schema: another server is only named, and the
/// first one remembered.
///
/// # Errors
/// As [`say`].
pub fn note(ctx: &Ctx, server: &Server, facts: &ServerFacts) -> Result<()> {
    match say(ctx, server, facts)? {
        true => remember(ctx, server, &facts.uuid),
        false => Ok(()),
    }
}

/// Says it when this is another server, and remembers nothing. Gives whether it is one to
/// remember.
///
/// # Errors
/// `--server` names another one (10), or what is remembered cannot be read.
pub fn say(ctx: &Ctx, server: &Server, facts: &ServerFacts) -> Result<bool> {
    match verdict(ctx, server, facts)? {
        Verdict::Same => {}
        Verdict::Remember => return Ok(true),
        Verdict::Renamed(remark) => ctx.ui.warn(remark),
        Verdict::NotChosen(stop) => return Err(stop.into()),
        Verdict::Other(other) => ctx.ui.warn(other.what),
    }
    Ok(false)
}

/// Asks for the schema's name; in production for the server's as well.
///
/// # Errors
/// It was not confirmed (2).
pub fn confirm(ctx: &Ctx, uuid: &str, (question, schema): (&str, &str), yes: bool) -> Result<()> {
    let settings = &ctx.settings;
    if !settings.stage.is_production() {
        return ctx.ui.confirm_by_name(question, schema, yes);
    }
    let id = short(uuid);
    if !yes && !ctx.ui.can_ask() {
        return Err(Stop::new(
            ExitCode::Usage,
            format!("{question}, and there is no terminal to confirm it"),
        )
        .hint(format!("This is production (DB_ROLE): add `--yes --server {id}`."))
        .into());
    }
    if yes && !is_chosen(uuid, settings.server_choice.as_deref()) {
        return Err(Stop::new(
            ExitCode::Usage,
            format!("{question}, and this is production (DB_ROLE); nothing was changed"),
        )
        .hint(format!("There `--yes` also takes the server: add `--server {id}`."))
        .into());
    }
    ctx.ui.confirm_by_name(&format!("PRODUCTION: {question}"), &format!("{schema}@{id}"), yes)
}

/// Refuses what makes up data.
///
/// # Errors
/// `DB_ROLE` says that this is production (10).
pub fn demand_not_production(ctx: &Ctx, what: &str) -> Result<()> {
    if !ctx.settings.stage.is_production() {
        return Ok(());
    }
    let schema = &ctx.settings.schema;
    Err(Stop::new(
        ExitCode::Configuration,
        format!("{what}, and DB_ROLE says that `{schema}` is production; nothing was changed"),
    )
    .hint("Use a checkout whose .env names another server or schema.")
    .into())
}
