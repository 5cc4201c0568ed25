//! Rows as the text that LOAD DATA reads: the server then parses no SQL. Where
//! anything about that is not exactly as with INSERT, the INSERT decides.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result};

use super::rows::Batch;
use super::statement::refused;
use model::digest::ContentDigest;
use model::ident::quote;
use server::Session;
use server::session::code;
use sql::RowHasher;

/// The name that the server asks for; there is no such file.
const NAME: &str = "rows-of-the-dump";

/// What is longer goes by INSERT, in pieces: the text here is kept as a whole.
const LONGEST: usize = 8 << 20;

/// Sends a batch in a transaction of its own; `None`, with nothing written, where
/// INSERT has to do it.
pub(super) fn send(
    session: &mut Session,
    batch: &Batch,
    hasher: &mut RowHasher,
) -> Result<Option<ContentDigest>> {
    let Some(columns) = &batch.target.columns else { return Ok(None) };
    if batch.target.count_only || batch.text.len() > LONGEST {
        return Ok(None);
    }
    // Bytes that are no UTF-8 would be read as characters.
    if std::str::from_utf8(&batch.text).is_err() {
        batch.target.literals.store(true, Ordering::Relaxed);
        return Ok(None);
    }
    let mut data = Vec::with_capacity(batch.text.len());
    let mut digest = ContentDigest::default();
    let mut plain = true;
    batch.each_row(hasher, &mut |row| {
        plain &= row.plain;
        if plain {
            digest.add_row(row.hash);
            rowtext::tsv::line(row.hasher, &mut data);
        }
        Ok(plain)
    })?;
    if !plain {
        batch.target.literals.store(true, Ordering::Relaxed);
        return Ok(None);
    }
    let sql = format!(
        "LOAD DATA LOCAL INFILE '{NAME}' INTO TABLE {} CHARACTER SET utf8mb4 \
         FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' \
         LINES TERMINATED BY '\\n' ({columns})",
        quote(&batch.target.name)
    );
    // So that taking it back takes back nothing else.
    session.run("COMMIT")?;
    match session.run_with_data(&sql, NAME, &data) {
        Ok((rows, 0)) if rows == digest.rows => {
            session.run("COMMIT").map_err(|error| refused(error, batch.line()))?;
            return Ok(Some(digest));
        }
        Ok(_) => {}
        Err(error) if code(&error).is_none() => return Err(error).context("send rows"),
        Err(_) => {}
    }
    // LOCAL turns errors into warnings; INSERT says what it thinks of these rows.
    session.run("ROLLBACK")?;
    batch.target.literals.store(true, Ordering::Relaxed);
    Ok(None)
}
