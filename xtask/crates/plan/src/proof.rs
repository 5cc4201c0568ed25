//! How old the state may be that a proof is about.

use chrono::{DateTime, Duration, Utc};

use model::wrong_clock::SLACK;

/// Whether the state that a proof is about is recent. One of unknown time is not, nor is a
/// timestamp in the future: some clock was wrong, and the real age is unknown.
pub fn is_fresh(
    created_utc: Option<DateTime<Utc>>,
    max_age_minutes: u32,
    now: DateTime<Utc>,
) -> bool {
    let Some(created_utc) = created_utc else { return false };
    let age = now - created_utc;
    age >= -SLACK && age <= Duration::minutes(i64::from(max_age_minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_that_of_the_state() {
        let now: DateTime<Utc> = "2026-11-22T10:11:12Z".parse().expect("a time");
        let ago = |minutes: i64| is_fresh(Some(now - Duration::minutes(minutes)), 60, now);
        assert!(ago(0) && ago(60));
        assert!(!ago(61) && !ago(-6));
        assert!(!is_fresh(None, 60, now));
    }
}
