//! The API's own tests, against all servers at once: each run waits for its own server.

use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use super::output::Output;
use super::servers::Database;
use sys::proc::{Cmd, Finished};

/// Runs all test programs against each server, and shows what they said when all are done.
///
/// # Errors
/// One of them failed, or could not be run.
pub(super) fn run(
    databases: &[Database],
    programs: &[Cmd],
    deadline: Duration,
    output: &mut Output,
) -> Result<()> {
    let against = |database: &Database| -> Result<Vec<Finished>> {
        let commands = programs.iter().map(|program| {
            program
                .clone()
                .env("API_TEST_DB_HOST", "127.0.0.1")
                .env("API_TEST_DB_PORT", database.port.to_string())
                .env("API_TEST_DB_USER", "root")
                .env("API_TEST_DB_PASSWORD", database.password.reveal())
        });
        commands.map(|command| command.run(deadline)).collect()
    };
    let against = &against;
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            databases.iter().map(|database| scope.spawn(move || against(database))).collect();
        threads.into_iter().map(ScopedJoinHandle::join).collect()
    });
    let mut failed = Vec::new();
    for (database, joined) in databases.iter().zip(all) {
        output.note(&format!("against {}", database.name));
        let finished = joined.map_err(|_| anyhow!("a run of tests panicked"))??;
        for one in &finished {
            output.show(&one.stdout);
            output.show(&one.stderr);
        }
        if !finished.iter().all(Finished::ok) {
            failed.push(database.name);
        }
    }
    ensure!(failed.is_empty(), "the API's tests failed against {}", failed.join(" and "));
    Ok(())
}
