//! A backup's name: `mydb_backup_20261122_101112`.

use std::fmt;
use std::str::FromStr;

use chrono::{Duration, NaiveDateTime};
use serde::{Deserialize, Serialize};

const STAMP: &str = "%Y%m%d_%H%M%S";
const MIDDLE: &str = "_backup_";

/// The schema's name and the local time, to the second. Labels of one schema
/// sort in the order in which the backups were made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Label {
    schema: String,
    time: NaiveDateTime,
}

impl Label {
    /// The next label: now, or one second after the newest one when the clock
    /// went back or two backups fall into one second.
    pub fn next(schema: &str, now_local: NaiveDateTime, newest: Option<&Self>) -> Self {
        let floor = newest.map(|label| label.time + Duration::seconds(1));
        let now = now_local.and_utc().timestamp();
        let now = chrono::DateTime::from_timestamp(now, 0).map_or(now_local, |t| t.naive_utc());
        let time = floor.map_or(now, |floor| floor.max(now));
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
        let newest: Label = "mydb_backup_20261122_101112".parse().expect("a label");
        let same = Label::next("mydb", at("20261122_101112"), Some(&newest));
        assert_eq!(same.to_string(), "mydb_backup_20261122_101113");
        let clock_went_back = Label::next("mydb", at("20251122_101112"), Some(&newest));
        assert_eq!(clock_went_back.to_string(), "mydb_backup_20261122_101113");
        let later = Label::next("mydb", at("20261122_111112"), Some(&newest));
        assert_eq!(later.to_string(), "mydb_backup_20261122_111112");
    }
}
