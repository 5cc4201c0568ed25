//! Every permit opens the gate once: its id is kept in a schema beside the one it is for.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

use super::{
    Refusal,
    fingerprint::{number, quoted},
};

const UNKNOWN_SCHEMA: u16 = 1049;
const DUPLICATE: u16 = 1062;
const UNKNOWN_TABLE: u16 = 1146;

/// `mydb__gate` for `mydb`, and for `mydb__staging_7` as well.
fn gate_schema(schema: &str) -> String {
    let base = schema.split_once("__").map_or(schema, |(base, _)| base);
    format!("{base}__gate")
}

/// Records `id` for good, or refuses it because it is there already.
pub(super) async fn record(
    conn: &mut MySqlConnection,
    schema: &str,
    id: &str,
) -> Result<(), Refusal> {
    let gate = gate_schema(schema);
    let not = |error: &sqlx::Error| match error {
        sqlx::Error::Database(error) if number(error.as_ref()) == DUPLICATE => {
            Refusal::new("it was used before; make a new backup, and with it a new permit")
        }
        error => {
            Refusal::new(format!("its use cannot be recorded in {gate}.used_receipt: {error}"))
        }
    };
    match insert(conn, &gate, id).await {
        Err(sqlx::Error::Database(error))
            if [UNKNOWN_SCHEMA, UNKNOWN_TABLE].contains(&number(error.as_ref())) => {}
        Err(error) => return Err(not(&error)),
        Ok(()) => return Ok(()),
    }
    let schema = quoted(&gate);
    let statements = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; \
         CREATE TABLE IF NOT EXISTS {schema}.used_receipt ( \
             id CHAR(32) NOT NULL PRIMARY KEY, \
             used_utc DATETIME(6) NOT NULL \
         ) ENGINE = InnoDB DEFAULT CHARACTER SET = ascii COLLATE = ascii_bin"
    );
    let made = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *conn).await;
    made.map_err(|error| not(&error))?;
    insert(conn, &gate, id).await.map_err(|error| not(&error))
}

// In a transaction of its own, whatever the server's autocommit says.
async fn insert(conn: &mut MySqlConnection, gate: &str, id: &str) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    let statement = format!(
        "INSERT INTO {}.used_receipt (id, used_utc) VALUES (?, UTC_TIMESTAMP(6))",
        quoted(gate)
    );
    sqlx::query(AssertSqlSafe(statement)).bind(id).execute(&mut *tx).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::gate_schema;

    #[test]
    fn copies_share_the_gate_of_their_schema() {
        assert_eq!(gate_schema("mydb"), "mydb__gate");
        assert_eq!(gate_schema("mydb__staging_20261122__x"), "mydb__gate");
        assert_eq!(gate_schema("my_db"), "my_db__gate");
    }
}
