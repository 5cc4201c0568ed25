//! Every way to restore, in turn, each into a schema that is new.

use std::path::Path;

use anyhow::{Context, Result};

use super::dump::Dumps;
use super::tools::{Tools, mysql, short_address};
use super::{Attempt, Bench, Ran, Target, attempt, check, entry};
use model::account::{Account, Role};
use model::bench::Entry;
use model::ident::{quote, word};
use plan::bench::{PEER_THREADS, RESTORES, Way};
use plan::dump_client::Place;
use server::inventory;
use sys::proc::Cmd;
use sys::signal;

/// Runs every candidate, round by round.
pub(super) fn measure(
    bench: &mut Bench<'_>,
    target: &Target,
    tools: &Tools,
    dumps: &Dumps,
) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = RESTORES.iter().map(entry).collect();
    for round in 1..=bench.rounds {
        for (candidate, entry) in RESTORES.iter().zip(&mut entries) {
            if entry.not_run.is_some() {
                continue;
            }
            signal::check()?;
            let done = attempt(once(bench, target, tools, dumps, candidate.way, entry))?;
            if done.is_ok() && round == 1 {
                let compared = check::loaded(bench, target);
                signal::check()?;
                entry.incomplete = compared
                    .unwrap_or_else(|error| Some(format!("it cannot be compared: {error:#}")));
                if let (Way::Myloader, Some(flaw)) = (candidate.way, &dumps.flaw) {
                    entry.incomplete.get_or_insert_with(|| format!("what mydumper wrote: {flaw}"));
                }
            }
            // What was loaded goes outside of the measured time, and before the next candidate.
            bench.sweep()?;
            bench.note(entry, round, done);
        }
    }
    Ok(entries)
}

fn once(
    bench: &mut Bench<'_>,
    target: &Target,
    tools: &Tools,
    dumps: &Dumps,
    way: Way,
    entry: &mut Entry,
) -> Result<Attempt> {
    let account = bench.ctx.settings.account(Role::Restore).clone();
    if let Way::Myloader = way {
        let program = match (&tools.myloader, &dumps.mydumper) {
            (Err(why), _) => return Ok(Err(why.clone())),
            (Ok(_), None) => return Ok(Err("there is no dump by mydumper".to_owned())),
            (Ok(program), Some(_)) => program,
        };
        let from = dumps.mydumper.as_ref().context("there is no dump by mydumper")?.join("dump");
        let schema = fresh(bench, target)?;
        entry.program = Some(program.version.clone());
        return run(bench, entry, &myloader(bench, &program.path, &account, &from, &schema)?);
    }
    let Some((folder, label, file)) = &dumps.backup else {
        return Ok(Err("there is no plain backup to restore".to_owned()));
    };
    match way {
        Way::Mysql => {
            let client = match &tools.mysql {
                Ok(client) => client,
                Err(why) => return Ok(Err(why.clone())),
            };
            let schema = fresh(bench, target)?;
            let cmd = mysql(client, bench.server, &account, &schema)?.stdin_from(file);
            entry.program = Some(client.to_string());
            let mut done = run(bench, entry, &cmd)?;
            if let (Ok(ran), Place::Container(_)) = (&mut done, &client.place) {
                ran.peak_memory = None;
            }
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            entry.command = entry.command.take().map(|shown| format!("{shown} < {name}"));
            Ok(done)
        }
        Way::Verify => own(bench, entry, folder, &["db-verify", label]),
        _ => {
            let into = bench.companion("into");
            own(bench, entry, folder, &["db-restore", label, "--into", &into, "--yes"])
        }
    }
}

fn own(bench: &Bench<'_>, entry: &mut Entry, folder: &Path, args: &[&str]) -> Result<Attempt> {
    let done = run(bench, entry, &bench.restoring(folder, args)?);
    entry.command = entry.command.take().map(|it| format!("DB_NAME={} {it}", bench.arena));
    done
}

fn run(bench: &Bench<'_>, entry: &mut Entry, cmd: &Cmd) -> Result<Attempt> {
    entry.command = Some(bench.public(&cmd.shown()));
    let measured = cmd.measured(None, None, bench.deadline())?;
    if !measured.ok() {
        return Ok(Err(measured.why()));
    }
    // Ours say themselves how long they took.
    let own_ms = serde_json::from_str::<serde_json::Value>(&measured.stdout)
        .ok()
        .and_then(|document| document.get("duration_ms")?.as_u64());
    Ok(Ok(Ran { own_ms, ..Ran::of(&measured) }))
}

/// An empty schema with the defaults of the one that was dumped.
fn fresh(bench: &mut Bench<'_>, target: &Target) -> Result<String> {
    let schema = bench.companion("load");
    let session = &mut bench.session;
    let (charset, collation) = inventory::defaults(session, &target.schema)?
        .with_context(|| format!("`{}` is gone", target.schema))?;
    session.run(&format!(
        "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
        quote(&schema),
        word(&charset)?,
        word(&collation)?
    ))?;
    Ok(schema)
}

fn myloader(
    bench: &Bench<'_>,
    program: &Path,
    account: &Account,
    from: &Path,
    schema: &str,
) -> Result<Cmd> {
    let password = account.password.as_ref().context("the account has no password")?;
    // With the binary log, as everything else is restored.
    Ok(Cmd::new(program)
        .args(short_address(&bench.server.endpoint))
        .args(["-u", &account.user, "-B", schema, "--enable-binlog"])
        .args(["-t", &PEER_THREADS.to_string(), "-d"])
        .arg(from)
        .env("MYSQL_PWD", password.reveal()))
}
