//! A backup of a clock that was wrong.

use super::*;

#[test]
fn a_backup_of_a_wrong_clock_stands_where_the_ledger_has_it() {
    // Taken between the two others, in the second of the last one.
    let mut wrong = of("20300101_100000");
    wrong.misdated = true;
    wrong.rank = 2;
    wrong.taken = Some(moment(local("20261202_000001") + TimeDelta::milliseconds(300)));
    let first = Backup { rank: 1, ..of("20261202_000000") };
    let last = Backup { rank: 3, ..of("20261202_000001") };
    assert_eq!(fates(&[first.clone(), wrong.clone(), last], &only_last(1)), [Go, Go, Keep]);
    // It is the last one: it stays, and lets the others go.
    assert_eq!(fates(&[first.clone(), wrong.clone()], &only_last(1)), [Go, Keep]);
    // Nothing bounds its time: a person looks at it, and nothing goes because of it.
    wrong.taken = Some(moment(local("20300101_100000")));
    assert_eq!(fates(&[first, wrong], &only_last(1)), [Keep, Look]);
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
