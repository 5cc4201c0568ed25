//! Text in other character sets, line ends and encodings that programs and transfers leave.

mod characters;
mod dumps;
mod kinds;
mod lines;
mod one_case;
mod said;

use std::path::PathBuf;

use sys::fs;
use sys::proc::Finished;

use crate::support::{Sandbox, Server, require};

/// Each server that is there, with a sandbox.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for (kind, suffix) in [(Server::Mysql, "my"), (Server::Mariadb, "ma")] {
        let Some(server) = require(kind) else { continue };
        test(&Sandbox::new(&server, &format!("{name}_{suffix}")));
    }
}

/// A file outside of the backups folder.
fn file(sandbox: &Sandbox, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = sandbox.path().join(name);
    fs::write_durably(&path, bytes).unwrap();
    path.display().to_string()
}

/// All that a run said.
fn said(done: &Finished) -> String {
    format!("{}\n{}", done.stdout, done.stderr)
}

/// Both levels and a restore refuse a file, each with these words.
fn demand_refused(sandbox: &Sandbox, file: &str, words: &[&str]) {
    let into = format!("{}__look", sandbox.schema);
    for args in [
        &["db-verify", file, "--level", "file"][..],
        &["db-verify", file],
        &["db-restore", file, "--into", &into, "--yes"],
    ] {
        let done = sandbox.xtask(args);
        let said = said(&done);
        assert!(matches!(done.code, Some(21 | 40)), "{args:?}: {:?}\n{said}", done.code);
        for word in words {
            assert!(said.contains(word), "{args:?}: no {word:?} in\n{said}");
        }
        assert!(!said.contains("db-list"), "{args:?}: a file is not in the list\n{said}");
    }
}

/// Restores a file beside the live schema; gives that schema's name.
fn beside(sandbox: &Sandbox, file: &str, more: &[&str]) -> (String, Finished) {
    let into = format!("{}__look", sandbox.schema);
    sandbox.sql(&format!("DROP DATABASE IF EXISTS `{into}`"));
    let all: Vec<&str> = ["db-restore", file, "--into", &into, "--yes"]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    let done = sandbox.xtask(&all);
    assert_eq!(done.code, Some(0), "{all:?}\n{}", said(&done));
    (into, done)
}
