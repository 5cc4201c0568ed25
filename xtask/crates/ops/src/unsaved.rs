//! What of the live schema a safety backup cannot hold, found before it is taken.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::ctx::Ctx;
use crate::obstacles::documents;
use model::account::Role;
use model::ident::qualified;
use model::inventory::{Inventory, ObjectKind};
use model::left_out::LeftOut;
use plan::unsaved::{with_dependents, without};
use rows::native::{self, Refused};
use server::session::{code, is_lasting, said};
use server::survey::Survey;
use server::{Server, Session, facts, inventory, obstacles};
use sql::guard;

/// Looks at the live schema as the account does that backs it up.
///
/// # Errors
/// The server cannot be asked.
pub fn look(ctx: &Ctx, server: &Server) -> Result<Vec<LeftOut>> {
    let schema = &ctx.settings.schema;
    let mut session = ctx.session(server, Role::Backup, Some(schema))?.read_only()?;
    // Without a right, everything may look as if it could not be saved.
    ctx.demand_rights(&mut session, Role::Backup, "a safety backup needs")?;
    let seen = inventory::survey(&mut session, schema)?;
    // A table that another session has locked is no obstacle, and not worth a wait.
    session.run("SET lock_wait_timeout = 1")?;
    let mut all: Vec<LeftOut> = Vec::new();
    for it in &seen.unread {
        let rows = match it.kind {
            ObjectKind::Table => rows(&mut session, schema, &it.name),
            _ => None,
        };
        all.push(LeftOut { rows, ..it.left_out() });
    }
    for (name, table) in &seen.inventory.tables {
        if !guard::keeps_rows(&table.engine) {
            let why = format!("it has the storage engine {}", table.engine);
            all.push(LeftOut { kind: ObjectKind::Table, name: name.clone(), rows: None, why });
        } else if table.ddl.to_ascii_lowercase().contains(" default nextval(") {
            let why = "a default in it takes the next value of a sequence".to_owned();
            let (kind, rows) = (ObjectKind::Table, rows(&mut session, schema, name));
            all.push(LeftOut { kind, name: name.clone(), rows, why });
        } else if let Some(why) = unreadable(&mut session, schema, name)? {
            all.push(LeftOut { kind: ObjectKind::Table, name: name.clone(), rows: None, why });
        }
    }
    let masked = obstacles::masked_columns(&mut session, schema)?;
    let tables: BTreeSet<&String> = masked.iter().map(|(table, _)| table).collect();
    for table in tables {
        let columns = masked.iter().filter(|(it, _)| it == table);
        let columns: Vec<String> = columns.map(|(_, column)| format!("`{column}`")).collect();
        let why = format!("the server may mask {}", columns.join(", "));
        let (kind, rows) = (ObjectKind::Table, rows(&mut session, schema, table));
        all.push(LeftOut { kind, name: table.clone(), rows, why });
    }
    all.extend(hidden(ctx, server, &seen)?);
    all.extend(changed_by_a_restore(&mut session, schema, &without(&seen.inventory, &all))?);
    Ok(with_dependents(&seen.inventory, &all))
}

/// What a backup could hold, and no restore bring back as it is: definitions that the guard
/// refuses, and documents with numbers of a type that only the server itself writes.
fn changed_by_a_restore(
    session: &mut Session,
    schema: &str,
    rest: &Inventory,
) -> Result<Vec<LeftOut>> {
    let facts = facts::read(session)?;
    let mut all = Vec::new();
    for Refused { kind, name, why } in native::refused(schema, &facts, rest) {
        let rows = (kind == ObjectKind::Table).then(|| rows(session, schema, &name)).flatten();
        let why = format!("it could not be restored from a backup: {why}");
        all.push(LeftOut { kind, name, rows, why });
    }
    for (name, table) in without(rest, &all).tables {
        let mut one = Inventory::default();
        one.tables.insert(name.clone(), table);
        let kind = ObjectKind::Table;
        match documents(session, schema, &facts, &one) {
            Ok(found) => all.extend(found.changed.first().map(|found| {
                let rows = rows(session, schema, &name);
                LeftOut { kind, name, rows, why: found.why() }
            })),
            Err(error) if is_lasting(&error) => {
                let why = format!("its rows cannot be read: {}", said(&error));
                all.push(LeftOut { kind, name, rows: None, why });
            }
            // Locked for the moment: the backup itself waits as long as it may, and looks again.
            Err(error) if code(&error).is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Views that look broken only to this account.
fn hidden(ctx: &Ctx, server: &Server, seen: &Survey) -> Result<Vec<LeftOut>> {
    if seen.inventory.broken_views.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = ctx.session(server, Role::Restore, None)?.read_only()?;
    let all = inventory::survey(&mut session, &ctx.settings.schema)?.everything();
    let broken = |name: &str| all.broken_views.iter().any(|view| view.name == name);
    let user = &ctx.settings.account(Role::Backup).user;
    let hidden = seen.inventory.broken_views.iter().filter(|view| !broken(&view.name));
    Ok(hidden
        .map(|view| LeftOut {
            kind: ObjectKind::View,
            name: view.name.clone(),
            rows: None,
            why: format!("`{user}` may not read it"),
        })
        .collect())
}

/// Why no row of a table can be read, such as a tablespace that is gone.
fn unreadable(session: &mut Session, schema: &str, table: &str) -> Result<Option<String>> {
    let sql = format!("SELECT 1 FROM {} LIMIT 1", qualified(schema, table));
    match session.run(&sql) {
        Err(error) if is_lasting(&error) => {
            Ok(Some(format!("its rows cannot be read: {}", said(&error))))
        }
        // It may be locked for the moment: the backup itself waits as long as it may.
        Err(error) if code(&error).is_some() => Ok(None),
        other => other.map(|()| None),
    }
}

/// How many rows are only in this table, as far as they can be counted: with versions, all
/// of them.
fn rows(session: &mut Session, schema: &str, table: &str) -> Option<u64> {
    let count = |what: &str| format!("SELECT COUNT(*) FROM {}{what}", qualified(schema, table));
    let versions = session.value::<u64>(&count(" FOR SYSTEM_TIME ALL"));
    versions.or_else(|_| session.value::<u64>(&count(""))).ok()
}
