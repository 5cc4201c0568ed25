//! The subcommand `import`: what it prints, and for whom.

use std::path::PathBuf;

use anyhow::Result;
use api::{
    config::{self, Database, Role},
    db, gate, import, migrate,
};
use serde_json::json;

use crate::{print, say};

/// What was asked for on the command line.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) permit: Option<String>,
    pub(crate) check: bool,
    pub(crate) json: bool,
}

pub(crate) async fn run(asked: Asked) -> Result<()> {
    let json = asked.json;
    let ended = if asked.check { check(asked) } else { store(asked).await };
    if let Err(error) = &ended
        && let Some(import::Refused(rejected)) = error.downcast_ref()
        && json
    {
        // What is wrong with the rows matters more than that it cannot be printed.
        let _ = print(&json!({ "version": 1, "rejected": rejected }));
    }
    ended
}

fn check(asked: Asked) -> Result<()> {
    let paths = import::paths(asked.dir.as_deref(), asked.files)?;
    let checked = import::read(&paths)?.check()?;
    for file in &checked.files {
        say(&format!("{}: {} rows, all fine", file.file, file.rows));
    }
    if checked.outside > 0 {
        say(&format!(
            "{} reference(s) point outside these files; the import looks them up in the database",
            checked.outside
        ));
    }
    if asked.json { print(&checked) } else { Ok(()) }
}

async fn store(asked: Asked) -> Result<()> {
    // First of all, so that whoever writes it into a pipe is not left waiting.
    let permit = gate::read(asked.permit.as_deref())?;
    let paths = import::paths(asked.dir.as_deref(), asked.files)?;
    let batch = import::read(&paths)?;
    let database = Database::read(Role::App, config::environment)?;
    // Rows are changed without stopping anybody else, so there is time.
    let wait = config::lock_wait(config::environment)? * 10;
    let mut conn = db::connect(&database).await?;
    let locked = migrate::lock(&mut conn, wait).await?;
    let subject = batch.subject().to_vec();
    let allowed = gate::import(locked, subject, permit, &database.password, gate::now()).await?;
    let report = import::store(allowed, batch).await?;
    for count in &report.tables {
        let import::Count { table, rows, inserted, updated, .. } = count;
        say(&format!("{table}: {rows} rows, {inserted} new, {updated} changed"));
    }
    if asked.json { print(&report) } else { Ok(()) }
}
