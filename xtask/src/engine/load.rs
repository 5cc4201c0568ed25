//! Loads a dump into a schema, one statement after the other, through the
//! protocol: no client program is involved, so no client command can be.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::BufRead;

use anyhow::{Context, Result};

use super::{Guard, Kind, Progress, Seen, Verdict, as_utf8, disable_event, read_dump};
use crate::model::exit::{ExitCode, Stop};
use crate::model::ident::quote;
use crate::server::Session;
use crate::server::session::{code, said};
use crate::sys::signal;

/// Which part of a dump is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Everything,
    /// These tables with their triggers.
    Tables(BTreeSet<String>),
}

/// What was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// What the dump holds (all of it, also when only a part was loaded).
    pub seen: Seen,
    /// Events that were enabled in the dump. In the loaded schema every event is
    /// disabled: a copy must not act.
    pub enabled_events: BTreeSet<String>,
}

/// After this many bytes of rows the transaction is committed, so that the
/// server's undo and binary log caches stay small.
const COMMIT_EVERY: usize = 64 << 20;

/// Loads a dump into `schema`, which exists and is empty.
///
/// # Errors
/// The dump holds a statement that is not on the allow-list, is damaged, or the
/// server refuses a statement; the message has the line in the dump.
pub fn load(
    input: impl BufRead,
    session: &mut Session,
    schema: &str,
    part: &Part,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Loaded> {
    session.run(&format!("USE {}", quote(schema)))?;
    session.run(
        "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO', \
         autocommit = 0",
    )?;
    let mut enabled_events = BTreeSet::new();
    let mut uncommitted = 0;
    let one_case = session.value::<u8>("SELECT @@lower_case_table_names")? != 0;
    let mut guard = if one_case { Guard::ignoring_case() } else { Guard::new() };
    let seen = read_dump(input, &mut |piece, seen| {
        signal::check()?;
        // Everything is judged, also what is left out: a dump with a forbidden
        // statement is not to be trusted in any part.
        let verdict = guard.check(piece)?;
        let skipped = matches!(verdict, Verdict::Skip(_)) || without_meaning(piece.kind);
        if skipped || !wanted(part, piece.kind) {
            return Ok(());
        }
        let mut text = Cow::Borrowed(piece.text);
        if let Kind::CreateEvent(name) = piece.kind {
            text = disable_event(piece.text, piece.mode);
            if *text != *piece.text {
                enabled_events.insert(name.name.clone());
            }
        }
        // Raw bytes in strings, as dumps without --hex-blob have them, become hex.
        let statement = as_utf8(&text, piece.mode)?;
        session.run(&statement).map_err(|error| refused(error, piece.line))?;
        uncommitted += text.len();
        if uncommitted > COMMIT_EVERY {
            session.run("COMMIT")?;
            uncommitted = 0;
        }
        progress(Progress { bytes: piece.bytes, rows: seen.rows, object: object(piece.kind) });
        Ok(())
    })?;
    session.run("COMMIT")?;
    reset(session).context("put the session's settings back")?;
    Ok(Loaded { seen, enabled_events })
}

/// Locks mean nothing in a schema that nobody else knows, and the key switches
/// mean nothing to InnoDB.
fn without_meaning(kind: &Kind) -> bool {
    matches!(kind, Kind::LockTables(_) | Kind::UnlockTables | Kind::Keys(_))
}

fn object(kind: &Kind) -> &str {
    match kind {
        Kind::CreateTable { name, .. } => &name.name,
        Kind::Insert(insert) => &insert.table.name,
        _ => "",
    }
}

/// The settings of [`Session`] again, whatever the dump did to them.
fn reset(session: &mut Session) -> Result<()> {
    session.run(
        "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', foreign_key_checks = 1, \
         unique_checks = 1, autocommit = 1",
    )
}

fn wanted(part: &Part, kind: &Kind) -> bool {
    let Part::Tables(tables) = part else { return true };
    match kind {
        Kind::CreateTable { name, placeholder } => !placeholder && tables.contains(&name.name),
        Kind::DropTable { name, .. } => tables.contains(&name.name),
        Kind::Insert(insert) => tables.contains(&insert.table.name),
        Kind::CreateTrigger { table, .. } => tables.contains(&table.name),
        Kind::Set => true,
        _ => false,
    }
}

fn refused(error: anyhow::Error, line: u64) -> anyhow::Error {
    let Some(code) = code(&error) else {
        return error.context(format!("load line {line} of the dump"));
    };
    let reason = said(&error);
    let mut stop = Stop::new(
        ExitCode::Store,
        format!("the server refused the statement at line {line} of the dump: {reason}"),
    );
    stop = match code {
        1153 => stop.hint("A row is larger than the server's max_allowed_packet; raise it and try again."),
        1273 | 1115 => stop.hint("The dump uses a character set or collation that this server does not have."),
        1142 | 1227 | 1370 | 1044 => stop.hint("`cargo xtask doctor --fix` gives restore_user the rights it needs."),
        1419 => stop.hint("The server needs log_bin_trust_function_creators=ON to create triggers and functions without SUPER."),
        _ => stop,
    };
    error.context(stop)
}
