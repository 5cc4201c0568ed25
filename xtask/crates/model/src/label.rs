//! A backup's name: `mydb_backup_20261122_101112`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{Duration, NaiveDateTime};
use serde::{Deserialize, Serialize};

const STAMP: &str = "%Y%m%d_%H%M%S";
const MIDDLE: &str = "_backup_";

/// A label that is further ahead of the clock than this does not count: an hour is what the end
/// of summer time takes back.
const AHEAD: Duration = Duration::hours(1);

/// The schema's name and the local time, to the second. Labels of one schema
/// sort in the order in which the backups were made, as long as the clock is right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Label {
    schema: String,
    time: NaiveDateTime,
}

impl Label {
    /// The next label: now, or the first free second after the newest one when two backups fall
    /// into one second or the clock went back a little. One that is far ahead comes from a
    /// clock that was wrong: it would make every later name wrong, too.
    pub fn next(schema: &str, now_local: NaiveDateTime, used: &BTreeSet<NaiveDateTime>) -> Self {
        let now = now_local.and_utc().timestamp();
        let now = chrono::DateTime::from_timestamp(now, 0).map_or(now_local, |t| t.naive_utc());
        let second = Duration::seconds(1);
        let newest = used.range(..=now + AHEAD).next_back();
        let mut time = newest.map_or(now, |newest| now.max(*newest + second));
        while used.contains(&time) {
            time += second;
        }
        Self { schema: schema.to_owned(), time }
    }

    /// The schema that was backed up.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The local time in the name.
    pub fn time(&self) -> NaiveDateTime {
        self.time
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{MIDDLE}{}", self.schema, self.time.format(STAMP))
    }
}

/// The text is not `<schema>_backup_YYYYMMDD_HHMMSS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALabel(pub String);

impl fmt::Display for NotALabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a label of the form mydb_backup_YYYYMMDD_HHMMSS", self.0)
    }
}

impl std::error::Error for NotALabel {}

impl FromStr for Label {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        let bad = || NotALabel(text.to_owned());
        let (schema, stamp) = text.rsplit_once(MIDDLE).ok_or_else(bad)?;
        let time = NaiveDateTime::parse_from_str(stamp, STAMP).map_err(|_| bad())?;
        let label = Self { schema: schema.to_owned(), time };
        // Refuses forms that chrono accepts but that would not round-trip.
        if schema.is_empty() || label.to_string() != text { Err(bad()) } else { Ok(label) }
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.to_string()
    }
}

impl TryFrom<String> for Label {
    type Error = NotALabel;

    fn try_from(text: String) -> Result<Self, NotALabel> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, STAMP).expect("a stamp")
    }

    #[test]
    fn round_trips() {
        let label: Label = "mydb_backup_20261122_101112".parse().expect("a label");
        assert_eq!(label.schema(), "mydb");
        assert_eq!(label.to_string(), "mydb_backup_20261122_101112");
        for bad in [
            "",
            "mydb",
            "mydb_backup_",
            "_backup_20261122_101112",
            "mydb_backup_2026112_101112",
            "mydb_backup_20261122_101112.sql",
        ] {
            assert!(bad.parse::<Label>().is_err(), "{bad}");
        }
    }

    #[test]
    fn never_repeats_and_never_sorts_before() {
        let used = |stamps: &[&str]| stamps.iter().map(|stamp| at(stamp)).collect();
        let next = |now: &str, stamps: &[&str]| {
            Label::next("mydb", at(now), &used(stamps)).time().format(STAMP).to_string()
        };
        let newest = ["20261122_101112"];
        assert_eq!(next("20261122_101112", &newest), "20261122_101113");
        assert_eq!(next("20261122_111112", &newest), "20261122_111112");
        // The end of summer time.
        assert_eq!(next("20261122_091112", &newest), "20261122_101113");
        assert_eq!(next("20261122_091111", &newest), "20261122_091111");
    }

    #[test]
    fn one_of_a_wrong_clock_does_not_spoil_the_next() {
        let used = |stamps: &[&str]| stamps.iter().map(|stamp| at(stamp)).collect();
        let next = |now: &str, stamps: &[&str]| {
            Label::next("mydb", at(now), &used(stamps)).time().format(STAMP).to_string()
        };
        let wrong = ["20261122_101112", "20300101_100000", "20300101_100001"];
        assert_eq!(next("20261122_101500", &wrong), "20261122_101500");
        assert_eq!(next("20261122_101112", &wrong), "20261122_101113");
        // Its own time comes: no name is used twice.
        assert_eq!(next("20300101_100000", &wrong), "20300101_100002");
        // The second after the newest that counts is one that does not.
        let ahead = ["20261122_111112", "20261122_111113"];
        assert_eq!(next("20261122_101112", &ahead), "20261122_111114");
    }
}
