//! When a run is due: an interval (`6h`), or a cron expression of five fields, read
//! strictly: what a scheduler might take otherwise is refused.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{
    DateTime, Datelike, Days, Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc,
};

/// The shortest interval: schedulers without calendars of their own ask every
/// [`TICK_MINUTES`].
const MINUTES_MIN: u32 = 5;
const MINUTES_MAX: u32 = 31 * 24 * 60;
/// How often a scheduler that knows no such expression calls `schedule run --if-due`.
pub const TICK_MINUTES: u32 = 5;
/// How far ahead the next moment is searched: Feb 29 comes within eight years.
const SEARCH_DAYS: u64 = 9 * 366;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// So many minutes after the last one began.
    Every(u32),
    /// At the moments of a calendar.
    At(Box<Calendar>),
}

/// The fields of a cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// As it was typed, with single blanks.
    pub text: String,
    /// 0 to 59.
    pub minutes: BTreeSet<u32>,
    /// 0 to 23.
    pub hours: BTreeSet<u32>,
    /// 1 to 31.
    pub days: BTreeSet<u32>,
    /// 1 to 12.
    pub months: BTreeSet<u32>,
    /// 0 to 6, from Sunday.
    pub weekdays: BTreeSet<u32>,
    /// Whether the days of the month are given.
    pub by_day: bool,
    /// Whether the days of the week are given. With both, either makes a day count.
    pub by_weekday: bool,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(minutes) if minutes % 1440 == 0 => write!(f, "{}d", minutes / 1440),
            Self::Every(minutes) if minutes % 60 == 0 => write!(f, "{}h", minutes / 60),
            Self::Every(minutes) => write!(f, "{minutes}m"),
            Self::At(calendar) => f.write_str(&calendar.text),
        }
    }
}

/// An expression in a sentence: "every 6h", "at 15 3 * * *".
pub fn words(text: &str) -> String {
    let how = if text.contains(' ') { "at" } else { "every" };
    format!("{how} {text}")
}

/// Reads `6h`, `30m`, `1d`, or a cron expression.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn parse(text: &str) -> Result<When, String> {
    let text = text.trim();
    if text.split_whitespace().count() > 1 {
        return Ok(When::At(Box::new(calendar(text)?)));
    }
    let form = || {
        format!(
            "`{text}` is neither an interval such as 6h, 30m, 1d, nor a cron expression of five fields"
        )
    };
    let unit = text.chars().last().ok_or_else(form)?;
    let factor = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 1440,
        _ => return Err(form()),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(form());
    }
    let minutes = digits.parse::<u32>().ok().and_then(|n| n.checked_mul(factor));
    match minutes {
        Some(minutes) if (MINUTES_MIN..=MINUTES_MAX).contains(&minutes) => Ok(When::Every(minutes)),
        _ => Err(format!("`{text}` is not between 5m and 31d")),
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn calendar(text: &str) -> Result<Calendar, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("`{text}` has {} fields, a cron expression has five", fields.len()));
    };
    let mut weekdays = field("day of the week", weekday, 0, 7, &WEEKDAYS, 0)?;
    if weekdays.remove(&7) {
        weekdays.insert(0);
    }
    let calendar = Calendar {
        minutes: field("minute", minute, 0, 59, &[], 0)?,
        hours: field("hour", hour, 0, 23, &[], 0)?,
        days: field("day of the month", day, 1, 31, &[], 0)?,
        months: field("month", month, 1, 12, &MONTHS, 1)?,
        weekdays,
        // As cron has it: what begins with a star restricts nothing by itself.
        by_day: !day.starts_with('*'),
        by_weekday: !weekday.starts_with('*'),
        text: fields.join(" "),
    };
    let epoch = NaiveDate::from_ymd_opt(2028, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    if epoch.is_some_and(|from| calendar.after(from).is_none()) {
        return Err(format!("`{text}` names a day that does not exist"));
    }
    Ok(calendar)
}

/// The numbers of one field: `*`, `5`, `1-5`, `*/15`, `1-31/2`, lists of them with commas.
fn field(
    what: &str,
    text: &str,
    min: u32,
    max: u32,
    names: &[&str],
    first_name: u32,
) -> Result<BTreeSet<u32>, String> {
    let wrong = |part: &str| format!("`{part}` is not a valid {what} ({min} to {max})");
    let number = |part: &str| -> Result<u32, String> {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(part));
        let n = match named {
            Some(at) => u32::try_from(at).unwrap_or(0) + first_name,
            None if part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit()) => {
                part.parse().map_err(|_| wrong(part))?
            }
            None => return Err(wrong(part)),
        };
        if (min..=max).contains(&n) { Ok(n) } else { Err(wrong(part)) }
    };
    let mut numbers = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let step = step.parse::<u32>().ok().filter(|n| (1..=max).contains(n));
                (range, Some(step.ok_or_else(|| wrong(part))?))
            }
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, if max == 7 { 6 } else { max }),
            Some((first, last)) => (number(first)?, number(last)?),
            // `5/15` means different things to different schedulers.
            None if step.is_some() => return Err(wrong(part)),
            None => {
                let n = number(range)?;
                (n, n)
            }
        };
        if first > last {
            return Err(wrong(part));
        }
        let step = usize::try_from(step.unwrap_or(1)).map_err(|_| wrong(part))?;
        numbers.extend((first..=last).step_by(step));
    }
    Ok(numbers)
}

impl Calendar {
    fn is_day(&self, day: NaiveDate) -> bool {
        let by_day = self.days.contains(&day.day());
        let by_weekday = self.weekdays.contains(&day.weekday().num_days_from_sunday());
        let matches = match (self.by_day, self.by_weekday) {
            (true, true) => by_day || by_weekday,
            _ => by_day && by_weekday,
        };
        matches && self.months.contains(&day.month())
    }

    /// The first moment after `from`, by the wall clock.
    pub fn after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        for ahead in 0..SEARCH_DAYS {
            let day = from.date().checked_add_days(Days::new(ahead))?;
            if !self.is_day(day) {
                continue;
            }
            let times = self.hours.iter().flat_map(|hour| {
                self.minutes.iter().filter_map(move |minute| day.and_hms_opt(*hour, *minute, 0))
            });
            if let Some(found) = times.into_iter().find(|time| *time > from) {
                return Some(found);
            }
        }
        None
    }
}

impl When {
    /// When the run after one that began at `last` is due. A time that the wall clock
    /// leaves out in spring comes as soon as the clock is past it; one that it shows
    /// twice in autumn counts once.
    pub fn next(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_in(last, &Local)
    }

    fn next_in<Z: TimeZone>(&self, last: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(minutes) => last.checked_add_signed(TimeDelta::minutes((*minutes).into())),
            Self::At(calendar) => {
                let mut wall = last.with_timezone(zone).naive_local();
                // In the hour that comes twice a moment can be found that is past.
                for _ in 0..240 {
                    wall = calendar.after(wall)?;
                    let found = moment(wall, zone)?.with_timezone(&Utc);
                    if found > last {
                        return Some(found);
                    }
                }
                None
            }
        }
    }

    /// When the next run is due: `last` is when the last one began, `since` when the
    /// schedule was installed. An interval that never ran is due at once.
    pub fn due(
        &self,
        last: Option<DateTime<Utc>>,
        since: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        match (self, last) {
            (_, Some(last)) => self.next(last),
            (Self::Every(_), None) => since,
            (Self::At(_), None) => self.next(since?),
        }
    }
}

/// The moment of a wall-clock time; the first one that exists at or after it.
fn moment<Z: TimeZone>(wall: NaiveDateTime, zone: &Z) -> Option<DateTime<Z>> {
    let wall = wall.with_second(0)?;
    (0..=240).find_map(|minutes| {
        zone.from_local_datetime(&(wall + TimeDelta::minutes(minutes))).earliest()
    })
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;
