//! The conductor: one file a command. Each dangerous one has the same shape:
//! plan, show (a dry run stops here), confirm, do, record.

pub mod api;
mod api_rights;
pub mod backup;
pub mod bench;
pub mod ci;
pub mod copy;
mod copy_digests;
pub mod ctx;
pub mod db_report;
mod definers;
pub mod deploy;
pub mod docs;
pub mod doctor;
mod events;
mod failed_backup;
pub mod gate;
pub mod hooks;
pub mod import;
pub mod keys;
mod leftovers;
pub mod list;
mod live;
pub mod migrate;
pub mod notify;
pub mod obstacles;
mod old_tables;
pub mod proof;
pub mod prune;
pub mod quickstart;
pub mod recover;
mod replay;
pub mod restore;
pub mod schedule;
pub mod seed;
pub mod server;
pub mod sessions;
pub mod settle;
pub mod staging;
pub mod status;
pub mod swap;
pub mod tables;
pub mod verify;

pub use ctx::Ctx;

use std::cell::RefCell;

use anyhow::Result;

use crate::cli::{Cli, Command, Global};
use crate::config::{Settings, dotenv};
use crate::model::exit::{ExitCode, Stop};
use crate::sys::signal;
use crate::ui::{Loudness, Ui};

/// Runs what was typed and says how it ended.
pub fn main(cli: &Cli) -> ExitCode {
    let ui = Ui::new(loudness(&cli.global), cli.global.json);
    let settings = match signal::install().and_then(|()| Settings::load(&cli.global)) {
        Ok(settings) => settings,
        Err(error) => return report(&ui, None, &error),
    };
    let mut ctx = Ctx { settings, ui, made: RefCell::default() };
    warn_of_open_secrets(&ctx, &cli.command);
    let ended = match run(&mut ctx, &cli.command) {
        // git waits, with its connection open.
        Ok(()) if matches!(cli.command, Command::Hooks(_)) => {
            copy::left_to_copy(&ctx);
            Ok(())
        }
        Ok(()) => copy::what_was_made(&ctx),
        failed => failed,
    };
    match ended {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            let code = report(&ctx.ui, Some(&ctx.settings), &error);
            copy::left_to_copy(&ctx);
            code
        }
    }
}

/// Every command reads `.env`. Only `doctor` says it among its findings instead.
fn warn_of_open_secrets(ctx: &Ctx, command: &Command) {
    let path = ctx.settings.env_file();
    if let Some(mode) = dotenv::exposed(&path).filter(|_| !matches!(command, Command::Doctor(_))) {
        ctx.ui.warn(format!(
            "others on this machine may read the passwords in {0} (mode {mode:04o}): `chmod 600 {0}`",
            path.display()
        ));
    }
}

fn loudness(global: &Global) -> Loudness {
    match (global.quiet, global.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
    }
}

fn run(ctx: &mut Ctx, command: &Command) -> Result<()> {
    match command {
        Command::DbBackup(args) => backup::run(ctx, args),
        Command::DbRestore(args) => restore::run(ctx, args),
        Command::DbVerify(args) => verify::run(ctx, args),
        Command::DbList(args) => list::run(ctx, args),
        Command::DbStatus(args) => status::run(ctx, args),
        Command::DbCopy(args) => copy::run(ctx, args),
        Command::DbPrune(args) => prune::run(ctx, args),
        Command::DbPin(args) => prune::pin(ctx, args),
        Command::DbKeys(args) => keys::run(ctx, args),
        Command::DbReport(args) => db_report::run(ctx, args),
        Command::Schedule(args) => schedule::run(ctx, args),
        Command::DbUp(args) => server::db_up(ctx, args),
        Command::DbDown(args) => server::db_down(ctx, args),
        Command::Bench(args) => bench::run(ctx, args),
        Command::Ci(args) => {
            ci::run(&ctx.settings.root, &ci::Options { stages: args.stage.clone() })
        }
        Command::Doctor(args) => doctor::run(ctx, args),
        Command::Migrate(args) => migrate::run(ctx, args),
        Command::Import(args) => import::run(ctx, args),
        Command::Deploy(args) => deploy::run(ctx, args),
        Command::Hooks(args) => hooks::run(ctx, args),
        Command::Quickstart(args) => quickstart::run(ctx, args),
        Command::Docs(args) => docs::run(ctx, args),
        Command::DbSeed(args) => seed::run(ctx, args),
    }
}

/// Shows a failure and gives its exit code. A foreseen one is a [`Stop`] somewhere
/// in the chain; what it came from is shown only on request.
fn report(ui: &Ui, settings: Option<&Settings>, error: &anyhow::Error) -> ExitCode {
    let redact = |text: &str| settings.map_or_else(|| text.to_owned(), |s| s.redact(text));
    // What is worse than an interruption is said instead of it.
    let grave =
        [ExitCode::MigrationNotRestored, ExitCode::DeployRolledBack, ExitCode::DeployNeedsPerson];
    let grave = find_stop(error).is_some_and(|stop| grave.contains(&stop.code));
    if signal::interrupted() && !grave {
        let stop = Stop::new(
            ExitCode::Interrupted,
            "interrupted; what was not finished is cleaned up by the next run",
        );
        ui.stop(&stop);
        return ExitCode::Interrupted;
    }
    match find_stop(error) {
        Some(stop) => {
            ui.error(&redact(&stop.message), &stop.hints);
            ui.detail(format!("because: {}", redact(&format!("{error:#}"))));
            stop.code
        }
        None => {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            let steps = chain[..chain.len().saturating_sub(1)].join(": ");
            let cause = crate::server::session::said(error);
            let text = if steps.is_empty() { cause } else { format!("{steps}: {cause}") };
            ui.error(&redact(&text), &[]);
            ExitCode::Unexpected
        }
    }
}

/// The outermost [`Stop`] of a chain: the one that knows most about what was being done.
pub fn find_stop(error: &anyhow::Error) -> Option<&Stop> {
    error
        .downcast_ref::<Stop>()
        .or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<Stop>()))
}
