//! Numbers as people read them.

use chrono::{DateTime, TimeDelta, Utc};

pub use model::number::thousands;

/// "1 row", "1,234 rows", "2 entries".
pub fn count(n: u64, noun: &str) -> String {
    match noun.strip_suffix("try") {
        _ if n == 1 => format!("1 {noun}"),
        Some(stem) => format!("{} {stem}tries", thousands(n)),
        None => format!("{} {noun}s", thousands(n)),
    }
}

/// "512 B", "1.4 KiB", "23 MiB": two or three figures.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.6 would be shown as 1024.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// "340 ms", "1.2 s", "3 min 05 s", "2 h 07 min".
pub fn duration(ms: u64) -> String {
    if ms < 1000 {
        return format!("{ms} ms");
    }
    if ms < 9_950 {
        return format!("{:.1} s", ms as f64 / 1000.0);
    }
    // Rounded once, so that no unit ever shows 60.
    let seconds = (ms + 500) / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// How long ago: "just now", "5 minutes ago", "3 days ago". A time that has not
/// come yet (the clock was put back) is "in the future".
pub fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - then;
    let ago = |n: i64, noun: &str| format!("{} ago", count(n.unsigned_abs(), noun));
    if passed < -TimeDelta::minutes(1) {
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
    if passed < -TimeDelta::minutes(1) {
        "future".to_owned()
    } else if passed < TimeDelta::hours(1) {
        format!("{} min", passed.num_minutes().max(0))
    } else if passed < TimeDelta::days(2) {
        format!("{} h", passed.num_hours())
    } else {
        format!("{} d", thousands(passed.num_days().unsigned_abs()))
    }
}

/// A moment to the minute, where no local clock is at hand.
pub fn minute_utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
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
    fn sizes() {
        for (n, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1500, "1.5 KiB"),
            (10_200, "10 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn times() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_240, "1.2 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (59_499, "59 s"),
            (59_500, "1 min 00 s"),
            (3_599_499, "59 min 59 s"),
            (3_599_500, "1 h 00 min"),
            (7_620_000, "2 h 07 min"),
        ] {
            assert_eq!(duration(ms), text, "{ms}");
        }
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
