//! A target on this machine: the API as a process in the background. The release
//! before it stays on the disk, so that it can run again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::release::site::{Job, Site};
use crate::release::smoke;
use crate::release::state::{PROGRAM, Place, Release, State};
use config::deploy::listen_address;
use gate::api;
use gate::api::{Api, As};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use plan::deploy::Step;
use sys::proc::{self, End};
use sys::{clock, fs, signal};

/// How long a program may take to end after it was asked to.
const END: Duration = Duration::from_secs(20);
/// The API's arguments.
const SERVE: &str = "serve";

/// The releases of a target on this machine.
#[derive(Debug)]
pub(super) struct Process<'a> {
    job: Job<'a>,
    profile: &'a str,
    place: Place,
    state: State,
    /// The new release, once it is built.
    built: Option<Release>,
}

impl<'a> Process<'a> {
    pub(crate) fn new(job: Job<'a>, profile: &'a str) -> Result<Self> {
        let place = Place::new(job.ctx);
        let state = place.read(job.target)?;
        Ok(Self { job, profile, place, state, built: None })
    }

    fn write(&self) -> Result<()> {
        self.place.write(self.job.target, &self.state)
    }

    /// Starts a release and waits until it listens. Gives its process id, which
    /// `noted` is told before anything is waited for.
    fn launch(&self, release: &Release, noted: &mut dyn FnMut(u32) -> Result<()>) -> Result<()> {
        let Job { ctx, server, .. } = self.job;
        let address = listen_address(&release.url).context("the url has no address")?;
        let schema = &ctx.settings.schema;
        let pid = api::command(&release.program, ctx, server, &As::of(Role::App, schema))?
            .arg(SERVE)
            .env("API_BIND", address.to_string())
            .daemon(fs::append_private(&release.log())?)?;
        noted(pid)?;
        let listens = clock::poll(self.job.start_deadline(), || {
            demand_running(release, pid)?;
            Ok::<_, anyhow::Error>(answers(address).then_some(()))
        })?;
        if listens.is_none() {
            signal::check()?;
            bail!(
                "it does not listen on {address} after {} s",
                self.job.start_deadline().as_secs()
            );
        }
        Ok(())
    }
}

/// Whether anything accepts connections there.
fn answers(address: SocketAddr) -> bool {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Whether a process is this release's. Its id alone proves nothing: after a crash
/// the system gives it to others.
fn is_release(release: &Release, pid: u32) -> bool {
    let wanted = format!("{} {SERVE}", release.program.display());
    proc::alive(pid)
        && proc::command_line(pid).is_some_and(|line| line.replace('"', "").trim() == wanted)
}

fn runs(release: &Release) -> bool {
    release.pid.is_some_and(|pid| is_release(release, pid))
}

fn demand_running(release: &Release, pid: u32) -> Result<()> {
    if is_release(release, pid) {
        return Ok(());
    }
    let said = release.log_end();
    let said = if said.is_empty() { String::new() } else { format!("; it said\n  {said}") };
    bail!("the program of {} has exited{said}", release.label)
}

/// Ends a release's process: it is asked first, and forced when it does not end.
fn stop(release: &Release) -> Result<()> {
    for how in [End::Asked, End::Forced] {
        let Some(pid) = release.pid.filter(|pid| is_release(release, *pid)) else {
            return Ok(());
        };
        // It may end between the look and the signal: only what is seen next counts.
        proc::end(pid, how).ok();
        let gone =
            clock::poll(END, || Ok::<_, anyhow::Error>((!is_release(release, pid)).then_some(())))?;
        if gone.is_some() {
            return Ok(());
        }
        signal::check()?;
    }
    bail!("process {} of {} does not stop", release.pid.unwrap_or_default(), release.label)
}

impl Site for Process<'_> {
    fn check(&self) -> Result<()> {
        let address = listen_address(self.job.url).context("the url has no address")?;
        let releases = [&self.state.current, &self.state.next];
        let ours = releases.into_iter().flatten().any(|it| it.url == self.job.url && runs(it));
        if ours || !answers(address) {
            return Ok(());
        }
        Err(Stop::new(
            ExitCode::Configuration,
            format!("something already listens on {address}, and this tool did not start it"),
        )
        .hint("Stop it, or give the target another url in xtask.toml. Nothing was changed.")
        .into())
    }

    fn current(&self) -> Result<String> {
        let mut text = match &self.state.current {
            None => "nothing started by this tool".to_owned(),
            Some(release) => {
                let how = release.pid.filter(|pid| is_release(release, *pid)).map_or_else(
                    || "not running".to_owned(),
                    |pid| format!("process {pid} at {}", release.url),
                );
                format!("{} ({how})", release.label)
            }
        };
        if let Some(next) = &self.state.next {
            text.push_str(&format!(
                "; the deploy of {} did not finish, its release is stopped",
                next.label
            ));
        }
        Ok(text)
    }

    fn steps(&self) -> [Step; 2] {
        let policy = &self.job.ctx.settings.policy.deploy;
        let back = match &self.state.current {
            Some(release) => format!("stop it and start {} again", release.label),
            None => "stop it; there is no previous release".to_owned(),
        };
        [
            Step::new(
                format!(
                    "Build the API (profile {}) into {}.",
                    self.profile,
                    self.place.dir().display()
                ),
                Some(policy.build_deadline_s),
                "none: nothing running was changed",
            ),
            Step::new(
                "Stop the running release, start the new one, wait until it listens.",
                Some(policy.start_deadline_s),
                back,
            ),
        ]
    }

    fn build(&mut self) -> Result<()> {
        let Job { ctx, release, url, .. } = self.job;
        let api = Api::build_release(ctx, self.profile, self.job.build_deadline())?;
        let (label, folder) = self.place.new_release(release)?;
        let program = folder.join(PROGRAM);
        fs::copy_program(api.program(), &program)?;
        self.built = Some(Release {
            label,
            commit: release.to_owned(),
            program,
            url: url.to_owned(),
            pid: None,
            passed: Vec::new(),
        });
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        if let Some(left) = &self.state.next {
            stop(left)?;
        }
        let release = self.built.clone().context("the release is built first")?;
        self.state.next = Some(release.clone());
        self.write()?;
        if let Some(current) = &self.state.current {
            stop(current)?;
        }
        let mut state = self.state.clone();
        let noted = &mut |pid| {
            state.next = Some(Release { pid: Some(pid), ..release.clone() });
            self.place.write(self.job.target, &state)
        };
        let launched = self.launch(&release, noted);
        self.state = state;
        launched
    }

    fn running(&self) -> Result<()> {
        let release = self.state.next.as_ref().context("nothing was started")?;
        demand_running(release, release.pid.unwrap_or_default())
    }

    fn withdraw(&mut self) -> Result<()> {
        self.state.next.as_ref().map_or(Ok(()), stop)
    }

    fn restore(&mut self) -> Result<String> {
        let Some(current) = self.state.current.clone() else {
            self.state.next = None;
            self.write()?;
            return Ok("nothing runs, as before".to_owned());
        };
        if !runs(&current) {
            let mut state = State { next: None, ..self.state.clone() };
            let noted = &mut |pid| {
                state.current = Some(Release { pid: Some(pid), ..current.clone() });
                self.place.write(self.job.target, &state)
            };
            let launched = self.launch(&current, noted);
            self.state = state;
            launched.with_context(|| format!("start {} again", current.label))?;
        }
        self.state.next = None;
        self.write()?;
        let Job { ctx, .. } = self.job;
        let running = self.state.current.clone().context("it was running")?;
        let pid = running.pid.unwrap_or_default();
        let alive = || demand_running(&running, pid);
        // What it answered when it was deployed; a path of the new one it need not know.
        smoke::test(ctx, &current.url, &current.passed, self.job.smoke_deadline(), &alive)
            .with_context(|| format!("{} was started again", current.label))?;
        Ok(format!(
            "{} is running again and answers at {} (process \
        {pid})",
            current.label, current.url
        ))
    }

    fn keep(&mut self) -> Result<()> {
        let passed = self.job.ctx.settings.policy.deploy.smoke_paths.clone();
        let next = self.state.next.clone().context("nothing was started")?;
        let previous = self.state.current.clone();
        let kept = State {
            current: Some(Release { passed, ..next }),
            previous: previous.map(|release| Release { pid: None, ..release }),
            next: None,
            ..self.state.clone()
        };
        self.place.write(self.job.target, &kept)?;
        self.state = kept;
        if let Err(error) = self.place.clean() {
            self.job.ctx.ui.note(format!("an old release could not be removed: {error:#}"));
        }
        Ok(())
    }

    fn by_hand(&self) -> Vec<String> {
        let mut ways = Vec::new();
        if let Some(next) = &self.state.next {
            ways.push(format!("The new release's output is in {}.", next.log().display()));
            if let Some(pid) = next.pid.filter(|pid| is_release(next, *pid)) {
                ways.push(format!("Its process {pid} is still running; stop it first."));
            }
        }
        if let Some(current) = &self.state.current {
            ways.push(match self.start_command(current) {
                Some(command) => format!(
                    "To start the previous release, run in {}: {command}\n      Stop it before \
                    the next deploy, which does not know its process.",
                    self.job.ctx.settings.root.display()
                ),
                None => {
                    format!("The program of the previous release is {}.", current.program.display())
                }
            });
        }
        ways
    }
}

impl Process<'_> {
    /// What starts a release from a shell, with the passwords from `.env`.
    fn start_command(&self, release: &Release) -> Option<String> {
        let (address, Job { ctx, server, .. }) = (listen_address(&release.url)?, self.job);
        if cfg!(windows) {
            return None;
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let mut words = vec![format!("API_BIND={address}")];
        for (name, value) in api::address(ctx, server).ok()? {
            words.push(format!("{name}={}", quoted(&value)));
        }
        words.push(quoted(&release.program.display().to_string()));
        let log = quoted(&release.log().display().to_string());
        Some(format!("(set -a; . ./.env; exec env {} {SERVE}) >> {log} 2>&1 &", words.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use crate::release::process::*;

    #[test]
    fn a_foreign_process_is_never_taken_for_a_release() {
        let release = Release {
            label: "20261122_101112_x".to_owned(),
            commit: "x".to_owned(),
            program: "/somewhere/streamflix-api".into(),
            url: "http://127.0.0.1:1".to_owned(),
            // A crash left our own id behind.
            pid: Some(std::process::id()),
            passed: Vec::new(),
        };
        assert!(!runs(&release));
        stop(&release).expect("nothing to stop");
    }
}
