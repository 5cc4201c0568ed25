//! Quoting names and text for SQL.

/// A name as a backticked identifier: `` a`b `` becomes `` `a``b` ``.
///
/// Valid in every `sql_mode`, ANSI_QUOTES included.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A schema-qualified identifier.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// Text as a string literal that means the same in every `sql_mode`: only the
/// quote is doubled, and anything a backslash could change is sent as hex.
pub fn literal(text: &str) -> String {
    if text.contains(['\\', '\0']) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        format!("CONVERT(0x{hex} USING utf8mb4)")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A schema name as a pattern for GRANT and LIKE: `_` and `%` lose their
/// wildcard meaning.
pub fn grant_pattern(name: &str) -> String {
    name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive() {
        assert_eq!(quote("a`b"), "`a``b`");
        assert_eq!(qualified("s", "t\n"), "`s`.`t\n`");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("\\"), "CONVERT(0x5C USING utf8mb4)");
        assert_eq!(grant_pattern("mydb__%"), "mydb\\_\\_\\%");
    }
}
