//! The one place that asks what time it is, and the one that waits.

use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDateTime, TimeZone, Utc};

use model::exit::Stop;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Now, as the wall clock on this machine shows it: what labels are made of.
pub fn now_local() -> NaiveDateTime {
    local(now())
}

/// A moment as the wall clock on this machine showed it.
pub fn local(at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&Local).naive_local()
}

/// When the wall clock on this machine showed that: the first time, where it did twice, and an
/// hour later where it never did.
pub fn utc(local: NaiveDateTime) -> DateTime<Utc> {
    let later = || Local.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest();
    let at = Local.from_local_datetime(&local).earliest().or_else(later);
    at.map_or_else(|| local.and_utc(), |at| at.to_utc())
}

/// Milliseconds since `start`, for durations in manifests and entries.
pub fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
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
