//! The schedule: when a run is due, and what the system's own scheduler is told.

pub mod crontab;
pub mod job;
pub mod launchd;
pub mod rotation;
pub mod systemd;
pub mod when;
pub mod windows;
