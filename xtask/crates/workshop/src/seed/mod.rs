//! `db-seed`: generated rows on top of what is there, for volume tests.
//!
//! Rows are made while they are sent and none is remembered, so memory does not
//! grow with the scale. Each table's last row goes first: it lifts the table's
//! counter, so that rows which others insert meanwhile come behind all of these.

mod catalogue;
mod random;
mod rows;
mod sizes;
mod text;
mod writer;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use cli::seed::DbSeed;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::identity;
use rows::TABLES;
use server::session::{code, said};
use server::{Server, Session};
use sizes::Sizes;
use sys::clock::Stopwatch;
use writer::{Plan, plant};

/// Beyond this the ids and the disk of a test machine make no sense any more.
const SCALE_MAX: f64 = 1000.0;

/// Runs the command.
///
/// # Errors
/// The schema is not migrated, the seed was used already, or the server refuses.
pub fn run(ctx: &mut Ctx, args: &DbSeed) -> Result<()> {
    let work = Stopwatch::start();
    identity::demand_not_production(ctx, "db-seed adds rows that a program made up")?;
    let server = ctx.server(args.yes)?;
    let mut session = open(ctx, &server)?;
    demand_possible(ctx, &mut session, args.scale, args.seed)?;
    let schema = ctx.settings.schema.clone();
    let sizes = Sizes::new(args.scale);
    // A trigger writes an event for each subscription.
    let tables = TABLES.iter().map(|table| table.name).chain(["subscription"]);
    let total: u64 = tables.map(|table| sizes.rows(table)).sum();
    let question = format!(
        "this adds {} to `{schema}` on {server}",
        report::human::count(total, "generated row")
    );
    ctx.ui.confirm_by_name(&question, &schema, args.yes)?;
    drop(session);
    // A restore that swaps the tables away meanwhile would take the rows with it.
    let _held = Held::take(ctx, &server)?;
    let rows = grow(ctx, &server, args.scale, args.seed)?;
    let document = report::json::SeedDocument {
        version: report::json::DOCUMENT_VERSION,
        scale: args.scale,
        seed: args.seed,
        rows,
        duration_ms: work.ms(),
    };
    if ctx.ui.json() {
        ctx.ui.outcome(report::json::render(&document)?);
    } else {
        ctx.ui.outcome(report::text::seed(&document));
    }
    Ok(())
}

/// Fills the database, with nothing asked and nothing printed at the end.
///
/// # Errors
/// As [`run`].
pub fn fill(ctx: &Ctx, server: &Server, scale: f64, seed: u64) -> Result<()> {
    grow(ctx, server, scale, seed).map(drop)
}

fn grow(ctx: &Ctx, server: &Server, scale: f64, seed: u64) -> Result<BTreeMap<String, u64>> {
    let mut session = open(ctx, server)?;
    demand_possible(ctx, &mut session, scale, seed)?;
    let events = "SELECT COUNT(*) FROM subscription_event";
    let before: u64 = session.value(events)?;
    let plan = Plan { seed, scale, sizes: Sizes::new(scale) };
    let planted = plant(ctx, server, &mut session, plan);
    let mut rows = planted.map_err(|error| half_done(error, seed))?;
    // These are written by a trigger, where the schema has it.
    let after: u64 = session.value(events)?;
    rows.insert("subscription_event".to_owned(), after.saturating_sub(before));
    Ok(rows)
}

fn open(ctx: &Ctx, server: &Server) -> Result<Session> {
    ctx.session(server, Role::App, Some(&ctx.settings.schema))
}

fn half_done(error: anyhow::Error, seed: u64) -> anyhow::Error {
    let cause = said(&error);
    let mut stop = Stop::new(
        ExitCode::Unexpected,
        format!("only part of the rows of seed {seed} was added: {cause}"),
    );
    // 1062: duplicate entry.
    if code(&error) == Some(1062) {
        stop = stop.hint("Another session inserted rows at the same time; stop the API first.");
    }
    let stop = stop.hint(
        "Restore the earlier backup, or continue with another --seed: the added rows are \
        consistent.",
    );
    // An interruption stays one.
    if error.downcast_ref::<Stop>().is_some() { error } else { error.context(stop) }
}

fn demand_possible(ctx: &Ctx, session: &mut Session, scale: f64, seed: u64) -> Result<()> {
    if !(scale > 0.0 && scale <= SCALE_MAX) {
        let message = format!("--scale {scale} is not a number above 0 and up to {SCALE_MAX}");
        return Err(Stop::new(ExitCode::Usage, message).into());
    }
    demand_migrated(ctx, session)?;
    let sql = format!(
        "SELECT display_name FROM account WHERE email = {}",
        literal(&rows::email(seed, 0))
    );
    let Some(mark) = session.first::<String>(&sql)? else { return Ok(()) };
    Err(Stop::new(
        ExitCode::Usage,
        format!("`{}` already has rows of seed {seed} ({mark})", ctx.settings.schema),
    )
    .hint("Choose another --seed: its rows are added to the existing ones.")
    .into())
}

fn demand_migrated(ctx: &Ctx, session: &mut Session) -> Result<()> {
    let schema = &ctx.settings.schema;
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {}",
        literal(schema)
    );
    let there: Vec<(String, String)> = session.rows(&sql).context("look for the tables")?;
    let has = |table: &str, column: &str| there.iter().any(|(t, c)| t == table && c == column);
    let wanted = TABLES.iter().flat_map(|t| t.columns.split(", ").map(|c| (t.name, c)));
    let missing = wanted
        .chain([("subscription_event", "subscription_id")])
        .find(|(table, column)| !has(table, column));
    let Some((table, column)) = missing else { return Ok(()) };
    Err(Stop::new(
        ExitCode::Configuration,
        format!("`{schema}` is not migrated: `{table}`.`{column}` is missing"),
    )
    .hint("Run `cargo xtask migrate`.")
    .into())
}
