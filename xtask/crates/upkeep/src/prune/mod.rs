//! `db-prune` and `db-pin`: plan, show, delete, record.
//!
//! Schemas go first, while the backups that prove them are there; then copies at the
//! destinations; then the files here, because what is gone here is what allows a later
//! run to delete a copy that could not be reached.

mod carry_out;
mod changes;
mod facts;
mod pin;
mod schemas;

use anyhow::Result;

pub use pin::{Pin, Pinned, Request as PinRequest, pin};

use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use ops::ctx::Ctx;
use ops::held::HeldFolder;
use ops::{identity, sessions};
use report::prune::{NotReached, PruneDocument};
use server::{self, Server, Session};
use store::{CopyLock, Store};
use sys::clock;

/// The name of the server among the places.
const SERVER: &str = "server";

/// What is asked of retention.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request {
    /// Delete what the plan says; else it is only made.
    pub delete: bool,
    /// Leave the destinations alone.
    pub only_here: bool,
}

/// Plans, and deletes where that is asked. A place that could not be reached is in the
/// document: [`demand_reached`] makes it an error.
///
/// # Errors
/// The ledger is damaged (40), or another run works (12).
pub fn run(ctx: &Ctx, request: Request) -> Result<PruneDocument> {
    let Request { delete, only_here } = request;
    let store = ctx.store()?;
    // Refused before anything is asked: what a damaged ledger proves is nothing.
    store.read()?;
    let server = server::find(&ctx.settings, &ctx.ui);
    if delete {
        // First, as those do that send copies: they take the folder's lock while they hold it.
        let _sending = nobody_sends(ctx, &store, only_here)?;
        let held = HeldFolder::take(ctx, server.as_ref().ok())?;
        go(&held, server.as_ref(), only_here)
    } else {
        let mut session =
            server.as_ref().map_err(why).and_then(|it| look_only(ctx, it).map_err(|e| why(&e)));
        if let (Ok(server), Ok(access)) = (&server, &mut session) {
            identity::say(ctx, server, &server::facts::read(&mut access.session)?)?;
        }
        Ok(facts::look(ctx, &store, session, only_here)?.document(true))
    }
}

/// Prunes after a scheduled run, if `[retention] auto` says so and the backup that the
/// run made is verified: that is what allows older ones to go. The caller holds the
/// folder's lock, and must not hold the server's. `None`: nothing was checked, and
/// why was said.
pub fn auto(
    held: &HeldFolder<'_>,
    server: Option<&Server>,
    made: &Label,
) -> Result<Option<PruneDocument>> {
    let (ctx, store) = (held.ctx(), held.store());
    if !ctx.settings.policy.retention.auto {
        return Ok(None);
    }
    let ledger = store.read()?;
    let entry = store.backup(made)?;
    let verified = entry
        .as_ref()
        .and_then(|entry| entry.manifest())
        .is_some_and(|manifest| ledger.highest_verification(made, &manifest.sha256).is_some());
    if !verified {
        ctx.ui.warn(format!("nothing is pruned: {made} is not verified"));
        return Ok(None);
    }
    let _sending = nobody_sends(ctx, store, false)?;
    let none = anyhow::anyhow!("it was not asked");
    let document = go(held, server.ok_or(&none), false)?;
    demand_reached(&document)?;
    Ok(Some(document))
}

/// What is being sent has no manifest yet, and looks like what a deletion left.
fn nobody_sends(ctx: &Ctx, store: &Store, only_here: bool) -> Result<Option<CopyLock>> {
    let any = !only_here && !ctx.settings.policy.destination.is_empty();
    any.then(|| store.lock_copies()).transpose()
}

/// Plans under the locks, shows the plan, and carries it out.
fn go(
    held: &HeldFolder<'_>,
    server: Result<&Server, &anyhow::Error>,
    only_here: bool,
) -> Result<PruneDocument> {
    let (ctx, store) = (held.ctx(), held.store());
    let session = match server {
        Err(error) => Err(why(error)),
        Ok(server) => match sessions::locked(ctx, server, Role::Restore) {
            // A restore or drill is running: what it needs is unknown here.
            Err(error) if is_locked(&error) => return Err(error),
            Err(error) => Err(why(&error)),
            Ok(mut session) => {
                // What lies on another server is not this checkout's to delete.
                let facts = server::facts::read(&mut session)?;
                match identity::demand(ctx, server, &facts, false) {
                    Ok(()) => Ok(Access { session, free: true }),
                    Err(error) if ctx.settings.server_choice.is_some() => return Err(error),
                    Err(error) => Err(why(&error)),
                }
            }
        },
    };
    let mut found = facts::look(ctx, store, session, only_here)?;
    if !found.is_idle() {
        ctx.ui.say(report::prune::text(&found.document(true), clock::now()));
    }
    carry_out::carry_out(held, &mut found)?;
    Ok(found.document(false))
}

/// A session on the server, and whether no other run works there.
struct Access {
    session: Session,
    free: bool,
}

/// For a look: the lock is taken where it is free, to know whether another run works.
fn look_only(ctx: &Ctx, server: &Server) -> Result<Access> {
    Ok(match sessions::locked_if_free(ctx, server, Role::Restore)? {
        Some(session) => Access { session, free: true },
        None => {
            Access { session: ctx.session(server, Role::Restore, None)?.read_only()?, free: false }
        }
    })
}

fn is_locked(error: &anyhow::Error) -> bool {
    model::exit::find_stop(error).is_some_and(|stop| stop.code == ExitCode::Locked)
}

/// A failure in one line.
fn why(error: &anyhow::Error) -> String {
    model::exit::find_stop(error).map_or_else(|| format!("{error:#}"), |stop| stop.message.clone())
}

/// A server that is down is a warning; a missing destination is a failure, because nothing else
/// would notice.
///
/// # Errors
/// A destination could not be used (41).
pub fn demand_reached(document: &PruneDocument) -> Result<()> {
    let failed = |it: &&NotReached| it.place != SERVER;
    let failed: Vec<&NotReached> = document.not_reached.iter().filter(failed).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    let names: Vec<&str> = failed.iter().map(|it| it.place.as_str()).collect();
    let message = format!("{} could not be pruned: {}", names.join(", "), first.why);
    Err(Stop::new(ExitCode::Offsite, message)
        .hint("Everything else is done. `cargo xtask db-prune --yes` tries again.")
        .into())
}
