//! Counts and digests the rows of tables as the server sends them, for
//! comparison with what a backup holds.

use anyhow::{Context, Result};

use crate::native;
use model::digest::ContentDigest;
use model::ident::{qualified, quote, word};
use server::Session;
use sql::RowHasher;
use sys::signal;

/// Reads every row of a table once. `columns` are the ones the digest covers,
/// in its order; `floats` are those of them that it covers as DOUBLE. Memory stays flat: rows are streamed.
pub fn digest_table(
    session: &mut Session,
    schema: &str,
    table: &str,
    columns: &[String],
    floats: &[String],
    on_rows: &mut dyn FnMut(u64),
) -> Result<ContentDigest> {
    let list = native::select_list(columns, floats);
    let sql = format!("SELECT {list} FROM {}", qualified(schema, table));
    let mut digest = ContentDigest::default();
    let mut hasher = RowHasher::default();
    session.each_raw(&sql, |mut row| {
        hasher.begin();
        for _ in columns {
            hasher.value(row.take().context("the server sent an incomplete row")?);
        }
        digest.add_row(hasher.finish());
        if digest.rows.is_multiple_of(8192) {
            on_rows(digest.rows);
            signal::check()?;
        }
        Ok(())
    })?;
    Ok(digest)
}

/// How many values of the FLOAT columns have more digits than a dump program,
/// which takes the server's text, can write.
pub fn rounded_floats(
    session: &mut Session,
    schema: &str,
    table: &str,
    columns: &[String],
) -> Result<u64> {
    let mut rounded = 0;
    for column in columns {
        let name = quote(column);
        let sql = format!(
            "SELECT COUNT(*) FROM {} WHERE {name} + 0e0 <> CAST({name} AS CHAR) + 0e0",
            qualified(schema, table)
        );
        rounded += session.value::<u64>(&sql)?;
    }
    Ok(rounded)
}

/// How many texts of a column come back from utf8mb4 as other bytes.
pub fn changed_texts(
    session: &mut Session,
    schema: &str,
    table: &str,
    column: &str,
    charset: &str,
) -> Result<u64> {
    let (name, charset) = (quote(column), word(charset)?);
    session.value::<u64>(&format!(
        "SELECT COUNT(*) FROM {} WHERE CAST(CONVERT(CONVERT({name} USING utf8mb4) USING {charset}) \
         AS BINARY) <> CAST({name} AS BINARY)",
        qualified(schema, table)
    ))
}

/// Documents of a JSON column of MySQL that do not come back as they are: how many have
/// another text then, and how many have the same text and other types. The server keeps a
/// DECIMAL or a date in a document as such, and a dump has its text.
pub fn changed_documents(
    session: &mut Session,
    schema: &str,
    table: &str,
    column: &str,
) -> Result<(u64, u64)> {
    let name = quote(column);
    let again = format!("CAST(CAST({name} AS CHAR) AS JSON)");
    let text = |of: &str| format!("CAST(CAST({of} AS CHAR) AS BINARY)");
    let same = format!("{} = {}", text(&again), text(&name));
    let counts = session.first(&format!(
        "SELECT CAST(COALESCE(SUM(NOT {same}), 0) AS UNSIGNED), \
         CAST(COALESCE(SUM({same} AND {again} <> {name}), 0) AS UNSIGNED) FROM {}",
        qualified(schema, table)
    ))?;
    Ok(counts.unwrap_or_default())
}
