//! `quickstart`: from nothing to a running, migrated, filled, backed-up and
//! verified database. Each step is one of the other commands' work; a second run
//! finds what is there and goes on.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::workshop;

use cli::quickstart::Quickstart;
use config::place::Where;
use config::{ReachChoice, dotenv};
use gate::{import, migrate};
use model::account::Role;
use model::exit::ExitCode;
use model::ident::qualified;
use model::manifest::{Manifest, Reason};
use model::secret::Secret;
use ops::backup::Wish;
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::{backup, identity, kept, prove, up as servers};
use report::human;
use server::{Reach, Server, accounts};
use sys::docker;
use sys::proc::Cmd;
use ui::Step;

/// Accounts with profiles and a little watch history, so that every table has rows.
const SAMPLE_SCALE: &str = "0.001";

/// Far more than it takes.
const SEED_DEADLINE: Duration = Duration::from_secs(600);

/// Runs the command.
///
/// # Errors
/// The first step that fails; running it again goes on from there.
pub(crate) fn run(ctx: &mut Ctx, args: &Quickstart, made: &mut Made) -> Result<()> {
    identity::demand_not_production(ctx, "quickstart loads a sample catalogue")?;
    ctx.ui.steps(&[Step::Database, Step::Migrate, Step::Sample, Step::Backup, Step::Proof]);
    ctx.ui.step(Step::Database, "a database");
    let server = database(ctx, args)?;
    stay_with(ctx, args.place, &server)?;
    for line in ctx.learn(|settings, ui| accounts::ensure(settings, &server, ui))? {
        ctx.ui.detail(line);
    }
    ctx.ui.say(format!("    {server}"));
    ctx.ui.step(
        Step::Migrate,
        "migrations, behind the gate (the first run builds the API, which takes minutes)",
    );
    let applied = migrate::apply(ctx, &server, made)?;
    ctx.ui.say(format!("    {} applied", human::count(applied.pending.len() as u64, "migration")));
    ctx.ui.step(Step::Sample, "the sample catalogue");
    fill(ctx, &server, made)?;
    ctx.ui.step(Step::Backup, "a backup");
    let held = Held::take(ctx, &server)?;
    let manifest = backup::take(&held, &Wish::because(Reason::Manual), made)?;
    ctx.ui.step(Step::Proof, "the proof: restore it and compare");
    let (proven, proof_ms) = prove::demand(&held, &manifest.label, ExitCode::VerificationFailed)?;
    kept::keep(&ctx.settings)?;
    show(ctx, &server, proven.manifest(), proof_ms);
    Ok(())
}

/// Writes which of the ways was taken: a container that appears later does not take the place
/// of the private server, nor the other way round. `--on` takes the place of an earlier one.
fn stay_with(ctx: &Ctx, place: Where, server: &Server) -> Result<()> {
    let settings = &ctx.settings;
    if settings.reach != ReachChoice::Auto && place == Where::Auto {
        return Ok(());
    }
    let way = match &server.reach {
        Reach::Explicit => return Ok(()),
        Reach::Local => "local",
        Reach::DockerExec { .. } => "docker-exec",
        Reach::Published { .. } | Reach::ContainerAddress { .. } => "docker",
    };
    dotenv::set(&settings.env_file(), &[("DB_REACH", &Secret::new(way.to_owned()))])
}

/// Docker where an engine runs, else a private server. An engine without the
/// image and without a network to fetch it is as good as none.
fn database(ctx: &mut Ctx, args: &Quickstart) -> Result<Server> {
    match servers::up(ctx, args.place, args.yes) {
        Ok((found, _)) => Ok(found.server),
        Err(error) if args.place == Where::Auto && no_container(ctx) => {
            ctx.ui.warn(format!(
                "Docker provides no database ({error}); using a private server on this machine"
            ));
            Ok(servers::up(ctx, Where::Local, args.yes)?.0.server)
        }
        Err(error) => Err(error),
    }
}

fn no_container(ctx: &Ctx) -> bool {
    matches!(docker::engine(), docker::Engine::Running(_))
        && matches!(docker::inspect(&ctx.settings.container), Ok(None))
}

/// Loads the catalogue, through the gate, and a few generated accounts; both into
/// empty tables only.
fn fill(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<()> {
    if rows(ctx, server, "movie")? == 0 {
        let folder = ctx.settings.root.join("api").join("seed");
        let names = ["genres", "people", "movies", "series", "episodes", "credits"];
        let files = names.map(|name| folder.join(format!("{name}.csv")));
        import::apply(ctx, server, &files, made)?;
    }
    if rows(ctx, server, "account")? == 0 {
        seed(ctx)?;
    }
    let (movies, accounts) = (rows(ctx, server, "movie")?, rows(ctx, server, "account")?);
    ctx.ui.say(format!(
        "    {}, {}",
        human::count(movies, "film"),
        human::count(accounts, "account")
    ));
    Ok(())
}

fn seed(ctx: &Ctx) -> Result<()> {
    let program = workshop::program(&ctx.settings.root, !ctx.ui.is_quiet())?;
    let backups = ctx.settings.backups.as_os_str();
    Cmd::new(program)
        .args(["db-seed", "--quiet", "--json", "--yes", "--scale", SAMPLE_SCALE, "--backups"])
        .arg(backups)
        .read(SEED_DEADLINE)
        .context("generate a few accounts")?;
    Ok(())
}

fn rows(ctx: &Ctx, server: &Server, table: &str) -> Result<u64> {
    let mut session = ctx.session(server, Role::App, None)?;
    session.value(&format!("SELECT COUNT(*) FROM {}", qualified(&ctx.settings.schema, table)))
}

fn show(ctx: &Ctx, server: &Server, manifest: &Manifest, proof_ms: u64) {
    let folder = ctx.settings.backups.display();
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "endpoint": server.endpoint.to_string(),
            "schema": manifest.schema,
            "label": manifest.label,
            "backups": ctx.settings.backups,
            "verified": "restore",
            "restore_ms": proof_ms,
        });
        ctx.ui.outcome(document.to_string());
        return;
    }
    ctx.ui.outcome(format!(
        "Ready.\n  database   `{}` at {server}\n  backup     {} in {folder}, proven by a restore in {}\n  \
         passwords  in {}\n\nNext:\n  cargo xtask db-list               list the backups\n  cargo xtask db-verify --live      check the running database\n  cargo xtask deploy                build and start the API at {}; the live check asks it, too\n  cargo xtask db-restore latest     bring a backup back\n  cargo xtask db-down               \
         stop the database",
        manifest.schema,
        manifest.label,
        human::duration(proof_ms),
        ctx.settings.env_file().display(),
        ctx.settings.api_url,
    ));
}
