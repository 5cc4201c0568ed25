//! The order by example, and what has to hold for any clock.

use proptest::prelude::*;

use super::*;
use crate::history::testing::{Log, label};

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}Z").parse().expect("a moment")
}

/// The label that the clock of that moment gives.
fn named(at: DateTime<Utc>) -> Label {
    label(&at.format("%Y%m%d_%H%M%S").to_string())
}

fn log(times: &[&str]) -> Log {
    let mut log = Log::default();
    for time in times {
        log.backup(at(time), &named(at(time)));
    }
    log
}

/// The labels' days in the order of taking, with what is said of a wrong clock.
fn told(log: &Log, now: &str, others: &[&str]) -> Vec<String> {
    let timeline = Timeline::of(log.entries(), at(now));
    let made = log.entries().iter().map(|entry| entry.at_utc);
    let mut all: Vec<(Rank, DateTime<Utc>, Option<WrongClock>)> = made
        .chain(others.iter().map(|it| at(it)))
        .map(|said| {
            let (rank, wrong) = timeline.place(&named(said), said);
            (rank, said, wrong)
        })
        .collect();
    all.sort_by_key(|it| it.0);
    let day = |at: DateTime<Utc>| at.format("%y-%m-%d").to_string();
    let line = |(_, said, wrong): (Rank, DateTime<Utc>, Option<WrongClock>)| match wrong {
        None => day(said),
        Some(WrongClock { from_utc: Some(from), until_utc, .. }) => {
            format!("{} {}..{}", day(said), day(from), day(until_utc))
        }
        Some(wrong) => format!("{} ..{}", day(said), day(wrong.until_utc)),
    };
    all.into_iter().map(line).collect()
}

#[test]
fn one_that_ran_ahead_lies_between_its_neighbours() {
    let log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-03T10:00:00"]);
    let expected = ["26-11-01", "30-01-01 26-11-01..26-11-03", "26-11-03"];
    assert_eq!(told(&log, "2026-11-04T10:00:00", &[]), expected);
    // Its own year has come: it still is the second.
    assert_eq!(told(&log, "2031-11-04T10:00:00", &[]), expected);
}

#[test]
fn the_last_one_is_the_last_whatever_its_clock_said() {
    let ahead = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00"]);
    let expected = ["26-11-01", "30-01-01 26-11-01..26-11-04"];
    assert_eq!(told(&ahead, "2026-11-04T10:00:00", &[]), expected);
    let back = log(&["2026-11-01T10:00:00", "2026-11-02T10:00:00", "2020-01-01T10:00:00"]);
    let told = told(&back, "2026-11-04T10:00:00", &[]);
    // Of two equally long series the one with the earlier times would be another one, so this
    // needs two entries before it.
    assert_eq!(told, ["26-11-01", "26-11-02", "20-01-01 26-11-02..26-11-04"]);
}

#[test]
fn a_clock_that_went_back_an_hour_changes_no_order() {
    let log = log(&["2026-11-01T10:00:00", "2026-11-01T11:30:00", "2026-11-01T10:30:00"]);
    let timeline = Timeline::of(log.entries(), at("2026-11-02T10:00:00"));
    let rank = |text: &str| timeline.place(&named(at(text)), at(text)).0;
    assert!(rank("2026-11-01T10:00:00") < rank("2026-11-01T11:30:00"));
    assert!(rank("2026-11-01T11:30:00") < rank("2026-11-01T10:30:00"));
    let wrong = |text: &str| timeline.place(&named(at(text)), at(text)).1;
    assert!(wrong("2026-11-01T11:30:00").is_some(), "one of the two was wrong");
    assert!(wrong("2026-11-01T10:30:00").is_none());
}

#[test]
fn small_steps_are_no_wrong_clock() {
    let log = log(&["2026-11-01T10:00:00", "2026-11-01T10:03:00", "2026-11-01T10:01:00"]);
    assert_eq!(told(&log, "2026-11-01T10:00:30", &[]), ["26-11-01"; 3]);
}

#[test]
fn what_the_ledger_does_not_know_goes_by_its_own_time() {
    let log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-05T10:00:00"]);
    let others = ["2026-11-03T10:00:00", "2029-01-01T10:00:00", "2026-10-01T10:00:00"];
    assert_eq!(
        told(&log, "2026-11-06T10:00:00", &others),
        [
            // Of an unknown time: it is no newer than anything.
            "29-01-01 ..26-11-06",
            "26-10-01",
            "26-11-01",
            "30-01-01 26-11-01..26-11-05",
            "26-11-03",
            "26-11-05"
        ]
    );
}

#[test]
fn where_all_is_ahead_this_clock_is_behind() {
    let all = log(&["2026-11-01T10:00:00", "2026-11-02T10:00:00", "2026-11-03T10:00:00"]);
    let expected = ["26-11-01", "26-11-02", "26-11-03"];
    assert_eq!(told(&all, "2020-01-01T00:00:00", &[]), expected);
    assert!(Timeline::of(all.entries(), at("2020-01-01T00:00:00")).is_behind());
}

#[test]
fn a_line_that_proves_nothing_moves_no_backup() {
    let mut log = log(&["2026-11-01T10:00:00", "2026-11-02T10:00:00"]);
    let old = named(at("2026-11-01T10:00:00"));
    let before = told(&log, "2026-11-05T10:00:00", &[]);
    // A second line about an old one, and many with times of long ago.
    log.backup(at("2026-11-04T10:00:00"), &old);
    for second in 0..20 {
        let then = at("2020-01-01T10:00:00") + TimeDelta::seconds(second);
        log.backup(then, &named(then));
    }
    let forged: Vec<Entry> = log
        .entries()
        .iter()
        .enumerate()
        .map(|(at, entry)| Entry {
            trust: if at < 2 { entry.trust.clone() } else { model::trust::Trust::Unsigned },
            ..entry.clone()
        })
        .collect();
    let timeline = Timeline::of(&forged, at("2026-11-05T10:00:00"));
    let rank = |text: &str| timeline.place(&named(at(text)), at(text));
    let (first, last) = (rank("2026-11-01T10:00:00"), rank("2026-11-02T10:00:00"));
    assert!(first.0 < last.0);
    assert_eq!((first.1, last.1), (None, None));
    assert_eq!(before, ["26-11-01", "26-11-02"]);
}

#[test]
fn times_are_straightened_for_plots() {
    let log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-03T10:00:00"]);
    let timeline = Timeline::of(log.entries(), at("2026-11-04T10:00:00"));
    let straight = timeline.straightened(log.entries().to_vec());
    let days: Vec<DateTime<Utc>> = straight.iter().map(|entry| entry.at_utc).collect();
    let first = at("2026-11-01T10:00:00");
    assert_eq!(days, [first, first, at("2026-11-03T10:00:00")]);
}

proptest! {
    /// Whatever the clocks said, the order of the ledger is the order of the backups, no time
    /// that is believed is one to come, and none goes down.
    #[test]
    fn the_order_is_that_of_the_ledger(
        minutes in prop::collection::vec(0_i64..10_000, 1..20),
        now in 0_i64..10_000,
    ) {
        let start = at("2026-01-01T00:00:00");
        let mut log = Log::default();
        for (number, minute) in minutes.iter().enumerate() {
            let said = start + TimeDelta::minutes(*minute);
            log.backup(said, &named(start + TimeDelta::seconds(number as i64)));
        }
        let now = start + TimeDelta::minutes(now);
        let timeline = Timeline::of(log.entries(), now);
        let ranks: Vec<Rank> = log
            .entries()
            .iter()
            .enumerate()
            .map(|(number, entry)| {
                let label = named(start + TimeDelta::seconds(number as i64));
                timeline.place(&label, entry.at_utc).0
            })
            .collect();
        prop_assert!(ranks.is_sorted());
        let straight = timeline.straightened(log.entries().to_vec());
        for (pair, said) in straight.windows(2).zip(&log.entries()[1..]) {
            // One that was wrong counts from the earliest time that is possible.
            let was_wrong = pair[1].at_utc != said.at_utc;
            prop_assert!(was_wrong || pair[0].at_utc <= pair[1].at_utc + SLACK + SLACK);
        }
        if !timeline.is_behind() {
            for entry in &straight {
                prop_assert!(entry.at_utc <= now + SLACK || entry.at_utc < start);
            }
        }
    }
}
