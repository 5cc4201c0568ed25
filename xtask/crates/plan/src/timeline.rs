//! In which order backups were taken, and whose clock was wrong.
//!
//! The ledger is only ever appended to, so its order is that of what happened, whatever a clock
//! said. As many of its times as can be right together are believed: those that go up, and end
//! before now. The others came from a clock that was wrong, and lie between their neighbours.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::status::warning;
use model::entry::{Entry, Event};
use model::label::Label;
use model::status::{Facts, Finding};
use model::wrong_clock::WrongClock;

/// How well clocks have to agree.
const SLACK: TimeDelta = TimeDelta::minutes(5);
/// This many entries that are all yet to come say that the clock is wrong now.
const ALL_AHEAD: usize = 3;

/// The ledger's times, as far as they are believed.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Where in the ledger each backup was made.
    made: BTreeMap<Label, usize>,
    /// Of each entry, the last believed time up to it, itself included.
    since: Vec<Option<DateTime<Utc>>>,
    /// Of each entry, the first believed time from it on, itself included; at most now.
    until: Vec<DateTime<Utc>>,
    now: DateTime<Utc>,
    /// Whether every entry is yet to come: then this machine's clock is behind, and no other
    /// clock is called wrong.
    is_behind: bool,
}

/// Where a backup belongs among others: they compare in the order in which they were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(Option<DateTime<Utc>>, usize);

impl Timeline {
    /// Of a ledger, the oldest entry first.
    pub fn of(entries: &[Entry], now: DateTime<Utc>) -> Self {
        // Anyone can append a line; where some are proven, the others do not vouch for a time.
        let some_proven = entries.iter().any(|it| it.trust.is_proven());
        let counts = |it: &Entry| it.trust.is_proven() || !some_proven;
        let soon = now + SLACK;
        let ahead = entries.iter().filter(|it| it.at_utc > soon).count();
        let is_behind = ahead >= ALL_AHEAD && ahead == entries.len();
        let times: Vec<Option<DateTime<Utc>>> = entries
            .iter()
            .map(|it| (counts(it) && (is_behind || it.at_utc <= soon)).then_some(it.at_utc))
            .collect();
        let believed = longest_rising(&times);
        let mut since = Vec::with_capacity(entries.len());
        let mut last = None;
        for (time, believed) in times.iter().zip(&believed) {
            last = time.filter(|_| *believed).or(last);
            since.push(last);
        }
        let mut until = vec![now; entries.len()];
        let latest = entries.iter().map(|it| it.at_utc).max().unwrap_or(now);
        let mut next = if is_behind { latest } else { now };
        for at in (0..entries.len()).rev() {
            next = times[at].filter(|_| believed[at]).map_or(next, |time| time.min(next));
            until[at] = next;
        }
        Self { made: made(entries), since, until, now, is_behind }
    }

    /// Where a backup belongs, and how wrong its clock was. `said`: when it ended, by its own
    /// manifest or label.
    pub fn place(&self, label: &Label, said: DateTime<Utc>) -> (Rank, Option<WrongClock>) {
        let Some(&at) = self.made.get(label) else {
            // Nothing tells when it was taken: it is no newer than anything that is known.
            if said > self.now + SLACK && !self.is_behind {
                let wrong = WrongClock { said_utc: said, from_utc: None, until_utc: self.now };
                return (Rank(None, 0), Some(wrong));
            }
            return (Rank(Some(said), usize::MAX), None);
        };
        let before = at.checked_sub(1).and_then(|before| self.since[before]);
        let rank = Rank(self.since[at], at);
        let wrong = self.wrong(before, self.until[at], said);
        (rank, wrong)
    }

    fn wrong(
        &self,
        from: Option<DateTime<Utc>>,
        until: DateTime<Utc>,
        said: DateTime<Utc>,
    ) -> Option<WrongClock> {
        let early = from.is_some_and(|from| said < from - SLACK);
        (early || said > until + SLACK).then_some(WrongClock {
            said_utc: said,
            from_utc: from,
            until_utc: until,
        })
    }

    /// What time it is by this machine's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether the ledger tells when a backup was made.
    pub fn knows(&self, label: &Label) -> bool {
        self.made.contains_key(label)
    }

    /// Whether this machine's clock is behind everything that the ledger has.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// The entries of this ledger with the times that are believed, for what is drawn and
    /// counted over time. Their hashes no longer fit. What proves something counts from the
    /// earliest time that is possible. A copy was read at the latest: a destination's own clock
    /// says when it was last written, and that came first.
    #[must_use]
    pub fn straightened(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for (at, entry) in entries.iter_mut().enumerate() {
            let before = at.checked_sub(1).and_then(|before| self.since[before]);
            if let Some(wrong) = self.wrong(before, self.until[at], entry.at_utc) {
                entry.at_utc = match &entry.event {
                    Event::Copy { .. } => wrong.until_utc,
                    _ => wrong.believed_utc(),
                };
            }
        }
        entries
    }
}

/// Where each backup was made. A proven line comes before others, and a first one before the
/// next: none can be put in front of one that is there.
fn made(entries: &[Entry]) -> BTreeMap<Label, usize> {
    let mut made: BTreeMap<Label, usize> = BTreeMap::new();
    for proven in [true, false] {
        for (at, entry) in entries.iter().enumerate() {
            if let Event::Backup { label, .. } = &entry.event
                && entry.trust.is_proven() == proven
            {
                made.entry(label.clone()).or_insert(at);
            }
        }
    }
    made
}

/// Which of the times belong to a longest series that never goes down; of several, the one with
/// the earlier times.
fn longest_rising(times: &[Option<DateTime<Utc>>]) -> Vec<bool> {
    // `ends[n]`: where the series of n + 1 times with the earliest end ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; times.len()];
    for (at, time) in times.iter().enumerate() {
        let Some(time) = time else { continue };
        let longer = ends.partition_point(|end| times[*end].is_some_and(|it| it <= *time));
        before[at] = longer.checked_sub(1).map(|shorter| ends[shorter]);
        if longer == ends.len() {
            ends.push(at);
        } else {
            ends[longer] = at;
        }
    }
    let mut chosen = vec![false; times.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen[at] = true;
        next = before[at];
    }
    chosen
}

/// Backups of a wrong clock. Their order and the ages are known from the ledger.
pub(crate) fn finding(facts: &Facts) -> Option<Finding> {
    let first = facts.wrong_clocks.first()?;
    let more = match facts.wrong_clocks.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    let clock = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    Some(warning(
        "clock_wrong",
        format!("{}: {}{more}", first.label, first.clock.words(&clock)),
        "If this machine's clock is right now, nothing: order and ages come from the ledger.",
    ))
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
