//! What retention has to know: which backups are where, how far each was proven, and
//! who needs it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::{DateTime, Local, TimeDelta, Utc};

use super::changes::of_changes;
use super::schemas::{self, Origin};
use super::{Access, SERVER, why};
use config::keeping::RetentionPolicy;
use model::copy::CopyOutcome;
use model::entry::{Event, Level};
use model::facts::Flavour;
use model::label::Label;
use model::manifest::{Manifest, Reason};
use ops::ctx::Ctx;
use plan::companions::{self, Companion};
use plan::retention::{self, Backup, Fate, Held, Moment, Place, Verdict};
use plan::timeline::{Rank, Timeline};
use report::json::DOCUMENT_VERSION;
use report::prune::{NotReached, PruneDocument, PruneEntry};
use server::Session;
use server::facts::UNKNOWN;
use store::ledger::Ledger;
use store::remote::{self, Depot, RemoteCopy};
use store::{Keyring, Store};
use sys::clock;

/// Everything that was checked, and its fate.
pub(super) struct Found {
    /// The backups, the newest first.
    pub backups: Vec<(Backup, Verdict)>,
    /// What was deleted of them.
    pub deleted: BTreeSet<(Label, Place)>,
    /// The schemas beside the live one.
    pub schemas: Vec<(Companion, Verdict)>,
    /// Which of them were dropped.
    pub dropped: BTreeSet<String>,
    pub depots: Vec<Box<dyn Depot>>,
    pub not_reached: Vec<NotReached>,
    /// The session on the server, its lock held where that was wanted.
    pub session: Option<Session>,
    /// The server's uuid, or "unknown".
    pub uuid: String,
}

/// Looks at everything, and decides.
pub(super) fn look(
    ctx: &Ctx,
    store: &Store,
    access: Result<Access, String>,
    only_here: bool,
) -> Result<Found> {
    let policy = &ctx.settings.policy.retention;
    let ledger = store.read()?;
    let now = moment(clock::now());
    let timeline = Timeline::of(&ledger.entries, now.utc);
    // What keeps something for a while counts from the latest time that is possible.
    let latest = Ledger { entries: timeline.latest(ledger.entries.clone()), ..ledger.clone() };
    let mut not_reached = Vec::new();
    let mut all = Gathered::new(&ledger, store.keyring(), timeline);
    all.local(store)?;
    let mut depots = Vec::new();
    let wanted = ctx.settings.policy.destination.iter().filter(|_| !only_here);
    for policy in wanted {
        let opened = remote::open(&ctx.settings, policy).and_then(|mut depot| {
            let copies = remote::copies(depot.as_mut())?;
            Ok((depot, copies))
        });
        match opened {
            Ok((depot, copies)) => {
                all.remote(&policy.name, copies);
                depots.push(depot);
            }
            Err(error) => {
                let why = ctx.settings.redact(&why(&error));
                not_reached.push(NotReached { place: policy.name.clone(), why });
            }
        }
    }
    let seen = match access.and_then(|mut access| {
        let seen =
            schemas::list(ctx, &mut access, &ledger, &latest).map_err(|error| why(&error))?;
        Ok((access.session, seen))
    }) {
        Ok(seen) => Some(seen),
        Err(why) => {
            let why = ctx.settings.redact(&why);
            not_reached.push(NotReached { place: SERVER.to_owned(), why });
            None
        }
    };
    let names = seen.as_ref().map(|(_, seen)| seen.names());
    let needed = needs(ctx, store, &latest, names.as_ref(), now)?;
    let backups = all.finish(&needed);
    let verdicts = retention::plan(&backups, policy, now);
    let (session, uuid, schemas) = match seen {
        None => (None, UNKNOWN.to_owned(), Vec::new()),
        Some((session, seen)) => {
            let (uuid, all) = seen.finish(store, &backups)?;
            let verdicts = companions::plan(&all, policy, now);
            (Some(session), uuid, all.into_iter().zip(verdicts).collect())
        }
    };
    let mut backups: Vec<(Backup, Verdict)> = backups.into_iter().zip(verdicts).collect();
    backups.sort_by(|(a, _), (b, _)| (b.rank, &b.label).cmp(&(a.rank, &a.label)));
    let (deleted, dropped) = (BTreeSet::new(), BTreeSet::new());
    Ok(Found { backups, deleted, schemas, dropped, depots, not_reached, session, uuid })
}

fn moment(utc: DateTime<Utc>) -> Moment {
    Moment { utc, local: utc.with_timezone(&Local).naive_local() }
}

/// Backups as they are found, place by place.
struct Gathered<'a> {
    ledger: &'a Ledger,
    keyring: &'a Keyring,
    found: BTreeMap<Label, Backup>,
    sha256: BTreeMap<Label, String>,
    copied: BTreeMap<(Label, String), String>,
    failed_copies: BTreeMap<(Label, String), String>,
    suspects: BTreeSet<Label>,
    timeline: Timeline,
    ranks: BTreeMap<Label, Rank>,
}

impl<'a> Gathered<'a> {
    fn new(ledger: &'a Ledger, keyring: &'a Keyring, timeline: Timeline) -> Self {
        let mut failed_copies = BTreeMap::new();
        for entry in &ledger.entries {
            if let Event::Copy { label, destination, outcome, detail, .. } = &entry.event {
                let place = (label.clone(), destination.clone());
                match outcome {
                    CopyOutcome::Failed => {
                        failed_copies.insert(place, detail.clone());
                    }
                    // Anybody can write that a copy is good.
                    _ if entry.trust.is_proven() => {
                        failed_copies.remove(&place);
                    }
                    CopyOutcome::Copied | CopyOutcome::Checked => {}
                }
            }
        }
        let (found, sha256, copied) = (BTreeMap::new(), BTreeMap::new(), ledger.copied());
        let suspects = BTreeSet::new();
        let ranks = BTreeMap::new();
        Self { ledger, keyring, found, sha256, copied, failed_copies, suspects, timeline, ranks }
    }

    fn local(&mut self, store: &Store) -> Result<()> {
        let all = store.list()?;
        self.suspects = store.suspects(&all, self.ledger).into_keys().collect();
        for entry in all {
            let small = std::fs::metadata(&entry.manifest_path).map_or(0, |facts| facts.len());
            let bytes = small + entry.manifest().map_or(0, |manifest| manifest.bytes);
            let held = Held { place: Place::Here, bytes, problem: entry.problem(), ours: true };
            self.add(&entry.label, entry.manifest(), held);
        }
        Ok(())
    }

    fn remote(&mut self, name: &str, copies: Vec<RemoteCopy>) {
        for copy in copies {
            let at = (copy.label.clone(), name.to_owned());
            let sent = self.copied.get(&at);
            // One whose note cannot be read has a problem anyway.
            let ours =
                sent.is_some() && copy.note.as_ref().is_none_or(|note| sent == Some(&note.sha256));
            let failed = self.failed_copies.get(&at).filter(|_| ours);
            let failed = failed.map(|detail| format!("its last check failed ({detail})"));
            // Two machines may use one destination, and give the same name.
            let known = self.sha256.get(&copy.label).zip(copy.manifest.as_ref());
            let other = known.filter(|(sha256, manifest)| ours && **sha256 != manifest.sha256);
            let other = other.map(|_| "is another backup of the same name".to_owned());
            let problem = copy.problem.or(other).or(failed);
            let manifest = copy.manifest.as_ref().filter(|_| ours && problem.is_none());
            let held = Held { place: Place::At(name.to_owned()), bytes: copy.bytes, problem, ours };
            self.add(&copy.label, manifest, held);
        }
    }

    fn add(&mut self, label: &Label, manifest: Option<&Manifest>, held: Held) {
        let backup = self.found.entry(label.clone()).or_insert_with(|| Backup {
            label: label.clone(),
            server: UNKNOWN.to_owned(),
            taken: None,
            wrong_clock: None,
            rank: 0,
            safety: false,
            verified: None,
            failed: self.ledger.last_failed(label),
            suspect: self.suspects.contains(label),
            pinned: None,
            needed: Vec::new(),
            let_go_here: false,
            copies: Vec::new(),
        });
        backup.copies.push(held);
        let place = |said| self.timeline.place(label, said, clock::utc(label.time()));
        self.ranks.entry(label.clone()).or_insert_with(|| place(None).0);
        let Some(manifest) = manifest.filter(|_| backup.taken.is_none()) else { return };
        let (rank, wrong_clock) = place(Some(manifest.ended_utc()));
        self.ranks.insert(label.clone(), rank);
        backup.wrong_clock = wrong_clock;
        backup.taken = Some(moment(manifest.created_utc));
        // MariaDB's uuid follows the network address, which a container changes.
        backup.server = match manifest.server.flavour {
            Flavour::Mysql => manifest.server.uuid.clone(),
            Flavour::Mariadb => UNKNOWN.to_owned(),
        };
        backup.safety = manifest.reason == Reason::Safety;
        // A good backup is not deleted in favour of one of unknown origin.
        let signed = self.keyring.judge(manifest.signer.as_deref());
        // Nor in favour of one that holds a part of what was there.
        if self.ledger.origin(manifest, signed).is_proven() && !manifest.is_partial() {
            let verified = self.ledger.highest_verification(label, &manifest.sha256);
            backup.verified = verified.map(|(level, _)| level);
        }
        self.sha256.insert(label.clone(), manifest.sha256.clone());
    }

    fn finish(self, needed: &BTreeMap<Label, Vec<String>>) -> Vec<Backup> {
        let (pins, let_go) = (self.ledger.pins(), self.ledger.let_go());
        let ledger = self.ledger;
        let mut order: Vec<(Rank, Label)> =
            self.ranks.into_iter().map(|(label, rank)| (rank, label)).collect();
        order.sort();
        let ranks: BTreeMap<Label, usize> =
            order.into_iter().enumerate().map(|(at, (_, label))| (label, at + 1)).collect();
        let finished = self.found.into_values().map(|backup| {
            let mut needed = needed.get(&backup.label).cloned().unwrap_or_default();
            if ledger.tells_nothing_of(&backup.label) {
                needed.push("the ledger does not record it".to_owned());
            }
            Backup {
                pinned: pins.get(&backup.label).cloned(),
                needed,
                let_go_here: let_go.contains(&backup.label),
                rank: ranks.get(&backup.label).copied().unwrap_or_default(),
                ..backup
            }
        });
        finished.collect()
    }
}

/// Who needs which backup. `schemas`: what is beside the live schema; `None` where the
/// server could not be asked.
fn needs(
    ctx: &Ctx,
    store: &Store,
    ledger: &Ledger,
    schemas: Option<&(String, BTreeSet<String>)>,
    now: Moment,
) -> Result<BTreeMap<Label, Vec<String>>> {
    let mut needs: BTreeMap<Label, Vec<String>> = BTreeMap::new();
    let mut add = |label: Option<Label>, why: &str| {
        let reasons = label.map(|label| needs.entry(label).or_default());
        if let Some(reasons) = reasons.filter(|known| !known.iter().any(|it| it == why)) {
            reasons.push(why.to_owned());
        }
    };
    let way_back = store.way_back()?.needs()?;
    if let Some(warning) = &way_back.warning {
        ctx.ui.warn(format!("{warning}; the backup and the schema it names are kept"));
    }
    add(way_back.backup, way_back.reason);
    let in_place = store.read_in_place()?.and_then(|journal| journal.backup);
    add(in_place, "an unfinished migration needs it");
    let swap = store.read_journal()?.and_then(|journal| journal.source.parse().ok());
    add(swap, "an unfinished swap needs it");
    for (label, why) in of_changes(ledger) {
        add(Some(label), why);
    }
    let gate = &ctx.settings.policy.gate;
    // Entries are signed with the proof, and are nowhere written down.
    let valid = i64::try_from(gate.receipt_max_age_s).unwrap_or(86_400);
    let valid = TimeDelta::seconds(valid.max(i64::from(gate.proof_max_age_minutes) * 60));
    for entry in &ledger.entries {
        if let Event::Verify { subject, level: Level::Restore, passed: true, .. } = &entry.event
            && now.utc - entry.at_utc <= valid
        {
            add(subject.parse().ok(), "a permit for the API or a push may still name it");
        }
    }
    for Origin { schema, backup, uuid, .. } in schemas::origins(ledger) {
        let why = tie(ledger, &schema, &uuid, schemas, &ctx.settings.policy.retention, now);
        if let Some(why) = why {
            add(Some(backup), &why);
        }
    }
    Ok(needs)
}

/// Why a backup stays for the old tables that it was taken in front of.
fn tie(
    ledger: &Ledger,
    schema: &str,
    uuid: &str,
    there: Option<&(String, BTreeSet<String>)>,
    policy: &RetentionPolicy,
    now: Moment,
) -> Option<String> {
    let dropped = ledger.proven().rev().find_map(|entry| match &entry.event {
        Event::Prune { destination: None, subject, .. } if subject == schema => Some(entry.at_utc),
        _ => None,
    });
    let days = policy.safety_days;
    // Another server than the one that answers was not asked either.
    match there.filter(|(here, _)| schemas::same(here, uuid)) {
        Some((_, names)) if names.contains(schema) => {
            Some(format!("the old tables in `{schema}` still exist"))
        }
        _ if dropped.is_some() => dropped
            .filter(|at| now.utc - *at <= TimeDelta::days(i64::from(days)))
            .map(|_| format!("`{schema}` was dropped in the last {days} days")),
        Some(_) => None,
        None => Some(format!("its server cannot be asked whether `{schema}` exists")),
    }
}

impl Found {
    /// Whether there is nothing to delete.
    pub(crate) fn is_idle(&self) -> bool {
        let goes = |verdict: &Verdict| verdict.fate == Fate::Go;
        !self.backups.iter().any(|(_, it)| goes(it)) && !self.schemas.iter().any(|(_, it)| goes(it))
    }

    pub(crate) fn document(&self, dry_run: bool) -> PruneDocument {
        let mut entries: Vec<PruneEntry> = Vec::new();
        for (backup, verdict) in &self.backups {
            for held in &backup.copies {
                let done = self.deleted.contains(&(backup.label.clone(), held.place.clone()));
                entries.push(entry(backup, held, verdict, done));
            }
        }
        for (it, verdict) in &self.schemas {
            let done = self.dropped.contains(&it.name);
            entries.push(PruneEntry {
                what: "schema".to_owned(),
                subject: it.name.clone(),
                place: SERVER.to_owned(),
                taken_utc: it.made.and_local_timezone(Local).earliest().map(|at| at.to_utc()),
                bytes: it.bytes,
                fate: word(verdict.fate, done).to_owned(),
                reason: verdict.reason.clone(),
            });
        }
        let counts = |fate: &str| if dry_run { fate == "delete" } else { fate == "deleted" };
        let freed_bytes = entries.iter().filter(|it| counts(&it.fate)).map(|it| it.bytes).sum();
        let not_reached = self.not_reached.clone();
        PruneDocument { version: DOCUMENT_VERSION, dry_run, entries, freed_bytes, not_reached }
    }
}

fn word(fate: Fate, done: bool) -> &'static str {
    match fate {
        Fate::Go if done => "deleted",
        Fate::Go => "delete",
        Fate::Keep => "keep",
        Fate::Look => "look",
    }
}

fn entry(backup: &Backup, held: &Held, verdict: &Verdict, done: bool) -> PruneEntry {
    let (what, place) = match &held.place {
        Place::Here => ("backup", "here".to_owned()),
        Place::At(name) => ("copy", name.clone()),
    };
    let (fate, reason) = match &held.problem {
        None if !held.ours => ("keep", retention::NOT_OURS.to_owned()),
        None => (word(verdict.fate, done), verdict.reason.clone()),
        Some(problem) => ("look", format!("{problem}: check it")),
    };
    PruneEntry {
        what: what.to_owned(),
        subject: backup.label.to_string(),
        place,
        taken_utc: backup.taken.filter(|_| backup.wrong_clock.is_none()).map(|it| it.utc),
        bytes: held.bytes,
        fate: fate.to_owned(),
        reason,
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
