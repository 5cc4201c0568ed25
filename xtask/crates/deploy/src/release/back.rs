//! The rollback of a failed deploy: first the program, then the schema if that provably loses
//! nothing. What is not rolled back is reported, with what to do.

use std::time::Instant;

use anyhow::Result;

use crate::release::migrations::Undone;
use crate::release::site::{Job, Site};
use crate::release::{Done, migrations, record};
use model::exit::{ExitCode, Stop};
use plan::deploy::Left;
use sys::signal;

/// Brings everything back that can be, writes the entry, and says what is left.
pub(super) fn go(
    job: Job<'_>,
    site: &mut dyn Site,
    done: &Done,
    cause: &anyhow::Error,
    start: Instant,
) -> anyhow::Error {
    // Half a rollback is worse than a late Ctrl-C.
    let _deferred = signal::defer();
    let ctx = job.ctx;
    ctx.ui.warn(ctx.settings.redact(&format!("the deploy failed, rolling back: {cause:#}")));
    // The new program must not write while the schema goes back.
    let withdrawn = if done.touched { site.withdraw() } else { Ok(()) };
    let migrations = done.migrated.names();
    let schema = schema_back(job, done, withdrawn.is_ok());
    let program = match withdrawn {
        Ok(()) if done.touched => site.restore(),
        Ok(()) => Ok("the previous release was not touched".to_owned()),
        Err(error) => Err(error.context("stop the new release")),
    };
    let left = Left {
        program_back: program.is_ok(),
        migrated: !migrations.is_empty(),
        schema_back: schema.is_ok(),
    };
    if let Err(error) = record(job, done, left.outcome(), start) {
        ctx.ui.warn(ctx.settings.redact(&format!(
            "the ledger entry could not be written: \
        {error:#}"
        )));
    }
    let mut stop = Stop::new(left.code(), message(job, cause, &program, &schema));
    stop.hints = hints(job, site, done, left);
    stop.into()
}

/// `Ok` if the schema is as before, else why not.
fn schema_back(job: Job<'_>, done: &Done, quiet: bool) -> Result<String, String> {
    let migrations = done.migrated.names();
    if migrations.is_empty() {
        return Ok("no migration was applied".to_owned());
    }
    let stays = |why: String| format!("stays migrated ({}): {why}", migrations.join(", "));
    if !quiet {
        return Err(stays("the new release could not be stopped".to_owned()));
    }
    match migrations::undo_schema(job.ctx, job.server, &done.migrated) {
        Ok(Undone::Lossless) => Ok("the migrations were undone, and nothing was lost".to_owned()),
        Ok(Undone::NotProven(why)) => Err(stays(why)),
        Err(error) => Err(stays(format!("{error:#}"))),
    }
}

fn message(
    job: Job<'_>,
    cause: &anyhow::Error,
    program: &Result<String>,
    schema: &Result<String, String>,
) -> String {
    let program = match program {
        Ok(text) => text.clone(),
        Err(error) => format!("NOT rolled back: {error:#}"),
    };
    let (Ok(schema) | Err(schema)) = schema;
    format!(
        "the deploy of {} to `{}` failed: {cause:#}\n  program: {program}\n  schema:  {schema}",
        job.release, job.target
    )
}

fn hints(job: Job<'_>, site: &dyn Site, done: &Done, left: Left) -> Vec<String> {
    let target = job.target;
    let again = format!("Fix the cause, then: cargo xtask deploy --target {target}");
    let mut hints = Vec::new();
    if left.code() == ExitCode::DeployRolledBack {
        hints.push(again);
        return hints;
    }
    if !left.program_back {
        hints.extend(site.by_hand());
    }
    if left.migrated && !left.schema_back {
        hints.push(
            "The migrated schema has everything that was written. To go forward, deploy a release \
            that works with it."
                .to_owned(),
        );
        if let Some(label) = &done.backup {
            hints.push(format!(
                "To restore the state before the migration (losing what was written since): cargo \
                xtask db-restore {label}"
            ));
        }
    }
    hints.push(again);
    hints
}
