//! What a schema is made of, as one checksum: any definition that changes changes it,
//! no row and no name of the schema does.
//!
//! Definitions are taken as the server prints them (`SHOW CREATE …`), because that is
//! complete whatever a server adds to tables next; the printing depends on two session
//! settings, which are pinned meanwhile.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _, SqlSafeStr, mysql::MySqlRow};

/// What `migrate status --json` tells about the schema besides its migrations.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// The server, by the name it gave itself; `unknown` where it has none.
    pub server_uuid: String,
    pub schema: String,
    /// How many base tables it holds.
    pub tables: usize,
    /// SHA-256 over every definition and the applied migrations.
    pub fingerprint: String,
    /// The same over what the import's account can read: tables and applied migrations.
    pub import_fingerprint: String,
    /// Settings of this session that change what a statement means.
    pub session: Session,
}

/// Session settings as the server prints them.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// `@@sql_mode`.
    pub sql_mode: String,
    /// `@@time_zone`.
    pub time_zone: String,
    /// `@@character_set_client`.
    pub character_set_client: String,
    /// `@@collation_connection`.
    pub collation_connection: String,
}

/// What a permit is compared with.
#[derive(Debug)]
pub(super) struct Live {
    pub server_uuid: String,
    pub schema: String,
    pub tables: usize,
    pub fingerprint: String,
}

/// Reads everything about the schema that a permit binds. Changes nothing.
pub async fn facts(conn: &mut MySqlConnection) -> Result<Facts> {
    let session = texts(
        conn,
        "SELECT @@sql_mode, @@time_zone, @@character_set_client, @@collation_connection",
    )
    .await?;
    let [row] = session.as_slice() else { bail!("the server does not report its settings") };
    let setting = |at: usize| row[at].clone().unwrap_or_default();
    let session = Session {
        sql_mode: setting(0),
        time_zone: setting(1),
        character_set_client: setting(2),
        collation_connection: setting(3),
    };
    let parts = parts(conn, true).await?;
    Ok(Facts {
        server_uuid: server_uuid(conn).await?,
        schema: schema(conn).await?,
        tables: parts.table_count,
        fingerprint: digest("schema", &[&parts.tables, &parts.others]),
        import_fingerprint: digest("import", &[&parts.tables]),
        session,
    })
}

/// The state that a permit for a migration is about.
pub(super) async fn for_migration(conn: &mut MySqlConnection) -> Result<Live> {
    let facts = facts(conn).await?;
    Ok(Live {
        server_uuid: facts.server_uuid,
        schema: facts.schema,
        tables: facts.tables,
        fingerprint: facts.fingerprint,
    })
}

/// The state that a permit for an import is about; `app_user` may read all of it.
pub(super) async fn for_import(conn: &mut MySqlConnection) -> Result<Live> {
    let parts = parts(conn, false).await?;
    Ok(Live {
        server_uuid: server_uuid(conn).await?,
        schema: schema(conn).await?,
        tables: parts.table_count,
        fingerprint: digest("import", &[&parts.tables]),
    })
}

pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

struct Parts {
    table_count: usize,
    tables: Vec<Row>,
    others: Vec<Row>,
}

type Row = Vec<Option<String>>;

async fn server_uuid(conn: &mut MySqlConnection) -> Result<String> {
    // MySQL's name for it, MariaDB's, and no name in older releases of MariaDB.
    for query in ["SELECT @@server_uuid", "SELECT @@server_uid"] {
        match sqlx::raw_sql(query).fetch_one(&mut *conn).await {
            Ok(row) => return Ok(text(&row, 0)?.unwrap_or_default()),
            // 1193: unknown system variable.
            Err(sqlx::Error::Database(error)) if number(error.as_ref()) == 1193 => {}
            Err(error) => return Err(error).context("cannot read the server's name"),
        }
    }
    Ok("unknown".to_owned())
}

pub(super) fn number(error: &dyn sqlx::error::DatabaseError) -> u16 {
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |error| error.number())
}

async fn schema(conn: &mut MySqlConnection) -> Result<String> {
    let name: Option<String> = sqlx::query_scalar("SELECT DATABASE()")
        .fetch_one(conn)
        .await
        .context("cannot read the schema's name")?;
    name.context("no schema is selected")
}

async fn parts(conn: &mut MySqlConnection, everything: bool) -> Result<Parts> {
    let before = texts(conn, "SELECT @@sql_mode, @@sql_quote_show_create").await?;
    let [before] = before.as_slice() else { bail!("the server does not report its settings") };
    set_printing(conn, "", "1").await?;
    let parts = printed(conn, everything).await;
    let [mode, quote] = [0, 1].map(|at| before[at].clone().unwrap_or_default());
    set_printing(conn, &mode, &quote).await?;
    parts
}

async fn set_printing(conn: &mut MySqlConnection, mode: &str, quote: &str) -> Result<()> {
    sqlx::query("SET SESSION sql_mode = ?, SESSION sql_quote_show_create = ?")
        .bind(mode)
        .bind(quote == "1")
        .execute(conn)
        .await
        .context("cannot set how definitions are printed")?;
    Ok(())
}

async fn printed(conn: &mut MySqlConnection, everything: bool) -> Result<Parts> {
    let mut tables = tagged(
        "defaults",
        texts(
            conn,
            "SELECT default_character_set_name, default_collation_name \
             FROM information_schema.schemata WHERE schema_name = DATABASE()",
        )
        .await?,
    );
    let mut listed = texts(
        conn,
        "SELECT table_name, table_type FROM information_schema.tables \
         WHERE table_schema = DATABASE() \
           AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')",
    )
    .await?;
    listed.sort();
    let table_count = listed.len();
    let mut recorded = false;
    for row in listed {
        let [Some(name), Some(kind)] = row.as_slice() else { continue };
        recorded |= name == "_sqlx_migrations";
        let kind = if kind == "SEQUENCE" { "SEQUENCE" } else { "TABLE" };
        let definition = show(conn, kind, name).await?.get(1).cloned().flatten();
        let definition = readable(definition, kind, name)?;
        tables.push(vec![Some(kind.into()), Some(name.clone()), Some(settled(&definition))]);
    }
    if recorded {
        let applied = "SELECT version, success, HEX(checksum) FROM _sqlx_migrations \
                       ORDER BY version";
        tables.extend(tagged("applied", texts(conn, applied).await?));
    }
    let others = if everything { others(conn).await? } else { vec![] };
    Ok(Parts { table_count, tables, others })
}

// Views, routines, triggers and events.
async fn others(conn: &mut MySqlConnection) -> Result<Vec<Row>> {
    let own = format!("{}.", quoted(&schema(conn).await?));
    let mut found = vec![];
    let mut listed = texts(
        conn,
        "SELECT 'VIEW', table_name FROM information_schema.tables \
           WHERE table_schema = DATABASE() AND table_type = 'VIEW' \
         UNION ALL SELECT routine_type, routine_name FROM information_schema.routines \
           WHERE routine_schema = DATABASE() \
         UNION ALL SELECT 'EVENT', event_name FROM information_schema.events \
           WHERE event_schema = DATABASE()",
    )
    .await?;
    listed.sort();
    for row in listed {
        let [Some(kind), Some(name)] = row.as_slice() else { continue };
        let mut shown = match kind.as_str() {
            "VIEW" => show_view(conn, name).await?,
            _ => show(conn, kind, name).await?,
        };
        // Name, [mode, [zone,]] definition, character set, collation, [the schema's].
        let at = match kind.as_str() {
            "VIEW" => 1,
            "EVENT" => 3,
            _ => 2,
        };
        let definition = readable(shown.get(at).cloned().flatten(), kind, name)?;
        // A view that also looks into another schema names its own one as well.
        shown[at] = Some(match kind.as_str() {
            "VIEW" => definition.replace(&own, "\u{1}."),
            _ => definition,
        });
        shown.insert(0, Some(kind.clone()));
        found.push(shown);
    }
    // Not SHOW CREATE TRIGGER, which tells the time of creation but not the order.
    let mut triggers = texts(
        conn,
        "SELECT trigger_name, event_object_table, action_timing, event_manipulation, \
                action_order, action_statement, sql_mode, definer, character_set_client, \
                collation_connection, database_collation \
         FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    )
    .await?;
    triggers.sort();
    found.extend(tagged("TRIGGER", triggers));
    Ok(found)
}

fn readable(definition: Option<String>, kind: &str, name: &str) -> Result<String> {
    definition.filter(|text| !text.is_empty()).with_context(|| {
        format!(
            "this account may not read the definition of {} {name}; make it the definer, or \
             grant it SHOW_ROUTINE (MySQL) or SELECT on mysql.proc (MariaDB)",
            kind.to_lowercase()
        )
    })
}

fn tagged(tag: &str, rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter()
        .map(|mut row| {
            row.insert(0, Some(tag.to_owned()));
            row
        })
        .collect()
}

// MariaDB 10.11 crashes when it shows a view over JSON_TABLE with a table that is gone. Such a
// view must be readable first; one that is not counts by what information_schema has of it.
async fn show_view(conn: &mut MySqlConnection, name: &str) -> Result<Row> {
    let fragile: Option<String> = sqlx::query_scalar(
        "SELECT view_definition FROM information_schema.views WHERE table_schema = DATABASE() \
         AND table_name = ? AND LOWER(view_definition) LIKE '%json_table%'",
    )
    .bind(name)
    .fetch_optional(&mut *conn)
    .await
    .context("cannot read information_schema.views")?;
    if let Some(definition) = fragile {
        let read = format!("SELECT 1 FROM {} LIMIT 0", quoted(name));
        match sqlx::raw_sql(AssertSqlSafe(read)).execute(&mut *conn).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(_)) => {
                return Ok(vec![Some(name.to_owned()), Some(definition)]);
            }
            Err(error) => return Err(error).context("cannot read a view"),
        }
    }
    show(conn, "VIEW", name).await
}

async fn show(conn: &mut MySqlConnection, kind: &str, name: &str) -> Result<Row> {
    let statement = format!("SHOW CREATE {kind} {}", quoted(name));
    let mut rows = texts(conn, AssertSqlSafe(statement))
        .await
        .with_context(|| format!("cannot read the definition of {} {name}", kind.to_lowercase()))?;
    rows.pop().with_context(|| format!("{} {name} no longer exists", kind.to_lowercase()))
}

// A table's definition without what may differ between equal tables: the next id, and
// `CHARACTER SET x` in front of a `COLLATE x_…` that implies it. MySQL prints that or
// not depending on how the column was once written, so a restore may change it.
fn settled(definition: &str) -> String {
    const WORDS: &str = " CHARACTER SET ";
    let definition = uncounted(definition);
    let mut parts = definition.split(WORDS);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (charset, rest) = part.split_at(part.find(' ').unwrap_or(part.len()));
        let collation = rest.strip_prefix(" COLLATE ").and_then(|rest| rest.strip_prefix(charset));
        if collation.is_some_and(|rest| rest.starts_with('_')) {
            text.push_str(rest);
        } else {
            text.push_str(WORDS);
            text.push_str(part);
        }
    }
    text
}

// A table's definition without its next id, which is about rows: the one number in the
// options behind the closing parenthesis of the columns.
fn uncounted(definition: &str) -> String {
    const COUNTER: &str = " AUTO_INCREMENT=";
    let options = definition.rfind("\n) ").unwrap_or(0);
    // A comment among the options may say anything, but comes behind.
    let end = definition[options..].find('\'').map_or(definition.len(), |at| options + at);
    let Some(at) = definition[options..end].find(COUNTER).map(|at| options + at) else {
        return definition.to_owned();
    };
    let rest = definition[at + COUNTER.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{rest}", &definition[..at])
}

async fn texts(conn: &mut MySqlConnection, query: impl SqlSafeStr) -> Result<Vec<Row>> {
    let rows = sqlx::raw_sql(query).fetch_all(conn).await?;
    rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
}

// In the text protocol everything is text, also what is declared as binary.
fn text(row: &MySqlRow, at: usize) -> Result<Option<String>> {
    Ok(row.try_get_unchecked(at)?)
}

// Every length is hashed before its text, so that no two lists run together to the same.
fn digest(kind: &str, parts: &[&[Row]]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&format!("streamflix {kind} fingerprint v1"));
    for row in parts.iter().copied().flatten() {
        add(&row.len().to_string());
        for value in row {
            add(if value.is_some() { "text" } else { "null" });
            add(value.as_deref().unwrap_or_default());
        }
    }
    crate::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::{digest, settled};

    #[test]
    fn what_differs_between_equal_tables_is_left_out() {
        let table = "CREATE TABLE `t` (\n  `id` int NOT NULL COMMENT ' AUTO_INCREMENT=1'\n) ENGINE=InnoDB AUTO_INCREMENT=52 DEFAULT CHARSET=utf8mb4 COMMENT=') AUTO_INCREMENT=7'";
        assert_eq!(settled(table), table.replace("=52", "=").replace(" AUTO_INCREMENT= ", " "));
        let plain = "CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB COMMENT=' AUTO_INCREMENT=7'";
        assert_eq!(settled(plain), plain);
        let written =
            "`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, `b` text CHARACTER SET ascii";
        let wanted = "`a` text COLLATE utf8mb4_bin, `b` text CHARACTER SET ascii";
        assert_eq!(settled(written), wanted);
        let binary = "`a` text CHARACTER SET latin1 COLLATE utf8mb4_bin";
        assert_eq!(settled(binary), binary);
    }

    #[test]
    fn borders_between_texts_count() {
        let row = |texts: &[&str]| vec![texts.iter().map(|t| Some((*t).to_owned())).collect()];
        let one = digest("a", &[&row(&["ab", "c"])]);
        assert_eq!(one.len(), 64);
        assert_ne!(one, digest("a", &[&row(&["a", "bc"])]));
        assert_ne!(one, digest("b", &[&row(&["ab", "c"])]));
        assert_ne!(digest("a", &[&[vec![None]]]), digest("a", &[&row(&[""])]));
    }
}
