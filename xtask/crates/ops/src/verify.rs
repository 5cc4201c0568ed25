//! How far a backup is proven: it is read, or restored and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;

use crate::copy::fetching;
use crate::ctx::Ctx;
use crate::held::{Held, HeldFolder};
use crate::whole::{self, way_of};
use crate::{identity, prove, read_only, reading, staging};
use model::account::Role;
use model::check::{self, Check};
use model::entry::{Event, Level};
use model::exit::{ExitCode, Stop};
use model::inventory::ObjectKind;
use report::human;
use report::json::VerifyDocument;
use server::facts;
use sql::{Guard, compare, read_dump_as};
use store::check as file_check;
use store::source::{Origin, Source, TextSaid};
use sys::{clock, signal};
use ui::Step;

/// What is to be proven, and how far.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// A label, a file, or `latest`, which is also meant where nothing is said.
    pub source: Option<&'a str>,
    /// The destination whose copy is meant.
    pub from: Option<&'a str>,
    /// How far.
    pub level: Level,
    /// Sessions that load rows; `None`: by the policy.
    pub threads: Option<u8>,
    /// The user says that the file is whole, although it has no end line.
    pub no_end_line: bool,
    /// What the user says of the file's text.
    pub text: TextSaid,
}

/// What was found, for the user, and the failure that it means.
#[derive(Debug)]
pub struct Verdict {
    /// Each check.
    pub document: VerifyDocument,
    /// Exit code 21, where a check failed.
    pub refusal: Option<Stop>,
}

/// Verifies a backup, and writes down what was found.
///
/// # Errors
/// There is no such backup, or it could not be checked. What is wrong with it is in the
/// verdict.
pub fn run(ctx: &mut Ctx, request: Request<'_>) -> Result<Verdict> {
    let text = request.source.unwrap_or(store::source::LATEST);
    let local = request.from.is_none();
    match local.then(|| read_only::aside(ctx, text)).transpose()?.flatten() {
        None => run_in(ctx, request),
        Some((mut aside, source)) => {
            run_in(&mut aside, Request { source: Some(&source), ..request })
        }
    }
}

fn run_in(ctx: &mut Ctx, request: Request<'_>) -> Result<Verdict> {
    let store = ctx.store()?;
    let text = request.source.unwrap_or(store::source::LATEST);
    let said = request.text.clone();
    // Dropped at the end: a copy that was only looked at does not stay.
    let scratch = request.from.map(|_| fetching::Scratch::new(ctx)).transpose()?;
    let mut fetched = None;
    if request.level == Level::Restore {
        let first = scratch.iter().map(|_| Step::Fetch);
        let all: Vec<Step> = first.chain([Step::Load, Step::Compare]).collect();
        ctx.ui.steps(&all);
    }
    let source = match (&scratch, request.from) {
        (Some(scratch), Some(from)) => {
            let there = scratch.store(ctx)?;
            let copy = fetching::into(ctx, &there, from, text)?;
            let source = there.source_of(&copy.label)?;
            fetched = Some((from, copy));
            Source { place: Some(from.to_owned()), ..source }
        }
        _ => store.resolve_in(text, &ctx.settings.schema)?,
    };
    let source = source.without_end_line(request.no_end_line)?.with_text(said)?;
    for note in &source.notes {
        ctx.ui.warn(note);
    }
    let judge = |held: &HeldFolder<'_>, verified: &Verified| match &fetched {
        Some((from, copy)) => fetching::judged(held, from, copy, verified),
        None => Ok(()),
    };
    let verified = match request.level {
        Level::File => {
            let held = HeldFolder::take(ctx, None)?;
            let verified = file(&held, &source)?;
            judge(&held, &verified)?;
            verified
        }
        Level::Restore => {
            let server = ctx.server(false)?;
            let facts = facts::read(&mut ctx.session(&server, Role::Drill, None)?)?;
            identity::say(ctx, &server, &facts)?;
            let ctx = ctx.with(|it| it.policy.restore.set_threads(request.threads));
            let held = Held::take(&ctx, &server)?;
            let verified = prove::drill(&held, &source)?;
            judge(&held, &verified)?;
            verified
        }
    };
    Ok(verdict(&source, &verified))
}

fn verdict(source: &Source, verified: &Verified) -> Verdict {
    let document = VerifyDocument::new(
        &source.name,
        verified.level.word(),
        verified.checks.clone(),
        verified.duration_ms,
    )
    .vouched(&source.trust);
    let way = way_of(source, &verified.checks);
    let refusal = (!verified.passed()).then(|| {
        let stop = refusal(source, verified.level, way);
        reading::with_hints(stop, source, &verified.hints)
    });
    Verdict { document, refusal }
}

fn refusal(source: &Source, level: Level, way: Option<&'static str>) -> Stop {
    let (name, word) = (&source.name, level.word());
    if let Some(place) = &source.place {
        let message =
            format!("the copy of {name} at `{place}` failed the verification at level {word}");
        let hint = "Do not rely on this copy. The local file may still be intact.";
        return Stop::new(ExitCode::VerificationFailed, message).hint(hint);
    }
    let stop = Stop::new(
        ExitCode::VerificationFailed,
        format!("{name} failed the verification at level {word}"),
    );
    if source.origin == Origin::Foreign {
        return stop.hint(way.unwrap_or_else(|| source.instead()));
    }
    stop.hint(format!(
        "Do not rely on this backup. Take a new one with `{}` and verify that.",
        plan::backup::another(source.manifest.as_ref(), level)
    ))
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Verified {
    /// How far it went.
    pub level: Level,
    /// Each check.
    pub checks: Vec<Check>,
    /// What to do where the file could not be read or loaded.
    pub hints: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Verified {
    /// Whether a check passed and none failed.
    pub fn passed(&self) -> bool {
        check::all_passed(&self.checks)
    }
}

/// The checks of the file level and the hash of what was read.
#[derive(Debug, Clone)]
pub struct FileChecked {
    /// Each check.
    pub checks: Vec<Check>,
    /// What to do where its text could not be read.
    pub hints: Vec<String>,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The tables that it holds, with their rows.
    pub tables: BTreeMap<String, u64>,
    /// Its views, triggers, routines and events.
    pub programs: BTreeSet<(ObjectKind, String)>,
}

/// Reads a dump to its end: size, hash, compression, every statement, the end
/// marker, and rows and digests against the manifest.
///
/// # Errors
/// The file cannot be opened, or someone pressed Ctrl-C.
pub fn file_level(ctx: &Ctx, source: &Source) -> Result<FileChecked> {
    let reading = reading::of(source)?;
    let mut reader = file_check::open_checked(source)?;
    let text_bytes = source.manifest.as_ref().map(|manifest| manifest.text_bytes);
    let mut bar = ctx.ui.bar("read", staging::total(text_bytes));
    let mut guard = Guard::new().named(reading.charset);
    let read = reading::open(ctx, source, &mut reader).and_then(|text| {
        read_dump_as(text, reading, &mut |piece, seen| {
            signal::check()?;
            bar.set(piece.bytes, seen.rows, "");
            guard.check(piece).map(|_| ())
        })
    });
    bar.done();
    signal::check()?;
    let checked = reader.finish();
    let mut checks = checked.checks;
    let (mut tables, mut hints) = (BTreeMap::new(), Vec::new());
    let mut programs = BTreeSet::new();
    match read {
        Err(error) => {
            hints.extend(reading::hints(&error));
            checks.push(Check::failed("statements", format!("{error:#}")));
        }
        Ok(seen) => {
            tables.extend(seen.tables.iter().map(|(name, it)| (name.clone(), it.digest.rows)));
            programs.extend(seen.programs.iter().cloned());
            let found = format!(
                "{} in {}, {}",
                human::count(seen.rows, "row"),
                human::count(seen.tables.len() as u64, "table"),
                human::count(seen.programs.len() as u64, "other object")
            );
            checks.push(Check::passed("statements", found));
            checks.extend(reading::bodies(&seen).map(|said| Check::passed("line ends", said)));
            checks.push(whole::end(&seen, source));
            match &source.manifest {
                Some(manifest) => checks.extend(compare::text_with_manifest(&seen, manifest)),
                None => checks.push(Check::not_run(
                    "manifest",
                    "there is none; what it would prove is unknown",
                )),
            }
        }
    }
    let sha256 = checked.facts.map(|facts| facts.sha256).unwrap_or_default();
    Ok(FileChecked { checks, hints, sha256, tables, programs })
}

/// Reads a backup to its end, compares it with its manifest, and writes the entry.
///
/// # Errors
/// The file cannot be opened; what it holds is a failed check.
pub fn file(held: &HeldFolder<'_>, source: &Source) -> Result<Verified> {
    let start = Instant::now();
    let read = file_level(held.ctx(), source)?;
    let verified = Verified {
        level: Level::File,
        checks: read.checks,
        hints: read.hints,
        duration_ms: clock::elapsed_ms(start),
    };
    let uuid = source.manifest.as_ref().map_or("unknown", |m| m.server.uuid.as_str());
    let read = Read { sha256: read.sha256, uuid, own_gtids: None, kept: None };
    record(held, source, &verified, read)?;
    Ok(verified)
}

/// What was read, and where.
#[derive(Debug)]
pub struct Read<'a> {
    /// SHA-256 of the file.
    pub sha256: String,
    /// The server's uuid.
    pub uuid: &'a str,
    /// The GTIDs of the drill's own work, where the server tells them.
    pub own_gtids: Option<String>,
    /// The schema with the copy, where it is kept.
    pub kept: Option<String>,
}

/// Writes what a verification found into the ledger.
///
/// # Errors
/// The ledger cannot be written.
pub fn record(
    held: &HeldFolder<'_>,
    source: &Source,
    verified: &Verified,
    read: Read<'_>,
) -> Result<()> {
    let Read { sha256, uuid, own_gtids, kept } = read;
    let event = Event::Verify {
        subject: source.name.clone(),
        sha256,
        level: verified.level,
        passed: verified.passed(),
        checks: verified.checks.clone(),
        duration_ms: verified.duration_ms,
        own_gtids,
        kept,
        place: source.place.clone(),
    };
    held.append(uuid, &held.ctx().settings.schema, event)
}
