//! `bench`: every way to dump and to restore, in turn, on the same rows.
//!
//! It works in a scratch folder and in schemas whose names begin with `<schema>__bench`.
//! What it measures of this tool it starts as children with `DB_NAME` set to that name, so
//! that they neither see nor remove a companion of the configured schema.

mod check;
mod dump;
mod floor;
mod load_effect;
mod own;
mod place;
mod restore;
mod subject;
mod tools;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use cli::bench::Bench as Args;
use model::account::{Account, Role};
use model::bench::{BENCH_VERSION, Document, Entry, Subject};
use model::exit::{ExitCode, Stop};
use model::facts::ServerFacts;
use ops::ctx::Ctx;
use plan::bench::Candidate;
use server::{Server, Session, facts};
use sys::measure::Measured;
use sys::{clock, fs, machine, signal};
use tools::Tools;

/// Runs the command.
///
/// # Errors
/// The server cannot be reached, the schema is empty, or a schema of the benchmark's name
/// is someone's. A candidate that cannot run is a line of the table and no error.
pub fn run(ctx: &mut Ctx, args: &Args) -> Result<()> {
    let started_utc = clock::now();
    let scales = scales(args)?;
    let arena = arena(&ctx.settings.schema)?;
    let server = ctx.server(args.yes)?;
    let page = if args.write { Some(Page::find(ctx)?) } else { None };
    let scratch = place::Scratch::take(ctx)?;
    let mut session = place::locked(ctx, &server)?;
    let facts = facts::read(&mut session)?;
    let machine = machine::read();
    let mut bench = Bench {
        ctx,
        server: &server,
        facts,
        scratch: scratch.path().to_owned(),
        arena,
        session,
        rounds: args.rounds,
        threads: args.threads,
    };
    let measured = bench.all(&scales, args);
    // Also after Ctrl-C nothing may stay.
    let deferred = signal::defer();
    let swept = bench.sweep();
    let server_text = bench.described();
    drop(bench);
    let removed = scratch.remove();
    drop(deferred);
    let subjects = measured?;
    swept.and(removed)?;
    let document = Document {
        version: BENCH_VERSION,
        started_utc,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine,
        server: server_text,
        rounds: args.rounds,
        scaling: plan::bench::scaling(&subjects),
        subjects,
    };
    if let Some(page) = page {
        page.write(ctx, &document)?;
    }
    if ctx.ui.json() {
        ctx.ui.result(report::json::render(&document)?);
    } else {
        ctx.ui.result(report::bench::text(&document));
    }
    Ok(())
}

/// The scales that were asked for; none: the schema as it is.
fn scales(args: &Args) -> Result<Vec<f64>, Stop> {
    let mut scales = args.scales.clone();
    scales.extend(args.scale);
    if let Some(bad) = scales.iter().find(|scale| !(**scale > 0.0 && **scale <= 1000.0)) {
        let message = format!("the scale {bad} is not a number above 0 and up to 1000");
        return Err(Stop::new(ExitCode::Usage, message));
    }
    if args.keep && scales.len() > 1 {
        return Err(Stop::new(ExitCode::Usage, "--keep works with a single scale only"));
    }
    Ok(scales)
}

/// The name under which everything of a benchmark is, on the server.
fn arena(schema: &str) -> Result<String, Stop> {
    let arena = format!("{schema}__bench");
    // The children take it for DB_NAME, which has this limit for the sake of its companions.
    if arena.len() > 40 {
        let message = format!("`{schema}` is too long: `{arena}` has more than 40 bytes");
        return Err(Stop::new(ExitCode::Configuration, message));
    }
    Ok(arena)
}

/// A run: what every part of it needs.
struct Bench<'a> {
    ctx: &'a Ctx,
    server: &'a Server,
    facts: ServerFacts,
    /// Private, and removed at the end.
    scratch: PathBuf,
    /// `<schema>__bench`.
    arena: String,
    /// As `restore_user`; holds the lock of the run.
    session: Session,
    rounds: u32,
    threads: Option<u8>,
}

struct Target {
    schema: String,
    scale: Option<f64>,
    /// Who reads it: `backup_user` has no rights on the benchmark's own schema.
    reader: Account,
}

/// One run of a candidate.
#[derive(Debug, Default)]
struct Ran {
    seconds: f64,
    own_ms: Option<u64>,
    bytes: Option<u64>,
    peak_memory: Option<u64>,
}

impl Ran {
    fn of(measured: &Measured) -> Self {
        Self {
            seconds: measured.elapsed.as_secs_f64(),
            peak_memory: measured.peak_memory,
            ..Self::default()
        }
    }
}

/// How an attempt to run a candidate ended: its figures, or why there are none.
type Attempt = std::result::Result<Ran, String>;

impl Bench<'_> {
    fn all(&mut self, scales: &[f64], args: &Args) -> Result<Vec<Subject>> {
        self.sweep()?;
        let tools = Tools::find(self);
        let mut subjects = Vec::new();
        if scales.is_empty() {
            let target = self.as_it_is()?;
            subjects.push(self.subject(&target, &tools)?);
        }
        for scale in scales {
            let target = self.grown(*scale, args.yes)?;
            let measured = self.subject(&target, &tools);
            if !args.keep || measured.is_err() {
                let deferred = signal::defer();
                self.drop_grown()?;
                drop(deferred);
            }
            subjects.push(measured?);
        }
        Ok(subjects)
    }

    fn subject(&mut self, target: &Target, tools: &Tools) -> Result<Subject> {
        let mut subject = self.describe(target)?;
        let dumps = dump::measure(self, target, tools, &mut subject)?;
        subject.restore = restore::measure(self, target, tools, &dumps)?;
        subject.load = load_effect::measure(self, target)?;
        subject.ratios = plan::bench::ratios(&subject);
        for name in fs::names(&self.scratch)?.iter().filter(|name| !name.starts_with('.')) {
            fs::remove_dir_if_exists(&self.scratch.join(name))?;
        }
        Ok(subject)
    }

    fn described(&self) -> String {
        let ServerFacts { flavour, version_text, .. } = &self.facts;
        format!("{flavour} {version_text}, reached by {}", self.server.reach)
    }

    /// Connections of the native engine for so much data, and so of the floor.
    fn connections(&self, bytes_estimate: u64) -> usize {
        let asked = self.ctx.settings.policy.backup.threads;
        let asked = self.threads.map_or(asked, usize::from);
        plan::backup::threads(asked, bytes_estimate)
    }

    /// The longest that any child may take.
    fn deadline(&self) -> Duration {
        Duration::from_secs(self.ctx.settings.policy.backup.deadline_minutes * 60)
    }

    /// Adds a run to its line; a candidate that could not run stays so.
    fn note(&self, entry: &mut Entry, round: u32, attempt: Attempt) {
        match attempt {
            Ok(ran) => {
                let (what, rounds) = (&entry.what, self.rounds);
                let line = format!("round {round}/{rounds}: {what}: {:.2} s", ran.seconds);
                self.ctx.ui.say(line);
                entry.seconds.push(ran.seconds);
                entry.own_seconds.extend(ran.own_ms.map(|ms| ms as f64 / 1000.0));
                entry.bytes = ran.bytes.or(entry.bytes);
                entry.peak_memory_bytes = entry.peak_memory_bytes.max(ran.peak_memory);
                entry.median_s = plan::bench::median(&entry.seconds);
            }
            Err(why) => {
                let why = self.public(why.trim());
                self.ctx.ui.say(format!("{}: not run: {why}", entry.what));
                entry.not_run = Some(why);
                // Half of the rounds would be compared with all of another's.
                entry.seconds.clear();
                entry.own_seconds.clear();
                entry.median_s = None;
            }
        }
    }

    /// A text without passwords and without where this machine keeps the checkout.
    fn public(&self, text: &str) -> String {
        let text = self.ctx.settings.redact(text);
        let program = sys::package::beside("xtask").unwrap_or_default();
        let scratch = format!("{}/", self.scratch.display());
        let root = format!("{}/", self.ctx.settings.root.display());
        let text = if program.as_os_str().is_empty() {
            text
        } else {
            text.replace(&program.display().to_string(), "cargo xtask")
        };
        text.replace(&scratch, "").replace(&root, "")
    }

    /// A `Restore` session more.
    fn worker(&self, schema: Option<&str>) -> Result<Session> {
        self.ctx.session(self.server, Role::Restore, schema)
    }
}

fn entry(candidate: &Candidate) -> Entry {
    Entry {
        id: candidate.id.to_owned(),
        what: candidate.what.to_owned(),
        fsync: candidate.fsync,
        ..Entry::default()
    }
}

/// An error as the reason why a candidate did not run; an interruption stays an error.
fn attempt(result: Result<Attempt>) -> Result<Attempt> {
    signal::check()?;
    Ok(result.unwrap_or_else(|error| Err(format!("{error:#}"))))
}

/// The page that the figures are written into.
struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    const AT: &'static str = "docs/benchmarks.md";
    const PLOT: &'static str = "docs/benchmarks.svg";

    /// Looked for before an hour of measuring, not after it.
    fn find(ctx: &Ctx) -> Result<Self> {
        let path = ctx.settings.root.join(Self::AT);
        let text = fs::read_text(&path)?;
        report::bench::into_page(&text, "").map_err(|why| {
            Stop::new(ExitCode::Configuration, format!("{}: {why}", Self::AT))
                .hint("Fix the two marker lines: each on its own line, in order.")
        })?;
        Ok(Self { path, text })
    }

    fn write(&self, ctx: &Ctx, document: &Document) -> Result<()> {
        let section = report::bench::markdown(document);
        let text = report::bench::into_page(&self.text, &section).map_err(anyhow::Error::msg)?;
        fs::write_shared(&self.path, text.as_bytes())?;
        let plot = report::bench::plot(document);
        fs::write_shared(&ctx.settings.root.join(Self::PLOT), plot.as_bytes())?;
        ctx.ui.say(format!("wrote {} and {}", Self::AT, Self::PLOT));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let args = |scales: &[f64]| Args { scales: scales.to_vec(), ..Args::default() };
        assert!(scales(&args(&[1.0, 4.0])).is_ok() && scales(&args(&[])).is_ok());
        assert!(scales(&args(&[0.0])).is_err() && scales(&args(&[f64::NAN])).is_err());
        assert!(scales(&Args { keep: true, ..args(&[1.0, 4.0]) }).is_err());
        assert_eq!(arena("mydb").unwrap(), "mydb__bench");
        assert!(arena(&"x".repeat(34)).is_err());
    }
}
