//! Numbers as people read them.

use chrono::{DateTime, TimeDelta, Utc};

use model::wrong_clock::SLACK;

pub use model::number::{bytes, count, duration, thousands};

/// How long ago: "just now", "5 minutes ago", "3 days ago". A time that has not
/// come yet (the clock was put back) is "in the future".
pub fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - then;
    let ago = |n: i64, noun: &str| format!("{} ago", count(n.unsigned_abs(), noun));
    if passed < -SLACK {
        "in the future".to_owned()
    } else if passed < TimeDelta::minutes(1) {
        "just now".to_owned()
    } else if passed < TimeDelta::hours(1) {
        ago(passed.num_minutes(), "minute")
    } else if passed < TimeDelta::days(2) {
        ago(passed.num_hours(), "hour")
    } else {
        ago(passed.num_days(), "day")
    }
}

/// The same in a few characters: "0 min", "5 min", "3 h", "12 d", or "future".
pub fn short_age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - then;
    if passed < -SLACK {
        "future".to_owned()
    } else if passed < TimeDelta::hours(1) {
        format!("{} min", passed.num_minutes().max(0))
    } else if passed < TimeDelta::days(2) {
        format!("{} h", passed.num_hours())
    } else {
        format!("{} d", thousands(passed.num_days().unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(n), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
    }

    #[test]
    fn times() {
        let now = DateTime::from_timestamp(2_000_000_000, 0).unwrap();
        for (seconds, text) in [
            (-3600, "future"),
            (0, "0 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (47 * 3600, "47 h"),
            (48 * 3600, "2 d"),
        ] {
            assert_eq!(short_age(now - TimeDelta::seconds(seconds), now), text, "{seconds}");
        }
        for (seconds, text) in [
            (-3600, "in the future"),
            (-5, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7199, "1 hour ago"),
            (47 * 3600, "47 hours ago"),
            (48 * 3600, "2 days ago"),
            (86_400 * 1200, "1,200 days ago"),
        ] {
            assert_eq!(age(now - TimeDelta::seconds(seconds), now), text, "{seconds}");
        }
    }
}
