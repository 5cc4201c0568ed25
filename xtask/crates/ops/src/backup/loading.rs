//! Whether the account that loads backups may make these tables again under the server's
//! rules for new ones. What it may not is known before a backup is called complete.

use anyhow::Result;

use super::prepare::Prepared;
use crate::ctx::Ctx;
use crate::staging;
use model::account::Role;
use model::exit::{ExitCode, Stop, find_stop};
use model::facts::Flavour;
use model::ident::{literal, quote};
use model::inventory::Inventory;
use model::manifest::Reason;
use server::making::{self, InForce};
use server::session::{code, said};
use server::{Server, Session};
use sql::LexMode;
use sql::table::has_primary_key;

/// Looks before the dump, and tells the user what a load will need. A safety backup is taken
/// even so: it is what is left of the present state, and a right can be granted later.
///
/// # Errors
/// A table could not be made again: exit code 40, with its name.
pub(super) fn look(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    prepared: &Prepared,
    reason: &Reason,
) -> Result<()> {
    // Every account of MariaDB may set these for itself.
    if prepared.facts.flavour == Flavour::Mariadb {
        return Ok(());
    }
    // An account that cannot log in is reported by what needs it.
    let Ok(mut loader) = ctx.session(server, Role::Drill, None) else { return Ok(()) };
    let needed = match needed(ctx, &mut loader, session, prepared) {
        // A server that takes no schema now, such as a replica: its backup is worth having.
        Err(error) if find_stop(&error).is_none() && code(&error).is_some() => {
            let why = said(&error);
            ctx.ui.warn(format!("whether this backup can be loaded here was not tried: {why}"));
            return Ok(());
        }
        Err(error) if *reason == Reason::Safety => match find_stop(&error) {
            Some(stop) => Some(stop.clone()),
            None => return Err(error),
        },
        other => other?,
    };
    if let Some(stop) = needed {
        let hints = stop.hints.join(" ");
        ctx.ui.warn(format!("the tool cannot load this backup yet: {}. {hints}", stop.message));
    }
    Ok(())
}

fn needed(
    ctx: &Ctx,
    loader: &mut Session,
    session: &mut Session,
    prepared: &Prepared,
) -> Result<Option<Stop>> {
    let rules = making::take_off(loader)?;
    if rules.is_strict() {
        let suspects = suspects(session, &prepared.plan.schema)?;
        if !suspects.is_empty() {
            let before = &prepared.before;
            staging::scratch(ctx, loader, before, |loader, schema| {
                try_each((loader, &rules), schema, before, &suspects)
            })?;
        }
    }
    let innodb = prepared.before.tables.iter().filter(|(_, table)| table.engine == "InnoDB");
    let mut bare =
        innodb.filter(|(_, table)| !has_primary_key(table.ddl.as_bytes(), LexMode::default()));
    Ok(bare.next().and_then(|(name, _)| rules.refuses_without_key(name)))
}

/// Tables that InnoDB may have taken only because it was not strict: rows that could be
/// longer than half a page, and options that it did not carry out.
fn suspects(session: &mut Session, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT name FROM (SELECT t.TABLE_NAME AS name, COALESCE(t.ROW_FORMAT, '') AS form, \
         COALESCE(t.CREATE_OPTIONS, '') AS options, \
         SUM(CASE WHEN c.DATA_TYPE LIKE '%char' AND c.DATA_TYPE <> 'char' \
             OR c.DATA_TYPE LIKE '%text' OR c.DATA_TYPE LIKE '%blob' OR c.DATA_TYPE = 'varbinary' \
             THEN LEAST(c.CHARACTER_OCTET_LENGTH + 2, IF(t.ROW_FORMAT IN ('Dynamic', 'Compressed'), \
             42, 790)) ELSE COALESCE(c.CHARACTER_OCTET_LENGTH, 9) END) AS width \
         FROM information_schema.TABLES t JOIN information_schema.COLUMNS c \
         ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME \
         WHERE t.TABLE_SCHEMA = {} AND t.ENGINE = 'InnoDB' AND c.EXTRA NOT LIKE '%VIRTUAL%' \
         GROUP BY 1, 2, 3) sizes \
         WHERE width > LEAST(@@innodb_page_size, 32768) / 2 - 200 \
         OR options LIKE '%row_format=%' AND options NOT LIKE CONCAT('%row_format=', form, '%') \
         OR options LIKE '%KEY_BLOCK_SIZE=%' AND form <> 'Compressed' ORDER BY 1",
        literal(schema)
    );
    session.rows(&sql)
}

/// Makes the suspects without their rows, in a scratch schema.
fn try_each(
    (loader, rules): (&mut Session, &InForce),
    schema: &str,
    before: &Inventory,
    suspects: &[String],
) -> Result<()> {
    loader.run(&format!("USE {}", quote(schema)))?;
    loader.run("SET foreign_key_checks = 0")?;
    for (name, table) in before.tables.iter().filter(|(name, _)| suspects.contains(name)) {
        match loader.run(&table.ddl) {
            Err(error) if matches!(code(&error), Some(1118 | 1031 | 1478)) => {
                let user = loader.user().to_owned();
                let message = format!(
                    "`{name}` was made with innodb_strict_mode=OFF, and `{user}`, which loads \
                     backups, may not turn that rule off: {}",
                    said(&error)
                );
                return Err(Stop::new(ExitCode::Store, message)
                    .hint(format!("Run as root: {}", rules.grant()))
                    .hint("Or make the table's rows shorter: long columns as TEXT, ROW_FORMAT=DYNAMIC.")
                    .into());
            }
            // Whatever else: the drill will say.
            _ => {}
        }
    }
    Ok(())
}
