//! Statements in messages.

/// The beginning of a statement, on one line, for messages.
pub fn shorten(sql: &str) -> String {
    // A statement can be megabytes of rows: look at its beginning only.
    let sql = sql.char_indices().nth(400).map_or(sql, |(end, _)| &sql[..end]);
    let line: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 120 {
        line
    } else {
        line.chars().take(117).collect::<String>() + "…"
    }
}
