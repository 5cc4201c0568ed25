//! Runs one statement of a dump that is not a row: tables, keys and programs.

use std::sync::Arc;

use anyhow::Result;

use super::settings::InForce;
use model::exit::{ExitCode, Stop};
use model::hash;
use server::Session;
use server::session::{code, said};
use sql::alike::same_tokens;
use sql::charset::{Class, UTF8MB4};
use sql::lex::Tokens;
use sql::state::State;
use sql::{LexMode, as_utf8};

/// Runs a statement as the dump has it.
///
/// # Errors
/// The server refuses it; the message has the line in the dump.
pub(super) fn run(session: &mut Session, text: &[u8], mode: LexMode, line: u64) -> Result<()> {
    // Raw bytes in strings, as dumps without --hex-blob have them, become hex.
    let statement = as_utf8(text, mode)?;
    session.run(&statement).map_err(|error| refused(error, line))
}

/// Runs the statement that makes a view, trigger, routine or event, in a session with
/// the settings that it needs.
pub(super) fn run_program(
    session: &mut Session,
    force: &mut InForce,
    text: &[u8],
    mode: LexMode,
    line: u64,
) -> Result<()> {
    if text.is_ascii() {
        return run(session, text, mode, line);
    }
    program(session, force, text, mode, line).map_err(|error| refused(error, line))
}

/// Runs a statement of a program that holds more than ASCII. The dump has just set
/// the client character set that the program was created under, but writes only
/// its body in that: names and comments of its head are UTF-8. So each piece that
/// is UTF-8 is taken as such, and the server turns the others into it. What the
/// strings are is decided by `collation_connection`, which stays.
fn program(
    session: &mut Session,
    force: &mut InForce,
    text: &[u8],
    mode: LexMode,
    line: u64,
) -> Result<()> {
    let client = force.state().client;
    // With the same bytes in both, the program keeps the character set it had.
    if client.class != Class::Utf8 {
        let utf8 = force.state().with_client(UTF8MB4);
        force.become_state(session, &utf8)?;
    }
    let mut statement = String::with_capacity(text.len() * 2);
    let ends = Tokens::new(text, mode).flat_map(|token| [token.at, token.end()]);
    let mut from = 0;
    for end in ends.chain([text.len()]) {
        match std::str::from_utf8(&text[from..end]) {
            Ok(piece) => statement.push_str(piece),
            Err(_) => {
                let bytes = hash::hex(&text[from..end]);
                let charset = client.name;
                let sql =
                    format!("SELECT CONVERT(CONVERT(0x{bytes} USING {charset}) USING utf8mb4)");
                statement.push_str(&session.value::<String>(&sql)?);
            }
        }
        from = end;
    }
    // A character of two bytes can hide a quote or a backslash: what was judged is then
    // not what would be run.
    if !same_tokens(text, statement.as_bytes(), mode) {
        let message = format!(
            "line {line}: the statement differs between UTF-8 and {}, the character_set_client \
            that the dump sets for it",
            client.name
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint("Take the dump again with `cargo xtask db-backup`, which writes UTF-8.")
            .into());
    }
    session.run(&statement)
}

/// The statement that builds a table's keys, or its foreign keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub table: String,
    pub sql: String,
    /// Line of the dump on which the table is made.
    pub line: u64,
    /// The settings that it was made under, in which this text means what it meant there.
    pub state: Arc<State>,
}

impl Keys {
    /// Runs it.
    ///
    /// # Errors
    /// The server refuses it; the message has the line in the dump.
    pub(super) fn build(&self, session: &mut Session, force: &mut InForce) -> Result<()> {
        force.become_state(session, &self.state.side_by_side())?;
        session.run(&self.sql).map_err(|error| refused(error, self.line))
    }
}

/// Whether an event is there.
pub(super) fn event_exists(session: &mut Session, schema: &str, name: &str) -> Result<bool> {
    // In whatever the dump has set: only these digits mean the same everywhere.
    let same = |text: &str| format!("CONVERT(0x{} USING utf8mb4)", hash::hex(text.as_bytes()));
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {} AND EVENT_NAME = {}",
        same(schema),
        same(name)
    );
    Ok(session.value::<u64>(&sql)? > 0)
}

/// The server's error, with the line and what can be done about it.
pub(super) fn refused(error: anyhow::Error, line: u64) -> anyhow::Error {
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
        1142 | 1143 | 1227 | 1370 | 1044 => stop.hint("The account that loads a dump has rights on the \
        copy alone: a statement that names another schema is refused. If this one does not, `cargo \
        xtask doctor --fix` grants what is missing."),
        1064 => stop.hint("This server does not know a type or clause of the statement: the dump is of \
        another flavour or a newer version, or was edited."),
        1419 => stop.hint("The server needs log_bin_trust_function_creators=ON to create triggers and functions without SUPER."),
        _ => stop,
    };
    error.context(stop)
}
