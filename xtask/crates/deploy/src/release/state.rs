//! What is kept under `.local/deploy/`: the lock, the releases, and for each target
//! which of them runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use sys::{clock, fs, signal};

const STATE_VERSION: u32 = 1;
/// A deploy takes minutes; waiting for another one would hide it.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// What the program is called in a release's folder.
pub(super) const PROGRAM: &str =
    if cfg!(windows) { "streamflix-api.exe" } else { "streamflix-api" };

/// A release on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Release {
    pub label: String,
    /// The commit that it was built from.
    pub commit: String,
    pub program: PathBuf,
    pub url: String,
    /// Its process, once it was started.
    pub pid: Option<u32>,
    /// The paths that it answered when it was deployed.
    pub passed: Vec<String>,
}

impl Release {
    pub(crate) fn log(&self) -> PathBuf {
        self.program.with_file_name("api.log")
    }

    /// The end of its output, for a message.
    pub(crate) fn log_end(&self) -> String {
        let text = fs::read_text(&self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join("\n  ")
    }
}

/// Which releases a target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub version: u32,
    /// The one that was deployed last.
    pub current: Option<Release>,
    pub previous: Option<Release>,
    /// One that is being deployed; after a run that was killed, one that was.
    pub next: Option<Release>,
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// Where it is; makes nothing.
    pub(crate) fn new(ctx: &Ctx) -> Self {
        let local = &ctx.settings.local;
        // Programs are recognised by their path, which must not depend on how the
        // checkout was entered.
        let full = if cfg!(windows) { std::path::absolute(local) } else { local.canonicalize() };
        Self { dir: full.unwrap_or_else(|_| local.clone()).join("deploy") }
    }

    /// Keeps a second deploy out until the file is dropped. The system gives the
    /// lock back when the process ends, however it ends.
    ///
    /// # Errors
    /// Another deploy runs (12).
    pub(crate) fn lock(&self) -> Result<File> {
        fs::create_private_dir(&self.dir)?;
        if let Some(file) = fs::lock_private(&self.dir.join("lock"), LOCK_WAIT)? {
            return Ok(file);
        }
        signal::check()?;
        Err(Stop::new(ExitCode::Locked, "another deploy from this checkout is running")
            .hint("Wait until it ends, then try again. There is no stale lock to remove.")
            .into())
    }

    /// A folder for a new release, and its name: the time and the commit.
    pub(crate) fn new_release(&self, commit: &str) -> Result<(String, PathBuf)> {
        let short: String = commit.chars().take(8).filter(char::is_ascii_alphanumeric).collect();
        let stem = format!("{}_{short}", clock::now_local().format("%Y%m%d_%H%M%S"));
        let mut label = stem.clone();
        let mut more = 1;
        while fs::exists(&self.release(&label))? {
            more += 1;
            label = format!("{stem}_{more}");
        }
        let folder = self.release(&label);
        fs::create_private_dir(&folder)?;
        Ok((label, folder))
    }

    fn release(&self, label: &str) -> PathBuf {
        self.dir.join("releases").join(label)
    }

    fn file(&self, target: &str) -> PathBuf {
        self.dir.join(format!("{target}.json"))
    }

    /// What is known of a target.
    pub(crate) fn read(&self, target: &str) -> Result<State> {
        let path = self.file(target);
        if !fs::exists(&path)? {
            return Ok(State { version: STATE_VERSION, current: None, previous: None, next: None });
        }
        let state: Result<State, _> = serde_json::from_str(&fs::read_text(&path)?);
        let reason = match state {
            Ok(state) if state.version <= STATE_VERSION => return Ok(state),
            Ok(state) => format!("it has format {}", state.version),
            Err(error) => error.to_string(),
        };
        Err(Stop::new(
            ExitCode::Configuration,
            format!("{} cannot be parsed: {reason}", path.display()),
        )
        .hint("Move the file away and stop the running release; then deploy again.")
        .into())
    }

    /// Writes it, durably.
    pub(crate) fn write(&self, target: &str, state: &State) -> Result<()> {
        let text = serde_json::to_vec_pretty(state).context("write the state as JSON")?;
        fs::write_durably(&self.file(target), &text)
    }

    /// Removes the folders of releases that no target names any more.
    pub(crate) fn clean(&self) -> Result<()> {
        let mut kept: Vec<PathBuf> = Vec::new();
        for name in fs::names(&self.dir)? {
            let Some(target) = name.strip_suffix(".json") else { continue };
            let State { current, previous, next, .. } = self.read(target)?;
            let releases = [current, previous, next].into_iter().flatten();
            kept.extend(releases.map(|release| self.release(&release.label)));
        }
        for name in fs::names(&self.dir.join("releases"))? {
            let folder = self.release(&name);
            if is_label(&name) && !kept.contains(&folder) {
                fs::remove_dir_if_exists(&folder)?;
            }
        }
        Ok(())
    }

    /// The folder, for messages.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Whether a folder's name is one that [`Place::new_release`] gives.
pub(super) fn is_label(name: &str) -> bool {
    let mut parts = name.splitn(3, '_');
    let digits = |part: Option<&str>, n: usize| {
        part.is_some_and(|part| part.len() == n && part.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 8) && digits(parts.next(), 6) && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use crate::release::state::*;

    #[test]
    fn only_own_names_are_releases() {
        assert!(is_label("20261122_101112_fa0699bd") && is_label("20261122_101112_fa0699bd_2"));
        for other in ["mine", "20261122", "20261122_101112", "2026112x_101112_x"] {
            assert!(!is_label(other), "{other}");
        }
    }

    #[test]
    fn what_no_target_names_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = Place { dir: dir.path().to_owned() };
        let release = || {
            let (label, folder) = place.new_release("fa0699bd5").expect("a release");
            Release {
                label,
                commit: "fa0699bd5".to_owned(),
                program: folder.join(PROGRAM),
                url: String::new(),
                pid: None,
                passed: Vec::new(),
            }
        };
        let (old, kept) = (release(), release());
        assert_ne!(old.label, kept.label);
        fs::create_private_dir(&place.release("notes")).expect("a person's folder");
        let state = State { version: 1, current: Some(kept.clone()), previous: None, next: None };
        place.write("local", &state).expect("write");
        assert_eq!(place.read("local").expect("read"), state);
        place.clean().expect("clean");
        let left = fs::names(&dir.path().join("releases")).expect("names");
        assert_eq!(left, [kept.label, "notes".to_owned()]);
    }
}
