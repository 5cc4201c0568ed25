//! Views: a definition is read where the server can show it, and none that would crash it.

use std::collections::BTreeSet;

use anyhow::Result;

use super::definition::{without_definer, without_own_schema};
use super::inventory::{asked, text};
use super::refusal::is_lasting;
use super::session::{Session, said};
use model::ident::{literal, qualified, quote};
use model::inventory::{BrokenView, Inventory, ObjectKind, Program};

/// Reads a view into the inventory: among the broken ones, where the server cannot show it.
pub(super) fn view(
    session: &mut Session,
    schema: &str,
    name: &str,
    comment: String,
    columns: Vec<String>,
    inventory: &mut Inventory,
) -> Result<()> {
    let row = match asked(session, ObjectKind::View, schema, name) {
        // A view over what is gone or not allowed can fail in other ways than the usual one.
        Err(error) if is_lasting(&error) => {
            inventory.broken_views.push(not_read(session, schema, name, said(&error)));
            return Ok(());
        }
        row => row?,
    };
    let (ddl, definer) = without_definer(&text(&row, "Create View")?);
    // The server writes this where a comment would be, in these words on both flavours.
    if comment.contains("references invalid table") {
        inventory.broken_views.push(BrokenView { name: name.to_owned(), ddl, why: comment });
        return Ok(());
    }
    let program = Program {
        ddl: without_own_schema(&ddl, schema),
        definer,
        sql_mode: None,
        charset_client: text(&row, "character_set_client")?,
        collation: text(&row, "collation_connection")?,
        time_zone: None,
        table: None,
        database_collation: None,
        columns,
    };
    inventory.programs.insert((ObjectKind::View, name.to_owned()), program);
    Ok(())
}

/// Views that must be readable before they may be shown: MariaDB 10.11 dies of a SHOW CREATE
/// VIEW over JSON_TABLE when a table in it is gone, and does not list such a view as broken.
pub(super) fn fragile(session: &mut Session, schema: &str) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = {} AND LOWER(VIEW_DEFINITION) LIKE '%json_table%'",
        literal(schema)
    );
    Ok(session.rows(&sql)?.into_iter().collect())
}

/// Why a view cannot be read; no row of it is.
pub(super) fn unreadable(
    session: &mut Session,
    schema: &str,
    name: &str,
) -> Result<Option<String>> {
    match session.run(&format!("SELECT 1 FROM {} LIMIT 0", qualified(schema, name))) {
        Ok(()) => Ok(None),
        Err(error) if is_lasting(&error) => Ok(Some(said(&error))),
        Err(error) => Err(error),
    }
}

/// A view that cannot be shown, with what information_schema has of it.
pub(super) fn not_read(session: &mut Session, schema: &str, name: &str, why: String) -> BrokenView {
    let sql = format!(
        "SELECT VIEW_DEFINITION FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(schema),
        literal(name)
    );
    let body = session.value::<Option<String>>(&sql).ok().flatten().unwrap_or_default();
    let ddl = match body.as_str() {
        "" => String::new(),
        body => format!("CREATE VIEW {} AS {body}", quote(name)),
    };
    BrokenView { name: name.to_owned(), ddl, why }
}
