//! When the disk of the backups folder will be full, at the pace of the last 30 days.

use chrono::{DateTime, TimeDelta, Utc};

use model::status::{Answer, Forecast};

/// How far back the pace is measured.
const WINDOW: TimeDelta = TimeDelta::days(30);
/// Below this, a pace is chance.
const BACKUPS_MIN: usize = 3;
const SPAN_MIN: TimeDelta = TimeDelta::days(1);
const DAY_S: i128 = 86_400;

/// A change of what the backups folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub at: DateTime<Utc>,
    /// How many bytes came (a backup) or went (pruned: negative).
    pub bytes: i64,
}

/// The forecast. Linear: what came less what went, over the time since the first
/// change of the window.
pub fn of(changes: &[Change], free_bytes: u64, now: DateTime<Utc>) -> Answer<Forecast> {
    let recent: Vec<&Change> =
        changes.iter().filter(|it| it.at > now - WINDOW && it.at <= now).collect();
    let made = recent.iter().filter(|it| it.bytes > 0).count();
    let first = recent.iter().map(|it| it.at).min();
    let span = first.map_or(TimeDelta::zero(), |first| now - first);
    if made < BACKUPS_MIN || span < SPAN_MIN {
        return Answer::unknown(format!(
            "a forecast needs {BACKUPS_MIN} backups over at least a day; the last 30 days have \
            {made}"
        ));
    }
    let grown: i128 = recent.iter().map(|it| i128::from(it.bytes)).sum();
    let per_day = grown * DAY_S / i128::from(span.num_seconds());
    let days_until_full =
        (per_day > 0).then(|| u64::try_from(i128::from(free_bytes) / per_day).unwrap_or(u64::MAX));
    let bytes_per_day = i64::try_from(per_day).unwrap_or(i64::MAX);
    Answer::Known(Forecast { bytes_per_day, days_until_full })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: i64 = 1 << 30;

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().expect("a time")
    }

    fn change(days_ago: i64, bytes: i64) -> Change {
        Change { at: now() - TimeDelta::days(days_ago), bytes }
    }

    #[test]
    fn a_pace_is_what_came_less_what_went() {
        let mut changes: Vec<Change> = (0..10).map(|day| change(day + 1, GIB)).collect();
        let forecast = of(&changes, 100 << 30, now());
        let known = Forecast { bytes_per_day: GIB, days_until_full: Some(100) };
        assert_eq!(forecast, Answer::Known(known));
        // Longer ago than the window, and still to come: neither counts.
        changes.extend([change(31, 500 * GIB), change(-1, 500 * GIB)]);
        assert_eq!(of(&changes, 100 << 30, now()), forecast);
        changes.push(change(1, -5 * GIB));
        let known = Forecast { bytes_per_day: GIB / 2, days_until_full: Some(200) };
        assert_eq!(of(&changes, 100 << 30, now()), Answer::Known(known));
        changes.push(change(1, -5 * GIB));
        let known = Forecast { bytes_per_day: 0, days_until_full: None };
        assert_eq!(of(&changes, 100 << 30, now()), Answer::Known(known));
    }

    #[test]
    fn two_backups_or_one_morning_are_no_pace() {
        let few = [change(2, GIB), change(1, GIB)];
        assert!(of(&few, 1, now()).known().is_none());
        let hour = |hours| Change { at: now() - TimeDelta::hours(hours), bytes: GIB };
        assert!(of(&[hour(1), hour(2), hour(3)], 1, now()).known().is_none());
        assert!(of(&[], 1, now()).known().is_none());
    }
}
