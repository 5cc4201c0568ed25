//! The conductor: from what was typed to the room that does it.

mod backup;
pub(crate) mod completing;
mod copy;
mod db_report;
mod deploy;
mod doctor;
mod dropping;
mod hooks;
mod import;
mod keys;
mod list;
mod migrate;
mod prune;
mod quickstart;
mod restore;
mod schedule;
mod status;
mod up;
mod verify;
mod workshop;

use anyhow::Result;

use cli::{Cli, Command, Global};
use ops::frame::{self, Copies, Flags};
use ops::{Ctx, Made, kept};

/// Runs what was typed and gives the exit code of docs/exit-codes.md.
pub(crate) fn main(cli: &Cli) -> u8 {
    if let Command::Bench(_) | Command::Ci(_) | Command::Docs(_) | Command::DbSeed(_) = &cli.command
    {
        return workshop::hand_over(&cli.global);
    }
    // `doctor` says it among its findings.
    let hush = matches!(cli.command, Command::Doctor(_));
    frame::run(&flags(&cli.global), hush, |ctx, made| run(ctx, &cli.command, made)) as u8
}

fn flags(global: &Global) -> Flags {
    let Global { json, quiet, verbose, backups, server } = global.clone();
    Flags { json, quiet, verbose, backups, server }
}

fn run(ctx: &mut Ctx, command: &Command, made: &mut Made) -> Result<Copies> {
    match command {
        Command::DbBackup(args) => backup::run(ctx, args, made),
        Command::DbRestore(args) => restore::run(ctx, args, made),
        Command::DbVerify(args) => verify::run(ctx, args),
        Command::DbList(args) => list::run(ctx, args),
        Command::DbShow(args) => list::show(ctx, args),
        Command::DbStatus(args) => status::run(ctx, args),
        Command::DbCopy(args) => copy::run(ctx, args),
        Command::DbPrune(args) => prune::run(ctx, args),
        Command::DbPin(args) => prune::pin(ctx, args),
        Command::DbDrop(args) => dropping::run(ctx, args),
        Command::DbKeys(args) => keys::run(ctx, args),
        Command::DbReport(args) => db_report::run(ctx, args),
        Command::Schedule(args) => schedule::run(ctx, args),
        Command::DbUp(args) => up::up(ctx, args),
        Command::DbDown(_) => up::down(ctx),
        Command::Doctor(args) => doctor::run(ctx, args),
        Command::Migrate(args) => migrate::run(ctx, args, made),
        Command::Import(args) => import::run(ctx, args, made),
        Command::Deploy(args) => deploy::run(ctx, args, made),
        Command::Quickstart(args) => quickstart::run(ctx, args, made),
        Command::Completions(args) => completing::script(ctx, args.shell),
        Command::Hooks(args) => {
            hooks::run(ctx, args, made)?;
            // git waits, with its connection open.
            return Ok(Copies::Later);
        }
        // These are the workshop's.
        Command::Bench(_) | Command::Ci(_) | Command::Docs(_) | Command::DbSeed(_) => Ok(()),
    }?;
    // What only looks changes nothing.
    let worked = match command {
        Command::DbBackup(args) => !args.dry_run,
        Command::Migrate(args) => !args.dry_run && !args.status,
        _ => false,
    };
    if worked {
        renew_kept(ctx);
    }
    Ok(Copies::Now)
}

/// This build has just proven itself. What it did stands also if it cannot be copied.
fn renew_kept(ctx: &Ctx) {
    match kept::renew(&ctx.settings) {
        Ok(true) => ctx.ui.detail("renewed the copy of this program in .local/bin"),
        Ok(false) => {}
        Err(error) => ctx.ui.warn(format!("the copy of this program was not renewed: {error:#}")),
    }
}
