//! What waits for the network, for packages and for servers is begun at once, beside
//! compiling, which waits for the processor. What it says is kept for its stage.

use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use super::servers::Servers;
use crate::provision;

/// What a stage has to say, and how it ended.
#[derive(Debug)]
pub(super) struct Said<T> {
    pub lines: Vec<String>,
    pub outcome: Result<T>,
}

/// Both stages, done.
#[derive(Debug)]
pub(super) struct Done {
    pub provision: Said<()>,
    /// `None`: not asked for, or what they need is not there.
    pub servers: Option<Said<Servers>>,
}

/// The thread that does it.
#[derive(Debug)]
pub(super) struct Ahead(Option<JoinHandle<Done>>);

impl Ahead {
    /// Begins; with `servers` they are started as soon as they can be.
    pub(super) fn begin(root: &Path, servers: bool) -> Self {
        let root = root.to_owned();
        Self(Some(std::thread::spawn(move || {
            let provision = said(|say| provision::all(&root, say));
            let start = servers && provision.outcome.is_ok();
            let servers = start.then(|| said(|say| Servers::start(&root, say)));
            Done { provision, servers }
        })))
    }

    /// Waits until it is done.
    pub(super) fn join(mut self) -> Result<Done> {
        let thread = self.0.take().ok_or_else(|| anyhow!("it was waited for before"))?;
        thread.join().map_err(|_| anyhow!("preparing the machine panicked"))
    }
}

/// Another stage failed: packages are not left half installed, and servers are stopped.
impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.join().ok();
        }
    }
}

fn said<T>(action: impl FnOnce(&mut dyn FnMut(&str)) -> Result<T>) -> Said<T> {
    let mut lines = Vec::new();
    let outcome = action(&mut |line: &str| lines.push(line.to_owned()));
    Said { lines, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_kept_also_when_it_failed() {
        let said: Said<()> = said(|say| {
            say("one");
            say("two");
            Err(anyhow!("no"))
        });
        assert_eq!(said.lines, ["one", "two"]);
        assert!(said.outcome.is_err());
    }
}
