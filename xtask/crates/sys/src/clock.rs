//! The one place that asks what time it is, and the one that waits.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDateTime, TimeDelta, TimeZone, Utc};

use model::exit::Stop;

/// The variable that puts the clock wrong by so many seconds, for tests.
pub const VARIABLE: &str = "XTASK_CLOCK_S";

static WRONG_BY: LazyLock<TimeDelta> = LazyLock::new(|| {
    let seconds = super::env::var(VARIABLE).and_then(|it| it.parse().ok());
    seconds.and_then(TimeDelta::try_seconds).unwrap_or_default()
});

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn now() -> DateTime<Utc> {
    Utc::now().checked_add_signed(*WRONG_BY).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Now, as the wall clock on this machine shows it: what labels are made of.
pub fn now_local() -> NaiveDateTime {
    local(now())
}

/// A moment as the wall clock on this machine showed it.
pub fn local(at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&Local).naive_local()
}

/// The same, for people: to the minute.
pub fn minute(at: DateTime<Utc>) -> String {
    local(at).format("%Y-%m-%d %H:%M").to_string()
}

/// When the wall clock on this machine showed that: the first time, where it did twice, and an
/// hour later where it never did.
pub fn utc(local: NaiveDateTime) -> DateTime<Utc> {
    let later = || Local.from_local_datetime(&(local + TimeDelta::hours(1))).earliest();
    let at = Local.from_local_datetime(&local).earliest().or_else(later);
    at.map_or_else(|| local.and_utc(), |at| at.to_utc())
}

/// Milliseconds since `start`, for durations in manifests and entries.
pub fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// How long this process has waited for answers of a person, in milliseconds.
static ANSWERS_MS: AtomicU64 = AtomicU64::new(0);

/// Waits for an answer of a person. A [`Stopwatch`] stands still meanwhile.
pub fn while_asking<T>(answer: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let answer = answer();
    ANSWERS_MS.fetch_add(elapsed_ms(start), Ordering::Relaxed);
    answer
}

/// How long work takes: the time in which a question is open does not count.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    start: Instant,
    answers_ms: u64,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { start: Instant::now(), answers_ms: ANSWERS_MS.load(Ordering::Relaxed) }
    }

    /// Milliseconds of work so far.
    pub fn ms(&self) -> u64 {
        let answers = ANSWERS_MS.load(Ordering::Relaxed).saturating_sub(self.answers_ms);
        elapsed_ms(self.start).saturating_sub(answers)
    }
}

/// Asks `ready` again and again, with growing pauses from 20 to 500 ms, until
/// it gives a value or the deadline has passed. Asks at least twice.
pub fn poll<T, E>(
    deadline: Duration,
    mut ready: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(20);
    let mut asked = 0_u32;
    loop {
        if let Some(value) = ready()? {
            return Ok(Some(value));
        }
        asked += 1;
        if (start.elapsed() >= deadline && asked >= 2) || super::signal::interrupted() {
            return Ok(None);
        }
        pause_for(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(500));
    }
}

/// Waits until `due` has passed since `start`: for keeping below a rate, not for
/// hoping that something has happened.
pub fn until(start: Instant, due: Duration) -> Result<(), Stop> {
    while let Some(left) = due.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        super::signal::check()?;
        pause_for(left.min(Duration::from_millis(100)));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is the door; only `poll` and `until` wait")]
fn pause_for(pause: Duration) {
    std::thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopwatch_stands_still_while_a_question_is_open() {
        let (start, watch) = (Instant::now(), Stopwatch::start());
        let wait = Duration::from_millis(60);
        while_asking(|| until(Instant::now(), wait)).unwrap();
        assert!(elapsed_ms(start) >= 60);
        assert!(watch.ms() <= elapsed_ms(start) - 60, "{}", watch.ms());
        // What was asked before it began is not taken off.
        let later = Stopwatch::start();
        until(Instant::now(), wait).unwrap();
        assert!(later.ms() >= 60);
    }
}
