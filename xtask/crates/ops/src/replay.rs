//! Whether the programs of a copy can be made again from what the server prints of them.
//!
//! A server does not keep a program's text as it was sent: MySQL and MariaDB take the marks
//! of version comments out, and what stood around them joins. The printed text can be
//! another program, or none at all. A swap makes programs from that text after the tables
//! moved, so before anything moves it is tried in the copy, where a failure harms nobody.

use anyhow::Result;

use model::exit::{ExitCode, Stop};
use model::ident::{qualified, quote};
use model::inventory::{Inventory, ObjectKind, Program};
use model::swap::{JournalStatement, Purpose};
use server::session::{code, said};
use server::{Session, inventory};
use sql::sql_mode::SqlMode;
use sql::{LexMode, disable_event};

/// Makes every program of `programs` again in `schema`, from its printed text, and demands
/// that the server prints the same text again. They belong to this session's account there:
/// the one that will own them has no right in a copy, and a view that calls a function of
/// such an owner cannot be made.
///
/// # Errors
/// It does not, or a statement fails: exit code 40, or 20 in front of a migration.
pub fn demand(
    session: &mut Session,
    schema: &str,
    programs: &Inventory,
    purpose: Purpose,
) -> Result<()> {
    if programs.programs.is_empty() {
        return Ok(());
    }
    let idle = idle(programs);
    session.run(&format!("USE {}", quote(schema)))?;
    for name in &idle.trigger_order {
        session.run(&format!("DROP TRIGGER IF EXISTS {}", qualified(schema, name)))?;
    }
    let made = make(session, schema, &idle);
    session.run("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''")?;
    if let Err((what, error)) = made {
        // Without a number it is not the server's word: the connection is gone.
        return Err(match code(&error) {
            Some(_) => refusal(purpose, &what, &said(&error)).into(),
            None => error,
        });
    }
    let again = inventory::read(session, schema)?;
    for ((kind, name), program) in &idle.programs {
        let there = again.programs.get(&(*kind, name.clone()));
        if !there.is_some_and(|it| same(it, program)) {
            let why = "it comes back as different text";
            return Err(refusal(purpose, &shown(*kind, name), why).into());
        }
    }
    Ok(())
}

/// A copy does not act, not even for a moment.
fn idle(programs: &Inventory) -> Inventory {
    let mut idle = programs.clone();
    for ((kind, _), program) in &mut idle.programs {
        if *kind == ObjectKind::Event {
            let text = disable_event(program.ddl.as_bytes(), lexed(program));
            program.ddl = String::from_utf8_lossy(&text).into_owned();
        }
    }
    idle
}

fn lexed(program: &Program) -> LexMode {
    let mode = program.sql_mode.as_deref().and_then(|text| SqlMode::parse(text).ok());
    mode.map(SqlMode::lex).unwrap_or_default()
}

fn make(
    session: &mut Session,
    schema: &str,
    programs: &Inventory,
) -> Result<(), (String, anyhow::Error)> {
    let named = |kind: ObjectKind| {
        let order = programs.programs.iter().filter(move |((it, _), _)| *it == kind);
        order.map(move |((_, name), program)| (kind, name.clone(), plan::swap::statement(program)))
    };
    for (kind, name, statement) in named(ObjectKind::Function)
        .chain(named(ObjectKind::Procedure))
        .chain(named(ObjectKind::Event))
    {
        let drop = format!("DROP {} IF EXISTS {}", kind.keyword(), qualified(schema, &name));
        session.run(&drop).map_err(|error| (shown(kind, &name), error))?;
        run(session, &statement).map_err(|error| (shown(kind, &name), error))?;
    }
    for view in plan::swap::views(programs) {
        let sql = view.sql.replacen("CREATE ", "CREATE OR REPLACE ", 1);
        let view = JournalStatement { sql, ..view };
        run(session, &view).map_err(|error| ("a view".to_owned(), error))?;
    }
    for trigger in plan::swap::statements(programs, ObjectKind::Trigger) {
        let name = trigger.trigger.clone().unwrap_or_default();
        run(session, &trigger).map_err(|error| (shown(ObjectKind::Trigger, &name), error))?;
    }
    Ok(())
}

fn shown(kind: ObjectKind, name: &str) -> String {
    format!("{} {}", kind.keyword().to_lowercase(), quote(name))
}

/// What a program does and under which settings. Not where it stands: a copy may have
/// another default collation than the schema that a trigger comes from.
fn same(a: &Program, b: &Program) -> bool {
    let said = |it: &Program| (it.ddl.clone(), it.sql_mode.clone(), it.time_zone.clone());
    said(a) == said(b) && a.collation == b.collation && a.table == b.table
}

fn run(session: &mut Session, statement: &JournalStatement) -> Result<()> {
    for setting in plan::swap::settings(statement) {
        session.run(&setting)?;
    }
    session.run(&statement.sql)
}

fn refusal(purpose: Purpose, what: &str, why: &str) -> Stop {
    let code = match purpose {
        Purpose::Migrate => ExitCode::GateRefused,
        Purpose::Restore | Purpose::Undo => ExitCode::Store,
    };
    Stop::new(
        code,
        format!(
            "{what} cannot be recreated from what the server shows; nothing was changed: {why}"
        ),
    )
    .hint("A server takes the marks of version comments (`/*! … */`) out of a program's text. Write the program without them.")
}
