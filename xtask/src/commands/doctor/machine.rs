//! Checks of this machine: the workspace, `.env`, folders, programs. They pass
//! or fail without a server.

use std::path::Path;

use super::{FIX, Findings};
use crate::commands::keys;
use config::Settings;
use model::account::Role;
use model::check::{Check, Outcome};
use ops::kept;
use sys::docker::{self, Engine};

/// Below this a backup of a small database and its drill may not fit any more.
const ENOUGH: u64 = 2 << 30;

pub(super) fn look(settings: &Settings, findings: &mut Findings) {
    workspace(settings, findings);
    environment(settings, findings);
    folders(settings, findings);
    encryption(settings, findings);
    destinations(settings, findings);
    git(settings, findings);
    kept_program(settings, findings);
    hooks(settings, findings);
}

/// Nothing is said where the hook was never installed.
fn hooks(settings: &Settings, findings: &mut Findings) {
    if let Ok(Some(why)) = deploy::hooks::displaced(&settings.root) {
        let detail = format!("pushes are not checked any more: {why}");
        findings.configuration(
            Check::failed("git hook", detail),
            "`cargo xtask hooks install` installs it beside what is there now; `cargo xtask hooks \
            uninstall` forgets it",
        );
    }
}

/// The keys fit each other; nothing is said where nothing is encrypted.
fn encryption(settings: &Settings, findings: &mut Findings) {
    let policy = &settings.policy.encryption;
    if policy.recipients.is_empty() && !policy.local && settings.outside.identity.is_none() {
        return findings
            .not_run("encryption", "xtask.toml names no recipient: nothing is encrypted");
    }
    let (checks, ..) = keys::configured(settings);
    let failed = checks.iter().find(|check| check.outcome == Outcome::Failed);
    let told = failed.or_else(|| checks.last());
    let detail = told.map_or_else(String::new, |check| format!("{}: {}", check.name, check.detail));
    match told.map(|check| check.outcome) {
        Some(Outcome::NotRun) => findings.not_run("encryption", detail),
        outcome => findings.configuration(
            Check::of(outcome == Some(Outcome::Passed), "encryption", detail),
            "`cargo xtask db-keys check` shows every key; docs/keys.md explains what to do",
        ),
    }
}

/// What is insecure and meant to be so: what is not meant has ended the run before.
fn destinations(settings: &Settings, findings: &mut Findings) {
    for one in &settings.policy.destination {
        let weak = settings.outside.weak(one);
        if !weak.is_empty() {
            let detail = format!("INSECURE because of its options: {}", weak.join("; "));
            findings.configuration(Check::passed(format!("destination {}", one.name), detail), "");
        }
    }
}

/// What runs when the checkout does not compile.
fn kept_program(settings: &Settings, findings: &mut Findings) {
    const NAME: &str = "kept program";
    let path = kept::program(settings).display().to_string();
    match kept::is_current(settings) {
        Ok(Some(_)) if kept::is_of_checkout(settings) == Some(false) => {
            let detail = format!(
                "{path}, not built from the commit that is checked out: a push has cargo build \
                one"
            );
            findings.configuration(Check::passed(NAME, detail), "");
        }
        Ok(Some(true)) => findings.configuration(Check::passed(NAME, path), ""),
        Ok(Some(false)) => {
            findings.configuration(Check::passed(NAME, format!("{path}, of another build")), "");
        }
        Ok(None) => {
            findings.not_run(NAME, "no copy of this program; `cargo xtask quickstart` keeps one")
        }
        Err(error) => findings.not_run(NAME, format!("{error:#}")),
    }
}

/// Only a manifest's note of the commit needs it.
fn git(settings: &Settings, findings: &mut Findings) {
    let there = sys::proc::find("git").is_some();
    match sys::git::commit(&settings.root) {
        Some(commit) => findings.configuration(Check::passed("git", commit), ""),
        None if there => findings.not_run("git", "not a checkout; manifests will name no commit"),
        None => findings.configuration(
            Check::failed("git", "git is not installed"),
            "install git; manifests record the commit a backup belongs to",
        ),
    }
}

fn workspace(settings: &Settings, findings: &mut Findings) {
    let root = &settings.root;
    let is_workspace = root.join("Cargo.toml").is_file();
    findings.configuration(
        Check::of(is_workspace, "workspace", root.display().to_string()),
        "run this inside the StreamFlix checkout, or point XTASK_ROOT at it",
    );
    // A file that cannot be read has ended the run before any check.
    let policy = if root.join("xtask.toml").is_file() {
        "read"
    } else {
        "none; using the \
    defaults"
    };
    findings.configuration(Check::passed("xtask.toml", policy), "");
}

fn environment(settings: &Settings, findings: &mut Findings) {
    let path = settings.env_file();
    let there = path.is_file();
    let seen = if there { path.display().to_string() } else { "there is no .env".to_owned() };
    findings.configuration(Check::of(there, ".env", seen), FIX);
    match sys::disk::mode(&path) {
        Some(mode) => findings.configuration(
            Check::of(mode & 0o077 == 0, ".env permissions", format!("{mode:04o}")),
            format!("`chmod 600 .env`, or {FIX}"),
        ),
        None => findings.not_run(".env permissions", "no .env, or a system without modes"),
    }
    let missing: Vec<&str> = settings
        .created_roles()
        .into_iter()
        .filter(|role| settings.account(*role).password.is_none())
        .map(Role::password_var)
        .collect();
    let detail = if missing.is_empty() {
        "every account has one".to_owned()
    } else {
        format!("not set: {}", missing.join(", "))
    };
    findings.configuration(Check::of(missing.is_empty(), "passwords", detail), FIX);
}

fn folders(settings: &Settings, findings: &mut Findings) {
    let backups = &settings.backups;
    if backups.is_dir() {
        match sys::disk::mode(backups) {
            Some(mode) => findings.configuration(
                Check::of(mode & 0o077 == 0, "backups folder", format!("{mode:04o}")),
                format!("`chmod 700 {}`, or {FIX}", backups.display()),
            ),
            None => findings.not_run("backups folder", "a system without modes"),
        }
    } else {
        findings.not_run("backups folder", "none yet; the first backup creates it");
    }
    // The folder need not exist yet; the disk that it will be on does.
    let there = backups.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    match sys::disk::free_space(there) {
        Ok(bytes) => {
            let gib = bytes as f64 / f64::from(1_u32 << 30);
            findings.configuration(
                Check::of(bytes >= ENOUGH, "free space", format!("{gib:.1} GiB for backups")),
                "free some space on that disk, or store the backups elsewhere with --backups",
            );
        }
        Err(error) => findings.not_run("free space", format!("{error:#}")),
    }
}

/// The engine and the container: `needed` when the server is, or is to be, in it;
/// `elsewhere` when the server was found without it.
pub(super) fn docker(settings: &Settings, needed: bool, elsewhere: bool, findings: &mut Findings) {
    let beside = if elsewhere { "; not needed here" } else { "" };
    let engine = docker::engine();
    let (check, fix) = match &engine {
        Engine::Running(version) => (Check::passed("docker engine", version), ""),
        Engine::NotInstalled => (
            Check::failed("docker engine", "docker is not installed"),
            "install Docker, or use a private server: `cargo xtask db-up --on local`",
        ),
        Engine::NotRunning(said) => (
            Check::failed("docker engine", said.lines().last().unwrap_or("it does not answer")),
            "start it (`sudo systemctl start docker`, or Docker Desktop)",
        ),
    };
    if !needed && check.outcome == Outcome::Failed {
        findings.not_run("docker engine", format!("{}{beside}", check.detail));
    } else {
        findings.server(check, fix);
    }
    let name = &settings.container;
    if !matches!(engine, Engine::Running(_)) {
        return findings.not_run("container", "no engine to ask");
    }
    let container = docker::inspect(name).ok().flatten();
    let detail = container.as_ref().map_or_else(
        || format!("there is no container `{name}`"),
        |c| {
            // The health of a stopped container is that of its last day.
            let health = c.health.as_ref().filter(|_| c.status == "running");
            format!("{name} is {} ({})", health.unwrap_or(&c.status), c.image)
        },
    );
    let running = container.as_ref().is_some_and(|c| c.status == "running");
    if needed {
        findings
            .server(Check::of(running, "container", detail), "`cargo xtask db-up --yes` starts it");
    } else if running {
        findings.server(Check::passed("container", detail), "");
    } else {
        findings.not_run("container", format!("{detail}{beside}"));
    }
}
