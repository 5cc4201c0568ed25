//! Why reading ended, so that a caller can tell a gap for good from a cut connection.

use std::fmt;
use std::io;
use std::time::Duration;

use binlog::{Group, Halt, Place, Statement, StatementKind, Why};

use super::position::Position;
use crate::refusal;
use model::excerpt::shorten;
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;

/// What kind of end it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The log from that position on is no longer there: a gap for good.
    Purged,
    /// The server never had that position: it is another one, or its log began anew.
    Foreign,
    /// Another reader came with the same number.
    Replaced,
    /// The account may not read the log, or cannot log in.
    Refused,
    /// The server writes no log that could be read.
    Off,
    /// Neither events nor heartbeats.
    Silent,
    /// The connection is gone; a new one can go on.
    Gone,
    /// Interrupted from this side.
    Interrupted,
    /// A statement changed the schema, and no row events say how.
    Statement,
    /// What came cannot be read on.
    Halted(Why),
    /// The server said something else.
    Other,
}

/// The end of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogError {
    pub ended: Ended,
    stop: Stop,
}

impl LogError {
    fn new(ended: Ended, message: impl Into<String>) -> Self {
        Self { ended, stop: Stop::new(ExitCode::Server, message) }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.stop = self.stop.hint(hint);
        self
    }

    /// As the tool ends with it.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stop.fmt(f)
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.stop)
    }
}

/// What the server answers when its log lacks the position, by parts of its messages.
const FOREIGN: [&str; 3] =
    ["more GTIDs than the source has", "is not in the master's binlog", "has diverged"];
const PURGED: [&str; 4] = [
    "purged",
    "Could not find first log file",
    "Could not find GTID state requested by slave",
    "could not find next log",
];

/// MariaDB's number for a second reader with the same number; MySQL has none of its own.
const SAME_ID: u16 = 4052;

/// What the server refused in the middle of reading.
pub(super) fn of_server(error: &anyhow::Error) -> LogError {
    let said = refusal::said(error);
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let (ended, what) = match refusal::code(error) {
        Some(1227 | 1045 | 1044 | 1142) => return not_allowed(&said),
        Some(SAME_ID | 1236) if any(&["same server_uuid/server_id"]) => {
            return LogError::new(
                Ended::Replaced,
                format!("another reader took this one's place: {said}"),
            )
            .hint("Two runs read the log for the same purpose. Let one of them end.");
        }
        Some(1236) if any(&["Binary log is not open"]) => return off("log_bin is OFF"),
        Some(1236) if any(&FOREIGN) => (Ended::Foreign, "never had this position"),
        Some(1789) => (Ended::Purged, "no longer has the log from this position on"),
        Some(1236) if any(&PURGED) => {
            (Ended::Purged, "no longer has the log from this position on")
        }
        Some(1053 | 1317 | 1927) => (Ended::Gone, "ended the connection"),
        _ => (Ended::Other, "stopped sending its log"),
    };
    let error = LogError::new(ended, format!("the server {what}: {said}"));
    match ended {
        Ended::Purged => error.hint(
            "What happened in between is not known. binlog_expire_logs_seconds says how long the \
            server keeps its log.",
        ),
        Ended::Foreign => {
            error.hint("The position belongs to another server, or to the time before a RESET.")
        }
        _ => error,
    }
}

fn not_allowed(said: &str) -> LogError {
    LogError::new(Ended::Refused, format!("the server's log may not be read: {said}"))
        .hint("`cargo xtask doctor --fix` gives DB_LOG_USER the privilege REPLICATION SLAVE.")
}

pub(super) fn off(what: &str) -> LogError {
    LogError::new(Ended::Off, format!("the server's changes cannot be read: {what}"))
        .hint("docs/configuration.md has what a server needs for its log to be read.")
}

/// Connecting, or what is said before the log comes.
pub(super) fn of_login(error: anyhow::Error, user: &str) -> LogError {
    if refusal::code(&error).is_some() {
        return of_server(&error);
    }
    match error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()) {
        Some(_) if sys::signal::interrupted() => interrupted(),
        Some(io) => LogError::new(Ended::Gone, format!("connect as `{user}`: {io}")),
        None => match model::exit::find_stop(&error) {
            Some(stop) => LogError { ended: Ended::Refused, stop: stop.clone() },
            None => LogError::new(Ended::Other, format!("connect as `{user}`: {error:#}")),
        },
    }
}

fn interrupted() -> LogError {
    let stop = Stop::new(ExitCode::Interrupted, "interrupted while reading the server's log");
    LogError { ended: Ended::Interrupted, stop }
}

pub(super) fn of_socket(error: &io::Error, silence: Duration) -> LogError {
    use io::ErrorKind::{InvalidData, Other, TimedOut};
    match error.kind() {
        TimedOut => LogError::new(
            Ended::Silent,
            format!(
                "the server sent neither changes nor a heartbeat for {} s",
                silence.as_secs_f32().ceil()
            ),
        ),
        InvalidData => LogError::new(
            Ended::Halted(Why::Damaged),
            format!("the server's log arrived damaged: {error}"),
        ),
        Other => interrupted(),
        _ => LogError::new(Ended::Gone, format!("the connection to the server's log: {error}")),
    }
}

pub(super) fn of_halt(halt: Halt) -> LogError {
    let Halt { why, what } = halt;
    let message = match why {
        Why::Damaged => format!("the server's log arrived damaged: {what}"),
        Why::Lost => what,
        Why::Unknown | Why::Disorder => format!("the server's log is not understood: {what}"),
        Why::Unsupported | Why::TooLarge => format!("the server's log cannot be read on: {what}"),
        Why::Changed => format!("a table changed while its changes were read: {what}"),
    };
    LogError::new(Ended::Halted(why), message)
}

pub(super) fn within_a_transaction() -> LogError {
    LogError::new(Ended::Halted(Why::Damaged), "the server's log ends within a transaction")
}

/// A statement without row events.
pub(super) fn statement(group: &Group, statement: &Statement) -> LogError {
    let (kind, schema) = (statement.kind, &statement.schema);
    let what = match kind {
        StatementKind::Definition => "changed the schema",
        StatementKind::Truncate => "emptied a table",
        _ => "changed rows, and the log does not say which",
    };
    let text = shorten(&statement.text);
    LogError::new(
        Ended::Statement,
        format!("{} {what}: `{text}`, in a session with the schema `{schema}`", group.id),
    )
}

/// A GTID below one that was read before.
pub(super) fn backwards(gtid: &str) -> LogError {
    LogError::new(
        Ended::Halted(Why::Disorder),
        format!(
            "the server's log is not understood: {gtid} comes after a higher number of its domain"
        ),
    )
    .hint("gtid_strict_mode=ON keeps the numbers of a domain in order.")
}

pub(super) fn unnamed(end: &Place) -> LogError {
    LogError::new(
        Ended::Off,
        format!("the transaction before {end} has no GTID, so nothing could go on behind it"),
    )
    .hint("The server needs gtid_mode=ON.")
}

/// MySQL would send all of its log to who comes from another server.
pub(super) fn never_had(from: &Position) -> LogError {
    LogError::new(Ended::Foreign, format!("the server never had this position: {from}"))
        .hint("The position belongs to another server, or to the time before a RESET.")
}

pub(super) fn other_server(from: &Position, flavour: Flavour) -> LogError {
    LogError::new(Ended::Foreign, format!("`{from}` is no position that {flavour} can begin at"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::ServerError;

    fn ended(code: u16, message: &str) -> Ended {
        let error = ServerError { code, message: message.to_owned() };
        of_server(&error.into()).ended
    }

    #[test]
    fn a_gap_is_told_from_another_server_and_from_a_second_reader() {
        assert_eq!(ended(1227, "Access denied; you need REPLICATION SLAVE"), Ended::Refused);
        assert_eq!(ended(1789, "The source has purged"), Ended::Purged);
        let first = "Could not find first log file name in binary log index file";
        assert_eq!(ended(1236, first), Ended::Purged);
        assert_eq!(ended(1236, "Binary log is not open"), Ended::Off);
        assert_eq!(ended(1236, "Replica has more GTIDs than the source has"), Ended::Foreign);
        let same = "A replica with the same server_uuid/server_id as this replica has connected";
        assert_eq!(ended(1236, same), Ended::Replaced);
        let same = "A slave with the same server_uuid/server_id is already connected";
        assert_eq!(ended(4052, same), Ended::Replaced);
        assert_eq!(ended(1236, "something new"), Ended::Other);
        assert_eq!(ended(1053, "Server shutdown in progress"), Ended::Gone);
    }

    #[test]
    fn the_stop_is_found_behind_any_context() {
        let error = anyhow::Error::new(of_halt(Halt {
            why: Why::Unknown,
            what: "an event of the unknown type 99".to_owned(),
        }));
        let error = error.context("follow mydb");
        let stop = model::exit::find_stop(&error).unwrap();
        assert!(stop.message.contains("unknown type 99"), "{stop}");
    }
}
