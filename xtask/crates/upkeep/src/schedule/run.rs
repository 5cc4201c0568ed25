//! One scheduled run: backup, proof, copies, one old copy read again, pruning; then the
//! entry, the metrics and the messages.
//!
//! A step that fails does not stop later ones that are still safe. Each takes the folder's lock
//! separately, so that other commands wait for one step and not for the run.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{state, steps};
use crate::status::Known;
use crate::{notify, status};
use model::entry::{Event, Level};
use model::exit::{ExitCode, Stop, find_stop};
use model::manifest::Manifest;
use ops::ctx::Ctx;
use ops::held::{Entries, demand_free};
use server::Server;
use sys::{clock, signal};

/// How long a step after the first waits for the lock.
pub(super) const STEP_WAIT: Duration = Duration::from_secs(120);

/// What a run did so far.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The server, once it was found.
    pub server: Option<Server>,
    /// The backup that it took.
    pub made: Option<Manifest>,
    /// How far that was proven.
    pub level: Option<Level>,
    /// Whether the proof found that it is not good.
    pub refuted: bool,
    /// What failed, in the order in which it did.
    pub failed: Vec<Failure>,
}

#[derive(Debug)]
pub(super) struct Failure {
    pub step: &'static str,
    /// As the whole run would end, were it only for this.
    pub stop: Stop,
}

impl Run {
    /// Keeps the result of a step; says aloud when it failed.
    pub(crate) fn keep<T>(
        &mut self,
        ctx: &Ctx,
        step: &'static str,
        result: Result<T>,
    ) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (code, hints) = find_stop(&error)
            .map_or((ExitCode::Unexpected, Vec::new()), |stop| (stop.code, stop.hints.clone()));
        let why = server::session::said(&error);
        let message = ctx.settings.redact(find_stop(&error).map_or(&why, |stop| &stop.message));
        ctx.ui.warn(format!("{step}: {message}"));
        self.failed.push(Failure { step, stop: Stop { code, message, hints } });
        None
    }

    fn detail(&self) -> String {
        let each = self.failed.iter().map(|it| format!("{}: {}", it.step, it.stop.message));
        each.collect::<Vec<_>>().join("; ")
    }
}

/// `schedule run`.
///
/// # Errors
/// 12 when another run holds the lock: then nothing was done, and it is due again. Else
/// the code of the first step that failed; each was said, and is in the entry.
pub fn run(ctx: &mut Ctx, if_due: bool) -> Result<()> {
    if if_due && !is_due(ctx)? {
        return Ok(());
    }
    state::cut_log(ctx)?;
    let start = Instant::now();
    let store = ctx.store()?;
    // A busy folder is not a failed run.
    demand_free(&store)?;
    let mut run = Run::default();
    let ledger = store.read();
    if run.keep(ctx, "ledger", ledger).is_none() {
        // What cannot be recorded must not start, but it must be reported.
        tell(ctx, &mut run);
        return finish(ctx, &run, clock::elapsed_ms(start));
    }
    let began = clock::now();
    ctx.ui.say(format!("scheduled run, {} UTC", began.format("%Y-%m-%d %H:%M:%S")));
    let backed_up = steps::backup(ctx, &mut run);
    if backed_up.as_ref().is_err_and(|error| is(error, ExitCode::Locked)) {
        return backed_up;
    }
    run.keep(ctx, "backup", backed_up);
    steps::prove(ctx, &store, &mut run);
    if ctx.settings.policy.schedule.copy {
        steps::copy(ctx, &store, &mut run);
        steps::read_again(ctx, &store, &mut run);
    }
    steps::prune(ctx, &mut run);
    let duration_ms = clock::elapsed_ms(start);
    let event = Event::Scheduled {
        label: run.made.as_ref().map(|manifest| manifest.label.clone()),
        passed: run.failed.is_empty() && run.level.is_some(),
        level: run.level,
        detail: run.detail(),
        duration_ms,
    };
    let recorded = record(ctx, &run, event);
    run.keep(ctx, "ledger entry", recorded);
    tell(ctx, &mut run);
    signal::check()?;
    finish(ctx, &run, duration_ms)
}

pub(super) fn is(error: &anyhow::Error, code: ExitCode) -> bool {
    find_stop(error).is_some_and(|stop| stop.code == code)
}

fn is_due(ctx: &Ctx) -> Result<bool> {
    let known = Known::read(ctx)?;
    let due = state::due(ctx, &known.history(ctx))?;
    let now = clock::now();
    match due {
        Some(due) if due <= now => Ok(true),
        Some(due) => {
            ctx.ui.detail(format!("the next run is due at {} UTC", due.format("%Y-%m-%d %H:%M")));
            Ok(false)
        }
        None => Err(Stop::new(ExitCode::Configuration, "cannot tell when a run is due")
            .hint("Install the schedule again: `cargo xtask schedule install`.")
            .into()),
    }
}

fn record(ctx: &Ctx, run: &Run, event: Event) -> Result<()> {
    let uuid = run.made.as_ref().map_or("unknown", |manifest| manifest.server.uuid.as_str());
    Entries::open_within(ctx, STEP_WAIT)?.append(uuid, &ctx.settings.schema, event)
}

/// Metrics and messages: they are about the state after the run, its entry included.
fn tell(ctx: &mut Ctx, run: &mut Run) {
    let looked = status::look(ctx, false);
    if let Some(status) = run.keep(ctx, "status", looked) {
        let file = ctx.settings.policy.monitor.metrics_file.clone();
        if !file.is_empty() {
            let written = status::write_metrics(&ctx.settings.root.join(Path::new(&file)), &status);
            run.keep(ctx, "metrics", written);
        }
        notify::tell(ctx, &status);
    }
    if run.level.is_some() {
        notify::heartbeat(ctx);
    }
}

fn finish(ctx: &Ctx, run: &Run, duration_ms: u64) -> Result<()> {
    let label = run.made.as_ref().map(|manifest| manifest.label.to_string());
    let level = run.level.map(Level::word);
    if ctx.ui.json() {
        let failed: Vec<_> = run
            .failed
            .iter()
            .map(|it| json!({"step": it.step, "exit_code": it.stop.code as i32, "message": it.stop.message}))
            .collect();
        let document = json!({
            "version": 1,
            "label": label,
            "verified": level,
            "passed": run.failed.is_empty() && run.level.is_some(),
            "failed": failed,
            "duration_ms": duration_ms,
        });
        ctx.ui.outcome(document.to_string());
    } else if let (Some(label), Some(level)) = (&label, level) {
        ctx.ui.outcome(format!("{label} was taken and verified at level `{level}`."));
    }
    let Some(first) = run.failed.first() else { return Ok(()) };
    let made = match (&label, level) {
        (Some(label), Some(_)) => format!("; {label} is good"),
        _ => String::new(),
    };
    let message = match run.failed.len() {
        1 => format!("the scheduled run failed: {}: {}{made}", first.step, first.stop.message),
        n => format!("{n} steps of the scheduled run failed{made}"),
    };
    let stop = Stop { code: first.stop.code, message, hints: first.stop.hints.clone() };
    Err(stop.into())
}
