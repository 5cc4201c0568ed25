//! In which order backups were taken, and of which of them the time is unknown.
//!
//! The ledger is only ever appended to, so its order is that of what happened, whatever a clock
//! said. A time is believed where it fits the order of the ledger. Where two times contradict each
//! other, the one that fits fewer of the others is unknown; where that cannot be decided, both are.
//! An unknown time is no age, is not fresh, and lets retention delete nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::rising::rising;
use crate::status::warning;
use model::entry::{Entry, Event};
use model::label::Label;
use model::status::{Facts, Finding};
use model::wrong_clock::{SLACK, WrongClock};

/// For how long the status names a clock that was wrong.
const NAMED: TimeDelta = TimeDelta::days(7);

/// The ledger's times, as far as they are believed.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Where in the ledger each backup was made.
    made: BTreeMap<Label, usize>,
    /// Of each entry, what those around it tell about its time.
    spots: Vec<Spot>,
    /// The earliest time that may be right.
    first: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    /// Whether this machine's clock may be the wrong one: then no time and no age is believed.
    is_doubted: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Spot {
    /// The latest time before it that may be right: an earlier one contradicts it.
    above: Option<DateTime<Utc>>,
    /// The earliest time from it on that may be right: a later one contradicts it.
    below: Option<DateTime<Utc>>,
    /// The last time before it that is right.
    from: Option<DateTime<Utc>>,
    /// The first time after it that is right.
    until: Option<DateTime<Utc>>,
    /// For its place among backups that the ledger does not know. It never goes down.
    key: DateTime<Utc>,
}

/// Where a backup belongs among others: they compare in the order in which they were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(DateTime<Utc>, usize);

impl Timeline {
    /// Of a ledger, the oldest entry first.
    pub fn of(entries: &[Entry], now: DateTime<Utc>) -> Self {
        // Anyone can append a line; where some are proven, the others tell nothing.
        let some_proven = entries.iter().any(|it| it.trust.is_proven());
        let counts = |it: &Entry| it.trust.is_proven() || !some_proven;
        let mut made: BTreeMap<Label, usize> = BTreeMap::new();
        // Only backups are held against each other: one run writes many other entries.
        let mut times: Vec<(usize, DateTime<Utc>)> = Vec::new();
        for (at, entry) in entries.iter().enumerate().filter(|(_, it)| counts(it)) {
            if let Event::Backup { label, .. } = &entry.event {
                // The first line about it: none moves it later.
                made.entry(label.clone()).or_insert(at);
                times.push((at, entry.at_utc));
            }
        }
        let soon = now + SLACK;
        let first_ahead = times.iter().find(|(_, time)| *time > soon).map(|(at, _)| *at);
        let past: Vec<_> = times.iter().copied().filter(|(_, time)| *time <= soon).collect();
        let fit = rising(&past.iter().map(|(_, time)| *time).collect::<Vec<_>>());
        let fitting = || past.iter().zip(&fit).filter(|(_, fit)| fit.may_be);
        let since = fitting().filter(|((at, _), _)| first_ahead.is_some_and(|it| *at > it)).count();
        // Which of the two is wrong cannot be known until more backups have this machine's time
        // than had one that is yet to come.
        let is_doubted = since < times.len() - past.len();
        let mut spots = vec![Spot::default(); entries.len()];
        if !is_doubted {
            let fitting: Vec<_> = fitting().map(|(it, fit)| (*it, fit.must_be)).collect();
            fill(&mut spots, &fitting);
        }
        let mut key = DateTime::<Utc>::MIN_UTC;
        let mut times = times.into_iter().peekable();
        for (at, spot) in spots.iter_mut().enumerate() {
            if let Some((_, time)) = times.next_if(|(own, _)| *own == at) {
                let latest = spot.until.or((!is_doubted).then_some(now));
                key = key.max(latest.map_or(time, |latest| time.min(latest)));
            }
            spot.key = key;
        }
        let first = fitting().map(|((_, time), _)| *time).min().filter(|_| !is_doubted);
        Self { made, spots, first, now, is_doubted }
    }

    /// Where a backup belongs, and what is known where its time is not believed. `said`: when it
    /// ended, by its own manifest. `labelled`: by its label, for one without a manifest.
    pub fn place(
        &self,
        label: &Label,
        said: Option<DateTime<Utc>>,
        labelled: DateTime<Utc>,
    ) -> (Rank, Option<WrongClock>) {
        let Some(&at) = self.made.get(label) else {
            let ended = said.unwrap_or(labelled);
            let unknown = WrongClock { said_utc: ended, from_utc: None, until_utc: None };
            if self.is_undated(label, ended) {
                // Nothing tells when it was taken: it is no newer than anything that is known.
                return (Rank(DateTime::<Utc>::MIN_UTC, 0), said.and(Some(unknown)));
            }
            let unknown = said.filter(|_| self.is_doubted).and(Some(unknown));
            return (Rank(ended, usize::MAX), unknown);
        };
        let rank = Rank(self.spots.get(at).map_or(labelled, |spot| spot.key), at);
        (rank, said.and_then(|said| self.wrong(at, said)))
    }

    /// Whether nothing tells when a backup was taken: its time is yet to come, and the ledger
    /// does not know it.
    pub fn is_undated(&self, label: &Label, said: DateTime<Utc>) -> bool {
        said > self.now + SLACK && !self.made.contains_key(label)
    }

    fn wrong(&self, at: usize, said: DateTime<Utc>) -> Option<WrongClock> {
        let unknown = WrongClock { said_utc: said, from_utc: None, until_utc: None };
        if self.is_doubted {
            return Some(unknown);
        }
        let spot = self.spots.get(at)?;
        let early = spot.above.is_some_and(|above| said < above - SLACK);
        let late = spot.below.is_some_and(|below| said > below + SLACK);
        (early || late || said > self.now + SLACK).then_some(WrongClock {
            from_utc: spot.from,
            until_utc: Some(spot.until.unwrap_or(self.now)),
            ..unknown
        })
    }

    /// What time it is by this machine's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether this machine's clock may be behind.
    pub fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    fn with(
        &self,
        mut entries: Vec<Entry>,
        time: impl Fn(&WrongClock) -> DateTime<Utc>,
    ) -> Vec<Entry> {
        for (at, entry) in entries.iter_mut().enumerate() {
            if let Some(wrong) = self.wrong(at, entry.at_utc) {
                entry.at_utc = time(&wrong);
            }
        }
        entries
    }

    /// The entries of this ledger, those of unknown time with the earliest that is possible: for
    /// ages, which must not look younger than they are. Their hashes no longer fit.
    #[must_use]
    pub fn earliest(&self, entries: Vec<Entry>) -> Vec<Entry> {
        self.with(entries, |wrong| {
            wrong.from_utc.or(self.first).map_or(wrong.said_utc, |from| from.min(wrong.said_utc))
        })
    }

    /// The same with the latest that is possible: for what keeps something for a while.
    #[must_use]
    pub fn latest(&self, entries: Vec<Entry>) -> Vec<Entry> {
        self.with(entries, |wrong| wrong.until_utc.unwrap_or(self.now).max(wrong.said_utc))
    }

    /// The same with a time between those around it: for plots.
    #[must_use]
    pub fn drawn(&self, entries: Vec<Entry>) -> Vec<Entry> {
        self.with(entries, WrongClock::axis_utc)
    }
}

/// `fitting`: the times that may be right, and whether each must be.
fn fill(spots: &mut [Spot], fitting: &[((usize, DateTime<Utc>), bool)]) {
    let mut own = fitting.iter().peekable();
    let (mut above, mut from) = (None, None);
    for (at, spot) in spots.iter_mut().enumerate() {
        (spot.above, spot.from) = (above, from);
        if let Some(((_, time), must_be)) = own.next_if(|((own, _), _)| *own == at) {
            above = above.max(Some(*time));
            from = if *must_be { Some(*time) } else { from };
        }
    }
    let mut own = fitting.iter().rev().peekable();
    let (mut below, mut until): (Option<DateTime<Utc>>, _) = (None, None);
    for (at, spot) in spots.iter_mut().enumerate().rev() {
        spot.until = until;
        if let Some(((_, time), must_be)) = own.next_if(|((own, _), _)| *own == at) {
            below = Some(below.map_or(*time, |below| below.min(*time)));
            until = if *must_be { Some(*time) } else { until };
        }
        spot.below = below;
    }
}

/// Backups of unknown time.
pub(crate) fn finding(facts: &Facts) -> Option<Finding> {
    let ahead = |it: &&_| wrong_of(it).may_be_this_clock() && wrong_of(it).said_utc > facts.at_utc;
    if let Some(first) = facts.wrong_clocks.iter().find(ahead) {
        return Some(warning(
            "clock_wrong",
            format!(
                "{} was taken at {} by its clock, and that is yet to come: that clock or this \
                machine's is wrong, so no age is known",
                first.label,
                first.clock.said_utc.format("%Y-%m-%d %H:%M UTC")
            ),
            "Correct this machine's clock. If it is right, take backups: as soon as there are as \
            many of this time as there are of the other, ages are known again.",
        ));
    }
    let recent = |it: &&_| wrong_of(it).until_utc.is_none_or(|at| facts.at_utc - at <= NAMED);
    let all: Vec<_> = facts.wrong_clocks.iter().filter(recent).collect();
    let first = all.first()?;
    let more = match all.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    Some(warning(
        "clock_wrong",
        format!("{}: {}{more}", first.label, first.clock),
        "If this machine's clock is right now, nothing: the order comes from the ledger. \
        docs/backup-and-recovery.md says what such a backup is good for.",
    ))
}

fn wrong_of(it: &model::wrong_clock::Misdated) -> &WrongClock {
    &it.clock
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
