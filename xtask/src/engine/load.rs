//! Loads a dump into a schema, one statement after the other, through the
//! protocol: no client program is involved, so no client command can be.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::BufRead;

use anyhow::{Context, Result};

use super::lex::Tokens;
use super::{Guard, Kind, LexMode, Progress, Seen, Verdict, as_utf8, disable_event, read_dump};
use crate::model::exit::{ExitCode, Stop};
use crate::model::ident::{literal, quote};
use crate::server::Session;
use crate::server::session::{code, said};
use crate::sys::{hash, signal};

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
    /// Events whose time has passed since the dump. The server does not create
    /// them; where they ran they are gone as well.
    pub past_events: BTreeSet<String>,
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
    let mut past_events = BTreeSet::new();
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
        if piece.kind.program().is_some() && !text.is_ascii() {
            program(session, &text, piece.mode).map_err(|error| refused(error, piece.line))?;
        } else {
            // Raw bytes in strings, as dumps without --hex-blob have them, become hex.
            let statement = as_utf8(&text, piece.mode)?;
            session.run(&statement).map_err(|error| refused(error, piece.line))?;
        }
        if let Kind::CreateEvent(name) = piece.kind
            && !event_exists(session, schema, &name.name)?
        {
            past_events.insert(name.name.clone());
        }
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
    Ok(Loaded { seen, enabled_events, past_events })
}

/// Runs a statement of a program that holds more than ASCII. The dump has just set
/// the client character set that the program was created under, but writes only
/// its body in that: names and comments of its head are UTF-8. So each piece that
/// is UTF-8 is taken as such, and the server turns the others into it. What the
/// strings are is decided by `collation_connection`, which stays.
fn program(session: &mut Session, text: &[u8], mode: LexMode) -> Result<()> {
    let charset: String = session.value("SELECT CAST(@@character_set_client AS CHAR)")?;
    let results: String = session.value("SELECT CAST(@@character_set_results AS CHAR)")?;
    session.run("SET character_set_client = utf8mb4, character_set_results = utf8mb4")?;
    let mut statement = String::with_capacity(text.len() * 2);
    let ends = Tokens::new(text, mode).flat_map(|token| [token.at, token.end()]);
    let mut from = 0;
    for end in ends.chain([text.len()]) {
        match std::str::from_utf8(&text[from..end]) {
            Ok(piece) => statement.push_str(piece),
            Err(_) => {
                let bytes = hash::hex(&text[from..end]);
                let sql =
                    format!("SELECT CONVERT(CONVERT(0x{bytes} USING {charset}) USING utf8mb4)");
                statement.push_str(&session.value::<String>(&sql)?);
            }
        }
        from = end;
    }
    // With the same bytes in both, the program keeps the character set it had.
    if charset.starts_with("utf8") {
        session.run(&format!("SET character_set_client = {charset}"))?;
    }
    session.run(&statement)?;
    session.run(&format!("SET character_set_client = {charset}, character_set_results = {results}"))
}

fn event_exists(session: &mut Session, schema: &str, name: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {} AND EVENT_NAME = {}",
        literal(schema),
        literal(name)
    );
    Ok(session.value::<u64>(&sql)? > 0)
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
