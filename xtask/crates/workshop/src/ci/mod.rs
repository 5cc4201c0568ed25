//! `cargo xtask ci`: every check of this project, on a machine that has Rust and
//! may have nothing else. One line a stage; the first failure ends the run.
//!
//! The cheap checks go first, so that a missing semicolon does not wait for a
//! server; packages and servers are made ready beside compiling. Everything is built in the
//! profile of `cargo xtask` itself: its
//! artifacts are there already, clippy and rustdoc share the same dependency
//! metadata, and build scripts are compiled once instead of once a profile.

mod ahead;
mod api;
mod built;
mod fuzz;
mod output;
mod servers;
mod slowest;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::ahead::{Ahead, Done, Said};
use self::built::TestProgram;
use self::output::Output;
use self::servers::{Database, Servers};
use crate::{docs, provision};
use model::exit::{ExitCode, Stop};
use sys::proc::Cmd;
use sys::{env, fs, package, signal};

/// What of the checks to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these stages, and those they need; empty means all.
    pub stages: Vec<String>,
}

/// One step of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fmt,
    Clippy,
    Docs,
    Pages,
    Build,
    Test,
    Fuzz,
    Provision,
    Servers,
    Api,
    Slow,
}

impl Stage {
    /// In the order they run.
    const ALL: [Self; 11] = [
        Self::Fmt,
        Self::Clippy,
        Self::Docs,
        Self::Pages,
        Self::Build,
        Self::Test,
        Self::Provision,
        Self::Fuzz,
        Self::Servers,
        Self::Api,
        Self::Slow,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Pages => "pages",
            Self::Build => "build",
            Self::Test => "test",
            Self::Fuzz => "fuzz",
            Self::Provision => "provision",
            Self::Servers => "servers",
            Self::Api => "api",
            Self::Slow => "slow",
        }
    }

    /// What has to have run before.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::Servers => &[Self::Provision],
            Self::Test => &[Self::Build],
            Self::Api | Self::Slow => &[Self::Build, Self::Provision, Self::Servers],
            _ => &[],
        }
    }
}

/// The names that [`Options::stages`] may hold, in the order they run.
pub fn stage_names() -> Vec<&'static str> {
    Stage::ALL.iter().map(|stage| stage.name()).collect()
}

const CHECK_DEADLINE: Duration = Duration::from_secs(30 * 60);
const TEST_DEADLINE: Duration = Duration::from_secs(30 * 60);
const SLOW_DEADLINE: Duration = Duration::from_secs(60 * 60);
/// The profile of `cargo xtask`; see the top of this file.
const PROFILE: [&str; 2] = ["--profile", "xtask"];

/// Runs the stages. Servers that it starts are stopped again, also on failure,
/// and nothing else on the machine is stopped.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let chosen = choose(&options.stages)?;
    let mut ci = Ci {
        root: root.to_owned(),
        output: Output::default(),
        programs: Vec::new(),
        servers: None,
        ahead: None,
        started: None,
    };
    let start = Instant::now();
    if chosen.contains(&Stage::Provision) {
        ci.ahead = Some(Ahead::begin(root, chosen.contains(&Stage::Servers)));
    }
    let mut failure = None;
    for &stage in &chosen {
        ci.output.begin(stage.name());
        let outcome = signal::check().map_err(anyhow::Error::from).and_then(|()| ci.stage(stage));
        ci.output.end(stage.name(), outcome.is_ok());
        if let Err(error) = outcome {
            failure = Some((stage, error));
            break;
        }
    }
    // Before the summary, so that its lines are the last ones.
    (ci.ahead, ci.started, ci.servers) = (None, None, None);
    ci.output.summary(chosen.iter().map(|stage| stage.name()), start.elapsed());
    match failure {
        None => Ok(()),
        Some((stage, error)) => Err(explain(stage, error)),
    }
}

/// Foreseen failures keep their exit code and hints; the rest gets a hint.
fn explain(stage: Stage, error: anyhow::Error) -> anyhow::Error {
    if signal::interrupted() {
        return Stop::new(ExitCode::Interrupted, "interrupted; the servers are stopped").into();
    }
    if error.is::<Stop>() {
        return error.context(format!("the stage `{}` failed", stage.name()));
    }
    let name = stage.name();
    Stop::new(ExitCode::Unexpected, format!("the stage `{name}` failed: {error:#}"))
        .hint(format!("Run only this stage again: `cargo xtask ci --stage {name}`."))
        .into()
}

/// The stages asked for with those they need, in the order they run.
fn choose(names: &[String]) -> Result<Vec<Stage>, Stop> {
    for name in names {
        if !Stage::ALL.iter().any(|stage| stage.name() == name) {
            let message = format!("there is no stage `{name}`");
            let known = stage_names().join(", ");
            return Err(Stop::new(ExitCode::Usage, message).hint(format!("Stages are: {known}.")));
        }
    }
    let asked = |stage: Stage| names.is_empty() || names.iter().any(|name| name == stage.name());
    let asked: Vec<Stage> = Stage::ALL.into_iter().filter(|&stage| asked(stage)).collect();
    let wanted = |stage: &Stage| {
        asked.contains(stage) || asked.iter().any(|other| other.needs().contains(stage))
    };
    Ok(Stage::ALL.into_iter().filter(wanted).collect())
}

struct Ci {
    root: PathBuf,
    output: Output,
    programs: Vec<TestProgram>,
    servers: Option<Servers>,
    /// What makes the machine ready, until its stage.
    ahead: Option<Ahead>,
    /// The servers that it started, until theirs.
    started: Option<Said<Servers>>,
}

impl Ci {
    fn stage(&mut self, stage: Stage) -> Result<()> {
        match stage {
            Stage::Fmt => {
                self.quiet(&self.cargo(["fmt", "--all", "--check"]))?;
                // A workspace of its own.
                self.quiet(&self.cargo([
                    "fmt",
                    "--manifest-path",
                    "xtask/fuzz/Cargo.toml",
                    "--check",
                ]))
            }
            Stage::Clippy => {
                let clippy = self.cargo(["clippy", "--workspace", "--all-targets"]).args(PROFILE);
                self.quiet(&clippy.args(["--", "-D", "warnings"]))
            }
            Stage::Docs => {
                let doc = self.cargo(["doc", "--no-deps", "--workspace"]).args(PROFILE);
                self.quiet(&doc.env("RUSTDOCFLAGS", "-D warnings"))
            }
            // The generated pages are what the code says today.
            Stage::Pages => docs::current(&self.root),
            Stage::Build => {
                self.output.open_line();
                self.programs = built::all(&self.cargo(["build"]).args(PROFILE), CHECK_DEADLINE)?;
                Ok(())
            }
            Stage::Test => {
                // They are small, and the provision stage comes later.
                let output = &mut self.output;
                provision::shells::ensure(&mut |line| output.note(line))?;
                self.tests(
                    |it| it.package != "api" && (it.kind != "test" || it.name != "slow"),
                    TEST_DEADLINE,
                    |command| command,
                )
            }
            Stage::Fuzz => {
                let build =
                    self.cargo(["build", "--manifest-path", "xtask/fuzz/Cargo.toml"]).args(PROFILE);
                let output = &mut self.output;
                fuzz::run(&self.root, build, &mut |line| output.note(line))
            }
            Stage::Provision => {
                let ahead = self.ahead.take().context("nothing was begun")?;
                let Done { provision, servers } = ahead.join()?;
                self.started = servers;
                self.told(provision)
            }
            Stage::Servers => {
                let started = self.started.take().context("no servers were started")?;
                self.servers = Some(self.told(started)?);
                Ok(())
            }
            Stage::Api => self.api(),
            Stage::Slow => self.slow(),
        }
    }

    /// Runs the test programs that `chosen` picks, each prepared by `prepare`.
    fn tests(
        &mut self,
        chosen: impl Fn(&TestProgram) -> bool,
        deadline: Duration,
        prepare: impl Fn(Cmd) -> Cmd,
    ) -> Result<()> {
        let programs: Vec<_> = self.programs.iter().filter(|it| chosen(it)).cloned().collect();
        ensure!(!programs.is_empty(), "no test program was built for this stage");
        for program in programs {
            self.output.note(&format!("{} {} {}", program.package, program.kind, program.name));
            self.loud(&prepare(self.as_cargo(program.command())), deadline)?;
        }
        Ok(())
    }

    /// Shows what a stage said that ran beside others.
    fn told<T>(&mut self, said: Said<T>) -> Result<T> {
        said.lines.iter().for_each(|line| self.output.note(line));
        said.outcome
    }

    /// The API's own tests, against each server that the project promises.
    fn api(&mut self) -> Result<()> {
        let databases = self.databases()?;
        let programs = self.programs.iter().filter(|it| it.package == "api");
        let commands: Vec<Cmd> = programs.map(|it| self.as_cargo(it.command())).collect();
        ensure!(!commands.is_empty(), "no test program was built for this stage");
        api::run(&databases, &commands, TEST_DEADLINE, &mut self.output)
    }

    /// The tests against real servers; xtask/tests/slow/support says what each variable is.
    fn slow(&mut self) -> Result<()> {
        let databases = self.databases()?;
        let times = self.root.join("target").join("slow-times");
        fs::remove_if_exists(&times)?;
        let object_store = provision::object_store::program(&self.root).display().to_string();
        let outcome = self.tests(
            |it| it.kind == "test" && it.name == "slow",
            SLOW_DEADLINE,
            |mut test| {
                for database in &databases {
                    let file = database.password_file.display();
                    let place = format!("127.0.0.1:{}:{file}", database.port);
                    test = test.env(database.variable, place);
                    for (name, value) in &database.details {
                        test = test.env(name, value.clone());
                    }
                }
                // They wait for servers and disks more than they compute.
                test.env("XTASK_TEST_S3", object_store.clone())
                    .env("XTASK_TEST_TIMES", times.to_string_lossy())
                    .args(["--nocapture", "--test-threads=3"])
            },
        );
        if fs::exists(&times)? {
            self.output.note("the slowest tests:");
            for line in slowest::lines(&fs::read_text(&times)?) {
                self.output.note(&line);
            }
        }
        outcome
    }

    fn databases(&self) -> Result<Vec<Database>> {
        match &self.servers {
            Some(servers) => Ok(servers.databases()),
            None => bail!("no servers were started"),
        }
    }

    /// Cargo as it started this run, so that the toolchain is the same one.
    fn cargo<const N: usize>(&self, args: [&str; N]) -> Cmd {
        self.as_cargo(package::cargo().args(args).dir(&self.root))
    }

    /// Cargo or a test program, with what both are told here.
    fn as_cargo(&self, command: Cmd) -> Cmd {
        command.env("CARGO", cargo()).env("CI", "true").env("CARGO_TERM_COLOR", "never")
    }

    /// Shows the output only when it fails.
    fn quiet(&mut self, command: &Cmd) -> Result<()> {
        let finished = command.run(CHECK_DEADLINE)?;
        if finished.ok() {
            return Ok(());
        }
        self.output.show(&finished.stdout);
        self.output.show(&finished.stderr);
        missing_component(&finished.stderr)?;
        bail!("`{}` ended with code {}", command.shown(), finished.code.unwrap_or(-1))
    }

    /// Shows the output as it comes: what tests say is part of the evidence.
    fn loud(&mut self, command: &Cmd, deadline: Duration) -> Result<()> {
        self.output.open_line();
        command.run_shown(deadline)
    }
}

fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|| "cargo".to_owned())
}

/// Minimal toolchains come without clippy or rustfmt.
fn missing_component(said: &str) -> Result<(), Stop> {
    let missing = said.contains("is not installed for the toolchain")
        || said.contains("no such command: `clippy`")
        || said.contains("no such command: `fmt`");
    if !missing {
        return Ok(());
    }
    Err(Stop::new(ExitCode::Configuration, "the toolchain lacks a component")
        .hint("Add both: `rustup component add clippy rustfmt`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Vec<&'static str> {
        let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
        choose(&asked).unwrap().into_iter().map(Stage::name).collect()
    }

    #[test]
    fn everything_runs_when_nothing_is_asked_for() {
        assert_eq!(names(&[]), stage_names());
    }

    #[test]
    fn a_stage_brings_what_it_needs() {
        assert_eq!(names(&["slow", "fmt"]), ["fmt", "build", "provision", "servers", "slow"]);
        assert_eq!(names(&["clippy"]), ["clippy"]);
    }

    #[test]
    fn an_unknown_stage_is_a_usage_error() {
        let stop = choose(&["slwo".to_owned()]).unwrap_err();
        assert_eq!(stop.code, ExitCode::Usage);
        assert!(stop.hints[0].contains("slow"));
    }
}
