//! `db-report`: reads what is known, and writes one page about it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use cli::report::DbReport;
use model::check::Outcome;
use model::exit::{ExitCode, Stop};
use model::history::{HeldBackup, History, Objectives};
use model::status::Answer;
use ops::ctx::Ctx;
use plan::timeline::Timeline;
use report::{human, json, page};
use store::ledger::Ledger;
use store::{Backup, Store};
use sys::{clock, fs, open};
use upkeep::status;

/// Where it goes when nobody says.
const FILE: &str = "report.html";

/// Runs the command. It takes no lock and changes nothing but the page.
pub(crate) fn run(ctx: &mut Ctx, args: &DbReport) -> Result<()> {
    let file = target(ctx, args.out.as_deref())?;
    let history = history(ctx, args.offline)?;
    let text = page::page(&history);
    fs::write_durably(&file, text.as_bytes())?;
    let shown = match args.open.then(|| open::show(&file)) {
        Some(Err(error)) => {
            ctx.ui.note(format!("the page was written but not shown: {error:#}"));
            false
        }
        Some(Ok(())) => true,
        None => false,
    };
    let name = file.display().to_string();
    let unusable = history.backups.iter().filter(|one| one.content.is_err()).count() as u64;
    if ctx.ui.json() {
        let document = json::ReportDocument {
            version: json::DOCUMENT_VERSION,
            file: name,
            bytes: text.len() as u64,
            state: history.status.known().map(|status| status.state),
            backups: history.backups.len() as u64,
            unusable,
            entries: history.entries.len() as u64,
            opened: shown,
        };
        ctx.ui.outcome(json::render(&document)?);
        return Ok(());
    }
    let state = match &history.status {
        Answer::Known(status) => status.summary.clone(),
        Answer::Unknown(why) => format!("the state is unknown ({why})"),
    };
    ctx.ui.say(state);
    ctx.ui.outcome(format!("{name} ({})", human::bytes(text.len() as u64)));
    Ok(())
}

/// The file to write, in a folder that is there.
fn target(ctx: &Ctx, out: Option<&Path>) -> Result<PathBuf> {
    let Some(out) = out else {
        fs::create_private_dir(&ctx.settings.local)?;
        return Ok(ctx.settings.local.join(FILE));
    };
    let usage = |message: String| Stop::new(ExitCode::Usage, message);
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let whole = folder.canonicalize().map_err(|error| {
        usage(format!("the folder {} cannot be used: {error}", folder.display()))
            .hint("Create it first, or choose another file with `--out`.")
    })?;
    let backups = ctx.settings.backups.canonicalize();
    let Some(name) = out.file_name().filter(|_| !out.is_dir()) else {
        return Err(usage(format!("{} is a folder", out.display()))
            .hint("Give a file with `--out`.")
            .into());
    };
    if backups.is_ok_and(|backups| whole.starts_with(backups)) {
        return Err(usage(format!("{} is in the backups folder", out.display()))
            .hint("That folder is for backups only; choose another file with `--out`.")
            .into());
    }
    Ok(whole.join(name))
}

/// Everything that the page tells. What cannot be known is unknown on the page, too:
/// a report about a damaged folder is worth more than none.
fn history(ctx: &mut Ctx, offline: bool) -> Result<History> {
    let status = match status::look(ctx, offline) {
        Ok(status) => Answer::Known(status),
        Err(error) => Answer::unknown(ctx.settings.redact(&format!("{error:#}"))),
    };
    let store = ctx.store()?;
    let chain = store.verify_chain()?;
    let mut ledger = match chain.outcome {
        Outcome::Failed => Ledger::default(),
        _ => store.read()?,
    };
    let now = clock::now();
    // A wrong time would flatten every plot.
    ledger.entries = Timeline::of(&ledger.entries, now).drawn(ledger.entries);
    let monitor = &ctx.settings.policy.monitor;
    Ok(History {
        schema: ctx.settings.schema.clone(),
        made_utc: now,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        status,
        objectives: Objectives {
            rpo_s: u64::from(monitor.max_age_hours) * 3600,
            rto_ms: u64::from(monitor.rto_minutes) * 60_000,
        },
        backups: backups(&store, &ledger)?,
        strangers: store.strangers()?,
        entries: ledger.entries,
        ledger: chain,
    })
}

fn backups(store: &Store, ledger: &Ledger) -> Result<Vec<HeldBackup>> {
    let entries = store.list()?;
    let mut suspects = store.suspects(&entries, ledger);
    let held = entries.into_iter().map(Backup::drawn).map(|entry| {
        let content = match (entry.manifest(), entry.problem()) {
            (Some(manifest), _) => Ok(Box::new(manifest.clone())),
            (None, problem) => Err(problem.unwrap_or_else(|| "cannot be read".to_owned())),
        };
        let verified = content
            .as_ref()
            .ok()
            .filter(|manifest| !manifest.is_partial())
            .and_then(|manifest| ledger.highest_verification(&entry.label, &manifest.sha256));
        let suspect = suspects.remove(&entry.label);
        let Backup { label, trust, wrong_clock, .. } = entry;
        HeldBackup { label, content, verified, trust, suspect, wrong_clock }
    });
    Ok(held.collect())
}
