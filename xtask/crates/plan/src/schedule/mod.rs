//! The schedule: when a run is due, and the job for the system's scheduler.

pub mod crontab;
pub mod job;
pub mod launchd;
pub mod rotation;
pub mod systemd;
pub mod when;
pub mod windows;
