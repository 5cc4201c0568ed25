//! Schemas made to break a backup, out and back, compared value by value by the
//! tests themselves: the product's own digests and fingerprints are not asked.

mod by_hand;
pub mod capture;
pub mod client;
mod load;
mod restore;
pub mod schema;
mod variants;

use mysql::Conn;
use sys::proc::Finished;

use crate::support::{Sandbox, Server};
use capture::Capture;

/// What was not worth a stop, but a person has to read, goes to stderr.
pub fn demand(finished: &Finished, code: i32, what: &str) {
    assert_eq!(
        finished.code,
        Some(code),
        "{what}\nstdout: {}\nstderr: {}",
        finished.stdout,
        finished.stderr
    );
}

/// Takes a backup and gives its label.
pub fn backup(sandbox: &Sandbox, compress: &str) -> String {
    let done = sandbox.xtask(&["db-backup", "--json", "--compress", compress]);
    demand(&done, 0, "db-backup");
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    json["label"].as_str().unwrap().to_owned()
}

/// Restores and gives the JSON document.
pub fn restore(sandbox: &Sandbox, args: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = ["db-restore", "--json", "--yes", "--verbose"]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    let done = sandbox.xtask(&all);
    demand(&done, 0, &format!("{all:?}"));
    serde_json::from_str(&done.stdout).unwrap()
}

/// Everything in the sandbox's schema.
pub fn capture(sandbox: &Sandbox) -> Capture {
    Capture::of(&mut sandbox.root(), &sandbox.schema)
}

pub fn is_mysql(sandbox: &Sandbox) -> bool {
    sandbox.server().flavour == Server::Mysql
}

/// A connection as root in another schema.
pub fn root_in(sandbox: &Sandbox, schema: &str) -> Conn {
    let server = sandbox.server();
    server.login("root", &server.root_password, Some(schema))
}
