//! Tests of what the ledger tells.

use super::testing::{Log, label};
use super::*;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_342_272 + minute * 60, 0).expect("a time")
}

#[test]
fn a_failure_stands_until_the_same_level_passes() {
    let one = label("20261101_000000");
    let failed = |log: &Log| History::of(log.entries(), "mydb").failed();
    let mut log = Log::default();
    log.drill(at(1), &one, true);
    assert!(failed(&log).is_empty());
    log.drill(at(2), &one, false);
    assert_eq!(failed(&log)[&one.to_string()], (Level::Restore, at(2)));
    // That its file reads well does not make it restorable.
    log.verify(at(3), &one, Level::File, true);
    assert_eq!(failed(&log).len(), 1);
    log.drill(at(4), &one, true);
    assert!(failed(&log).is_empty());
    log.verify(at(5), &one, Level::File, false).drill(at(6), &one, true);
    assert!(failed(&log).is_empty());
    log.drill(at(7), &one, false).verify(at(8), &one, Level::File, false);
    log.verify(at(9), &one, Level::File, true);
    assert_eq!(failed(&log)[&one.to_string()], (Level::Restore, at(7)));
}

#[test]
fn a_copy_elsewhere_says_nothing_about_the_file_here() {
    let one = label("20261101_000000");
    let mut log = Log::default();
    log.drill(at(1), &one, false).drill(at(2), &one, true).at_place("drive");
    let history = History::of(log.entries(), "mydb");
    assert_eq!(history.failed().len(), 1, "a good copy does not lift what failed here");
    assert_eq!(history.read_back_here(std::slice::from_ref(&one)), None);
    assert_eq!(history.drills().len(), 1);
    let mut log = Log::default();
    log.drill(at(1), &one, true).drill(at(2), &one, false).at_place("drive");
    let history = History::of(log.entries(), "mydb");
    assert!(history.failed().is_empty(), "a damaged copy does not condemn the file here");
    assert!(history.read_back_here(std::slice::from_ref(&one)).is_some());
}

#[test]
fn copies_are_known_by_their_last_attempt() {
    let (one, two) = (label("20261101_000000"), label("20261102_000000"));
    let mut log = Log::default();
    log.copy(at(1), "nas", &one, CopyOutcome::Copied)
        .copy(at(2), "nas", &two, CopyOutcome::Failed)
        .copy(at(3), "s3", &two, CopyOutcome::Copied)
        .copy(at(4), "nas", &one, CopyOutcome::Checked);
    let history = History::of(log.entries(), "mydb");
    assert_eq!(history.read_back_at("nas"), BTreeMap::from([(one.clone(), at(4))]));
    assert!(history.failed_at("nas").into_keys().eq(std::iter::once(two.clone())));
    assert_eq!(history.read_back_at("s3"), BTreeMap::from([(two.clone(), at(3))]));
    log.copy(at(5), "nas", &one, CopyOutcome::Failed).copy(at(6), "nas", &two, CopyOutcome::Copied);
    let history = History::of(log.entries(), "mydb");
    assert_eq!(history.read_back_at("nas"), BTreeMap::from([(two, at(6))]));
    assert!(history.failed_at("nas").into_keys().eq(std::iter::once(one)));
}

#[test]
fn another_schema_is_another_story() {
    let one = label("20261101_000000");
    let mut log = Log::default();
    log.drill(at(1), &one, true);
    assert!(History::of(log.entries(), "other").drills().is_empty());
    assert_eq!(History::of(log.entries(), "mydb").drills().len(), 1);
    assert_eq!(
        History::of(log.entries(), "mydb").read_back_here(std::slice::from_ref(&one)),
        Some(ReadBack { label: one, at_utc: at(1) })
    );
}
