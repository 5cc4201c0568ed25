//! The pending migrations on the restored copy, statement by statement: timed, asked
//! what each does to its table, and booked in `_sqlx_migrations` as the API books them.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;

use crate::state::Pending;
use crate::told::ApiSession;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::gate::{Effect, StatementReport};
use model::ident::{literal, quote};
use model::inventory::{Inventory, ObjectKind};
use ops::ctx::Ctx;
use ops::prove::ProvenCopy;
use server::session::{code, said};
use server::{Server, Session, inventory};
use sql::alter::{self, Known, PROBE};
use sql::split;
use sys::{clock, signal};

/// As sqlx makes it (sqlx-mysql 0.9, `ensure_migrations_table`).
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations ( \
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
    checksum BLOB NOT NULL, execution_time BIGINT NOT NULL )";

/// A change that ran on the copy of a proven backup, and succeeded there.
#[derive(Debug)]
pub struct Rehearsed<'p> {
    copy: &'p ProvenCopy,
}

impl<'p> Rehearsed<'p> {
    /// Runs a change on the copy: the only way to one.
    ///
    /// # Errors
    /// As `change`.
    pub(crate) fn on(
        copy: &'p ProvenCopy,
        change: impl FnOnce(&ProvenCopy) -> Result<()>,
    ) -> Result<Self> {
        change(copy)?;
        Ok(Self { copy })
    }

    /// The copy, as the change left it.
    pub fn copy(&self) -> &'p ProvenCopy {
        self.copy
    }
}

/// What a rehearsal saw.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// Each statement that ran, in order.
    pub statements: Vec<StatementReport>,
    /// How long all of it took, in milliseconds.
    pub duration_ms: u64,
    /// The GTIDs of its own work; `None` where the server does not say.
    pub own_gtids: Option<Vec<String>>,
    /// Why it failed, where it did.
    pub failure: Option<Stop>,
}

/// Called before each migration and after each statement, when everything that a
/// statement committed can be seen by others; `true` ends the run there.
pub type Watch<'a> = &'a mut dyn FnMut() -> Result<bool>;

/// Where and how migrations run.
#[derive(Debug)]
pub struct Copy<'a> {
    /// The settings of the API's own session.
    pub settings: &'a ApiSession,
    /// The restored copy.
    pub schema: &'a str,
    /// Rows in each of its tables.
    pub rows: &'a BTreeMap<String, u64>,
}

/// Opens a session as the API would have it, on the copy, and as an account that can reach
/// nothing else.
pub(crate) fn open(ctx: &Ctx, server: &Server, copy: &Copy<'_>) -> Result<Session> {
    let mut session = ctx.session(server, Role::Drill, Some(copy.schema))?;
    session.track_gtids()?;
    session.as_a_migration()?;
    let ApiSession { sql_mode, time_zone, character_set_client, collation_connection } =
        copy.settings;
    session.run(&format!(
        "SET NAMES {} COLLATE {}",
        literal(character_set_client),
        literal(collation_connection)
    ))?;
    session.run(&format!(
        "SET time_zone = {}, sql_mode = {}",
        literal(time_zone),
        literal(sql_mode)
    ))?;
    Ok(session)
}

/// Makes the events of the copy what they are in the backup: enabled ones were
/// disabled, and a migration may want to see or change them.
///
/// # Errors
/// The server refuses.
pub fn enable_events(session: &mut Session, schema: &str, wanted: &Inventory) -> Result<()> {
    let now = inventory::read(session, schema)?;
    for ((kind, name), event) in &wanted.programs {
        let there = now.programs.get(&(*kind, name.clone()));
        if *kind != ObjectKind::Event || there.is_none_or(|there| there.ddl == event.ddl) {
            continue;
        }
        // An ALTER keeps the settings of the session that it comes from, too.
        for setting in plan::swap::settings(&plan::swap::statement(event)) {
            session.run(&setting)?;
        }
        session.run(&format!("ALTER EVENT {} ENABLE", quote(name)))?;
    }
    session.run("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''")
}

/// Runs the migrations. One that fails is not an error here: see [`Rehearsal::failure`].
///
/// # Errors
/// The server cannot be reached, or someone pressed Ctrl-C.
pub fn run(
    ctx: &Ctx,
    server: &Server,
    copy: &Copy<'_>,
    pending: &[Pending],
    mut watch: Option<Watch<'_>>,
) -> Result<Rehearsal> {
    let start = Instant::now();
    let mut session = open(ctx, server, copy)?;
    let mut probe = open(ctx, server, copy)?;
    let mut run = Run { ctx, copy, done: Rehearsal::default() };
    session.run(TABLE)?;
    for one in pending {
        let ended = match watch.as_mut() {
            Some(watch) => watch()?,
            None => false,
        };
        if ended || run.migration(&mut session, &mut probe, one, &mut watch)? {
            break;
        }
    }
    if let Some(watch) = watch.as_mut()
        && run.done.failure.is_none()
    {
        // The last one is booked now, too.
        watch()?;
    }
    run.done.duration_ms = clock::elapsed_ms(start);
    run.done.own_gtids = match (session.own_gtids(), probe.own_gtids()) {
        (Some(own), Some(probed)) => Some(own.into_iter().chain(probed).collect()),
        _ => None,
    };
    Ok(run.done)
}

struct Run<'a> {
    ctx: &'a Ctx,
    copy: &'a Copy<'a>,
    done: Rehearsal,
}

impl Run<'_> {
    /// As sqlx does it: the row, the statements and the row's success in what would
    /// be one transaction, if DDL did not end it. `true` when nothing more is to run.
    fn migration(
        &mut self,
        session: &mut Session,
        probe: &mut Session,
        one: &Pending,
        watch: &mut Option<Watch<'_>>,
    ) -> Result<bool> {
        let start = Instant::now();
        let version = one.file.version;
        session.run("BEGIN")?;
        session.run(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES ({version}, {}, FALSE, 0x{}, -1)",
            literal(&one.file.description.replace('_', " ")),
            one.file.checksum
        ))?;
        let statements = split::parts(&one.text);
        for (index, part) in statements.iter().enumerate() {
            let statement = part.text;
            signal::check()?;
            let (effect, table_rows) = self.effect(probe, statement)?;
            if let Some(watch) = watch.as_mut()
                && effect != Effect::Rows
            {
                // As the statement itself will do first.
                session.run("COMMIT")?;
                if watch()? {
                    return Ok(true);
                }
            }
            let mut report = StatementReport {
                migration: one.name(),
                number: index + 1,
                of: statements.len(),
                statement: split::shown(statement),
                duration_ms: 0,
                rows: 0,
                effect,
                table_rows,
            };
            let begun = Instant::now();
            match session.run_counted(statement) {
                Ok(rows) => report.rows = rows,
                Err(error) if code(&error).is_some() => {
                    let said = said(&error);
                    let place = one.place(part, &said);
                    self.done.failure = Some(self.refused(&report, &place, &said));
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
            report.duration_ms = clock::elapsed_ms(begun);
            self.ctx.ui.detail(format!(
                "  {} {}/{}: {}",
                report.migration, report.number, report.of, report.statement
            ));
            self.done.statements.push(report);
            if let Some(watch) = watch.as_mut()
                && watch()?
            {
                return Ok(true);
            }
        }
        let book =
            |what: &str| format!("UPDATE _sqlx_migrations SET {what} WHERE version = {version}");
        session.run(&book("success = TRUE"))?;
        session.run("COMMIT")?;
        session.run(&book(&format!("execution_time = {}", start.elapsed().as_nanos())))?;
        Ok(false)
    }

    fn refused(&self, at: &StatementReport, place: &str, said: &str) -> Stop {
        Stop::new(
            ExitCode::GateRefused,
            format!(
                "the rehearsal failed; it ran on a copy, `{}` was not touched:\n  file       \
                 {place}\n  statement  {} of {}: {}\n  the server {said}",
                self.ctx.settings.schema, at.number, at.of, at.statement
            ),
        )
        .hint("Fix the migration and run `cargo xtask migrate` again.")
    }

    /// What the statement does to its table, found out on an empty one like it.
    fn effect(&self, probe: &mut Session, statement: &str) -> Result<(Effect, Option<u64>)> {
        let ask = match alter::look(statement) {
            Known::Says(effect) => return Ok((effect, None)),
            Known::Ask(ask) => ask,
        };
        let rows = self.copy.rows.get(&ask.table).copied();
        let made = [
            format!("DROP TABLE IF EXISTS {}", quote(PROBE)),
            format!("CREATE TABLE {} LIKE {}", quote(PROBE), quote(&ask.table)),
        ];
        for sql in &made {
            match probe.run(sql) {
                Ok(()) => {}
                // The statement itself will say what is wrong.
                Err(error) if code(&error).is_some() => return Ok((Effect::Unknown, rows)),
                Err(error) => return Err(error),
            }
        }
        let mut effect = Effect::Copy;
        for (found, sql) in &ask.tries {
            match probe.run(sql) {
                Ok(()) => {
                    effect = *found;
                    break;
                }
                // 1845, 1846: this algorithm cannot do it. 1221, 4092 and the like: a
                // combination that is refused as such.
                Err(error) if matches!(code(&error), Some(1845 | 1846)) => {}
                Err(error) if code(&error).is_some() => effect = Effect::Unknown,
                Err(error) => return Err(error),
            }
        }
        probe.run(&format!("DROP TABLE IF EXISTS {}", quote(PROBE)))?;
        Ok((effect, rows))
    }
}
