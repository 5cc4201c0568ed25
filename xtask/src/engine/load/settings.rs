//! The SET statements of a dump, kept so that every session can run them in order:
//! what a later statement means depends on all that came before it.

use std::sync::Arc;

use anyhow::Result;

use crate::model::exit::{ExitCode, Stop};
use crate::model::ident::quote;
use crate::server::Session;
use crate::server::session::code;

/// One SET statement.
#[derive(Debug)]
pub(super) struct Set {
    pub text: String,
    /// Line of the dump on which it begins.
    pub line: u64,
}

/// All of them so far.
#[derive(Debug, Default)]
pub(super) struct Settings {
    all: Vec<Arc<Set>>,
    bytes: usize,
}

/// Dump programs write a dozen short ones for each object.
const LONGEST: usize = 64 << 20;

impl Settings {
    /// Adds the next one.
    ///
    /// # Errors
    /// There are more than any dump has.
    pub(super) fn push(&mut self, text: String, line: u64) -> Result<()> {
        self.bytes += text.len();
        if self.bytes > LONGEST {
            let message =
                format!("line {line}: the dump holds more SET statements than a dump has");
            return Err(Stop::new(ExitCode::Store, message)
                .hint("mysqldump and mariadb-dump do not write such files.")
                .into());
        }
        self.all.push(Arc::new(Set { text, line }));
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Those from one number up to another.
    pub(super) fn between(&self, from: usize, to: usize) -> Vec<Arc<Set>> {
        self.all[from..to.min(self.all.len())].to_vec()
    }
}

/// What every session of a load begins with, in the schema that is loaded.
///
/// # Errors
/// The server refuses.
pub(super) fn begin(session: &mut Session, schema: &str) -> Result<()> {
    session.run(&format!("USE {}", quote(schema)))?;
    session.run(
        "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO', \
         autocommit = 0",
    )
}

/// As [`begin`], for a session of its own: it waits for locks as the first one does.
///
/// # Errors
/// The server refuses.
pub(super) fn begin_helper(session: &mut Session, schema: &str, lock_wait_s: u64) -> Result<()> {
    session.run(&format!("SET lock_wait_timeout = {lock_wait_s}"))?;
    begin(session, schema)?;
    side_by_side(session)
}

/// Without unique checks MariaDB fills an empty table in bulk, under a lock on all of it:
/// sessions that fill the same one would wait for each other. What is in the table is the
/// same either way.
///
/// # Errors
/// The connection is gone.
pub(super) fn side_by_side(session: &mut Session) -> Result<()> {
    session.run("SET unique_checks = 1")
}

/// Gives the server memory for sorting keys, in bytes; where it knows no such
/// setting (MariaDB), it has its own.
///
/// # Errors
/// The connection is gone.
pub(super) fn sort_memory(session: &mut Session, bytes: u64) -> Result<()> {
    match session.run(&format!("SET SESSION innodb_ddl_buffer_size = {bytes}")) {
        Err(error) if code(&error) != Some(1193) => Err(error),
        _ => Ok(()),
    }
}
