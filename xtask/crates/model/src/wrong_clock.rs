//! A backup that was taken while a clock was wrong.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// When it really was taken, as far as the order of the ledger tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongClock {
    /// What the clock said.
    pub said_utc: DateTime<Utc>,
    /// Not before this; null: unknown.
    pub from_utc: Option<DateTime<Utc>>,
    /// Not after this.
    pub until_utc: DateTime<Utc>,
}

impl WrongClock {
    /// The moment that stands for it on a time axis. Ages count from the earlier bound: a backup
    /// must not look younger than it is.
    pub fn believed_utc(&self) -> DateTime<Utc> {
        self.from_utc.unwrap_or(self.until_utc)
    }

    /// "its clock was wrong: taken between … and …". `clock`: how moments are written.
    pub fn words(&self, clock: &dyn Fn(DateTime<Utc>) -> String) -> String {
        let until = clock(self.until_utc);
        match self.from_utc {
            Some(from) => {
                format!("its clock was wrong: taken between {} and {until}", clock(from))
            }
            None => format!("its clock was wrong: taken before {until}"),
        }
    }
}
