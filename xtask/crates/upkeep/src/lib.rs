//! Unattended upkeep of backups: off-site copies, retention, the schedule, the status and
//! notifications.

pub mod notify;
pub mod prune;
pub mod schedule;
pub mod status;
