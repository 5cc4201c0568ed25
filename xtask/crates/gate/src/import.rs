//! `import`: catalogue files through the gate. The API does the work, in one
//! transaction; here stand the backup, its proof and the rehearsal in front of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::api::{Api, As};
use crate::permit::{self, Ground, Purpose};
use crate::proof::{Around, Proof};
use crate::rehearse::Rehearsed;
use crate::{api, proof};
use crate::{passage::record, state, told, transactions, unfinished};
use ::permit::Subject;
use model::account::Role;
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::gate::{Evidence, GateTimes, Strategy};
use model::hash;
use model::label::Label;
use model::manifest::Reason;
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::prove::ProvenCopy;
use ops::sessions::Pair;
use ops::unchanged::Basis;
use ops::{identity, sessions, staging, unchanged};
use report::human;
use server::{Server, facts};
use sql::fingerprint;
use sys::fault::point;
use sys::proc::Finished;
use sys::{clock, fs, signal};
use ui::{Step, Total};

const IMPORT: Duration = Duration::from_secs(3600);
/// The API's exit code for a permit that it does not accept.
const REFUSED: i32 = 3;
/// The API's exit code for rows that it cannot take.
const BAD_ROWS: i32 = 4;

/// One table's part of an import, as the API reports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Count {
    /// The table.
    pub table: String,
    /// Rows given.
    pub rows: u64,
    /// Rows that were not there.
    pub inserted: u64,
    /// Rows that were there with other values.
    #[serde(default)]
    pub updated: u64,
}

/// What was imported.
#[derive(Debug, Default)]
pub struct Imported {
    /// Per table.
    pub tables: Vec<Count>,
    /// The backup in front of it.
    pub backup: Option<Label>,
    /// How long the steps took.
    pub times: GateTimes,
}

/// What an import would do; the files are read, and nothing is changed.
///
/// # Errors
/// Exit code 20 when a row is bad.
pub fn plan(ctx: &Ctx, server: &Server, files: &[PathBuf]) -> Result<String> {
    let api = Api::build(ctx)?;
    check(ctx, server, &api, files)?;
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Ok(format!(
        "Import {} into `{}` on {server}; the files are good.\n  first  a backup, restored beside the live schema and compared\n  \
             then   the import runs on that copy\n  then   it runs on `{}`, in one transaction",
        names.join(", "),
        ctx.settings.schema,
        ctx.settings.schema
    ))
}

/// The gate, and the import behind it.
///
/// # Errors
/// Exit code 20 when a row is bad or the gate refuses (nothing was changed), 30 when
/// the import failed on the live schema (its transaction was rolled back).
pub fn apply(ctx: &Ctx, server: &Server, files: &[PathBuf], made: &mut Made) -> Result<Imported> {
    let start = Instant::now();
    let api = Api::build(ctx)?;
    check(ctx, server, &api, files)?;
    let held = Held::take(ctx, server)?;
    let mut pair = Pair::open(ctx, server)?;
    unfinished::settle(&held, &mut pair)?;
    demand_migrated(ctx, server)?;
    state::demand_own_programs(ctx, &state::live(ctx, server)?)?;
    let facts = facts::read(pair.live())?;
    identity::demand(ctx, server, &facts, false)?;
    let uuid = facts.uuid;
    staging::clean(ctx, pair.copy())?;
    let around = Around { before: &[], after: &[Step::Rehearse, Step::Live] };
    let proof = proof::take(&held, &mut pair, Reason::Import, made, &around, &mut |_| Ok(()))?;
    point("gate.proved")?;
    let mut times =
        GateTimes { backup_ms: proof.backup_ms, proof_ms: proof.proof_ms, ..GateTimes::default() };
    let mut run = Run { ctx, server, api: &api, files, proof: &proof, touched: false };
    let ended = run.go(&mut pair, &mut times);
    times.total_ms = clock::elapsed_ms(start);
    let outcome = record::outcome(&ended, run.touched);
    let event = Event::Gate {
        changes: run.subject()?.into_iter().map(|file| file.name).collect(),
        outcome,
        detail: record::detail(ctx, &ended),
        backup: Some(proof.manifest().label.clone()),
        strategy: ended.is_ok().then_some(Strategy::InPlace),
        previous_schema: None,
        statements: Vec::new(),
        times,
        own_gtids: None,
    };
    let written = held.append(&uuid, &ctx.settings.schema, event);
    let tables = ended?;
    written.with_context(|| {
        Stop::new(
            ExitCode::Store,
            "the import IS done; only the entry in the ledger could not be written",
        )
        .hint("Do not import again. `cargo xtask doctor` shows what is wrong with the ledger.")
    })?;
    Ok(Imported { tables, backup: Some(proof.manifest().label.clone()), times })
}

/// The files alone, before anything is done about the database.
fn check(ctx: &Ctx, server: &Server, api: &Api, files: &[PathBuf]) -> Result<()> {
    for file in files {
        if !file.is_file() {
            return Err(Stop::new(ExitCode::Usage, format!("there is no file {}", file.display()))
                .hint("Name the files: movies.csv, genres.json, …; `--help` shows how.")
                .into());
        }
    }
    let finished = call(ctx, server, api, &whole(ctx), files, &["--check"], None)?;
    judged(&finished, "nothing was changed", ExitCode::GateRefused)
}

fn whole(ctx: &Ctx) -> As<'_> {
    As::of(Role::App, &ctx.settings.schema)
}

fn call(
    ctx: &Ctx,
    server: &Server,
    api: &Api,
    who: &As<'_>,
    files: &[PathBuf],
    more: &[&str],
    permit: Option<&str>,
) -> Result<Finished> {
    // The API runs in the workspace, whatever folder this was typed in.
    let files: Vec<String> = files
        .iter()
        .map(|file| std::path::absolute(file).map(|path| path.display().to_string()))
        .collect::<std::io::Result<_>>()
        .context("find the files")?;
    let mut args = vec!["import"];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    api.run(ctx, server, who, &args, permit, IMPORT)
}

fn judged(finished: &Finished, state: &str, code: ExitCode) -> Result<()> {
    if finished.ok() {
        return Ok(());
    }
    if finished.code == Some(REFUSED) {
        return Err(Stop::new(
            ExitCode::GateRefused,
            format!("the API refused; {state}:\n  {}", api::said(finished)),
        )
        .hint("docs/gate.md explains each refusal.")
        .into());
    }
    if finished.code == Some(BAD_ROWS) {
        return Err(Stop::new(
            ExitCode::GateRefused,
            format!("the files cannot be imported; {state}:\n  {}", all_said(finished)),
        )
        .hint("Fix these rows and import again.")
        .into());
    }
    Err(Stop::new(code, format!("the import failed; {state}:\n  {}", api::said(finished)))
        .hint("docs/gate.md explains each refusal.")
        .into())
}

/// Every line: each bad row is one.
fn all_said(finished: &Finished) -> String {
    let lines: Vec<&str> = finished.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n  ")
}

/// Files are made for the newest schema.
fn demand_migrated(ctx: &Ctx, server: &Server) -> Result<()> {
    let state = state::read(ctx, server)?;
    state.demand_sound()?;
    if state.pending.is_empty() {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::GateRefused,
        format!(
            "{} pending; an import needs the newest schema",
            human::count(state.pending.len() as u64, "migration")
        ),
    )
    .hint("Run `cargo xtask migrate` first. The database was not touched.")
    .into())
}

struct Run<'a> {
    ctx: &'a Ctx,
    server: &'a Server,
    api: &'a Api,
    files: &'a [PathBuf],
    proof: &'a Proof,
    /// Whether the live schema is not known to be untouched any more.
    touched: bool,
}

impl Run<'_> {
    fn go(&mut self, pair: &mut Pair, times: &mut GateTimes) -> Result<Vec<Count>> {
        let rehearsed = Rehearsed::on(&self.proof.copy, |copy| self.rehearse(copy, times));
        self.proof.copy.staged().drop_schema(pair.copy())?;
        let rehearsed = rehearsed?;
        point("gate.rehearsed")?;
        signal::check()?;
        transactions::show(self.ctx, self.server)?;
        let now = state::live(self.ctx, self.server)?;
        if fingerprint::schema(&now) != self.proof.manifest().schema_fingerprint {
            return Err(Stop::new(
                ExitCode::GateRefused,
                "the schema changed since the backup; the database was not touched",
            )
            .hint("Someone else is working on it. Import again when they are done.")
            .into());
        }
        let start = Instant::now();
        let line = format!("importing into `{}`", self.ctx.settings.schema);
        self.ctx.ui.step(Step::Live, line);
        let bar = self.ctx.ui.bar("import", Total::Unknown);
        self.touched = true;
        let run = self.import(Ground::Rehearsed(&rehearsed), Role::App);
        bar.done();
        times.live_ms = clock::elapsed_ms(start);
        let finished = run.unwrap_or_else(|error| Finished {
            code: None,
            stdout: String::new(),
            stderr: format!("{error:#}"),
        });
        if finished.ok() || [Some(REFUSED), Some(BAD_ROWS)].contains(&finished.code) {
            judged(&finished, "the database is as it was", ExitCode::GateRefused)?;
            return counts(&finished);
        }
        // Whether a transaction whose connection broke was committed is not known.
        // The API's lock says when the server is done with what it was sent.
        sessions::keep_from_migrating(self.ctx, pair.live())?;
        let basis = Basis { manifest: self.proof.manifest(), own: None };
        let mut reader = self.ctx.session(self.server, Role::Backup, None)?.read_only()?;
        match unchanged::look(self.ctx, pair.live(), &mut reader, &basis)? {
            Evidence::Unchanged(_) => judged(
                &finished,
                "nothing was committed, the database is as it was",
                ExitCode::MigrationRestored,
            )?,
            evidence => judged(
                &finished,
                &format!("whether it was committed is unknown: {evidence}"),
                ExitCode::MigrationNotRestored,
            )?,
        }
        counts(&finished)
    }

    fn rehearse(&self, copy: &ProvenCopy, times: &mut GateTimes) -> Result<()> {
        let start = Instant::now();
        // `app_user` cannot reach a copy; `drill_user` plays its part there.
        self.ctx.ui.step(Step::Rehearse, "rehearsing the import on the copy");
        let bar = self.ctx.ui.bar("rehearse", Total::Unknown);
        let finished = self.import(Ground::Copy(copy), Role::Drill)?;
        bar.done();
        times.rehearsal_ms = clock::elapsed_ms(start);
        judged(&finished, "it ran on a copy, the database was not touched", ExitCode::GateRefused)?;
        let changed: u64 = counts(&finished)?.iter().map(|c| c.inserted + c.updated).sum();
        self.ctx.ui.say(format!(
            "rehearsed on the copy in {}: {} new or changed",
            human::duration(times.rehearsal_ms),
            human::count(changed, "row")
        ));
        Ok(())
    }

    /// Runs it where the permit's ground says.
    fn import(&self, ground: Ground<'_>, role: Role) -> Result<Finished> {
        let who = As { role, plays: Role::App, schema: ground.schema(self.ctx) };
        let told = told::ask(self.ctx, self.server, self.api, who.schema)?;
        let permit = permit::sign(self.ctx, ground, Purpose::Import, role, &told, self.subject()?)?;
        let args = ["--json", "--receipt", "-"];
        call(self.ctx, self.server, self.api, &who, self.files, &args, Some(&permit))
    }

    /// The files' names and hashes.
    fn subject(&self) -> Result<Vec<Subject>> {
        let one = |file: &PathBuf| {
            let name = Path::file_name(file).map(|name| name.to_string_lossy().into_owned());
            let checksum = hash::sha256_hex(&fs::read_bytes(file)?);
            Ok(Subject::whole(name.unwrap_or_default(), checksum))
        };
        self.files.iter().map(one).collect()
    }
}

fn counts(finished: &Finished) -> Result<Vec<Count>> {
    #[derive(Deserialize)]
    struct Report {
        tables: Vec<Count>,
    }
    let report: Report =
        serde_json::from_str(&finished.stdout).context("read what the API imported")?;
    Ok(report.tables)
}
