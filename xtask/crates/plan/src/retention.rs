//! Which backups stay and which may go, and why: the rules of `[retention]`, and above
//! them what is never deleted.
//!
//! A backup is judged once, wherever its copies are. It stays everywhere when a rule
//! keeps it in any place: each place has a calendar of its own, because each may be the
//! only one left. It goes only when something newer was verified in every place that it
//! lies in. Unusable files never count and are never deleted: the user decides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};

use config::keeping::RetentionPolicy;
use model::entry::Level;
use model::label::Label;
use model::wrong_clock::{SLACK, WrongClock};

/// Why a copy stays that was not put there from here.
pub const NOT_OURS: &str = "another machine's: no ledger entry here records sending it";

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// In UTC.
    pub utc: DateTime<Utc>,
    /// As the wall clock here shows it.
    pub local: NaiveDateTime,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Here,
    /// The destination of that name.
    At(String),
}

/// A backup in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub place: Place,
    /// What it takes up there.
    pub bytes: u64,
    /// Why it cannot be used, as a fragment; `None`: nothing speaks against it.
    pub problem: Option<String>,
    /// Whether it was put there from here. What another machine put there is its own
    /// matter: it proves nothing here, and is not deleted from here.
    pub ours: bool,
}

impl Held {
    /// Whether it counts, and may go.
    pub fn counts(&self) -> bool {
        self.ours && self.problem.is_none()
    }
}

/// A backup, in all places, with what the ledger and the journals say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub label: Label,
    /// The server it is of: its uuid, or "unknown".
    pub server: String,
    /// When it was taken, by its manifest; `None` where none can be read.
    pub taken: Option<Moment>,
    /// Why that is not believed. Then it is not counted and not deleted.
    pub wrong_clock: Option<WrongClock>,
    /// Its place among all of them: more were taken before it.
    pub rank: usize,
    /// Whether it was taken in front of a restore.
    pub safety: bool,
    /// How far it was proven.
    pub verified: Option<Level>,
    /// Whether its last verification failed.
    pub failed: bool,
    /// Whether it lost something that nothing explains: then nothing goes because of it.
    pub suspect: bool,
    /// The note of its pin.
    pub pinned: Option<String>,
    /// Who needs it: "`migrate --undo` needs it".
    pub needed: Vec<String>,
    /// Whether the rules let it go from the backups folder before.
    pub let_go_here: bool,
    pub copies: Vec<Held>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Go,
    /// It stays, and a person should look at it.
    Look,
}

/// What becomes of it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub fate: Fate,
    /// Why, as a fragment.
    pub reason: String,
}

impl Verdict {
    pub fn new(fate: Fate, reason: impl Into<String>) -> Self {
        Self { fate, reason: reason.into() }
    }
}

impl Backup {
    fn held_in(&self, place: &Place) -> bool {
        self.copies.iter().any(|held| held.place == *place && held.counts())
    }

    fn usable(&self) -> bool {
        self.copies.iter().any(Held::counts)
    }

    /// Whether what lies at the destinations is all that is left of it, and no rule
    /// made it so.
    fn is_last(&self) -> bool {
        self.usable() && !self.held_in(&Place::Here) && !self.let_go_here
    }

    /// When it was taken, for the calendar; `None` if no clock can be trusted. A label does not
    /// tell: it has the time of the zone that it was given in.
    fn at(&self, now: Moment) -> Option<NaiveDateTime> {
        let taken = self.taken.filter(|taken| taken.utc <= now.utc + SLACK)?;
        self.wrong_clock.is_none().then_some(taken.local)
    }

    /// Whether it counts at all: a calendar is not filled with what may be worth nothing.
    fn sound(&self, now: Moment) -> Option<NaiveDateTime> {
        if self.usable() && !self.failed { self.at(now) } else { None }
    }
}

/// Decides about every backup; the verdicts are in the order of `all`.
pub fn plan(all: &[Backup], policy: &RetentionPolicy, now: Moment) -> Vec<Verdict> {
    // The same schema of another server is another one: what is proven of one says nothing
    // of the other.
    let mut schemas: BTreeMap<(&str, &str), Vec<&Backup>> = BTreeMap::new();
    for backup in all {
        schemas.entry((backup.label.schema(), &backup.server)).or_default().push(backup);
    }
    let mut keep = Reasons::default();
    for backups in schemas.values() {
        let places: BTreeSet<&Place> =
            backups.iter().flat_map(|it| &it.copies).map(|held| &held.place).collect();
        for place in places {
            judge_place(&mut keep, backups, place, policy, now);
        }
    }
    all.iter().map(|backup| verdict(backup, &mut keep, policy, now)).collect()
}

/// Reasons to keep, and for what may go, the newer one that was verified.
#[derive(Debug, Default)]
struct Reasons<'a> {
    keep: BTreeMap<&'a Label, Vec<String>>,
    newer: BTreeMap<&'a Label, &'a Label>,
}

impl<'a> Reasons<'a> {
    fn add(&mut self, label: &'a Label, place: &Place, reason: &str) {
        let reasons = self.keep.entry(label).or_default();
        if reasons.iter().any(|known| known == reason) {
            return;
        }
        reasons.push(match place {
            Place::Here => reason.to_owned(),
            Place::At(name) => format!("{reason} at {name}"),
        });
    }
}

/// What one place alone would keep.
fn judge_place<'a>(
    keep: &mut Reasons<'a>,
    backups: &[&'a Backup],
    place: &Place,
    policy: &RetentionPolicy,
    now: Moment,
) {
    let held = |backup: &&&Backup| backup.held_in(place);
    let mut sound: Vec<(NaiveDateTime, &Backup)> = backups
        .iter()
        .filter(held)
        .filter_map(|backup| Some((backup.sound(now)?, *backup)))
        .collect();
    sound.sort_by_key(|(_, it)| std::cmp::Reverse(it.rank));
    let good = |it: &Backup| it.verified.is_some() && !it.suspect;
    let newest = sound.iter().find(|(_, it)| good(it));
    let restored = sound.iter().find(|(_, it)| good(it) && it.verified == Some(Level::Restore));
    for (one, reason) in [(restored, "newest restored"), (newest, "newest verified")] {
        if let Some((_, backup)) = one {
            keep.add(&backup.label, place, reason);
        }
    }
    for backup in backups.iter().filter(held) {
        if backup.at(now).is_none() {
            continue;
        }
        match newest {
            Some((_, by)) if by.rank > backup.rank => {
                keep.newer.insert(&backup.label, &by.label);
            }
            Some((_, by)) if by.label == backup.label => {}
            _ => keep.add(&backup.label, place, "nothing newer is verified"),
        }
    }
    // What is kept anyway does not fill a period: safety backups, and the last copies.
    sound.retain(|(_, backup)| !backup.safety && !backup.is_last());
    for (label, reason) in calendar(&sound, policy) {
        keep.add(label, place, &reason);
    }
}

/// The name of the period that a time is in.
type Period = fn(NaiveDateTime) -> String;

/// The rules alone, over backups from the newest to the oldest.
fn calendar<'a>(
    backups: &[(NaiveDateTime, &'a Backup)],
    policy: &RetentionPolicy,
) -> Vec<(&'a Label, String)> {
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let last = backups.iter().take(count(policy.last));
    let mut kept: Vec<(&Label, String)> =
        last.map(|(_, it)| (&it.label, format!("last {}", policy.last))).collect();
    let rules: [(u32, Period); 5] = [
        (policy.hourly, |at| format!("hourly {} {:02}:00", at.date(), at.hour())),
        (policy.daily, |at| format!("daily {}", at.date())),
        (policy.weekly, |at| {
            let week = at.iso_week();
            format!("weekly {}-W{:02}", week.year(), week.week())
        }),
        (policy.monthly, |at| format!("monthly {}-{:02}", at.year(), at.month())),
        (policy.yearly, |at| format!("yearly {}", at.year())),
    ];
    for (number, period) in rules {
        let mut periods: Vec<(String, &Backup)> = Vec::new();
        // Clocks that differ a little, and the end of summer time, go back to a period.
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (at, backup) in backups {
            let name = period(*at);
            let place = *known.entry(name.clone()).or_insert(periods.len());
            match periods.get_mut(place) {
                // The newest verified backup that lost nothing represents a period; another one
                // does only if there is none.
                Some((_, chosen)) => {
                    let good = |it: &Backup| it.verified.is_some() && !it.suspect;
                    if !good(chosen) && good(backup) {
                        *chosen = *backup;
                    }
                }
                None => periods.push((name, *backup)),
            }
        }
        let chosen = periods.into_iter().take(count(number));
        kept.extend(chosen.map(|(name, backup)| (&backup.label, name)));
    }
    kept
}

/// Whether something is not older than so many days.
fn within(then: DateTime<Utc>, days: u32, now: Moment) -> bool {
    now.utc - then <= TimeDelta::days(i64::from(days))
}

fn verdict(
    backup: &Backup,
    reasons: &mut Reasons<'_>,
    policy: &RetentionPolicy,
    now: Moment,
) -> Verdict {
    if backup.copies.iter().all(|held| !held.ours && held.problem.is_none()) {
        return Verdict::new(Fate::Keep, NOT_OURS);
    }
    let mut kept: Vec<String> = Vec::new();
    kept.extend(backup.pinned.as_ref().map(|note| match note.as_str() {
        "" => "pinned".to_owned(),
        note => format!("pinned: {note}"),
    }));
    kept.extend(backup.needed.iter().cloned());
    let look = if !backup.usable() {
        Some("damaged: check it".to_owned())
    } else if let Some(wrong) = &backup.wrong_clock {
        Some(format!("{wrong}; check it"))
    } else if backup.at(now).is_none() {
        Some("its timestamp is in the future; check it".to_owned())
    } else if backup.failed {
        Some("its last verification failed: check it".to_owned())
    } else {
        None
    };
    if let Some(look) = look {
        kept.push(look);
        return Verdict::new(Fate::Look, kept.join(", "));
    }
    if backup.safety && backup.taken.is_some_and(|it| within(it.utc, policy.safety_days, now)) {
        kept.push(format!("a safety backup of the last {} days", policy.safety_days));
    }
    if backup.is_last() {
        kept.push("the last copy: it is missing or damaged here".to_owned());
    }
    kept.extend(reasons.keep.remove(&backup.label).unwrap_or_default());
    match reasons.newer.get(&backup.label) {
        Some(newer) if kept.is_empty() => {
            Verdict::new(Fate::Go, format!("no rule keeps it; {newer} is newer and verified"))
        }
        _ => Verdict::new(Fate::Keep, kept.join(", ")),
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
