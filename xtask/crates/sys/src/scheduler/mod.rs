//! The doors to the system's own schedulers: which one answers, and giving it a job,
//! asking for it, taking it back. What it is told is decided in `plan::schedule`.

pub mod cron;
pub mod launchd;
pub mod systemd;
pub mod windows;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// systemd's instance for the whole machine.
    Systemd,
    /// systemd's instance for this user.
    SystemdUser,
    Cron,
    /// launchd, for this user.
    Launchd,
    Windows,
}

impl System {
    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Systemd => "systemd timer",
            Self::SystemdUser => "systemd timer of this user",
            Self::Cron => "cron",
            Self::Launchd => "launchd",
            Self::Windows => "Windows Task Scheduler",
        }
    }
}

/// The scheduler that answers on this machine; `None` where there is none.
pub fn detect() -> Option<System> {
    if cfg!(windows) {
        return Some(System::Windows);
    }
    if cfg!(target_os = "macos") {
        return Some(System::Launchd);
    }
    let own = if super::disk::is_root() { System::Systemd } else { System::SystemdUser };
    if systemd::answers(own) {
        return Some(own);
    }
    cron::is_there().then_some(System::Cron)
}
