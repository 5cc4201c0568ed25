//! A backup of a clock that was wrong, and labels that do not go up.

use super::*;

fn wrong() -> WrongClock {
    let day = |stamp| local(stamp).and_utc();
    WrongClock {
        said_utc: day("20300101_100000"),
        from_utc: Some(day("20261202_000000")),
        until_utc: Some(day("20261203_000000")),
    }
}

#[test]
fn one_of_unknown_time_stays_and_lets_nothing_go() {
    let first = Backup { rank: 1, ..of("20261202_000000") };
    let unknown = Backup { rank: 2, wrong_clock: Some(wrong()), ..of("20261202_120000") };
    let last = Backup { rank: 3, ..of("20261203_000000") };
    let all = [first.clone(), unknown.clone(), last];
    assert_eq!(fates(&all, &only_last(1)), [Go, Look, Keep]);
    // The last one that is known, and verified, stays.
    let all = [first, unknown];
    assert_eq!(fates(&all, &only_last(1)), [Keep, Look]);
    let said = reason(&all, &only_last(1), 1);
    assert!(said.starts_with("its clock was wrong: taken between 2026-12-02 00:00 UTC"), "{said}");
}

#[test]
fn by_a_clock_that_may_be_behind_nothing_goes() {
    let doubt = WrongClock { from_utc: None, until_utc: None, ..wrong() };
    let all = ["20261201_000000", "20261202_000000", "20261203_000000"]
        .map(|stamp| Backup { wrong_clock: Some(doubt), ..of(stamp) });
    assert_eq!(fates(&all, &only_last(1)), [Look, Look, Look]);
}

#[test]
fn labels_of_another_zone_change_no_order() {
    // The first was made five zones to the east, and is an hour older than the second.
    let first =
        Backup { rank: 1, taken: Some(moment(local("20261202_090000"))), ..of("20261202_140000") };
    let second = Backup { rank: 2, ..of("20261202_100000") };
    let all = [first, second];
    assert_eq!(fates(&all, &only_last(1)), [Go, Keep]);
    let hourly = RetentionPolicy { hourly: 1, ..only_last(0) };
    assert_eq!(
        reason(&all, &hourly, 1),
        "newest restored, newest verified, hourly 2026-12-02 10:00"
    );
}

#[test]
fn clocks_that_differ_a_little_fill_no_period_twice() {
    let (day, other) = (local("20261202_100000"), local("20261202_095959"));
    let stamps = [local("20261201_120000"), day, other, day + TimeDelta::seconds(30)];
    let all: Vec<Backup> =
        stamps.iter().enumerate().map(|(rank, at)| Backup { rank, ..backup(*at) }).collect();
    let hourly = RetentionPolicy { hourly: 3, ..only_last(0) };
    assert_eq!(fates(&all, &hourly), [Keep, Go, Keep, Keep]);
}

#[test]
fn one_to_come_is_not_counted_and_not_deleted() {
    let good = || vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    let mut future = good();
    future[2] = of("20301203_000000");
    assert_eq!(fates(&future, &only_last(1)), [Go, Keep, Look]);
    // Taken after a clock had run ahead: the label counts on from 2030, the time is right.
    future[2].taken = Some(moment(local("20261203_000000")));
    assert_eq!(fates(&future, &only_last(1)), [Go, Go, Keep]);
    let daily = RetentionPolicy { daily: 1, ..only_last(0) };
    assert_eq!(reason(&future, &daily, 2), "newest restored, newest verified, daily 2026-12-03");
}
