//! What surrounds every command: the settings and the terminal before it, the copies of
//! what it made and the exit code after it.

use std::path::PathBuf;

use anyhow::Result;

use crate::copy;
use crate::ctx::{Ctx, Made};
use config::{Settings, dotenv};
use model::exit::{ExitCode, Stop, find_stop};
use sys::signal;
use ui::{Loudness, Ui};

/// What every command can be told.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// One JSON document instead of text.
    pub json: bool,
    /// Warnings and errors only.
    pub quiet: bool,
    /// Also how things were decided.
    pub verbose: bool,
    /// The backups folder, where another than the usual one is meant.
    pub backups: Option<PathBuf>,
    /// The server that is meant, by its short name.
    pub server: Option<String>,
}

/// When the backups that a command made are copied to the destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Before it ends.
    Now,
    /// By a later command; someone waits for this one.
    Later,
}

/// Runs a command and says how it ended. `hush` leaves out the warning that others may
/// read `.env`.
pub fn run(
    flags: &Flags,
    hush: bool,
    command: impl FnOnce(&mut Ctx, &mut Made) -> Result<Copies>,
) -> ExitCode {
    let ui = Ui::new(loudness(flags), flags.json);
    let mut settings = match signal::install().and_then(|()| Settings::load(flags.backups.clone()))
    {
        Ok(settings) => settings,
        Err(error) => return report(&ui, None, &error),
    };
    settings.server_choice.clone_from(&flags.server);
    let mut ctx = Ctx::new(settings, ui);
    let mut made = Made::default();
    if !hush {
        warn_of_open_secrets(&ctx);
    }
    let ended = match command(&mut ctx, &mut made) {
        Ok(Copies::Later) => {
            copy::left_to_copy(&ctx, &mut made);
            Ok(())
        }
        Ok(Copies::Now) => copy::what_was_made(&ctx, &mut made),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            let code = report(&ctx.ui, Some(&ctx.settings), &error);
            copy::left_to_copy(&ctx, &mut made);
            code
        }
    }
}

/// Says why a command could not even begin, and gives its exit code.
pub fn failed(flags: &Flags, error: &anyhow::Error) -> ExitCode {
    report(&Ui::new(loudness(flags), flags.json), None, error)
}

/// Every command reads `.env`.
fn warn_of_open_secrets(ctx: &Ctx) {
    let path = ctx.settings.env_file();
    if let Some(mode) = dotenv::exposed(&path) {
        ctx.ui.warn(format!(
            "others on this machine may read the passwords in {0} (mode {mode:04o}): `chmod 600 {0}`",
            path.display()
        ));
    }
}

fn loudness(flags: &Flags) -> Loudness {
    match (flags.quiet, flags.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
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
        ui.failure(stop.code as u8, &stop.message, &stop.hints);
        return ExitCode::Interrupted;
    }
    match find_stop(error) {
        Some(stop) => {
            let message = redact(&stop.message);
            ui.error(&message, &stop.hints);
            ui.failure(stop.code as u8, &message, &stop.hints);
            ui.detail(format!("because: {}", redact(&format!("{error:#}"))));
            stop.code
        }
        None => {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            let steps = chain[..chain.len().saturating_sub(1)].join(": ");
            let cause = server::session::said(error);
            let text = if steps.is_empty() { cause } else { format!("{steps}: {cause}") };
            let text = redact(&text);
            ui.error(&text, &[]);
            ui.failure(ExitCode::Unexpected as u8, &text, &[]);
            ExitCode::Unexpected
        }
    }
}
