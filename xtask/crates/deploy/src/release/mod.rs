//! `deploy`: a proven backup, the migrations behind the gate, and then the new
//! release in place of the old one. If it does not answer as it must, the old one comes back.

mod back;
mod command;
mod compose;
mod migrations;
mod process;
mod site;
mod smoke;
mod state;

use std::time::Instant;

use anyhow::Result;

use crate::release::migrations::Migrated;
use crate::release::site::{Job, Site};
use config::deploy::Target;
use gate::recent;
use model::account::Role;
use model::entry::{DeployOutcome, Event};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use ops::ctx::{Ctx, Made};
use ops::held::Entries;
use ops::identity;
use plan::deploy::{DeployPlan, Step};
use server::facts;
use sys::{clock, git, signal};
use ui::{Step as Stage, Total};

/// A release that runs and answers.
#[derive(Debug)]
pub struct Deployed {
    /// The target's name.
    pub target: String,
    /// Where it answers.
    pub url: String,
    /// The commit.
    pub release: String,
    /// The migrations that were applied.
    pub migrations: Vec<String>,
    /// The proven backup; `None` where there was no table.
    pub backup: Option<Label>,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a deploy to a target would do; without a name, to the usual one.
///
/// # Errors
/// What would fail for certain.
pub fn plan(ctx: &mut Ctx, target: Option<&str>) -> Result<DeployPlan> {
    let (name, target) = ctx.settings.policy.deploy.find(target)?;
    let server = ctx.server(false)?;
    let release = release(ctx);
    let job = Job { ctx, server: &server, target: &name, url: target.url(), release: &release };
    Ok(prepare(job, &target)?.1)
}

/// Deploys to a target; `yes` without asking.
///
/// # Errors
/// Before anything was changed: the code of the cause. After that 32 when
/// everything is as it was, and 33 when it is not.
pub fn run(ctx: &mut Ctx, target: Option<&str>, yes: bool, made: &mut Made) -> Result<Deployed> {
    let (name, target) = ctx.settings.policy.deploy.find(target)?;
    let server = ctx.server(yes)?;
    let release = release(ctx);
    let ctx: &Ctx = ctx;
    let job = Job { ctx, server: &server, target: &name, url: target.url(), release: &release };
    let _only_one = state::Place::new(ctx).lock()?;
    let (mut site, plan, pending) = prepare(job, &target)?;
    ctx.ui.before_asking(plan.to_string(), yes);
    if release.ends_with("-dirty") {
        ctx.ui.warn("the checkout has uncommitted changes; they are deployed too");
    }
    let facts = facts::read(&mut ctx.session(&server, Role::Backup, None)?)?;
    identity::demand(ctx, &server, &facts, false)?;
    identity::confirm(ctx, &facts.uuid, (&format!("this deploys to `{name}`"), &name), yes)?;
    deploy(job, site.as_mut(), !pending.is_empty(), made)
}

/// The commit that is checked out.
fn release(ctx: &Ctx) -> String {
    git::commit(&ctx.settings.root).unwrap_or_else(|| "unknown".to_owned())
}

/// Looks at everything, refuses what would fail for certain, and makes the plan.
/// The list holds the migrations that are pending.
fn prepare<'a>(
    job: Job<'a>,
    target: &'a Target,
) -> Result<(Box<dyn Site + 'a>, DeployPlan, Vec<String>)> {
    let site = site::of(job, target)?;
    let state = migrations::state(job.ctx, job.server)?;
    state.demand_sound()?;
    let pending = migrations::names(&state.pending);
    site.check()?;
    let [build, start] = site.steps();
    let policy = &job.ctx.settings.policy;
    let mut steps = vec![build];
    if pending.is_empty() {
        let age = recent::minutes(i64::from(policy.gate.proof_max_age_minutes));
        steps.push(Step::new(
            format!("Use a backup of the last {age} proven by a restore; otherwise take one."),
            None,
            "none: it stays",
        ));
    } else {
        steps.push(Step::new(
            format!(
                "Migrate behind the gate, which first takes and proves a backup: {}.",
                pending.join(", ")
            ),
            None,
            "only if it is proven that nothing is lost; otherwise the schema stays migrated (exit \
            code 33)",
        ));
    }
    steps.push(start.clone());
    steps.push(Step::new(
        format!("Smoke test: {}.", smoke::paths(&policy.deploy.smoke_paths).join(", ")),
        Some(policy.deploy.smoke_deadline_s),
        start.undo,
    ));
    steps.push(Step::new("Write the ledger entry.", None, "none"));
    let plan = DeployPlan {
        target: job.target.to_owned(),
        kind: target.kind(),
        url: job.url.to_owned(),
        release: job.release.to_owned(),
        current: site.current()?,
        database: format!("`{}` on {}", job.ctx.settings.schema, job.server),
        steps,
    };
    Ok((site, plan, pending))
}

/// What a deploy has done so far.
#[derive(Debug, Default)]
struct Done {
    migrated: Migrated,
    /// The proven backup.
    backup: Option<Label>,
    /// Whether the program that runs was touched.
    touched: bool,
}

fn deploy(job: Job<'_>, site: &mut dyn Site, pending: bool, made: &mut Made) -> Result<Deployed> {
    let start = Instant::now();
    let Job { ctx, server, .. } = job;
    let mut done = Done::default();
    let database = if pending { Stage::Migrate } else { Stage::Proof };
    ctx.ui.steps(&[Stage::Build, database, Stage::Start, Stage::Smoke]);
    ctx.ui.step(Stage::Build, "building the release");
    site.build()?;
    signal::check()?;
    if pending {
        ctx.ui.step(database, "migrating, behind the gate");
        done.migrated = migrations::migrate(ctx, server, made)?;
        done.backup = done.migrated.backup().cloned();
    } else {
        ctx.ui.step(database, "a proven backup");
        done.backup =
            recent::ensure(ctx, server, made)?.proven().map(|proven| proven.label().clone());
    }
    if let Err(error) = replace(job, site, &mut done.touched) {
        return Err(back::go(job, site, &done, &error, start));
    }
    record(job, &done, DeployOutcome::Done, start).map_err(|error| {
        Stop::new(
            ExitCode::Store,
            format!(
                "the release runs and answers, but its entry in the ledger could not be written: {error:#}"
            ),
        )
        .hint("Nothing needs to be rolled back. `cargo xtask doctor` checks the backups folder.")
    })?;
    Ok(Deployed {
        target: job.target.to_owned(),
        url: job.url.to_owned(),
        release: job.release.to_owned(),
        migrations: done.migrated.names(),
        backup: done.backup,
        duration_ms: clock::elapsed_ms(start),
    })
}

/// From here on a failure is rolled back.
fn replace(job: Job<'_>, site: &mut dyn Site, touched: &mut bool) -> Result<()> {
    let Job { ctx, url, .. } = job;
    signal::check()?;
    *touched = true;
    ctx.ui.step(Stage::Start, "starting the release");
    site.start()?;
    ctx.ui.step(Stage::Smoke, format!("testing whether it answers at {url}"));
    let _bar = ctx.ui.bar("smoke test", Total::Unknown);
    let paths = &ctx.settings.policy.deploy.smoke_paths;
    smoke::test(ctx, url, paths, job.smoke_deadline(), &|| site.running())?;
    site.keep()
}

fn record(job: Job<'_>, done: &Done, outcome: DeployOutcome, start: Instant) -> Result<()> {
    let Job { ctx, server, .. } = job;
    // A server that went away meanwhile must not keep the entry from being written.
    let uuid = ctx
        .session(server, Role::Backup, None)
        .and_then(|mut session| facts::read(&mut session))
        .map_or_else(|_| "unknown".to_owned(), |facts| facts.uuid);
    let event = Event::Deploy {
        target: job.target.to_owned(),
        release: job.release.to_owned(),
        migrations: done.migrated.names(),
        outcome,
        backup: done.backup.clone(),
        duration_ms: clock::elapsed_ms(start),
    };
    Entries::open(ctx)?.append(&uuid, &ctx.settings.schema, event)
}
