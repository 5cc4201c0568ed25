//! Runs one statement of a dump that is not a row: tables, keys and programs.

use anyhow::Result;

use crate::engine::lex::Tokens;
use crate::engine::{LexMode, as_utf8};
use crate::model::exit::{ExitCode, Stop};
use crate::model::ident::literal;
use crate::server::Session;
use crate::server::session::{code, said};
use crate::sys::hash;

/// Runs a statement as the dump has it.
///
/// # Errors
/// The server refuses it; the message has the line in the dump.
pub(super) fn run(session: &mut Session, text: &[u8], mode: LexMode, line: u64) -> Result<()> {
    // Raw bytes in strings, as dumps without --hex-blob have them, become hex.
    let statement = as_utf8(text, mode)?;
    session.run(&statement).map_err(|error| refused(error, line))
}

/// Runs the statement that makes a view, trigger, routine or event.
///
/// # Errors
/// As [`run`].
pub(super) fn run_program(
    session: &mut Session,
    text: &[u8],
    mode: LexMode,
    line: u64,
) -> Result<()> {
    if text.is_ascii() {
        return run(session, text, mode, line);
    }
    program(session, text, mode).map_err(|error| refused(error, line))
}

/// Runs a statement of a program that holds more than ASCII. The dump has just set
/// the client character set that the program was created under, but writes only
/// its body in that: names and comments of its head are UTF-8. So each piece that
/// is UTF-8 is taken as such, and the server turns the others into it. What the
/// strings are is decided by `collation_connection`, which stays.
fn program(session: &mut Session, text: &[u8], mode: LexMode) -> Result<()> {
    let charset = client_charset(session)?;
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

/// The character set in which the server reads a session's statements.
///
/// # Errors
/// The connection is gone.
pub(super) fn client_charset(session: &mut Session) -> Result<String> {
    session.value("SELECT CAST(@@character_set_client AS CHAR)")
}

/// The statement that builds a table's keys, or its foreign keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// The table's name.
    pub table: String,
    /// ALTER TABLE.
    pub sql: String,
    /// Line of the dump on which the table is made.
    pub line: u64,
}

impl Keys {
    /// Runs it.
    ///
    /// # Errors
    /// The server refuses it; the message has the line in the dump.
    pub(super) fn build(&self, session: &mut Session) -> Result<()> {
        self.run(session).map_err(|error| refused(error, self.line))
    }

    fn run(&self, session: &mut Session) -> Result<()> {
        if self.sql.is_ascii() {
            return session.run(&self.sql);
        }
        // The table was made while the session read UTF-8; by now it may not.
        let charset = client_charset(session)?;
        session.run("SET character_set_client = utf8mb4")?;
        session.run(&self.sql)?;
        session.run(&format!("SET character_set_client = {charset}"))
    }
}

/// Whether an event is there.
///
/// # Errors
/// The connection is gone.
pub(super) fn event_exists(session: &mut Session, schema: &str, name: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {} AND EVENT_NAME = {}",
        literal(schema),
        literal(name)
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
        1142 | 1227 | 1370 | 1044 => stop.hint("`cargo xtask doctor --fix` gives restore_user the rights it needs."),
        1419 => stop.hint("The server needs log_bin_trust_function_creators=ON to create triggers and functions without SUPER."),
        _ => stop,
    };
    error.context(stop)
}
