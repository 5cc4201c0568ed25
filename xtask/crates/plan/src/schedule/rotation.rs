//! Which backup a scheduled run restores to prove it, and which copy it reads again.
//!
//! The newest backup is the likeliest to be restored, so every other drill uses it. But a backup
//! kept for a year must be restorable too: the other drills use the one that has waited longest.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::history::History;
use model::entry::{Event, Level};
use model::label::Label;
use model::wrong_clock;

/// A schedule is never exact: a drill that is due within the hour is due.
const SLACK: TimeDelta = TimeDelta::hours(1);

/// How a scheduled run proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// How far the new backup is proven.
    pub newest: Level,
    /// An older backup that has its drill instead.
    pub older: Option<Label>,
    /// Why, in words.
    pub why: String,
}

/// The turn of a run whose backup is `newest`; `kept` are the other backups that can be
/// used.
pub fn turn(
    history: &History<'_>,
    kept: &[Label],
    newest: &Label,
    drill_days: u32,
    now: DateTime<Utc>,
) -> Turn {
    let days = TimeDelta::days(drill_days.into());
    let last = history.drills().into_iter().rev().find(|drill| drill.passed);
    if let Some(last) = &last
        && now - last.at_utc < days - SLACK
        && now >= last.at_utc - wrong_clock::SLACK
    {
        let why = format!("a drill is due every {drill_days} days (schedule.drill_days)");
        return Turn { newest: Level::File, older: None, why };
    }
    let older =
        if last_was_newest(history) { longest_without(history, kept, newest) } else { None };
    match older {
        Some(older) => Turn {
            newest: Level::File,
            why: format!(
                "the last drill used the newest backup; {older} has waited longest for \
            one"
            ),
            older: Some(older),
        },
        None => Turn {
            newest: Level::Restore,
            older: None,
            why: "a drill is due, and it is the newest backup's turn".to_owned(),
        },
    }
}

/// Whether the last drill that passed was that of the backup that was the newest then.
fn last_was_newest(history: &History<'_>) -> bool {
    let mut newest = String::new();
    let mut answer = false;
    for entry in history.entries() {
        match &entry.event {
            Event::Backup { label, .. } => newest = label.to_string(),
            Event::Verify { subject, level: Level::Restore, passed: true, place: None, .. } => {
                answer = *subject == newest;
            }
            _ => {}
        }
    }
    answer
}

/// The oldest one that never had a drill; else the one whose drill is longest ago.
fn longest_without(history: &History<'_>, kept: &[Label], newest: &Label) -> Option<Label> {
    let drilled: BTreeMap<String, DateTime<Utc>> =
        history.drills().into_iter().map(|drill| (drill.subject, drill.at_utc)).collect();
    let others = kept.iter().filter(|label| *label != newest);
    others.min_by_key(|label| (drilled.get(&label.to_string()).copied(), label.time())).cloned()
}

/// The copy that went longest without being read to its end: `None` in `read` comes first.
pub fn copy_to_read<'a>(
    copies: impl IntoIterator<Item = &'a Label>,
    read: &BTreeMap<Label, DateTime<Utc>>,
) -> Option<Label> {
    copies.into_iter().min_by_key(|label| (read.get(*label).copied(), label.time())).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{Log, label};

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().expect("a time")
    }

    #[test]
    fn newest_and_oldest_take_turns() {
        let day = |days: i64| now() - TimeDelta::days(days);
        let kept = [label("20261101_000000"), label("20261108_000000"), label("20261115_000000")];
        let newest = label("20261122_000000");
        let mut log = Log::default();
        let decide =
            |log: &Log| turn(&History::of(log.entries(), "mydb"), &kept, &newest, 7, now());
        // Nothing was ever drilled: the newest.
        assert_eq!(decide(&log).newest, Level::Restore);
        log.backup(day(8), &kept[2]).drill(day(8), &kept[2], true);
        // The newest had its turn: the oldest without one.
        assert_eq!(decide(&log).older, Some(kept[0].clone()));
        log.drill(day(7), &kept[0], true);
        // The old one had its turn: the newest.
        assert_eq!((decide(&log).newest, decide(&log).older), (Level::Restore, None));
        log.backup(day(2), &newest).drill(day(2), &newest, true);
        // None is due.
        assert_eq!((decide(&log).newest, decide(&log).older), (Level::File, None));
        // A drill that failed proves nothing: one is due.
        let mut log = Log::default();
        log.backup(day(2), &newest).drill(day(1), &newest, false);
        assert_eq!(decide(&log).newest, Level::Restore);
    }

    #[test]
    fn all_kept_backups_have_a_drill_in_the_end() {
        let kept: Vec<Label> = (1..=5).map(|n| label(&format!("2026110{n}_000000"))).collect();
        let mut log = Log::default();
        let mut seen = Vec::new();
        for week in 0..10 {
            let newest = label(&format!("202612{:02}_000000", week + 1));
            let at = now() + TimeDelta::days(7 * week);
            log.backup(at, &newest);
            let turn = turn(&History::of(log.entries(), "mydb"), &kept, &newest, 7, at);
            let subject = turn.older.clone().unwrap_or(newest);
            log.drill(at, &subject, true);
            seen.extend(turn.older);
        }
        assert_eq!(seen, kept);
    }

    #[test]
    fn the_copy_never_read_comes_first() {
        let all = [label("20261101_000000"), label("20261108_000000"), label("20261115_000000")];
        let mut read = BTreeMap::from([(all[0].clone(), now()), (all[2].clone(), now())]);
        assert_eq!(copy_to_read(&all, &read), Some(all[1].clone()));
        read.insert(all[1].clone(), now() - TimeDelta::days(1));
        assert_eq!(copy_to_read(&all, &read), Some(all[1].clone()));
        read.insert(all[1].clone(), now() + TimeDelta::days(1));
        assert_eq!(copy_to_read(&all, &read), Some(all[0].clone()));
        assert_eq!(copy_to_read(&[], &read), None);
    }
}
