//! Where the private server keeps its things, and whether it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;

/// The state file, `.local/server/state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// MySQL or MariaDB; a data folder belongs to one of them for good.
    pub flavour: Flavour,
    /// The version that last ran on the data folder.
    pub version: String,
    pub program: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its socket; none on Windows.
    pub socket: Option<PathBuf>,
    /// Its process id while it runs.
    pub pid: Option<u32>,
}

impl State {
    /// Where to speak to it. The socket is in a folder that only this user can enter, so no one
    /// else can answer there.
    pub fn endpoint(&self) -> Endpoint {
        match &self.socket {
            Some(socket) => Endpoint::Socket(socket.clone()),
            None => Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: self.port },
        }
    }
}

/// How far the private server is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It was never started.
    Absent,
    /// Its data is there, it is not running.
    Stopped(State),
    Running(State),
}

/// The paths under `.local/server/`.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub dir: PathBuf,
}

impl Place {
    pub(crate) fn new(local: &Path) -> Self {
        // The server is told this path and shows it in its command line, by
        // which it is recognised; so it must not depend on the current folder.
        let full = if cfg!(windows) { std::path::absolute(local) } else { local.canonicalize() };
        let local = full.unwrap_or_else(|_| local.to_owned());
        Self { dir: local.join("server") }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Where the server puts temporary tables.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// A data folder that is not finished: no password yet, or half initialised.
    pub(crate) fn partial_data(&self) -> PathBuf {
        sys::fs::partial_of(&self.data())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("error.log")
    }

    fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// Written by the server itself; survives a kill of this tool before it
    /// could write the state.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.dir.join("server.pid")
    }

    pub(crate) fn read(&self) -> Result<Option<State>> {
        let path = self.state_file();
        if !path.exists() {
            return Ok(None);
        }
        let text = sys::fs::read_text(&path)?;
        let state = serde_json::from_str(&text).map_err(|error| {
            Stop::new(
                ExitCode::Configuration,
                format!("{} cannot be parsed: {error}", path.display()),
            )
            .hint("Move the file away; the next `cargo xtask db-up` recreates it.")
        })?;
        Ok(Some(state))
    }

    pub(crate) fn write(&self, state: &State) -> Result<()> {
        let text = serde_json::to_vec_pretty(state).context("write the state as JSON")?;
        sys::fs::write_durably(&self.state_file(), &text)
    }

    /// The process that serves one of our data folders, if there is one. A
    /// process id alone proves nothing: after a crash the system gives it to others.
    pub(crate) fn running_pid(&self, state: Option<&State>) -> Option<u32> {
        let written = sys::fs::read_text(&self.pid_file()).ok();
        let written = written.and_then(|text| text.trim().parse::<u32>().ok());
        let known = state.and_then(|state| state.pid);
        known.into_iter().chain(written).find(|pid| self.is_ours(*pid))
    }

    /// Whether a process is a server on our data folder.
    pub(crate) fn is_ours(&self, pid: u32) -> bool {
        let marks = [self.data(), self.partial_data()].map(|dir| datadir_arg(&dir));
        sys::proc::alive(pid)
            && sys::proc::command_line(pid).is_some_and(|line| {
                let line = line.replace('"', "");
                line.split(" --").any(|word| marks.iter().any(|mark| mark[2..] == *word.trim()))
            })
    }

    /// Waits until a process has ended; whether it has.
    pub(crate) fn wait_gone(&self, pid: u32, deadline: Duration) -> bool {
        let gone = sys::clock::poll(deadline, || {
            Ok::<_, std::convert::Infallible>((!self.is_ours(pid)).then_some(()))
        });
        matches!(gone, Ok(Some(())))
    }

    /// The end of the error log, for a message.
    pub(crate) fn log_end(&self) -> String {
        let text = sys::fs::read_text(&self.log()).unwrap_or_default();
        // Not every line that tells is marked as an error.
        let chatter = ["[Note]", "[System]", "[Warning]"];
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .filter(|line| !chatter.iter().any(|mark| line.contains(mark)))
            .collect();
        lines[lines.len().saturating_sub(6)..].join("\n  ")
    }
}

/// How the data folder is given to the server, and by which it is recognised.
pub(super) fn datadir_arg(dir: &Path) -> String {
    format!("--datadir={}", dir.display())
}

/// The longest path that a socket's address holds on every Unix (104 on macOS
/// with its final zero, 108 on Linux).
const SOCKET_PATH_MAX: usize = 100;

/// Where the socket goes: beside the data, or in a short private folder when
/// that path is too long for a socket.
pub(super) fn socket_path(dir: &Path) -> Result<Option<PathBuf>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let near = dir.join("mysql.sock");
    if near.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(Some(near));
    }
    let base = sys::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|base| base.is_dir());
    let base = base.unwrap_or_else(std::env::temp_dir);
    let name = format!("xtask-{:016x}", hash(dir));
    let far = base.join(name);
    sys::fs::create_private_dir(&far)?;
    // The name can be guessed: a folder that another user made first could hold
    // a server that only pretends to be ours.
    if !sys::disk::is_ours_alone(&far, dir) {
        return Err(Stop::new(
            ExitCode::Configuration,
            format!("{} belongs to another user or is accessible to others", far.display()),
        )
        .hint("Remove it, or move the checkout to a shorter path.")
        .into());
    }
    Ok(Some(far.join("s.sock")))
}

fn hash(path: &Path) -> u64 {
    xxhash_rust::xxh3::xxh3_64(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let dir = tempfile::tempdir().expect("a folder");
        let short = socket_path(Path::new("/w/.local/server")).expect("a path");
        let deep = dir.path().join("x".repeat(120));
        sys::fs::create_private_dir(&deep).expect("create");
        let long = socket_path(&deep).expect("a path");
        if cfg!(unix) {
            assert_eq!(short, Some(PathBuf::from("/w/.local/server/mysql.sock")));
            let long = long.expect("a socket");
            assert!(long.as_os_str().len() <= SOCKET_PATH_MAX, "{}", long.display());
            sys::fs::remove_dir_if_exists(long.parent().expect("its folder")).expect("clean up");
        }
    }

    #[test]
    fn a_foreign_process_is_not_ours() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = Place::new(dir.path());
        sys::fs::create_private_dir(&place.dir).expect("create");
        let us = std::process::id();
        // A crash left our id behind, and the system gave it to another program.
        sys::fs::write_durably(&place.pid_file(), us.to_string().as_bytes()).expect("write");
        assert!(!place.is_ours(us));
        assert_eq!(place.running_pid(None), None);
    }
}
