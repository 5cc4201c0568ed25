//! What keeps backups well without a person: copies elsewhere, retention, the schedule,
//! the status and who is told.

pub mod notify;
pub mod prune;
pub mod schedule;
pub mod status;
