//! What is installed, when it ran, and when it runs next.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, Local, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::status::Known;
use model::hash;
use model::status::{Answer, ScheduleFacts};
use model::wrong_clock::SLACK;
use ops::ctx::Ctx;
use ops::kept;
use plan::history::History;
use plan::schedule::systemd::{TIMER, has_calendar};
use plan::schedule::when::{self, When};
use plan::schedule::{crontab, job};
use report::human;
use sys::scheduler::{System, cron, launchd, systemd, windows};
use sys::{clock, fs};

/// What was handed to the scheduler: `.local/schedule.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub version: u32,
    pub system: System,
    /// The name of its unit, task or lines.
    pub name: String,
    /// When, as it was typed.
    pub every: String,
    pub installed_utc: DateTime<Utc>,
}

impl Record {
    pub(crate) const VERSION: u32 = 1;

    pub(crate) fn path(ctx: &Ctx) -> PathBuf {
        ctx.settings.local.join("schedule.json")
    }

    /// The record; `None`: nothing was installed from here.
    pub(crate) fn read(ctx: &Ctx) -> Result<Option<Self>> {
        let path = Self::path(ctx);
        if !fs::exists(&path)? {
            return Ok(None);
        }
        let read = serde_json::from_slice(&fs::read_bytes(&path)?);
        read.map(Some).with_context(|| format!("read {}", path.display()))
    }

    /// Whether the scheduler still has it.
    pub(crate) fn is_there(&self) -> Result<bool> {
        is_there(self.system, &self.name)
    }

    /// When the run after `last` (the beginning of the last one) is due.
    fn due(&self, last: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let when = when::parse(&self.every).ok()?;
        let timers = matches!(self.system, System::Systemd | System::SystemdUser);
        // A timer with a calendar of its own does not begin with a run.
        let last = last.or_else(|| (timers && has_calendar(&when)).then_some(self.installed_utc));
        when.due(last, Some(self.installed_utc))
    }
}

/// Whether a scheduler has the job of that name.
pub(super) fn is_there(system: System, name: &str) -> Result<bool> {
    match system {
        System::Systemd | System::SystemdUser => {
            systemd::is_active(system, &format!("{name}.{TIMER}"))
        }
        System::Cron => {
            let crontab = cron::read()?;
            Ok(crontab::found(&crontab, name).map_err(|why| anyhow!(why))?.is_some())
        }
        System::Launchd => launchd::is_installed(name),
        System::Windows => windows::is_installed(name),
    }
}

/// The name of this workspace's job.
pub(super) fn name(ctx: &Ctx) -> String {
    job::name_of(&hash::sha256_hex(ctx.settings.root.display().to_string().as_bytes()))
}

/// Where a run that was started without a terminal says what it does.
pub(super) fn log(ctx: &Ctx) -> PathBuf {
    ctx.settings.local.join("schedule.log")
}

/// The log is rotated at this size; one older log is kept.
const LOG_MAX: u64 = 4 << 20;

/// Puts a log that grew too large aside. This run still writes to it, under its new name.
pub(super) fn cut_log(ctx: &Ctx) -> Result<()> {
    let log = log(ctx);
    if std::fs::metadata(&log).is_ok_and(|facts| facts.len() > LOG_MAX) {
        fs::rename_durably(&log, &log.with_extension("log.1"))?;
    }
    Ok(())
}

/// When the last scheduled run began. One in the future was recorded by a clock
/// that was wrong: trusting it would stop all runs until then.
pub(super) fn last_began(history: &History<'_>) -> Option<DateTime<Utc>> {
    let run = history.last_run()?;
    let took = i64::try_from(run.duration_ms).unwrap_or(0);
    let began = run.at_utc - TimeDelta::milliseconds(took);
    (began <= clock::now() + SLACK).then_some(began)
}

/// When the next run is due; `None` if unknown.
pub(super) fn due(ctx: &Ctx, history: &History<'_>) -> Result<Option<DateTime<Utc>>> {
    let last = last_began(history);
    if let Some(record) = Record::read(ctx)? {
        return Ok(record.due(last));
    }
    // Run by the user's own scheduler: as xtask.toml says, and at once the first time.
    let when = configured(ctx)?;
    Ok(match last {
        Some(last) => when.next(last),
        None => Some(clock::now()),
    })
}

/// `schedule.every` of xtask.toml.
///
/// # Errors
/// It cannot be read (exit code 10).
pub(super) fn configured(ctx: &Ctx) -> Result<When> {
    use model::exit::{ExitCode, Stop};
    when::parse(&ctx.settings.policy.schedule.every).map_err(|why| {
        Stop::new(ExitCode::Configuration, format!("schedule.every in xtask.toml: {why}"))
            .hint("Write an interval such as \"6h\", or a cron expression such as \"15 3 * * *\".")
            .into()
    })
}

/// The schedule, for the status.
pub(crate) fn facts(ctx: &Ctx, history: &History<'_>) -> ScheduleFacts {
    let policy = &ctx.settings.policy;
    let record = Record::read(ctx);
    let every = match &record {
        Ok(Some(record)) => record.every.clone(),
        _ => policy.schedule.every.clone(),
    };
    let (installed, next_due_utc) = match record {
        Ok(None) => (Answer::Known(None), None),
        Err(error) => (Answer::Unknown(format!("{error:#}")), None),
        Ok(Some(record)) => match record.is_there() {
            Ok(true) => (
                Answer::Known(Some(record.system.words().to_owned())),
                record.due(last_began(history)),
            ),
            Ok(false) => (Answer::Known(None), None),
            Err(error) => (Answer::Unknown(format!("{error:#}")), None),
        },
    };
    ScheduleFacts {
        installed,
        every,
        last: history.last_run(),
        next_due_utc,
        prunes: policy.retention.auto,
        pruned_utc: history.pruned(),
    }
}

/// `schedule status`.
///
/// # Errors
/// The backups folder cannot be read.
pub fn status(ctx: &Ctx) -> Result<()> {
    let known = Known::read(ctx)?;
    let facts = facts(ctx, &known.history(ctx));
    let program = kept::program(&ctx.settings);
    let current = kept::is_current(&ctx.settings)?;
    let idle = matches!(Record::read(ctx)?, Some(record) if record.system == System::Cron)
        && cron::daemon_runs() == Some(false);
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "schedule": facts,
            "program": program,
            "program_is_current": current,
            "scheduler_runs": if idle { Some(false) } else { None },
        });
        ctx.ui.result(document.to_string());
        return Ok(());
    }
    let now = clock::now();
    let mut text = match &facts.installed {
        Answer::Known(Some(how)) => format!("Installed: {how}, {}.", when::words(&facts.every)),
        Answer::Known(None) => "NOT installed: run `cargo xtask schedule install`.".to_owned(),
        Answer::Unknown(why) => format!("Whether it is installed is unknown: {why}."),
    };
    if idle {
        text.push_str("\n  DOES NOT RUN: no cron daemon is running on this machine");
    }
    let last = facts.last.as_ref().map_or_else(
        || "never".to_owned(),
        |run| {
            let age = match known.is_clock_doubted() {
                true => "age unknown".to_owned(),
                false => human::age(run.at_utc, now),
            };
            if run.passed {
                format!("{age}, passed")
            } else {
                format!("{age}, FAILED: {}", run.detail)
            }
        },
    );
    text.push_str(&format!("\n  last run   {last}"));
    if let Some(due) = facts.next_due_utc {
        let local = due.with_timezone(&Local).format("%Y-%m-%d %H:%M");
        let late = if due < now { ", is due" } else { "" };
        text.push_str(&format!("\n  next run   {local}{late}"));
    }
    match current {
        Some(false) => text.push_str(
            "
  program    is a different build; `cargo xtask schedule install` updates it",
        ),
        Some(true) => text.push_str("\n  program    is this build"),
        None if facts.installed.known().is_some_and(Option::is_some) => text.push_str(&format!(
            "\n  program    {} is MISSING; `cargo xtask schedule install` restores it",
            program.display()
        )),
        None => {}
    }
    ctx.ui.result(text);
    Ok(())
}
