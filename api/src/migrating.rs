//! The subcommands of `migrate`: what they print, and for whom.

use anyhow::{Context, Result};
use api::{
    config::{self, Database, Role},
    db, gate,
    migrate::{self, MIGRATOR, Progress},
};
use serde::Serialize;

use crate::{chain, print, say};

/// The JSON document of `migrate status --json`.
#[derive(Debug, Serialize)]
struct StatusReport {
    #[serde(flatten)]
    status: migrate::Status,
    #[serde(flatten)]
    facts: gate::Facts,
}

pub(crate) async fn up(permit: Option<&str>, json: bool) -> Result<()> {
    let ended = run(permit).await;
    if json {
        let mut report = migrate::Report { version: 1, applied: vec![], failed: None, error: None };
        match &ended {
            Ok(applied) => report.applied.clone_from(applied),
            Err(error) => {
                report.error = Some(chain(error));
                if let Some(stopped) = error.downcast_ref::<migrate::Stopped>() {
                    report.applied.clone_from(&stopped.applied);
                    report.failed = Some(stopped.failed.clone());
                }
            }
        }
        // What went wrong before matters more than that it cannot be printed.
        let printed = print(&report);
        return ended.and(printed);
    }
    ended.map(drop)
}

async fn run(permit: Option<&str>) -> Result<Vec<migrate::Done>> {
    // First of all, so that whoever writes it into a pipe is not left waiting.
    let permit = gate::read(permit);
    let database = Database::read(Role::Migrate, config::environment)?;
    let wait = config::lock_wait(config::environment)?;
    let retries = config::lock_retries(config::environment)?;
    let mut conn = db::connect(&database).await?;
    let locked = migrate::lock(&mut conn, wait).await?;
    let allowed =
        gate::migration(locked, &MIGRATOR, permit, &database.password, gate::now()).await?;
    let Some(allowed) = allowed else {
        say("nothing to apply");
        return Ok(vec![]);
    };
    migrate::up(allowed, retries, |progress| match progress {
        Progress::Applied(done) => {
            say(&format!("applied {} in {} ms", done.name, done.duration_ms));
        }
        Progress::Again { name, reason, pause } => {
            let pause = pause.as_millis();
            say(&format!("{name} got no lock ({reason}); trying again in {pause} ms"));
        }
    })
    .await
}

pub(crate) async fn status(json: bool) -> Result<()> {
    let database = Database::read(Role::Migrate, config::environment)?;
    let mut conn = db::connect(&database).await?;
    let status = migrate::status(&mut conn, &MIGRATOR).await.context("cannot read the state")?;
    if json {
        let facts = gate::facts(&mut conn).await?;
        return print(&StatusReport { status, facts });
    }
    for applied in &status.applied {
        let note = match applied.state {
            migrate::Match::Same => "",
            migrate::Match::Changed => ", but its file was edited since",
            migrate::Match::Unknown => ", but this binary does not know it",
        };
        say(&format!("applied  {}{note}", applied.name));
    }
    for pending in &status.pending {
        say(&format!("pending  {}", pending.name));
    }
    if let Some(version) = status.dirty {
        say(&format!("dirty    {version}: it failed half-way"));
    }
    Ok(())
}
