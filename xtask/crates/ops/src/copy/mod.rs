//! Copies, asked for or at the end of other commands: backups go to the
//! destinations of xtask.toml, and are read back there.
//!
//! The folder's lock is not held while bytes are on their way: that can take hours, and
//! no backup or migration has to wait for it.

mod attempt;
mod check;
pub mod fetching;
mod outcome;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ctx::Ctx;
use crate::held::Entries;
use config::outside::{DestinationPolicy, named};
use model::copy::CopyOutcome;
use model::entry::Event;
use model::exit::{ExitCode, Stop, find_stop};
use model::label::Label;
use report::copies::CopyLine;
use store::age::{Recipients, identity_of, round_trip};
use store::remote::fault::{Fault, FaultKind};
use store::remote::send::{self, Parcel, Phase};
use store::remote::{self, Depot};
use store::source::LATEST;
use store::{Backup, Store};
use sys::{clock, signal};
use ui::Total;

pub use outcome::{Done, demand_all, left_to_copy, what_was_made};

/// An entry waits this long for whoever holds the folder's lock.
const ENTRY_WAIT: Duration = Duration::from_secs(600);

/// Which copies are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A label, or `latest`; `None` copies the latest, and checks every copy.
    pub label: Option<&'a str>,
    /// Only these destinations, where any is named.
    pub to: &'a [String],
    /// Copy nothing; read what is there again.
    pub check: bool,
}

/// Copies one backup, or reads copies again. That one failed is no error here:
/// [`demand_all`] makes it one.
///
/// # Errors
/// As [`copy`], or there is no such backup or destination.
pub fn run(ctx: &Ctx, request: &Request<'_>) -> Result<Vec<Done>> {
    let destinations = chosen(ctx, request.to)?;
    let store = ctx.store()?;
    let _sending = store.lock_copies()?;
    if request.check {
        return check::run(ctx, &store, request.label, &destinations);
    }
    let source = store.resolve_in(request.label.unwrap_or(LATEST), &ctx.settings.schema)?;
    for note in &source.notes {
        ctx.ui.warn(note);
    }
    let label = source.manifest.as_ref().map(|manifest| manifest.label.clone());
    let label = label.ok_or_else(|| {
        let message = format!("{} has no manifest, so a copy would prove nothing", source.name);
        Stop::new(ExitCode::Store, message)
            .hint("Only backups made by `cargo xtask db-backup` are copied.")
    })?;
    to_all(ctx, &store, &label, &destinations)
}

/// The destinations with these names; without any, all.
///
/// # Errors
/// There is none of that name, or none at all ([`ExitCode::Configuration`]).
pub fn chosen(ctx: &Ctx, names: &[String]) -> Result<Vec<DestinationPolicy>, Stop> {
    let all = &ctx.settings.policy.destination;
    if !names.is_empty() {
        return names.iter().map(|name| named(all, name).cloned()).collect();
    }
    if all.is_empty() {
        let message = "xtask.toml declares no destination for copies";
        return Err(Stop::new(ExitCode::Configuration, message)
            .hint("docs/off-site.md shows how to set one up in five minutes."));
    }
    Ok(all.clone())
}

/// Copies a backup to destinations, one after the other, and writes an entry for each:
/// the folder's lock is taken for that moment. That a copy failed is no error here:
/// [`demand_all`] makes it one.
///
/// # Errors
/// The backup is damaged here, an entry cannot be written, or Ctrl-C was pressed.
pub fn copy(
    ctx: &Ctx,
    store: &Store,
    label: &Label,
    destinations: &[DestinationPolicy],
) -> Result<Vec<Done>> {
    let _sending = store.lock_copies_within(ENTRY_WAIT)?;
    to_all(ctx, store, label, destinations)
}

/// Reads one copy at a destination to its end, and writes an entry.
///
/// # Errors
/// As [`copy`].
pub fn read_again(
    ctx: &Ctx,
    store: &Store,
    label: &Label,
    policy: &DestinationPolicy,
) -> Result<Vec<Done>> {
    let _sending = store.lock_copies_within(ENTRY_WAIT)?;
    check::run(ctx, store, Some(&label.to_string()), std::slice::from_ref(policy))
}

fn to_all(
    ctx: &Ctx,
    store: &Store,
    label: &Label,
    destinations: &[DestinationPolicy],
) -> Result<Vec<Done>> {
    let Some(entry) = store.backup(label)? else { return Err(store.missing(label)?.into()) };
    if let Some(stop) = entry.refusal() {
        return Err(stop.into());
    }
    let mut done = Vec::new();
    for policy in destinations {
        done.push(to_one(ctx, store, &entry, policy)?);
    }
    Ok(done)
}

fn to_one(ctx: &Ctx, store: &Store, entry: &Backup, policy: &DestinationPolicy) -> Result<Done> {
    let start = Instant::now();
    let sent = match outgoing(ctx, policy) {
        Ok(seal) => send_to(ctx, store, entry, policy, seal.as_ref()),
        Err(stop) => Err(stop.into()),
    };
    let report = Report { ctx, entry, policy, start };
    match sent {
        Ok(Ok(sent)) => {
            if let Some(why) = sent.replaced {
                ctx.ui.warn(format!("the copy at `{}` was bad: {why}; replacing it", policy.name));
                report.write(CopyOutcome::Failed, 0, "", &why)?;
            }
            let outcome = if sent.copied { CopyOutcome::Copied } else { CopyOutcome::Checked };
            let line = report.write(outcome, sent.note.bytes, &sent.note.sha256, "")?;
            ctx.ui.detail(report::copies::line(&line));
            Ok(Done { line, fault: None })
        }
        Ok(Err(fault)) => {
            let line = report.write(CopyOutcome::Failed, 0, "", &fault.message)?;
            let hints = vec![fault.kind.advice(&policy.name)];
            Ok(Done { line, fault: Some((fault, hints)) })
        }
        Err(error) => {
            signal::check()?;
            // What is wrong with the settings of one is no reason to leave out the others.
            let Some(stop) = find_stop(&error).filter(|it| it.code == ExitCode::Configuration)
            else {
                let what =
                    find_stop(&error).map_or_else(|| format!("{error:#}"), |it| it.message.clone());
                report.write(CopyOutcome::Failed, 0, "", &what)?;
                return Err(error);
            };
            let fault = Fault::new(FaultKind::Configuration, stop.message.clone());
            let line = report.write(CopyOutcome::Failed, 0, "", &fault.message)?;
            Ok(Done { line, fault: Some((fault, stop.hints.clone())) })
        }
    }
}

/// For whom copies to a destination are encrypted, and whether a key at hand opens them.
type Seal = (Recipients, bool);

/// Nothing is sent in clear text that was to be encrypted.
fn outgoing(ctx: &Ctx, policy: &DestinationPolicy) -> Result<Option<Seal>, Stop> {
    if !policy.encrypt {
        return Ok(None);
    }
    let recipients = Recipients::of(&ctx.settings).map_err(|stop| Stop {
        message: format!("copies to `{}` must be encrypted: {}", policy.name, stop.message),
        ..stop.hint(format!(
            "If no one else can read `{}`, `encrypt = false` in its section sends clear text.",
            policy.name
        ))
    })?;
    let identities = match identity_of(&ctx.settings) {
        Ok(identities) => identities,
        Err(stop) => {
            // Sending needs no private key.
            ctx.ui.warn(format!("whether copies decrypt was not tested: {}", stop.message));
            None
        }
    };
    if let Some(identities) = &identities {
        round_trip(&recipients, identities).map_err(|error| match find_stop(&error) {
            Some(stop) => stop.clone(),
            None => Stop::new(ExitCode::Configuration, format!("{error:#}")),
        })?;
    }
    Ok(Some((recipients, identities.is_some())))
}

fn send_to(
    ctx: &Ctx,
    store: &Store,
    entry: &Backup,
    policy: &DestinationPolicy,
    seal: Option<&Seal>,
) -> Result<Result<send::Sent, Fault>> {
    let ledger = store.read()?;
    let parcel = Parcel::new(entry, seal.map(|(recipients, tested)| (recipients, *tested)))?
        .sent_before(ledger.sent(&entry.label, &policy.name));
    let mut depot = open(ctx, policy)?;
    let first = !ledger.proven().any(|entry| {
        matches!(&entry.event, Event::Copy { destination, outcome: CopyOutcome::Copied, .. }
            if *destination == policy.name)
    });
    let bytes = entry.manifest().map_or(0, |manifest| manifest.bytes);
    attempt::repeated(ctx, &policy.name, || {
        depot.prepare(first)?;
        let mut bars = Bars::new(ctx, &policy.name, bytes);
        let sent = send::send(depot.as_mut(), &parcel, clock::now(), &mut |phase, bytes| {
            bars.at(phase, bytes);
        });
        bars.done();
        sent
    })
}

/// Opens a destination.
///
/// # Errors
/// Its settings cannot be used ([`ExitCode::Configuration`]).
pub fn open(ctx: &Ctx, policy: &DestinationPolicy) -> Result<Box<dyn Depot>> {
    remote::open(&ctx.settings, policy).map_err(|error| match find_stop(&error) {
        Some(_) => error,
        None => {
            let message = format!("`{}` cannot be used: {error:#}", policy.name);
            Stop::new(ExitCode::Configuration, message)
                .hint("docs/off-site.md shows what belongs there.")
                .into()
        }
    })
}

/// A bar for each of the two ways.
struct Bars<'a> {
    ctx: &'a Ctx,
    name: &'a str,
    bytes: u64,
    now: Option<(Phase, ui::Bar)>,
}

impl<'a> Bars<'a> {
    fn new(ctx: &'a Ctx, name: &'a str, bytes: u64) -> Self {
        Self { ctx, name, bytes, now: None }
    }

    fn at(&mut self, phase: Phase, bytes: u64) {
        if self.now.as_ref().is_none_or(|(now, _)| *now != phase) {
            self.done();
            let what = match phase {
                Phase::Sending => format!("copy to {}", self.name),
                Phase::Reading => format!("read from {}", self.name),
            };
            self.now = Some((phase, self.ctx.ui.bar(&what, Total::Bytes(self.bytes))));
        }
        if let Some((_, bar)) = &mut self.now {
            bar.at(bytes);
        }
    }

    fn done(&mut self) {
        if let Some((_, bar)) = self.now.take() {
            bar.done();
        }
    }
}

/// What came of one copy, for the ledger.
struct Report<'a> {
    ctx: &'a Ctx,
    entry: &'a Backup,
    policy: &'a DestinationPolicy,
    start: Instant,
}

impl Report<'_> {
    fn write(
        &self,
        outcome: CopyOutcome,
        bytes: u64,
        sha256: &str,
        detail: &str,
    ) -> Result<CopyLine> {
        let line = CopyLine {
            label: self.entry.label.clone(),
            destination: self.policy.name.clone(),
            outcome,
            bytes,
            sha256: sha256.to_owned(),
            detail: detail.to_owned(),
            duration_ms: clock::elapsed_ms(self.start),
        };
        let uuid = self.entry.manifest().map_or("unknown", |it| it.server.uuid.as_str());
        record(self.ctx, uuid, line)
    }
}

/// Writes the entry while no lock is held, and gives what it says.
fn record(ctx: &Ctx, uuid: &str, line: CopyLine) -> Result<CopyLine> {
    write(&Entries::open_within(ctx, ENTRY_WAIT)?, uuid, line)
}

/// Writes the entry, and gives what it says: without a secret.
fn write(entries: &Entries<'_>, uuid: &str, line: CopyLine) -> Result<CopyLine> {
    let line = CopyLine { detail: entries.ctx().settings.redact(&line.detail), ..line };
    let event = Event::Copy {
        label: line.label.clone(),
        destination: line.destination.clone(),
        outcome: line.outcome,
        bytes: line.bytes,
        sha256: line.sha256.clone(),
        detail: line.detail.clone(),
        duration_ms: line.duration_ms,
    };
    entries.append(uuid, line.label.schema(), event)?;
    Ok(line)
}
