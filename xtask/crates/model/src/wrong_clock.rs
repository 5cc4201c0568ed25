//! A backup of which no clock tells when it was taken.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::label::Label;

/// How well clocks have to agree: what differs by less is the same time.
pub const SLACK: TimeDelta = TimeDelta::minutes(5);

/// Its time contradicts the order of the ledger. What the ledger knows instead:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongClock {
    /// What the clock said.
    pub said_utc: DateTime<Utc>,
    /// Not before this; null: unknown.
    pub from_utc: Option<DateTime<Utc>>,
    /// Not after this; null: it may be this machine's clock that is wrong.
    pub until_utc: Option<DateTime<Utc>>,
}

/// A backup whose time is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misdated {
    pub label: Label,
    pub clock: WrongClock,
}

impl WrongClock {
    /// Whether this machine's clock may be the wrong one.
    pub fn may_be_this_clock(&self) -> bool {
        self.until_utc.is_none()
    }

    /// Where it stands on a time axis. It is no age: that is unknown.
    pub fn axis_utc(&self) -> DateTime<Utc> {
        self.from_utc.or(self.until_utc).unwrap_or(self.said_utc)
    }

    /// "its clock was wrong: taken between … and …". `clock`: how moments are written.
    pub fn words(&self, clock: &dyn Fn(DateTime<Utc>) -> String) -> String {
        match (self.from_utc.map(clock), self.until_utc.map(clock)) {
            (Some(from), Some(until)) => {
                format!("its clock was wrong: taken between {from} and {until}")
            }
            (None, Some(until)) => format!("its clock was wrong: taken before {until}"),
            (_, None) => format!(
                "when it was taken is unknown: a clock is wrong, perhaps this machine's (its own \
                said {})",
                clock(self.said_utc)
            ),
        }
    }
}

impl fmt::Display for WrongClock {
    /// With moments in UTC, to the minute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&|at| at.format("%Y-%m-%d %H:%M UTC").to_string()))
    }
}
