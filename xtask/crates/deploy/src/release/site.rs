//! Where a release goes. Each kind of target knows how to put a new one in the
//! place of the old one, and how to bring the old one back.

use std::time::Duration;

use anyhow::Result;

use crate::release::command::Command;
use crate::release::compose::Compose;
use crate::release::process::Process;
use config::deploy::Target;
use ops::ctx::Ctx;
use plan::deploy::Step;
use server::Server;

/// What every deploy is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub ctx: &'a Ctx,
    pub server: &'a Server,
    pub target: &'a str,
    pub url: &'a str,
    pub release: &'a str,
}

impl Job<'_> {
    /// Whether the output of its children is shown.
    pub(crate) fn shown(&self) -> bool {
        !self.ctx.ui.is_quiet()
    }

    pub(crate) fn build_deadline(&self) -> Duration {
        Duration::from_secs(self.ctx.settings.policy.deploy.build_deadline_s)
    }

    pub(crate) fn start_deadline(&self) -> Duration {
        Duration::from_secs(self.ctx.settings.policy.deploy.start_deadline_s)
    }

    pub(crate) fn smoke_deadline(&self) -> Duration {
        Duration::from_secs(self.ctx.settings.policy.deploy.smoke_deadline_s)
    }
}

/// A place for releases, through one deploy.
pub(super) trait Site {
    /// Refuses what would fail for certain; changes nothing.
    fn check(&self) -> Result<()>;
    fn current(&self) -> Result<String>;
    /// The steps `build` and `start`, for the plan.
    fn steps(&self) -> [Step; 2];
    /// Builds the release; what runs is not touched.
    fn build(&mut self) -> Result<()>;
    /// Puts it in the place of the one that runs.
    fn start(&mut self) -> Result<()>;
    /// Fails when the release that was started has ended.
    fn running(&self) -> Result<()>;
    /// Stops the new release, so that it writes no more.
    fn withdraw(&mut self) -> Result<()>;
    /// Brings back what ran before and sees that it answers; says what runs now.
    fn restore(&mut self) -> Result<String>;
    /// The new release has proven itself: from now on it is the one to go back to.
    fn keep(&mut self) -> Result<()>;
    /// How a person goes on when the way back failed, as full sentences.
    fn by_hand(&self) -> Vec<String>;
}

/// The place that a target names.
pub(super) fn of<'a>(job: Job<'a>, target: &'a Target) -> Result<Box<dyn Site + 'a>> {
    Ok(match target {
        Target::Process { profile, .. } => Box::new(Process::new(job, profile)?),
        Target::Compose { profile, base, image, .. } => {
            Box::new(Compose::new(job, profile, base, image)?)
        }
        Target::Command { build, start, undo, .. } => {
            Box::new(Command::new(job, build, start, undo))
        }
    })
}
