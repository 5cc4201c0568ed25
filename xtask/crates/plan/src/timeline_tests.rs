//! The order by example, and what has to hold for any clock.

use proptest::prelude::*;

use super::*;
use crate::history::testing::{Log, label};
use model::copy::CopyOutcome;
use model::entry::Level;
use model::trust::Trust;

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

fn place(timeline: &Timeline, text: &str) -> (Rank, Option<WrongClock>) {
    timeline.place(&named(at(text)), Some(at(text)), at(text))
}

/// The labels' days in the order of taking, with what is known of those of unknown time.
fn told_of(entries: &[Entry], now: &str, others: &[&str]) -> Vec<String> {
    let timeline = Timeline::of(entries, at(now));
    let mut all: Vec<(Rank, DateTime<Utc>, Option<WrongClock>)> = entries
        .iter()
        .map(|entry| entry.at_utc)
        .chain(others.iter().map(|it| at(it)))
        .map(|said| {
            let (rank, wrong) = timeline.place(&named(said), Some(said), said);
            (rank, said, wrong)
        })
        .collect();
    all.sort_by_key(|it| it.0);
    let day = |at: DateTime<Utc>| at.format("%y-%m-%d").to_string();
    let bound = |at: Option<DateTime<Utc>>| at.map(day).unwrap_or_default();
    let line = |(_, said, wrong): (Rank, DateTime<Utc>, Option<WrongClock>)| match wrong {
        None => day(said),
        Some(it) => format!("{} {}..{}", day(said), bound(it.from_utc), bound(it.until_utc)),
    };
    all.into_iter().map(line).collect()
}

fn told(log: &Log, now: &str, others: &[&str]) -> Vec<String> {
    told_of(log.entries(), now, others)
}

#[test]
fn one_that_ran_ahead_lies_between_its_neighbours() {
    let log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-03T10:00:00"]);
    let expected = ["26-11-01", "30-01-01 26-11-01..26-11-03", "26-11-03"];
    assert_eq!(told(&log, "2026-11-04T10:00:00", &[]), expected);
    // Its own year has come: it still is the second. Which of the two was wrong is no longer known.
    let expected = ["26-11-01", "30-01-01 26-11-01..31-11-04", "26-11-03 26-11-01..31-11-04"];
    assert_eq!(told(&log, "2031-11-04T10:00:00", &[]), expected);
}

#[test]
fn the_last_one_is_the_last_whatever_its_clock_said() {
    let back = log(&["2026-11-01T10:00:00", "2026-11-02T10:00:00", "2020-01-01T10:00:00"]);
    let expected = ["26-11-01", "26-11-02", "20-01-01 26-11-02..26-11-04"];
    assert_eq!(told(&back, "2026-11-04T10:00:00", &[]), expected);
    // Of two alone, either may be the wrong one.
    let two = log(&["2026-11-02T10:00:00", "2020-01-01T10:00:00"]);
    let expected = ["26-11-02 ..26-11-04", "20-01-01 ..26-11-04"];
    assert_eq!(told(&two, "2026-11-04T10:00:00", &[]), expected);
}

#[test]
fn one_to_come_may_mean_that_this_clock_is_behind() {
    let times = ["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-03T10:00:00"];
    let doubt = ["26-11-01 ..", "30-01-01 .."];
    assert_eq!(told(&log(&times[..2]), "2026-11-04T10:00:00", &[]), doubt);
    // The next one settles it.
    let log = log(&times);
    assert!(!Timeline::of(log.entries(), at("2026-11-04T10:00:00")).is_doubted());
}

#[test]
fn a_clock_behind_now_makes_all_unknown_and_nothing_wrong() {
    // After an old line, a year of right ones, and then a clock that lost its battery.
    let mut times = vec!["2020-01-01T00:00:00"];
    let right = [
        "2026-11-01T10:00:00",
        "2026-11-02T10:00:00",
        "2026-11-03T10:00:00",
        "2026-11-04T10:00:00",
    ];
    times.extend(right);
    for (more, said) in ["2021-01-01T00:00:10", "2021-01-01T00:10:00"].iter().enumerate() {
        let log = log(&times);
        let timeline = Timeline::of(log.entries(), at("2021-01-01T00:20:00"));
        assert!(timeline.is_doubted(), "{more}");
        let placed: Vec<_> = times.iter().map(|it| place(&timeline, it)).collect();
        assert!(placed.is_sorted_by_key(|it| it.0), "{placed:?}");
        for (_, wrong) in &placed {
            // None is said to lie in a time that it does not lie in.
            assert!(wrong.is_some_and(|it| it.may_be_this_clock() && it.from_utc.is_none()));
        }
        times.push(said);
    }
    // Corrected: the few of the wrong hour are between their neighbours.
    let log = log(&times);
    let told = told(&log, "2026-11-05T10:00:00", &[]);
    assert_eq!(told[5..], ["21-01-01 26-11-04..26-11-05", "21-01-01 26-11-04..26-11-05"]);
    assert_eq!(told[..2], ["20-01-01", "26-11-01"]);
}

#[test]
fn one_run_with_many_lines_does_not_outvote_backups() {
    // A clock five hours ahead: one backup, and many entries about it.
    let (first, wrong) = ("2026-11-01T10:00:00", "2026-11-01T16:00:00");
    let mut log = log(&[first, wrong]);
    for minute in 1..20 {
        log.verify(at(wrong) + TimeDelta::minutes(minute), &named(at(wrong)), Level::File, true);
        log.copy(
            at(wrong) + TimeDelta::minutes(minute),
            "nas",
            &named(at(wrong)),
            CopyOutcome::Copied,
        );
    }
    for right in ["2026-11-01T12:00:00", "2026-11-01T13:00:00"] {
        log.backup(at(right), &named(at(right)));
    }
    let timeline = Timeline::of(log.entries(), at("2026-11-01T22:00:00"));
    assert_eq!(place(&timeline, "2026-11-01T12:00:00").1, None);
    assert_eq!(place(&timeline, "2026-11-01T13:00:00").1, None);
    let told = place(&timeline, wrong).1.expect("wrong");
    assert_eq!(told.from_utc, Some(at(first)));
    assert_eq!(told.until_utc, Some(at("2026-11-01T12:00:00")));
}

#[test]
fn what_is_wrong_never_looks_younger() {
    let mut log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00"]);
    log.drill(at("2030-01-01T10:01:00"), &named(at("2030-01-01T10:00:00")), true);
    log.backup(at("2026-11-03T10:00:00"), &named(at("2026-11-03T10:00:00")));
    log.drill(at("2020-01-01T10:01:00"), &named(at("2026-11-03T10:00:00")), true);
    let timeline = Timeline::of(log.entries(), at("2026-11-04T10:00:00"));
    let days = |entries: Vec<Entry>| -> Vec<String> {
        entries.iter().map(|it| it.at_utc.format("%y-%m-%d").to_string()).collect()
    };
    let all = || log.entries().to_vec();
    let (right, third) = ("26-11-01", "26-11-03");
    assert_eq!(days(timeline.earliest(all())), [right, right, right, third, "20-01-01"]);
    assert_eq!(days(timeline.drawn(all())), [right, right, right, third, third]);
    let latest = [right, "30-01-01", "30-01-01", third, "26-11-04"];
    assert_eq!(days(timeline.latest(all())), latest);
}

#[test]
fn nothing_before_a_wrong_one_makes_its_age_unknown() {
    let mut log = log(&["2030-01-01T10:00:00"]);
    log.drill(at("2030-01-01T10:01:00"), &named(at("2030-01-01T10:00:00")), true);
    let now = at("2026-11-04T10:00:00");
    let timeline = Timeline::of(log.entries(), now);
    assert!(place(&timeline, "2030-01-01T10:00:00").1.is_some());
    // As it said: still to come, so that no age comes of it.
    assert!(timeline.earliest(log.entries().to_vec()).iter().all(|it| it.at_utc > now));
}

#[test]
fn small_steps_are_no_wrong_clock() {
    // Two machines, one 90 s ahead, that take turns.
    let start = at("2026-11-01T10:00:00");
    let mut log = Log::default();
    let mut said = Vec::new();
    for minute in 0..40 {
        let skew = TimeDelta::seconds(if minute % 2 == 0 { 0 } else { 90 });
        said.push(start + TimeDelta::minutes(minute) + skew);
        log.backup(said[said.len() - 1], &label(&format!("20261101_{:06}", minute)));
    }
    // The other one's last backup is 30 s ahead.
    let timeline = Timeline::of(log.entries(), start + TimeDelta::minutes(40));
    let placed = said.iter().enumerate().map(|(minute, said)| {
        timeline.place(&label(&format!("20261101_{:06}", minute)), Some(*said), *said)
    });
    let placed: Vec<_> = placed.collect();
    assert!(placed.is_sorted_by_key(|it| it.0));
    assert!(placed.iter().all(|it| it.1.is_none()));
    let entries = log.entries().to_vec();
    assert_eq!(timeline.earliest(entries.clone()), entries);
    assert_eq!(timeline.latest(entries.clone()), entries);
    assert_eq!(timeline.drawn(entries.clone()), entries);
}

#[test]
fn what_the_ledger_does_not_know_goes_by_its_own_time() {
    let log = log(&["2026-11-01T10:00:00", "2030-01-01T10:00:00", "2026-11-05T10:00:00"]);
    let others = ["2026-11-03T10:00:00", "2029-01-01T10:00:00", "2026-10-01T10:00:00"];
    assert_eq!(
        told(&log, "2026-11-06T10:00:00", &others),
        [
            // Of an unknown time: it is no newer than anything.
            "29-01-01 ..",
            "26-10-01",
            "26-11-01",
            "26-11-03",
            "30-01-01 26-11-01..26-11-05",
            "26-11-05"
        ]
    );
    // One in the ledger is newer than what is older than the ledger, whatever its clock said.
    let first = self::log(&["2030-01-01T10:00:00", "2026-11-05T10:00:00"]);
    let expected = ["26-10-01", "30-01-01 ..26-11-05", "26-11-05"];
    assert_eq!(told(&first, "2026-11-06T10:00:00", &["2026-10-01T10:00:00"]), expected);
}

#[test]
fn a_label_alone_is_no_wrong_clock() {
    // Made in another zone, its manifest damaged.
    let log = log(&["2026-11-01T10:00:00", "2026-11-01T11:00:00"]);
    let timeline = Timeline::of(log.entries(), at("2026-11-01T12:00:00"));
    let own = named(at("2026-11-01T11:00:00"));
    assert_eq!(timeline.place(&own, None, at("2026-11-01T19:00:00")).1, None);
    let other = label("20261101_190000");
    assert_eq!(timeline.place(&other, None, at("2026-11-01T19:00:00")).1, None);
}

fn with_trust(log: &Log, trust: impl Fn(usize) -> Trust) -> Vec<Entry> {
    let one = |(at, entry): (usize, &Entry)| Entry { trust: trust(at), ..entry.clone() };
    log.entries().iter().enumerate().map(one).collect()
}

#[test]
fn a_line_that_proves_nothing_moves_no_backup() {
    let mut log = log(&["2026-11-01T10:00:00", "2026-11-02T10:00:00"]);
    // A second line about an old one, and many with times of long ago.
    log.backup(at("2026-11-04T10:00:00"), &named(at("2026-11-01T10:00:00")));
    for second in 0..20 {
        let then = at("2020-01-01T10:00:00") + TimeDelta::seconds(second);
        log.backup(then, &named(then));
    }
    // One about a backup that no proven line knows: signed before there was a ledger.
    let old = at("2025-05-05T10:00:00");
    log.backup(at("2026-11-04T10:00:00"), &named(old));
    log.backup(at("2030-11-04T10:00:00"), &named(at("2030-11-04T10:00:00")));
    let own = |at| if at < 2 { Trust::Own } else { Trust::Unsigned };
    let timeline = Timeline::of(&with_trust(&log, own), at("2026-11-05T10:00:00"));
    assert!(!timeline.is_doubted());
    let [first, last] =
        ["2026-11-01T10:00:00", "2026-11-02T10:00:00"].map(|it| place(&timeline, it));
    assert!(first.0 < last.0);
    assert_eq!((first.1, last.1), (None, None));
    let old = place(&timeline, "2025-05-05T10:00:00");
    assert!(old.0 < first.0 && old.1.is_none());
}

#[test]
fn unsigned_ledgers_lose_at_most_ages_by_one_line() {
    // Without keys anyone can write one line; it makes none younger, and moves none.
    let times = ["2026-11-01T10:00:00", "2026-11-02T10:00:00", "2026-11-03T10:00:00"];
    for forged in ["1999-01-01T00:00:00", "2026-11-02T12:00:00", "2099-01-01T00:00:00"] {
        let mut log = log(&times);
        log.backup(at(forged), &named(at(times[0])));
        let entries = with_trust(&log, |_| Trust::Unsigned);
        let timeline = Timeline::of(&entries, at("2026-11-03T11:00:00"));
        let placed = times.map(|it| place(&timeline, it));
        assert!(placed.is_sorted_by_key(|it| it.0), "{forged}");
        let earliest = timeline.earliest(entries.clone());
        let younger = earliest.iter().zip(&entries).any(|(it, said)| it.at_utc > said.at_utc);
        assert!(!younger, "{forged}");
    }
}

#[test]
fn two_machines_five_hours_apart_lend_no_freshness() {
    // They share a folder and take turns for two days. The second one is ahead.
    let start = at("2026-11-01T00:00:00");
    let (mut log, mut made) = (Log::default(), Vec::new());
    for hour in 0..48 {
        let right = start + TimeDelta::hours(hour);
        let ahead = right + TimeDelta::minutes(30) + TimeDelta::hours(5);
        for said in [right, ahead] {
            let name = named(start + TimeDelta::seconds(made.len() as i64));
            log.backup(said, &name);
            made.push((name, said));
        }
        let now = right + TimeDelta::minutes(40);
        let timeline = Timeline::of(log.entries(), now);
        let placed: Vec<_> =
            made.iter().map(|(name, said)| timeline.place(name, Some(*said), *said)).collect();
        assert!(placed.is_sorted_by_key(|it| it.0), "{hour}");
        // None of the one that is ahead is believed where the right one speaks against it.
        for (at, (_, wrong)) in placed.iter().enumerate().skip(1).step_by(2) {
            assert!(wrong.is_some(), "{hour} {at}");
        }
    }
}

#[test]
fn the_end_of_summer_time_is_silent() {
    // Local time went back an hour, labels counted on, UTC did not.
    let times = ["2026-10-25T00:30:00", "2026-10-25T01:10:00", "2026-10-25T01:40:00"];
    assert_eq!(told(&log(&times), "2026-10-25T02:00:00", &[]), ["26-10-25"; 3]);
}

#[test]
fn the_status_names_it_for_a_week() {
    let mut facts = crate::status::tests::good();
    let now = facts.at_utc;
    let days = |n| now - TimeDelta::days(n);
    let misdated = |from, until| model::wrong_clock::Misdated {
        label: named(days(1)),
        clock: WrongClock { said_utc: now + TimeDelta::days(1), from_utc: from, until_utc: until },
    };
    assert_eq!(finding(&facts), None);
    facts.wrong_clocks = vec![misdated(Some(days(5)), Some(days(4)))];
    let found = finding(&facts).expect("a finding");
    assert!(found.message.contains("its clock was wrong: taken between "), "{found:?}");
    facts.wrong_clocks = vec![misdated(Some(days(9)), Some(days(8)))];
    assert_eq!(finding(&facts), None);
    facts.wrong_clocks.push(misdated(None, None));
    let found = finding(&facts).expect("a finding");
    assert!(found.message.contains("that clock or this machine's is wrong"), "{found:?}");
    assert!(facts.is_clock_doubted());
}

proptest! {
    /// Whatever the clocks said, the order of the ledger is the order of the backups; no time
    /// that is believed contradicts another one, and none is one to come.
    #[test]
    fn the_order_is_that_of_the_ledger(
        minutes in prop::collection::vec(0_i64..10_000, 1..20),
        now in 0_i64..10_000,
    ) {
        let start = at("2026-01-01T00:00:00");
        let name = |number: usize| named(start + TimeDelta::seconds(number as i64));
        let mut log = Log::default();
        for (number, minute) in minutes.iter().enumerate() {
            log.backup(start + TimeDelta::minutes(*minute), &name(number));
        }
        let now = start + TimeDelta::minutes(now);
        let timeline = Timeline::of(log.entries(), now);
        let placed: Vec<(Rank, Option<WrongClock>, DateTime<Utc>)> = log
            .entries()
            .iter()
            .enumerate()
            .map(|(number, entry)| {
                let (rank, wrong) =
                    timeline.place(&name(number), Some(entry.at_utc), entry.at_utc);
                (rank, wrong, entry.at_utc)
            })
            .collect();
        prop_assert!(placed.is_sorted_by_key(|it| it.0));
        let believed: Vec<_> = placed.iter().filter(|it| it.1.is_none()).collect();
        for (at, earlier) in believed.iter().enumerate() {
            prop_assert!(earlier.2 <= now + SLACK);
            for later in &believed[at..] {
                prop_assert!(earlier.2 <= later.2 + SLACK + SLACK, "{:?} {:?}", earlier, later);
            }
        }
        let earliest = timeline.earliest(log.entries().to_vec());
        for (it, said) in earliest.iter().zip(log.entries()) {
            prop_assert!(it.at_utc <= said.at_utc);
        }
        let latest = timeline.latest(log.entries().to_vec());
        for (it, said) in latest.iter().zip(log.entries()) {
            prop_assert!(it.at_utc >= said.at_utc);
        }
        for (_, wrong, _) in &placed {
            let Some(WrongClock { from_utc: Some(from), until_utc: Some(until), .. }) = wrong else {
                continue;
            };
            prop_assert!(from <= until || *until == now);
        }
    }
}
