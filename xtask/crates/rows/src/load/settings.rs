//! What the settings of a load's sessions are, and what a statement of the dump needs
//! them to be: what it means depends on all the SETs before it. Sessions are brought
//! there in words of our own, and the server is asked whether they got there.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::cut::is_innodb;
use super::statement::refused;
use model::exit::{ExitCode, Stop};
use model::ident::quote;
use server::session::code;
use server::{Session, making};
use sql::state::{ASK, State, Told};
use sql::table::has_primary_key;
use sql::{Name, Piece};

/// The states that statements of the dump were met in, in order.
#[derive(Debug)]
pub(super) struct Settings {
    all: Vec<Arc<State>>,
}

/// Dump programs change them a few times for each object.
const MANY: usize = 1 << 20;

impl Default for Settings {
    fn default() -> Self {
        Self { all: vec![Arc::default()] }
    }
}

impl Settings {
    /// The number of a state; the one before it often is the same.
    pub(super) fn number(&mut self, state: &Arc<State>, line: u64) -> Result<usize> {
        let last = self.all.len() - 1;
        if Arc::ptr_eq(&self.all[last], state) || state.since(&self.all[last]).is_empty() {
            return Ok(last);
        }
        if self.all.len() > MANY {
            let message =
                format!("line {line}: the dump changes its settings more often than any real dump");
            return Err(Stop::new(ExitCode::Store, message)
                .hint("mysqldump and mariadb-dump do not write such files.")
                .into());
        }
        self.all.push(Arc::clone(state));
        Ok(last + 1)
    }

    /// The state of that number.
    pub(super) fn at(&self, number: usize) -> Arc<State> {
        self.all.get(number).map(Arc::clone).unwrap_or_default()
    }
}

/// The settings of one session, as it was last seen to have them.
#[derive(Debug)]
pub(super) struct InForce {
    state: State,
    /// The server does not know a word that older ones put into `sql_mode`, and that
    /// means nothing but to GRANT.
    lacks_auto_create_user: bool,
    /// The server's rules for new tables that its account may not take off.
    rules: making::InForce,
}

/// The word that MySQL 8 took out of `sql_mode`.
const NO_AUTO_CREATE_USER: &str = "NO_AUTO_CREATE_USER";

impl InForce {
    /// Begins a load in the schema: what every session of it starts from.
    pub(super) fn begin(session: &mut Session, schema: &str) -> Result<Self> {
        session.run(&format!("USE {}", quote(schema)))?;
        let rules = making::take_off(session)?;
        session.run(
            "SET NAMES utf8mb4, time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0, \
             sql_mode = 'NO_AUTO_VALUE_ON_ZERO', autocommit = 0 \
             /*M!100201 , check_constraint_checks = 1 */",
        )?;
        let lacks_auto_create_user =
            session.value("SELECT VERSION() NOT LIKE '%MariaDB%' AND VERSION() NOT LIKE '5.%'")?;
        let begun = Self { state: State::default(), lacks_auto_create_user, rules };
        begun.look(session)?;
        Ok(begun)
    }

    /// As [`InForce::begin`], for a session of its own: it waits for locks as the first
    /// one does.
    pub(super) fn begin_helper(
        session: &mut Session,
        schema: &str,
        lock_wait_s: u64,
    ) -> Result<Self> {
        session.run(&format!("SET lock_wait_timeout = {lock_wait_s}"))?;
        Self::begin(session, schema)
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn rules(&self) -> &making::InForce {
        &self.rules
    }

    /// Refuses a table without a primary key where the server would give it one.
    pub(super) fn demand_key(&self, piece: &Piece<'_>, name: &Name) -> Result<()> {
        if !self.rules.about_primary_keys() || !is_innodb(piece.text, piece.mode) {
            return Ok(());
        }
        match self.rules.refuses_without_key(&name.name) {
            Some(stop) if !has_primary_key(piece.text, piece.mode) => Err(stop.into()),
            _ => Ok(()),
        }
    }

    /// Gives the session the settings that a statement needs, and has the server confirm
    /// them; nothing where it has them.
    pub(super) fn become_state(&mut self, session: &mut Session, wanted: &State) -> Result<()> {
        let known = self.lacks_auto_create_user && wanted.sql_mode.has(NO_AUTO_CREATE_USER);
        let known = known.then(|| wanted.without_mode(NO_AUTO_CREATE_USER));
        let wanted = known.as_ref().unwrap_or(wanted);
        let missing = wanted.since(&self.state);
        if missing.is_empty() {
            return Ok(());
        }
        for (sql, line) in missing {
            session.run(&sql).map_err(|error| refused(error, line))?;
        }
        self.state = wanted.clone();
        self.look(session)
    }

    /// Asks the server whether the session has them.
    fn look(&self, session: &mut Session) -> Result<()> {
        let told: Told = session.first(ASK)?.context("the server does not report its settings")?;
        let Some((name, wanted, is, line)) = self.state.differs(&told) else { return Ok(()) };
        let message = format!(
            "line {line}: the server has {name} = `{is}`, but the dump was read with `{wanted}`"
        );
        Err(Stop::new(ExitCode::Store, message)
            .hint(
                "The load stops here: the server could interpret the next statements \
            differently.",
            )
            .into())
    }
}

/// Gives the server memory for sorting keys, in bytes; where it knows no such
/// setting (MariaDB), it has its own.
pub(super) fn sort_memory(session: &mut Session, bytes: u64) -> Result<()> {
    match session.run(&format!("SET SESSION innodb_ddl_buffer_size = {bytes}")) {
        Err(error) if code(&error) != Some(1193) => Err(error),
        _ => Ok(()),
    }
}
