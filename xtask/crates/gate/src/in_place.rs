//! The pending migrations on the live schema itself, run by the API with a permit.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::api::As;
use crate::permit::{self, Ground, Purpose};
use crate::state::Pending;
use crate::{Gate, Live, api, put_back, state, told};
use ::permit::Subject;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::gate::Strategy;
use model::state::InPlaceJournal;
use ops::locks;
use ops::sessions::Pair;
use plan::failed;
use report::human;
use sql::{fingerprint, split};
use sys::fault::point;
use ui::{Step, Total};

/// One migration may rebuild a large table.
const MIGRATE: Duration = Duration::from_secs(6 * 3600);

/// `streamflix-api migrate up --json`, as far as a failure goes.
#[derive(Debug, Default, Deserialize)]
struct Report {
    failed: Option<Failed>,
}

#[derive(Debug, Deserialize)]
struct Failed {
    name: String,
    statement: Option<u64>,
    completed: u64,
    code: Option<u16>,
    message: String,
}

impl Failed {
    /// Whether somebody else held what it needed (1205, 1213).
    fn at_lock(&self) -> bool {
        matches!(self.code, Some(1205 | 1213))
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "migration {} failed at ", self.name)?;
        match self.statement {
            None => f.write_str("its booking")?,
            Some(n) => write!(f, "statement {n}")?,
        }
        match self.completed {
            0 => f.write_str(" (none before it was completed)")?,
            1 => f.write_str(" (statement 1 was completed)")?,
            n => write!(f, " (statements 1 to {n} were completed)")?,
        }
        write!(f, ": {}", self.message)
    }
}

/// Applies them.
///
/// # Errors
/// Exit code 30 when a migration failed and the state before it is back, 31 when it
/// is not, 20 when the API refused the permit.
pub fn go(gate: &Gate<'_>, pair: &mut Pair, ground: Ground<'_>, uuid: &str) -> Result<Live> {
    let ctx = gate.ctx();
    let schema = &ctx.settings.schema;
    // Asked anew and then compared with the backup: from here on the API itself sees
    // to it that nothing moves.
    let now = told::ask(ctx, gate.server(), gate.api, schema)?;
    gate.demand_unmoved()?;
    let mut journal = InPlaceJournal {
        version: 1,
        server: uuid.to_owned(),
        schema: schema.clone(),
        backup: ground.manifest().map(|manifest| manifest.label.clone()),
        migrations: gate.names(),
        fingerprint: fingerprint::schema(gate.before),
        failed: None,
    };
    gate.held.store().write_in_place(gate.held.lock(), &journal)?;
    point("gate.announced")?;
    let names = human::count(gate.pending.len() as u64, "migration");
    ctx.ui.step(Step::Live, format!("applying {names} to `{schema}`"));
    let bar = ctx.ui.bar("apply", Total::Unknown);
    let subject = subject(gate.pending, ground);
    let permit = permit::sign(ctx, ground, Purpose::Migrate, Role::Migrate, &now, subject)?;
    let args = ["migrate", "up", "--json", "--receipt", "-"];
    let who = As::of(Role::Migrate, schema);
    let run = gate.api.run(ctx, gate.server(), &who, &args, Some(&permit), MIGRATE);
    bar.done();
    point("gate.applied")?;
    let mut holders = None;
    let why = match run {
        Ok(finished) if finished.ok() => {
            let left = state::read(ctx, gate.server())?;
            if left.pending.is_empty() && left.troubles.is_empty() {
                gate.held.store().remove_in_place(gate.held.lock())?;
                return Ok(Live {
                    strategy: Strategy::InPlace,
                    previous_schema: None,
                    locked_ms: 0,
                    followed: false,
                });
            }
            "it succeeded, but not every migration is applied".to_owned()
        }
        Ok(finished) if finished.code == Some(REFUSED) => {
            gate.held.store().remove_in_place(gate.held.lock())?;
            return Err(refused(&api::said(&finished)).into());
        }
        Ok(finished) => {
            let failed = failed(&finished.stdout);
            if failed.as_ref().is_some_and(Failed::at_lock) {
                // Before the way back, which takes its time.
                holders = Some(locks::holders(ctx, gate.server()));
            }
            journal.failed = failed.as_ref().map(ToString::to_string);
            failed.map_or_else(|| api::said(&finished), |failed| failed.to_string())
        }
        Err(error) => format!("{error:#}"),
    };
    // The next run has to know that this one saw it, should the state before not come back.
    if journal.failed.is_some()
        && let Err(error) = gate.held.store().write_in_place(gate.held.lock(), &journal)
    {
        ctx.ui.warn(format!("why it failed could not be written down: {error:#}"));
    }
    let stop = went_wrong(gate, pair, ground, &why);
    Err(match holders {
        Some(holders) => locks::hint(stop, &holders, Some("gate")),
        None => stop,
    }
    .into())
}

/// What the permit is for. What was not rehearsed piece by piece is not run so either.
fn subject(pending: &[Pending], ground: Ground<'_>) -> Vec<Subject> {
    let pieces = matches!(ground, Ground::Rehearsed(_));
    let one = |p: &Pending| {
        let parts = if pieces { split::parts(&p.text) } else { Vec::new() };
        Subject {
            statements: parts.iter().map(|part| part.span).collect(),
            ..Subject::whole(p.name(), &*p.file.checksum)
        }
    };
    pending.iter().map(one).collect()
}

/// The API's exit code for a permit that it does not accept.
const REFUSED: i32 = 3;

fn refused(said: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!("the API refused; the database was not touched:\n  {said}"),
    )
    .hint("docs/gate.md explains each refusal.")
}

fn failed(stdout: &str) -> Option<Failed> {
    serde_json::from_str::<Report>(stdout).ok()?.failed
}

fn went_wrong(gate: &Gate<'_>, pair: &mut Pair, ground: Ground<'_>, why: &str) -> Stop {
    let schema = &gate.ctx().settings.schema;
    gate.ctx().ui.warn(format!("a migration failed on `{schema}`: {why}"));
    let Some(manifest) = ground.manifest() else {
        return Stop::new(
            ExitCode::MigrationNotRestored,
            format!("a migration failed on `{schema}`, which had no tables before:\n  {why}"),
        )
        .hint(
            "There is nothing to restore: drop what it created, then run `cargo xtask migrate` \
        again.",
        );
    };
    let ended = put_back::go(gate, pair, manifest);
    failed::stop(schema, &manifest.label, why, &ended)
}
