//! Axes with the steps that people read: hours and days, KiB and MiB, seconds and minutes.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use crate::human;

/// A straight axis with its own ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Its first value.
    pub from: f64,
    /// Its last value, which is greater.
    pub to: f64,
    /// Its ticks and their labels.
    pub ticks: Vec<(f64, String)>,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

impl Axis {
    /// Between two moments. Their ticks are at round times of UTC.
    pub(crate) fn time(first: DateTime<Utc>, last: DateTime<Utc>) -> Self {
        let (mut from, mut to) = (seconds(first), seconds(last.max(first)));
        // A single moment, too, needs some width; and letters stand behind the last one.
        let pad = if to - from < 1.0 { 30.0 } else { (to - from) * 0.04 };
        from -= pad;
        to += pad;
        let seconds = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
        let minutes = [1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 720.0];
        let days = [1.0, 2.0, 4.0, 7.0, 14.0];
        let step = seconds
            .into_iter()
            .chain(minutes.map(|minutes| minutes * MINUTE))
            .chain(days.map(|days| days * DAY))
            .find(|step| (to - from) / step <= 7.0);
        let ticks = match step {
            Some(step) => even_times(from, to, step),
            None => months(from, to),
        };
        Self { from, to, ticks }
    }

    /// From 0 to what `most` bytes need.
    pub(crate) fn bytes(most: f64) -> Self {
        let mut step = 1.0;
        while most / step > 5.0 {
            step *= 2.0;
        }
        Self::even(most, step, |value| human::bytes(value as u64))
    }

    /// From 0 to what `most` seconds need.
    pub(crate) fn span(most: f64) -> Self {
        let fine = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
        let coarse = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0];
        let long = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 168.0, 336.0].map(|h| h * HOUR);
        let mut all = fine.into_iter().chain(coarse).chain(long);
        let step = all.find(|step| most / step <= 5.0);
        let step = step.unwrap_or_else(|| (most / 5.0 / (30.0 * DAY)).ceil() * 30.0 * DAY);
        Self::even(most, step, span_text)
    }

    /// One lane for each name, from the top.
    pub(crate) fn lanes(names: &[String]) -> Self {
        let count = names.len().max(1) as f64;
        let at = |row: usize| count - row as f64 - 0.5;
        let ticks = names.iter().enumerate().map(|(row, name)| (at(row), name.clone())).collect();
        Self { from: 0.0, to: count, ticks }
    }

    fn even(most: f64, step: f64, text: impl Fn(f64) -> String) -> Self {
        let count = (most / step).ceil().max(1.0) as u32;
        let ticks = (0..=count).map(|n| f64::from(n) * step).map(|at| (at, text(at))).collect();
        Self { from: 0.0, to: f64::from(count) * step, ticks }
    }

    /// Where a value is between the axis' ends: 0 to 1.
    pub(crate) fn share(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// A moment on an axis.
pub(crate) fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// "0", "0.5 s", "5 min", "6 h", "3 d".
pub(crate) fn span_text(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 0.0005 => return "0".to_owned(),
        s if s < MINUTE => (s, "s"),
        s if s < HOUR => (s / MINUTE, "min"),
        s if s < 2.0 * DAY => (s / HOUR, "h"),
        s => (s / DAY, "d"),
    };
    let text = format!("{value:.3}");
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn even_times(from: f64, to: f64, step: f64) -> Vec<(f64, String)> {
    let mut at = (from / step).ceil() * step;
    let mut ticks = Vec::new();
    let mut day = None;
    while at <= to {
        let Some(moment) = DateTime::from_timestamp(at as i64, 0) else { break };
        // The date appears once per day.
        let form = match (step >= DAY, day == Some(moment.date_naive())) {
            (true, _) => "%-d %b",
            (false, true) if step < MINUTE => "%H:%M:%S",
            (false, true) => "%H:%M",
            (false, false) if step < MINUTE => "%-d %b %H:%M:%S",
            (false, false) => "%-d %b %H:%M",
        };
        day = Some(moment.date_naive());
        ticks.push((at, moment.format(form).to_string()));
        at += step;
    }
    ticks
}

fn months(from: f64, to: f64) -> Vec<(f64, String)> {
    let stride = ((to - from) / (30.4 * DAY) / 7.0).ceil().max(1.0) as i32;
    let Some(first) = DateTime::from_timestamp(from as i64, 0) else { return Vec::new() };
    let mut number = first.year() * 12 + first.month0() as i32 + 1;
    let mut ticks = Vec::new();
    loop {
        let month = number.rem_euclid(12) as u32 + 1;
        let date = NaiveDate::from_ymd_opt(number.div_euclid(12), month, 1);
        let Some(moment) = date.and_then(|date| date.and_hms_opt(0, 0, 0)) else { break };
        let at = moment.and_utc().timestamp() as f64;
        if at > to || ticks.len() > 12 {
            break;
        }
        ticks.push((at, moment.format("%b %Y").to_string()));
        number += stride;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn every_axis_has_few_round_ticks() {
        let start = DateTime::from_timestamp(1_795_000_123, 0).unwrap();
        for length in [0, 1, 70, 4000, 40_000, 90_000, 900_000, 9_000_000, 90_000_000, 900_000_000]
        {
            let axis = Axis::time(start, start + TimeDelta::seconds(length));
            assert!(axis.to > axis.from && axis.ticks.len() <= 8, "{length}: {axis:?}");
            assert!(length < 70 || axis.ticks.len() >= 2, "{length}: {axis:?}");
            let inside = axis.ticks.iter().all(|(at, _)| (axis.from..=axis.to).contains(at));
            assert!(inside, "{length}: {axis:?}");
        }
        for most in [0.0, 1e-9, 0.4, 3.0, 77.0, 5e3, 6e5, 7e7, 1e12, 1.8e19] {
            for axis in [Axis::bytes(most), Axis::span(most)] {
                assert!(axis.to >= most && axis.to > 0.0, "{most}: {axis:?}");
                assert!((2..=7).contains(&axis.ticks.len()), "{most}: {axis:?}");
            }
        }
    }

    #[test]
    fn spans_are_short_words() {
        for (seconds, text) in [
            (0.0, "0"),
            (0.05, "0.05 s"),
            (15.0, "15 s"),
            (300.0, "5 min"),
            (21_600.0, "6 h"),
            (86_400.0, "24 h"),
            (345_600.0, "4 d"),
        ] {
            assert_eq!(span_text(seconds), text);
        }
    }
}
