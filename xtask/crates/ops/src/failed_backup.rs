//! What a backup that failed says: what went wrong, and what is still there.

use crate::ctx::Ctx;
use crate::locks;
use model::exit::{ExitCode, Stop};
use model::manifest::Manifest;
use server::session::code;
use server::{Server, Session};
use store::Store;
use store::commit::is_disk_full;

/// A full disk, named with its folder.
pub fn on_full_disk(error: anyhow::Error, store: &Store) -> anyhow::Error {
    if !is_disk_full(&error) {
        return error;
    }
    let stop = Stop::new(
        ExitCode::Store,
        format!("the disk with {} is full; no backup was made", store.dir().display()),
    )
    .hint("Free some space, or write elsewhere with --out DIR.")
    .hint("The older backups are untouched.");
    error.context(stop)
}

/// Somebody held a table that cannot be read without a lock.
pub fn on_locked(error: anyhow::Error, ctx: &Ctx, server: &Server, held: bool) -> anyhow::Error {
    if !held || code(&error) != Some(1205) {
        return error;
    }
    let stop = Stop::new(
        ExitCode::Server,
        "a table without transactions has to be locked while it is read, and others use the \
        tables; no backup was made",
    );
    error.context(locks::hint(stop, &locks::holders(ctx, server), None))
}

/// A dump program that dies with its container says nothing: our own session knows.
pub fn on_lost_server(
    error: anyhow::Error,
    session: &mut Session,
    server: &Server,
) -> anyhow::Error {
    if session.run("SELECT 1").is_ok() {
        return error;
    }
    let message = format!("{server} went away during the dump; no backup was made");
    let stop = Stop::new(ExitCode::Server, message)
        .hint("`cargo xtask db-up` starts the database again.")
        .hint("The older backups are untouched.");
    error.context(stop)
}

/// The backup is there by then, and the code that reads the message must know that.
pub fn without_entry(error: anyhow::Error, manifest: &Manifest) -> anyhow::Error {
    let stop = Stop::new(
        ExitCode::Store,
        format!(
            "{} is complete, but its ledger entry could not be written: {}",
            manifest.label,
            error.root_cause()
        ),
    )
    .hint(
        "The next command that writes to the ledger needs what this one lacked: space, or an \
    intact ledger.",
    );
    error.context(stop)
}
