//! Where a benchmark works: its folder, its lock, and which schemas are its own.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Bench;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use ops::ctx::Ctx;
use ops::staging::drop_schema;
use server::{Server, Session, inventory};
use store::{Store, StoreLock};
use sys::fs;

/// What a benchmark and its children add to the name of its own schema. Other names may
/// be the user's.
const COMPANIONS: [&str; 6] = ["load", "into", "traffic", "staging_", "proof_", "before_"];

/// A private folder for one run at a time.
pub(super) struct Scratch {
    path: PathBuf,
    _lock: StoreLock,
}

impl Scratch {
    /// Makes it, or takes over what a dead run left.
    pub(super) fn take(ctx: &Ctx) -> Result<Self> {
        let path = ctx.settings.local.join("bench");
        let store = Store::open(&path)?;
        let lock = store.lock()?;
        fs::make_private_dir(&path)?;
        for name in fs::names(&path)?.iter().filter(|name| !name.starts_with('.')) {
            fs::remove_dir_if_exists(&path.join(name))?;
        }
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all dumps in it.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_if_exists(&self.path)
    }
}

/// A session with the server's own lock: two machines may share a server, and the figures
/// of both would be worth nothing.
pub(super) fn locked(ctx: &Ctx, server: &Server) -> Result<Session> {
    let mut session = ctx.session(server, Role::Restore, None)?;
    session.run("SET lock_wait_timeout = 60")?;
    let name = literal(&format!("xtask-bench:{}", ctx.settings.schema));
    let got: Option<i64> = session.value(&format!("SELECT GET_LOCK({name}, 0)"))?;
    if got == Some(1) {
        return Ok(session);
    }
    let message = format!(
        "another benchmark of `{}` is running on this \
    server",
        ctx.settings.schema
    );
    Err(Stop::new(ExitCode::Locked, message).hint("Wait until it ends.").into())
}

impl Bench<'_> {
    /// A schema of this run beside [`Bench::arena`].
    pub(super) fn companion(&self, kind: &str) -> String {
        format!("{}__{kind}", self.arena)
    }

    /// Drops every companion: what a candidate loaded, and what a child of this or a dead
    /// run left.
    pub(super) fn sweep(&mut self) -> Result<()> {
        let prefix = format!("{}__", self.arena);
        // The session may have died with what went wrong.
        if self.session.run("DO 0").is_err() {
            self.session = locked(self.ctx, self.server)?;
        }
        for schema in inventory::schemas_with_prefix(&mut self.session, &prefix)? {
            let kind = &schema[prefix.len()..];
            if COMPANIONS
                .iter()
                .any(|ours| kind == *ours || ours.ends_with('_') && kind.starts_with(ours))
            {
                drop_schema(&mut self.session, &schema)?;
            }
        }
        Ok(())
    }
}
