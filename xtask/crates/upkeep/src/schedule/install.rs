//! Handing the job to the scheduler, and taking it back.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use super::state::{self, Record};
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use ops::kept;
use plan::schedule::job::Job;
use plan::schedule::systemd::{SERVICE, TIMER};
use plan::schedule::when::{self, TICK_MINUTES, When};
use plan::schedule::{crontab, launchd as plist, systemd as units, windows as task};
use sys::scheduler::{self, System, cron, launchd, systemd, windows};
use sys::{clock, env, fs};

/// `schedule install`: `every` where another rhythm than xtask.toml's is wanted. A dry
/// run shows what would be written.
///
/// # Errors
/// There is no scheduler, or it does not take the job.
pub fn install(ctx: &Ctx, every: Option<&str>, dry_run: bool) -> Result<()> {
    let when = match every {
        Some(text) => when::parse(text).map_err(|why| {
            Stop::new(ExitCode::Usage, why).hint(
                "For example `--every 6h`, or `--every \"15 3 * * *\"` for every night at 03:15.",
            )
        })?,
        None => state::configured(ctx)?,
    };
    let system = scheduler::detect().ok_or_else(|| {
        Stop::new(ExitCode::Configuration, "no scheduler was found: neither systemd nor cron").hint(
            "Install cron (`apt install cron`), or have your own scheduler run `cargo xtask \
            schedule run --if-due` often.",
        )
    })?;
    let job = job(ctx)?;
    if dry_run {
        return ctx.show_plan(&shown(system, &job, &when)?);
    }
    kept::keep(&ctx.settings)?;
    // The log may name tables and paths: it is this user's alone.
    drop(fs::append_private(&job.log)?);
    if let Some(older) = Record::read(ctx)?.filter(|it| it.system != system) {
        take_back(older.system, &older.name)?;
    }
    hand_over(ctx, system, &job, &when).map_err(|error| {
        Stop::new(
            ExitCode::Configuration,
            format!(
                "{} rejected the job: \
        {error:#}",
                system.words()
            ),
        )
        .hint("`cargo xtask schedule install --dry-run` shows the job.")
    })?;
    let record = Record {
        version: Record::VERSION,
        system,
        name: job.name.clone(),
        every: when.to_string(),
        installed_utc: clock::now(),
    };
    let text = serde_json::to_vec_pretty(&record).context("write the schedule")?;
    fs::write_durably(&Record::path(ctx), &text)?;
    notes(ctx, system);
    let said = format!("Installed: {}, {}.", system.words(), when::words(&record.every));
    report(ctx, true, Some(system), Some(&record.every), &said);
    Ok(())
}

fn notes(ctx: &Ctx, system: System) {
    if system == System::Cron && cron::daemon_runs() == Some(false) {
        ctx.ui.warn(
            "no cron daemon is running on this machine; until one is, the job does not \
        run",
        );
    }
    if system == System::SystemdUser && !systemd::lingers() {
        ctx.ui.warn(
            "the job runs only while you are logged in; `loginctl enable-linger` changes \
        that",
        );
    }
}

/// `schedule uninstall`. The ledger, the backups and the program's copy stay.
///
/// # Errors
/// The scheduler refuses.
pub fn uninstall(ctx: &Ctx) -> Result<()> {
    let record = Record::read(ctx)?;
    let system = record.as_ref().map(|it| it.system).or_else(scheduler::detect);
    let name = record.map_or_else(|| state::name(ctx), |it| it.name);
    let removed = match system {
        Some(system) => take_back(system, &name)?,
        None => false,
    };
    fs::remove_if_exists(&Record::path(ctx))?;
    let text = if removed { "Uninstalled the scheduled job." } else { "Nothing was installed." };
    report(ctx, removed, None, None, text);
    Ok(())
}

/// What the scheduler is to call. Settings come from `.env` and xtask.toml; of the
/// environment only what finds programs is kept.
fn job(ctx: &Ctx) -> Result<Job> {
    let settings = &ctx.settings;
    let mut args = Vec::new();
    if settings.backups != settings.root.join("backups") {
        // The caller runs in another folder.
        let folder = std::path::absolute(&settings.backups)?;
        args.extend(["--backups".to_owned(), folder.display().to_string()]);
    }
    args.extend(["schedule", "run"].map(str::to_owned));
    let mut environment = vec![("XTASK_ROOT".to_owned(), settings.root.display().to_string())];
    // A scheduler's own PATH is short; clients and Docker may be elsewhere.
    for name in ["PATH", "DOCKER_HOST"] {
        environment.extend(env::var(name).map(|value| (name.to_owned(), value)));
    }
    let texts = environment.iter().map(|(_, value)| value).chain(&args);
    demand_one_line(texts)?;
    Ok(Job {
        name: state::name(ctx),
        root: settings.root.clone(),
        program: kept::program(&ctx.settings),
        args,
        environment,
        log: state::log(ctx),
    })
}

/// A line break would begin a line of its own in what the scheduler reads.
fn demand_one_line<'a>(texts: impl Iterator<Item = &'a String>) -> Result<(), Stop> {
    let odd = |text: &&String| text.chars().any(char::is_control);
    let mut texts = texts;
    match texts.find(odd) {
        None => Ok(()),
        Some(text) => Err(Stop::new(
            ExitCode::Configuration,
            format!("{text:?} contains a line break or another control character"),
        )
        .hint(
            "Schedulers do not accept that: the checkout, the backups folder and PATH need \
        plain names.",
        )),
    }
}

fn unit_files(job: &Job, when: &When) -> Vec<(String, String)> {
    vec![
        (format!("{}.{SERVICE}", job.name), units::service(job, when)),
        (format!("{}.{TIMER}", job.name), units::timer(job, when)),
    ]
}

fn hand_over(ctx: &Ctx, system: System, job: &Job, when: &When) -> Result<()> {
    match system {
        System::Systemd | System::SystemdUser => {
            systemd::install(system, &unit_files(job, when), &format!("{}.{TIMER}", job.name))
        }
        System::Cron => {
            let lines = crontab::lines(job, when);
            let before = cron::read()?;
            let after = crontab::with(&before, &job.name, &lines).map_err(|why| anyhow!(why))?;
            if after == before { Ok(()) } else { cron::write(&after) }
        }
        System::Launchd => launchd::install(&job.name, &plist::plist(job)),
        System::Windows => {
            let xml = task::task(job, clock::now_local());
            windows::install(&job.name, &xml, &ctx.settings.local.join("task.xml"))
        }
    }
}

fn take_back(system: System, name: &str) -> Result<bool> {
    match system {
        System::Systemd | System::SystemdUser => {
            let files = [SERVICE, TIMER].map(|ending| format!("{name}.{ending}"));
            systemd::uninstall(system, &files, &format!("{name}.{TIMER}"))
        }
        System::Cron => {
            let before = cron::read()?;
            let after = crontab::without(&before, name).map_err(|why| {
                Stop::new(ExitCode::Configuration, why)
                    .hint("The lines were edited: remove them by hand with `crontab -e`.")
            })?;
            if after == before {
                return Ok(false);
            }
            cron::write(&after)?;
            Ok(true)
        }
        System::Launchd => launchd::uninstall(name),
        System::Windows => windows::uninstall(name),
    }
}

/// What would be written, for a dry run.
fn shown(system: System, job: &Job, when: &When) -> Result<String> {
    let part = |path: &Path, text: &str| format!("{}:\n\n{text}\n", path.display());
    let what = match system {
        System::Systemd | System::SystemdUser => {
            let folder = systemd::folder(system)?;
            unit_files(job, when)
                .iter()
                .map(|(name, text)| part(&folder.join(name), text))
                .collect()
        }
        System::Cron => part(Path::new("crontab"), &crontab::lines(job, when)),
        System::Launchd => part(Path::new(&format!("{}.plist", job.name)), &plist::plist(job)),
        System::Windows => part(Path::new(&job.name), &task::task(job, clock::now_local())),
    };
    let asks = match system {
        System::Systemd | System::SystemdUser => String::new(),
        _ => format!("It checks every {TICK_MINUTES} minutes whether a run is due.\n"),
    };
    let when = when::words(&when.to_string());
    Ok(format!("By {}, {when}:\n\n{what}{asks}", system.words()))
}

fn report(ctx: &Ctx, changed: bool, system: Option<System>, every: Option<&str>, text: &str) {
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "installed": system.is_some(),
            "changed": changed,
            "scheduler": system,
            "every": every,
        });
        ctx.ui.outcome(document.to_string());
    } else {
        ctx.ui.outcome(text);
    }
}

#[cfg(test)]
mod tests {
    use super::demand_one_line;

    #[test]
    fn a_line_break_never_reaches_a_scheduler() {
        let texts = |all: [&str; 2]| all.map(str::to_owned);
        assert!(demand_one_line(texts(["a b%", "$ü"]).iter()).is_ok());
        assert!(demand_one_line(texts(["a", "b\n* * * * * rm"]).iter()).is_err());
    }
}
