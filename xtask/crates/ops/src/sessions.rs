//! Who is logged in while a copy is made and put live, and the locks that keep two runs
//! apart.
//!
//! What a dump or a migration holds runs as `drill_user`, which has no right on the live
//! schema, its old tables or the gate: whatever gets past the judgement of its text cannot
//! reach them. `restore_user` moves what was compared, and nothing else.

use anyhow::Result;

use crate::ctx::Ctx;
use crate::locks;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use server::{Server, Session, making};

/// The two sessions of a run that makes a copy and may put it live.
#[derive(Debug)]
pub struct Pair {
    live: Session,
    copy: Session,
}

impl Pair {
    /// Logs both in and takes the server's lock.
    ///
    /// # Errors
    /// A login fails, or another session holds the lock (exit code 12).
    pub fn open(ctx: &Ctx, server: &Server) -> Result<Self> {
        // First, so that a missing account is known before anybody has to wait.
        let copy = tracked(ctx, server, Role::Drill)?;
        let mut live = locked(ctx, server, Role::Restore)?;
        // Tables that it makes or alters are what they were, too.
        making::take_off(&mut live)?;
        Ok(Self { live, copy })
    }

    /// `restore_user`, with the lock. What the other one committed so far counts as its own.
    pub fn live(&mut self) -> &mut Session {
        self.live.own(&self.copy);
        &mut self.live
    }

    /// `drill_user`, for all that is done about copies.
    pub fn copy(&mut self) -> &mut Session {
        &mut self.copy
    }

    /// The GTIDs of all that both committed; `None` where the server does not tell them.
    pub fn own_gtids(&mut self) -> Option<Vec<String>> {
        self.live().own_gtids()
    }
}

/// A session that tells its own commits from those of others, and waits for locks for a
/// while; for those of live tables, [`locks`] is more careful.
fn tracked(ctx: &Ctx, server: &Server, role: Role) -> Result<Session> {
    let mut session = ctx.session(server, role, None)?;
    session.track_gtids()?;
    // The server's own limit is a day or a year.
    session.run(&format!("SET lock_wait_timeout = {}", locks::PATIENT_S))?;
    Ok(session)
}

/// Opens a session and takes the server's own lock, so that two machines cannot restore
/// or drill on the same schema at once. The lock goes with the session.
///
/// # Errors
/// The login fails, or another session holds the lock (exit code 12).
pub fn locked(ctx: &Ctx, server: &Server, role: Role) -> Result<Session> {
    let mut session = tracked(ctx, server, role)?;
    let name = lock_name(ctx);
    if take_lock(&mut session, &name, 10)? {
        return Ok(session);
    }
    let holder: Option<u64> = session.value(&format!("SELECT IS_USED_LOCK({name})"))?;
    let holder = holder.map_or_else(String::new, |id| format!(" (connection {id})"));
    Err(Stop::new(
        ExitCode::Locked,
        format!("another run is working on `{}` on this server{holder}", ctx.settings.schema),
    )
    .hint("Wait until it ends; its lock ends with its connection.")
    .into())
}

/// As [`locked`], or `None` at once when another session holds the lock.
///
/// # Errors
/// The login fails.
pub fn locked_if_free(ctx: &Ctx, server: &Server, role: Role) -> Result<Option<Session>> {
    let mut session = ctx.session(server, role, None)?;
    Ok(take_lock(&mut session, &lock_name(ctx), 0)?.then_some(session))
}

/// Takes the lock under which the API migrates, too: the server goes on with the
/// statements of a client that is gone, and what they change must not be swapped away
/// under them. Held until [`let_migrate`] or the session's end.
///
/// # Errors
/// Exit code 12: migrations still run.
pub fn keep_from_migrating(ctx: &Ctx, session: &mut Session) -> Result<()> {
    let name = migration_lock(ctx);
    if take_lock(session, &name, MIGRATIONS_END_S)? {
        return Ok(());
    }
    let holder: Option<u64> = session.value(&format!("SELECT IS_USED_LOCK({name})"))?;
    Err(Stop::new(
        ExitCode::Locked,
        format!(
            "migrations of `{}` are still running (connection {})",
            ctx.settings.schema,
            holder.unwrap_or_default()
        ),
    )
    .hint("Wait until they end, then run the command again.")
    .into())
}

/// Gives the API's lock back.
///
/// # Errors
/// The connection is gone.
pub fn let_migrate(ctx: &Ctx, session: &mut Session) -> Result<()> {
    session.run(&format!("DO RELEASE_LOCK({})", migration_lock(ctx)))
}

/// How long migrations of a dead run may go on before this run gives up, in seconds.
const MIGRATIONS_END_S: u32 = 60;

/// sqlx's own lock, named after the schema (sqlx-mysql 0.9, `generate_lock_id`).
fn migration_lock(ctx: &Ctx) -> String {
    format!("LOWER(HEX(0x3d32ad9e * CRC32({})))", literal(&ctx.settings.schema))
}

fn lock_name(ctx: &Ctx) -> String {
    literal(&format!("xtask:{}", ctx.settings.schema))
}

fn take_lock(session: &mut Session, name: &str, wait_s: u32) -> Result<bool> {
    let got: Option<i64> = session.value(&format!("SELECT GET_LOCK({name}, {wait_s})"))?;
    Ok(got == Some(1))
}
