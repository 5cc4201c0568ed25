//! A target whose steps are programs of the project: for everything that this tool
//! does not know. They are given no password.

use anyhow::{Context, Result, bail};

use crate::release::site::{Job, Site};
use crate::release::smoke;
use plan::deploy::Step;
use sys::http::{self, Probe};
use sys::proc::Cmd;

#[derive(Debug)]
pub(super) struct Command<'a> {
    job: Job<'a>,
    build: &'a [String],
    start: &'a [String],
    undo: &'a [String],
    /// Whether something was ready at the address before this deploy.
    answered: bool,
}

impl<'a> Command<'a> {
    pub(crate) fn new(
        job: Job<'a>,
        build: &'a [String],
        start: &'a [String],
        undo: &'a [String],
    ) -> Self {
        Self { answered: ready(job.url), job, build, start, undo }
    }

    fn command(&self, words: &[String]) -> Result<Cmd> {
        let (program, args) = words.split_first().context("a step without a program")?;
        let root = &self.job.ctx.settings.root;
        // A path is meant from the workspace, wherever this was called.
        let here = program.contains(['/', '\\']);
        let cmd = if here { Cmd::new(root.join(program)) } else { Cmd::new(program) };
        Ok(cmd
            .args(args)
            .dir(root)
            .env("XTASK_DEPLOY_TARGET", self.job.target)
            .env("XTASK_DEPLOY_RELEASE", self.job.release)
            .env("XTASK_DEPLOY_URL", self.job.url))
    }
}

fn ready(url: &str) -> bool {
    let answer = http::get(&format!("{url}{}", smoke::READY), std::time::Duration::from_secs(5));
    matches!(answer, Probe::Answer { status: 200, .. })
}

impl Site for Command<'_> {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn current(&self) -> Result<String> {
        let url = self.job.url;
        Ok(if self.answered {
            format!("something ready at {url}")
        } else {
            format!("nothing ready at {url}")
        })
    }

    fn steps(&self) -> [Step; 2] {
        let policy = &self.job.ctx.settings.policy.deploy;
        let build = if self.build.is_empty() {
            "Build: nothing to build for this target.".to_owned()
        } else {
            format!("Build: `{}`.", self.build.join(" "))
        };
        let undo = format!("`{}`", self.undo.join(" "));
        [
            Step::new(build, Some(policy.build_deadline_s), "none: nothing running was changed"),
            Step::new(
                format!("Start: `{}`.", self.start.join(" ")),
                Some(policy.start_deadline_s),
                undo,
            ),
        ]
    }

    fn build(&mut self) -> Result<()> {
        if self.build.is_empty() {
            return Ok(());
        }
        self.command(self.build)?.run_shown_if(self.job.shown(), self.job.build_deadline())
    }

    fn start(&mut self) -> Result<()> {
        self.command(self.start)?.run_shown_if(self.job.shown(), self.job.start_deadline())
    }

    fn running(&self) -> Result<()> {
        Ok(())
    }

    fn withdraw(&mut self) -> Result<()> {
        // One program does both, and before the schema goes back: the new release must
        // not write to the old schema.
        self.command(self.undo)?
            .undisturbed()
            .run_shown_if(self.job.shown(), self.job.start_deadline())
    }

    fn restore(&mut self) -> Result<String> {
        if !self.answered {
            return Ok(format!("`{}` succeeded; nothing was ready before", self.undo.join(" ")));
        }
        let Job { ctx, url, .. } = self.job;
        if let Err(error) = smoke::test(ctx, url, &[], self.job.smoke_deadline(), &|| Ok(())) {
            bail!("`{}` succeeded, but {error:#}", self.undo.join(" "));
        }
        Ok(format!("`{}` succeeded, and {url} is ready as before", self.undo.join(" ")))
    }

    fn keep(&mut self) -> Result<()> {
        Ok(())
    }

    fn by_hand(&self) -> Vec<String> {
        vec![format!(
            "To bring back the previous release, run in {}: {}",
            self.job.ctx.settings.root.display(),
            self.undo.join(" ")
        )]
    }
}
