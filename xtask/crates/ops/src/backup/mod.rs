//! A backup: dump, prove that the dump is complete, commit.

mod complete;
mod loading;
mod loss;
mod manifest;
mod prepare;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::prepare::Prepared;
use crate::ctx::{Ctx, Made};
use crate::failed_backup as failed;
use crate::held::Held;
use crate::{identity, locks};
use config::Settings;
use config::backup::{CompressChoice, EngineChoice};
use model::account::Role;
use model::entry::Event;
use model::exit::{ExitCode, Stop, find_stop};
use model::facts::LogPosition;
use model::left_out::LeftOut;
use model::loss::Loss;
use model::manifest::{Manifest, Reason};
use model::sink::SectionSink;
use plan::backup::{BackupPlan, Mover};
use rows::{dumper, native};
use server::session::is_lasting;
use server::{Server, Session, facts};
use sql::{Progress, Seen};
use store::commit::is_disk_full;
use store::{Store, space};
use sys::clock;
use ui::{Step, Total};

/// A backup as it is asked for; what is not said is up to the policy.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What moves the rows.
    pub engine: Option<EngineChoice>,
    /// Connections that read side by side.
    pub threads: Option<u8>,
    /// Text per second at most, in MiB.
    pub max_rate_mib: Option<u64>,
    /// Whether the file is compressed.
    pub compress: CompressChoice,
    /// The folder; `None`: the usual one.
    pub out: Option<PathBuf>,
    /// Why, in words of the user.
    pub reason: Option<String>,
    /// What is missing since the last good backup was meant to go.
    pub accept_loss: bool,
}

impl Request {
    fn wish(&self) -> Wish {
        let (note, compress) = (self.reason.clone(), self.compress.decided());
        let accept_loss = self.accept_loss;
        Wish { note, compress, accept_loss, ..Wish::because(Reason::Manual) }
    }

    /// What is said here takes the place of the policy.
    fn change(&self, settings: &mut Settings) {
        if let Some(out) = &self.out {
            settings.backups.clone_from(out);
        }
        let policy = &mut settings.policy.backup;
        policy.engine = self.engine.unwrap_or(policy.engine);
        policy.threads = self.threads.map_or(policy.threads, usize::from);
        policy.max_rate_mib = self.max_rate_mib.unwrap_or(policy.max_rate_mib);
    }
}

/// What a backup would be; nothing is written.
///
/// # Errors
/// What would fail for certain.
pub fn plan(ctx: &mut Ctx, request: &Request) -> Result<BackupPlan> {
    let server = ctx.server(false)?;
    let ctx = ctx.with(|settings| request.change(settings));
    Ok(prepare::prepare(&ctx, &server, &request.wish()).map_err(Failed::why)?.1.plan)
}

/// Takes the backup that is asked for.
///
/// # Errors
/// See docs/exit-codes.md; nothing is left behind but a finished backup.
pub fn run(ctx: &mut Ctx, request: &Request, made: &mut Made) -> Result<Taken> {
    let server = ctx.server(false)?;
    if request.out.is_some() && ctx.settings.backups.is_dir() {
        // An unfinished restore is known in the usual folder only; a backup of a
        // half-done schema must not be made elsewhere either.
        drop(Held::take(ctx, &server)?);
    }
    let ctx = ctx.with(|settings| request.change(settings));
    let held = Held::take(&ctx, &server)?;
    if request.out.is_none() && ctx.copies_follow() {
        ctx.ui.steps(&[Step::Dump, Step::Copy]);
    }
    let manifest = take(&held, &request.wish(), made)?;
    if request.out.is_some() {
        // Whoever names a folder does not mean the destinations.
        made.take();
    }
    let suspect = suspect(held.store(), &manifest)?;
    Ok(Taken { manifest, folder: held.store().dir().to_owned(), suspect })
}

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    pub manifest: Manifest,
    /// Where it is.
    pub folder: PathBuf,
    /// What it lost, unless that was explained or accepted.
    pub suspect: Option<Loss>,
}

/// What a backup lost, unless that was explained or accepted.
///
/// # Errors
/// The folder or the ledger cannot be read.
pub fn suspect(store: &Store, manifest: &Manifest) -> Result<Option<Loss>> {
    Ok(store.suspects(&store.list()?, &store.read()?).remove(&manifest.label))
}

/// Why and how a backup is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Why.
    pub reason: Reason,
    /// Why, in someone's words.
    pub note: Option<String>,
    /// Compressed or not; `None` decides by size.
    pub compress: Option<bool>,
    /// What is missing since the last good backup was meant to go.
    pub accept_loss: bool,
    /// What is not to be in it: then it is a partial one, and proves nothing.
    pub left_out: Vec<LeftOut>,
}

impl Wish {
    /// A backup for a reason, the rest by policy.
    pub fn because(reason: Reason) -> Self {
        Self { reason, note: None, compress: None, accept_loss: false, left_out: Vec::new() }
    }
}

/// Why there is no backup.
#[derive(Debug)]
pub enum Failed {
    /// The schema holds something that no backup can: another attempt would end the same way.
    OfSchema(anyhow::Error),
    /// Anything else.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<Stop> for Failed {
    fn from(stop: Stop) -> Self {
        Self::Other(stop.into())
    }
}

impl Failed {
    /// The error itself.
    pub fn why(self) -> anyhow::Error {
        match self {
            Self::OfSchema(error) | Self::Other(error) => error,
        }
    }

    /// What went wrong while the schema was read: its fault, where the server says so, or a
    /// check of what was read.
    fn of_schema(error: anyhow::Error) -> Self {
        let lasting = match find_stop(&error) {
            Some(stop) => matches!(stop.code, ExitCode::Store | ExitCode::Configuration),
            None => is_lasting(&error),
        };
        if lasting && !is_disk_full(&error) { Self::OfSchema(error) } else { Self::Other(error) }
    }
}

/// Takes a backup, writes its entry and adds it to what this command made.
///
/// # Errors
/// See docs/exit-codes.md; then no backup exists and the older ones are untouched.
pub fn take(held: &Held<'_>, wish: &Wish, made: &mut Made) -> Result<Manifest> {
    attempt(held, wish, made).map_err(Failed::why)
}

/// As [`take`], telling what is the schema's own fault from the rest.
///
/// # Errors
/// As [`take`].
pub fn attempt(held: &Held<'_>, wish: &Wish, made: &mut Made) -> Result<Manifest, Failed> {
    let start = Instant::now();
    let (ctx, store, lock, server) = (held.ctx(), held.store(), held.lock(), held.server());
    for name in store.clean(lock)? {
        ctx.ui.say(format!("removed {name}, left behind by an unfinished run"));
    }
    let (mut session, prepared) = prepare::prepare(ctx, server, wish)?;
    let plan = &prepared.plan;
    identity::note(ctx, server, &prepared.facts)?;
    ctx.ui.detail(plan.to_string());
    prepare::warn(ctx, &prepared);
    loading::look(ctx, server, &mut session, &prepared, &wish.reason)?;
    space::require(store.dir(), plan.bytes_needed())?;
    let label = store.next_label(&plan.schema, clock::now_local())?;
    let created_utc = clock::now();
    let line = format!("backing up `{}` ({}) as {label}", plan.schema, plan.contents);
    ctx.ui.step(Step::Dump, line);
    let mut pending = store.begin(lock, &label, plan.compression, prepared.sealing.clone())?;
    let mut bar = ctx.ui.bar("dump", Total::About(plan.bytes_estimate));
    let mut on = |p: Progress<'_>| bar.set(p.bytes, p.rows, p.object);
    let dumped = dump(ctx, server, &mut session, &prepared, &mut pending, &mut on);
    bar.done();
    let dumped = dumped
        .map_err(|error| failed::on_full_disk(error, store))
        .map_err(|error| failed::on_lost_server(error, &mut session, server))
        .map_err(Failed::of_schema)?;
    let after = prepare::seen(&mut session, &plan.schema, wish)?;
    complete::demand_unmoved(&prepared.before, &after)?;
    complete::demand_complete(&dumped.seen, &prepared.before).map_err(Failed::OfSchema)?;
    sql::write_end_marker(&mut pending, &dumped.seen)
        .map_err(|error| failed::on_full_disk(error, store))?;
    let entry = pending
        .finish(|file| Ok(manifest::of(ctx, &prepared, &dumped, file, wish, created_utc, start)))
        .map_err(|error| failed::on_full_disk(error, store))?;
    let manifest =
        entry.manifest().cloned().context("the backup that was just made has no manifest")?;
    let lost =
        loss::of(held, &manifest).map_err(|error| failed::without_entry(error, &manifest))?;
    let event = Event::Backup {
        label: manifest.label.clone(),
        sha256: manifest.sha256.clone(),
        manifest_sha256: Some(manifest.manifest_sha256.clone()),
        reason: manifest.reason.word().to_owned(),
        rows: manifest.rows,
        duration_ms: manifest.duration_ms,
        accepted_loss: lost.clone().filter(|_| wish.accept_loss),
    };
    held.append(&manifest.server.uuid, &manifest.schema, event)
        .map_err(|error| failed::without_entry(error, &manifest))?;
    made.add(&manifest);
    if let Err(error) = store.register() {
        ctx.ui.detail(format!("this folder is not written down for other checkouts: {error:#}"));
    }
    loss::tell(ctx, &manifest, lost.as_ref(), wish);
    Ok(manifest)
}

/// A dump that is written, whatever moved the rows.
struct Dumped {
    seen: Seen,
    position: LogPosition,
    /// What moved the rows, with its version.
    engine_version: String,
}

fn dump(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    prepared: &Prepared,
    sink: &mut dyn SectionSink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Dumped> {
    let policy = &ctx.settings.policy;
    let plan = &prepared.plan;
    let limits = dumper::Limits {
        stall: Duration::from_secs(policy.backup.stall_s),
        deadline: Duration::from_secs(policy.backup.deadline_minutes * 60),
    };
    match &plan.mover {
        Mover::Mysqldump(client) => {
            // Before the dump: it may say less than the dump holds, never more.
            let position = facts::log_position(session, prepared.facts.flavour);
            let order = dumper::Order {
                client,
                server,
                account: ctx.settings.account(Role::Backup),
                schema: &plan.schema,
                lock_all: !plan.non_transactional.is_empty(),
                left_out: &prepared.left_out,
                limits,
            };
            let seen = dumper::dump(&order, sink, progress)?;
            let engine_version = format!("{} {}", client.program, client.version);
            Ok(Dumped { seen, position, engine_version })
        }
        Mover::Native { threads } => {
            let order = native::Order {
                schema: &plan.schema,
                near: server.near.as_ref(),
                facts: &prepared.facts,
                inventory: &prepared.before,
                definers: policy.backup.definers,
                threads: *threads,
                max_rate: policy.backup.max_rate(),
                limits,
                connect: Duration::from_secs(policy.server.connect_timeout_s),
            };
            let dumped = native::dump(&order, session, sink, progress).map_err(|error| {
                failed::on_locked(error, ctx, server, !plan.non_transactional.is_empty())
            })?;
            for note in &dumped.notes {
                ctx.ui.warn(note);
            }
            if dumped.threads < *threads {
                // Who is in a transaction is why, or it is not: the notes say it.
                for one in locks::open(ctx, server, 1).ok().flatten().unwrap_or_default() {
                    ctx.ui.warn(one);
                }
            }
            let s = if dumped.threads == 1 { "" } else { "s" };
            let engine_version =
                format!("{}, {} connection{s}", env!("CARGO_PKG_VERSION"), dumped.threads);
            Ok(Dumped { seen: dumped.seen, position: dumped.position, engine_version })
        }
    }
}
