//! What in a schema a dump cannot carry, or cannot see.

use anyhow::Result;

use super::session::Session;
use model::ident::{literal, qualified};
use model::inventory::Inventory;

/// A table with rows that has generated columns only: dump programs write broken
/// statements for it.
pub fn all_generated(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<Option<String>> {
    for (name, _) in inventory.tables.iter().filter(|(_, table)| table.columns.is_empty()) {
        let sql = format!("SELECT COUNT(*) FROM {}", qualified(schema, name));
        if session.value::<u64>(&sql)? > 0 {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// Columns of tables whose values the server may mask, each with its table, in order.
///
/// MySQL Enterprise 9.7 keeps the name of the policy in the column's definition, where
/// every account sees it that may read the table. Whether the policy lets an account see
/// the values is not to be learned without MANAGE_DATA_MASKING_POLICY.
pub fn masked_columns(session: &mut Session, schema: &str) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.EXTRA FROM information_schema.COLUMNS c \
         JOIN information_schema.TABLES t \
         ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
         WHERE c.TABLE_SCHEMA = {} AND t.TABLE_TYPE = 'BASE TABLE' AND c.EXTRA <> '' \
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
        literal(schema)
    );
    let columns: Vec<(String, String, String)> = session.rows(&sql)?;
    Ok(columns
        .into_iter()
        .filter(|(_, _, extra)| is_masked(extra))
        .map(|(table, column, _)| (table, column))
        .collect())
}

/// Whether EXTRA of a column says that it has a masking policy. Nothing in it is text of a
/// person.
fn is_masked(extra: &str) -> bool {
    let words: Vec<String> = extra.split_whitespace().map(str::to_ascii_uppercase).collect();
    words.windows(2).any(|pair| pair == ["MASKING", "POLICY"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masking_policy_is_known_by_the_words_of_the_server() {
        for extra in [
            "MASKING POLICY",
            "DEFAULT_GENERATED on update CURRENT_TIMESTAMP MASKING POLICY INVISIBLE",
            "masking policy",
        ] {
            assert!(is_masked(extra), "{extra}");
        }
        for extra in ["", "auto_increment", "STORED GENERATED", "INVISIBLE", "POLICY MASKING"] {
            assert!(!is_masked(extra), "{extra}");
        }
    }
}
