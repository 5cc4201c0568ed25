//! Schemas and servers with unusual properties: carried whole, or refused at backup by name.

mod broken;
mod equal;
mod gate;
mod kept;
mod refused;
mod servers;

use sys::proc::Finished;

use crate::hostile::{backup, capture, demand, restore, schema};
use crate::support::{Sandbox, Server, TestServer, require};

/// A sandbox on a server with a schema of its own; `None` where the server is not there.
fn sandbox(kind: Server, name: &str, text: &str) -> Option<Sandbox> {
    let server = require(kind)?;
    Some(on(&server, name, text))
}

/// The same on this server.
fn on(server: &TestServer, name: &str, text: &str) -> Sandbox {
    let sandbox = Sandbox::new(server, name);
    schema::run(&sandbox, text);
    sandbox
}

/// Backed up, proven, damaged, restored: every definition and every value is what it was.
fn out_and_back(sandbox: &Sandbox, damage: &str) {
    let before = capture(sandbox);
    let label = backup(sandbox, "none");
    demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
    schema::run(sandbox, damage);
    restore(sandbox, &[&label]);
    before.demand_equal(&capture(sandbox), "db-restore");
}

/// A backup that is refused: exit code 40, with all of these words, and nothing left behind.
fn refused(sandbox: &Sandbox, words: &[&str]) -> Finished {
    let done = sandbox.xtask(&["db-backup"]);
    demand(&done, 40, "db-backup");
    for word in words {
        assert!(done.stderr.contains(word), "no `{word}` in: {}", done.stderr);
    }
    let left = sys::fs::names(&sandbox.backups()).unwrap_or_default();
    let dumps: Vec<&String> = left.iter().filter(|name| name.contains(".sql")).collect();
    assert!(dumps.is_empty(), "left behind: {dumps:?}");
    done
}
