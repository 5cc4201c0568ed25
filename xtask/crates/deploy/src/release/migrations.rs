//! What a deploy asks of the gate in front of migrations; nothing else here does.

use anyhow::Result;

use gate::migrate::Applied;
use gate::{migrate, state, undo};
use model::exit::{ExitCode, find_stop};
use model::label::Label;
use ops::ctx::{Ctx, Made};
use plan::migrate::{MigrationFile, MigrationState};
use server::Server;

/// What the gate did for a deploy.
#[derive(Debug, Default)]
pub(super) struct Migrated {
    applied: Applied,
}

impl Migrated {
    /// The migrations that were applied, by the names of their files.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.applied.pending)
    }

    /// The backup in front of them.
    pub(crate) fn backup(&self) -> Option<&Label> {
        self.applied.backup.as_ref()
    }
}

/// Whether a schema went back to what it was.
#[derive(Debug)]
pub(super) enum Undone {
    /// It did, and nothing was lost.
    Lossless,
    /// Nothing was changed, because a loss cannot be ruled out; the reason.
    NotProven(String),
}

/// The names of migrations, as their files have them.
pub(super) fn names(files: &[MigrationFile]) -> Vec<String> {
    files.iter().map(MigrationFile::name).collect()
}

pub(super) fn state(ctx: &Ctx, server: &Server) -> Result<MigrationState> {
    state::read(ctx, server)
}

/// The whole gate, and the migrations behind it.
pub(super) fn migrate(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<Migrated> {
    Ok(Migrated { applied: migrate::apply(ctx, server, made)? })
}

/// Takes the migrations of this deploy back, where it is proven that nothing is lost.
pub(super) fn undo_schema(ctx: &Ctx, server: &Server, migrated: &Migrated) -> Result<Undone> {
    match undo::applied(ctx, server, &migrated.applied) {
        Ok(()) => Ok(Undone::Lossless),
        Err(error) => match find_stop(&error).filter(|stop| stop.code == ExitCode::GateRefused) {
            Some(stop) => Ok(Undone::NotProven(stop.message.clone())),
            None => Err(error),
        },
    }
}
