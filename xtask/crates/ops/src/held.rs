//! The run that holds the backups folder's lock. What changes something takes one of these
//! types, and each has one way in: no command can forget the lock, or to bring first what a
//! dead run left behind to its end.
//!
//! [`Entries`] may write into the ledger, [`HeldFolder`] may change the folder, too, and
//! [`Held`] also knows the server.

use std::ops::Deref;
use std::time::Duration;

use anyhow::Result;

use crate::ctx::Ctx;
use crate::{read_only, recover};
use model::entry::Event;
use server::Server;
use store::{Store, StoreLock};
use sys::clock;

/// The right to write entries into the ledger, and nothing else: for what is worth an
/// entry even where an unfinished restore could not be brought to its end.
#[derive(Debug)]
pub struct Entries<'a> {
    ctx: &'a Ctx,
    store: Store,
    lock: StoreLock,
}

impl<'a> Entries<'a> {
    /// Takes the lock, and makes this machine's signing key where there is none yet.
    ///
    /// # Errors
    /// Another run holds it (12), or the key cannot be used.
    pub fn open(ctx: &'a Ctx) -> Result<Self> {
        let store = ctx.store()?;
        let lock = store.lock()?;
        Self::signed(ctx, store, lock)
    }

    /// As [`Entries::open`], waiting as long as given for another run to end.
    ///
    /// # Errors
    /// As [`Entries::open`].
    pub fn open_within(ctx: &'a Ctx, wait: Duration) -> Result<Self> {
        let store = ctx.store()?;
        let lock = store.lock_within(wait)?;
        Self::signed(ctx, store, lock)
    }

    fn signed(ctx: &'a Ctx, store: Store, lock: StoreLock) -> Result<Self> {
        demand_signer(ctx, &store)?;
        Ok(Self { ctx, store, lock })
    }

    /// The settings and the terminal.
    pub fn ctx(&self) -> &'a Ctx {
        self.ctx
    }

    /// The backups folder.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes an entry about a schema on a server.
    ///
    /// # Errors
    /// The ledger is damaged or cannot be written.
    pub fn append(&self, server_uuid: &str, schema: &str, event: Event) -> Result<()> {
        self.store.append(&self.lock, server_uuid, schema, event, clock::now()).map(drop)
    }

    pub(crate) fn lock(&self) -> &StoreLock {
        &self.lock
    }
}

/// The right to change the backups folder.
#[derive(Debug)]
pub struct HeldFolder<'a> {
    entries: Entries<'a>,
}

impl<'a> HeldFolder<'a> {
    /// Takes the lock, and brings to its end what a dead run left behind; without a
    /// `server` an unfinished restore is only warned of.
    ///
    /// # Errors
    /// Another run holds the lock (12), the ledger is damaged, or what a dead run left
    /// cannot be brought to its end.
    pub fn take(ctx: &'a Ctx, server: Option<&Server>) -> Result<Self> {
        let store = ctx.store()?;
        let lock = store.lock()?;
        Self::recovered(ctx, store, lock, server)
    }

    /// As [`HeldFolder::take`], waiting as long as given for another run to end.
    ///
    /// # Errors
    /// As [`HeldFolder::take`].
    pub fn take_within(ctx: &'a Ctx, server: Option<&Server>, wait: Duration) -> Result<Self> {
        let store = ctx.store()?;
        let lock = store.lock_within(wait)?;
        Self::recovered(ctx, store, lock, server)
    }

    fn recovered(
        ctx: &'a Ctx,
        store: Store,
        lock: StoreLock,
        server: Option<&Server>,
    ) -> Result<Self> {
        recover::clean(ctx, &store, &lock)?;
        let held = Self { entries: Entries::signed(ctx, store, lock)? };
        recover::first(&held, server)?;
        Ok(held)
    }

    /// For what only the store can do.
    pub fn lock(&self) -> &StoreLock {
        &self.entries.lock
    }
}

impl<'a> Deref for HeldFolder<'a> {
    type Target = Entries<'a>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

/// The right to change the backups folder and the server's schemas.
#[derive(Debug)]
pub struct Held<'a> {
    folder: HeldFolder<'a>,
    server: &'a Server,
}

impl<'a> Held<'a> {
    /// Takes the folder's lock, and brings to its end what a dead run left behind, here and
    /// on the server.
    ///
    /// # Errors
    /// As [`HeldFolder::take`].
    pub fn take(ctx: &'a Ctx, server: &'a Server) -> Result<Self> {
        let folder = HeldFolder::take(ctx, Some(server))?;
        read_only::demand_finished(ctx)?;
        Ok(Self { folder, server })
    }

    /// As [`Held::take`], waiting as long as given for another run to end.
    ///
    /// # Errors
    /// As [`Held::take`].
    pub fn take_within(ctx: &'a Ctx, server: &'a Server, wait: Duration) -> Result<Self> {
        let folder = HeldFolder::take_within(ctx, Some(server), wait)?;
        read_only::demand_finished(ctx)?;
        Ok(Self { folder, server })
    }

    /// The server.
    pub fn server(&self) -> &'a Server {
        self.server
    }
}

impl<'a> Deref for Held<'a> {
    type Target = HeldFolder<'a>;

    fn deref(&self) -> &Self::Target {
        &self.folder
    }
}

/// No other run holds the folder's lock now.
///
/// # Errors
/// One does (12).
pub fn demand_free(store: &Store) -> Result<()> {
    store.lock().map(drop)
}

/// Makes this machine's signing key before the first thing that it has to sign, and says so.
fn demand_signer(ctx: &Ctx, store: &Store) -> Result<()> {
    if let Some(path) = store.keyring().make()? {
        let name = path.display();
        ctx.ui.say(format!(
            "made this machine's signing key, {name}; `cargo xtask db-keys signer` shows its public half"
        ));
    }
    Ok(())
}
