//! The facts of a status: the backups folder, the ledger, the disk, the schedule; the
//! server and the destinations are asked by the files beside this one.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::{places, written};
use crate::schedule;
use model::entry::Level;
use model::label::Label;
use model::loss::Loss;
use model::manifest::{Manifest, Reason};
use model::status::{
    Answer, BackupFacts, Copies, Disk, Facts, Flaw, LedgerFacts, Rpo, Rto, Storage, Suspect,
};
use model::trust::{Trust, Unproven};
use model::wrong_clock::{Misdated, WrongClock};
use ops::ctx::Ctx;
use plan::forecast::{self, Change};
use plan::history::History;
use plan::status::age_of;
use plan::timeline::Timeline;
use store::ledger::Ledger;
use store::{Backup, Store};
use sys::{clock, disk};

/// What is in the backups folder, read once.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Every manifest of the schema, the newest first.
    pub entries: Vec<Backup>,
    /// The ledger; empty where it cannot be relied on.
    pub ledger: Ledger,
    /// Its times; `None` where there is no folder.
    timeline: Option<Timeline>,
    pub problem: Option<String>,
    /// Backups that lost something that nothing explains.
    pub suspects: BTreeMap<Label, Loss>,
}

impl Known {
    /// Reads it. A folder that is not there is empty, and is not made by looking.
    pub(crate) fn read(ctx: &Ctx) -> Result<Self> {
        if !ctx.settings.backups.is_dir() {
            return Ok(Self::default());
        }
        let store = Store::of(&ctx.settings)?;
        let mut entries = store.list()?;
        entries.retain(|entry| entry.label.schema() == ctx.settings.schema);
        let (mut ledger, problem) = match store.read() {
            Ok(ledger) => (ledger, None),
            Err(error) => (Ledger::default(), Some(error.to_string())),
        };
        let suspects = store.suspects(&entries, &ledger);
        // Nothing may look younger than it is.
        let timeline = Timeline::of(&ledger.entries, clock::now());
        ledger.entries = timeline.earliest(ledger.entries);
        Ok(Self { entries, ledger, timeline: Some(timeline), problem, suspects })
    }

    /// What the ledger says of the schema.
    pub(crate) fn history(&self, ctx: &Ctx) -> History<'_> {
        History::of(&self.ledger.entries, &ctx.settings.schema)
    }

    /// The backups that can be used, hold all of the schema, and whose last verification did
    /// not fail.
    pub(crate) fn usable(&self, history: &History<'_>) -> Vec<&Manifest> {
        let failed = history.failed();
        let sound = |m: &&Manifest| !m.is_partial() && !failed.contains_key(&m.label.to_string());
        self.entries.iter().filter_map(Backup::manifest).filter(sound).collect()
    }

    fn facts_of(&self, manifest: &Manifest) -> BackupFacts {
        let verified = self.verified(manifest);
        BackupFacts {
            label: manifest.label.clone(),
            created_utc: manifest.created_utc,
            reason: manifest.reason.word().to_owned(),
            bytes: manifest.bytes,
            rows: manifest.rows,
            duration_ms: manifest.duration_ms,
            verified: verified.map(|(level, _)| level),
            verified_utc: verified.map(|(_, at)| at),
            wrong_clock: self.wrong_clock(&manifest.label),
        }
    }

    /// How far a backup was proven; a partial one proves nothing.
    fn verified(&self, manifest: &Manifest) -> Option<(Level, DateTime<Utc>)> {
        let verified = self.ledger.highest_verification(&manifest.label, &manifest.sha256);
        verified.filter(|_| !manifest.is_partial())
    }

    /// Whether this machine's clock may be the one that is wrong: then no age is known.
    pub(crate) fn is_clock_doubted(&self) -> bool {
        self.timeline.as_ref().is_some_and(Timeline::is_doubted)
    }

    fn wrong_clock(&self, label: &Label) -> Option<WrongClock> {
        self.entries.iter().find(|it| it.label == *label)?.wrong_clock
    }

    /// How old a backup is.
    fn age(&self, manifest: &Manifest, now: DateTime<Utc>) -> Answer<u64> {
        match self.wrong_clock(&manifest.label) {
            Some(wrong) => Answer::Unknown(wrong.to_string()),
            None => age_of(manifest.created_utc, now),
        }
    }

    /// Whether the origin of a backup is proven: one of unknown origin protects nothing.
    fn is_own(&self, manifest: &Manifest) -> bool {
        self.entries.iter().any(|it| it.label == manifest.label && it.trust.is_proven())
    }

    /// The newest verified backup of proven origin that is not suspect. A safety backup has a state that a restore
    /// replaced, so it counts only if there is no other.
    fn newest_verified<'a>(&self, usable: &[&'a Manifest]) -> Option<&'a Manifest> {
        let proven = |m: &&&Manifest| {
            self.is_own(m) && !self.suspects.contains_key(&m.label) && self.verified(m).is_some()
        };
        // They come in the order in which they were taken, the last one first.
        let own = usable.iter().filter(|m| m.reason != Reason::Safety).find(proven);
        own.or_else(|| usable.iter().find(proven)).copied()
    }

    fn suspects(&self) -> Vec<Suspect> {
        let suspect = |it: &Backup| {
            Some(Suspect { label: it.label.clone(), loss: self.suspects.get(&it.label)?.clone() })
        };
        self.entries.iter().filter_map(suspect).collect()
    }

    fn wrong_clocks(&self) -> Vec<Misdated> {
        let misdated = |it: &Backup| {
            it.wrong_clock.map(|wrong| Misdated { label: it.label.clone(), clock: wrong })
        };
        self.entries.iter().filter_map(misdated).collect()
    }

    fn unproven(&self) -> Vec<Unproven> {
        let usable = self.entries.iter().filter(|it| it.manifest().is_some());
        let unproven = usable.filter(|it| !it.trust.is_proven());
        unproven
            .map(|it| Unproven {
                label: it.label.clone(),
                origin: it.trust.to_string(),
                stranger: matches!(it.trust, Trust::Unknown(_)),
            })
            .collect()
    }

    fn flaws(&self, history: &History<'_>) -> Vec<Flaw> {
        let failed = history.failed();
        let flaw = |entry: &Backup| {
            let problem = entry.problem().or_else(|| {
                let (level, at) = failed.get(&entry.label.to_string())?;
                let day = at.format("%Y-%m-%d %H:%M");
                Some(format!("failed its verification at level {} on {day} UTC", level.word()))
            })?;
            Some(Flaw { label: entry.label.clone(), problem })
        };
        self.entries.iter().filter_map(flaw).collect()
    }
}

pub(super) fn facts(ctx: &mut Ctx, offline: bool) -> Result<Facts> {
    let known = Known::read(ctx)?;
    let history = known.history(ctx);
    let usable = known.usable(&history);
    let newest = known.newest_verified(&usable);
    let last = usable.first().copied();
    let said = if offline {
        const OFFLINE: &str = "the server was not asked (--offline)";
        let none = || Answer::unknown("there is no verified backup to count from");
        let written = newest.map_or_else(none, |_| Answer::unknown(OFFLINE));
        written::Said { written, definitions: Answer::unknown(OFFLINE) }
    } else {
        written::ask_all(ctx, newest, last, &history.own_gtids())
    };
    let now = clock::now();
    let monitor = &ctx.settings.policy.monitor;
    let last_backup = last.map(|m| known.facts_of(m));
    let rpo = Rpo {
        newest_verified: newest.map(|manifest| known.facts_of(manifest)),
        age_s: newest.map_or_else(
            || Answer::unknown("there is no verified backup"),
            |manifest| known.age(manifest, now),
        ),
        objective_s: u64::from(monitor.max_age_hours) * 3600,
        written: said.written,
    };
    let mut rto = Rto {
        measured_ms: Answer::unknown("there was no drill yet"),
        objective_ms: u64::from(monitor.rto_minutes) * 60_000,
        drills: history.drills(),
    };
    if let Some(passed) = rto.last_passed() {
        rto.measured_ms = Answer::Known(passed.duration_ms);
    }
    let newest_label = newest.map(|manifest| &manifest.label);
    Ok(Facts {
        schema: ctx.settings.schema.clone(),
        at_utc: now,
        offline,
        copies: copies(ctx, &known, &history, &usable, newest_label, offline),
        disk: disk_facts(ctx, &known, &history, &usable, now),
        ledger: LedgerFacts {
            entries: match &known.problem {
                Some(problem) => Answer::Unknown(problem.clone()),
                None => Answer::Known(known.ledger.entries.len() as u64),
            },
            problem: known.problem.clone(),
            unproven: known.ledger.signed().unproven(),
        },
        unproven: known.unproven(),
        suspects: known.suspects(),
        wrong_clocks: known.wrong_clocks(),
        schedule: schedule::facts(ctx, &history),
        definitions: said.definitions,
        last_backup,
        rpo,
        rto,
    })
}

fn copies(
    ctx: &Ctx,
    known: &Known,
    history: &History<'_>,
    usable: &[&Manifest],
    newest: Option<&Label>,
    offline: bool,
) -> Copies {
    let labels: Vec<Label> = usable.iter().map(|m| m.label.clone()).collect();
    let mut all = vec![places::local(&labels, usable, newest, history, known.flaws(history))];
    let here = places::Here { usable, newest, timeline: known.timeline.as_ref() };
    let declared = &ctx.settings.policy.destination;
    all.extend(declared.iter().map(|one| places::destination(ctx, one, &here, history, offline)));
    let holders: Vec<_> =
        all.iter().filter(|place| place.has_newest_verified == Answer::Known(true)).collect();
    let mut kinds: Vec<Storage> =
        holders.iter().filter_map(|place| place.storage.known().copied()).collect();
    kinds.sort();
    kinds.dedup();
    let wanted = u64::from(ctx.settings.policy.monitor.min_copies).max(1 + declared.len() as u64);
    Copies {
        copies: holders.len() as u64,
        kinds: kinds.len() as u64,
        off_site: holders.iter().any(|place| place.off_site),
        // Without a ledger, which backup is verified is unknown.
        complete: known.problem.is_none() && all.iter().all(|place| place.usable.known().is_some()),
        wanted,
        places: all,
    }
}

fn disk_facts(
    ctx: &Ctx,
    known: &Known,
    history: &History<'_>,
    usable: &[&Manifest],
    now: DateTime<Utc>,
) -> Disk {
    let there: Vec<_> =
        ctx.settings.backups.ancestors().filter(|folder| folder.is_dir()).take(1).collect();
    let free_bytes = match there.first().map(|folder| disk::free_space(folder)) {
        Some(Ok(free)) => Answer::Known(free),
        Some(Err(error)) => Answer::Unknown(format!("{error:#}")),
        None => Answer::unknown("there is no folder to ask about"),
    };
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let at =
        |m: &Manifest| known.wrong_clock(&m.label).map_or(m.created_utc, |wrong| wrong.axis_utc());
    let mut changes: Vec<Change> =
        usable.iter().map(|m| Change { at: at(m), bytes: signed(m.bytes) }).collect();
    for (at, name, bytes) in history.freed_here() {
        // What is not a backup is a schema on the server: another disk, perhaps.
        if let Some(made) = history.made(name) {
            changes.push(Change { at: made, bytes: signed(bytes) });
            changes.push(Change { at, bytes: -signed(bytes) });
        }
    }
    Disk {
        forecast: match &free_bytes {
            Answer::Known(free) => forecast::of(&changes, *free, now),
            Answer::Unknown(why) => Answer::Unknown(why.clone()),
        },
        free_bytes,
        used_bytes: usable.iter().map(|m| m.bytes).sum(),
        newest_bytes: usable.first().map(|m| m.bytes),
    }
}
