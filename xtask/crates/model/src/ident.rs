//! Quoting names and text for SQL.

use super::exit::{ExitCode, Stop};

/// A name as a backticked identifier: `` a`b `` becomes `` `a``b` ``.
///
/// Valid in every `sql_mode`, ANSI_QUOTES included.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

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

/// The name of a character set, collation or SQL mode list as it may stand in a
/// statement without quotes. A manifest's hash is no signature: whatever comes
/// out of a file is checked before it becomes part of a statement.
pub fn word(text: &str) -> Result<&str, Stop> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ',');
    if text.chars().all(plain) {
        return Ok(text);
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    Err(Stop::new(
        ExitCode::Store,
        format!("`{shown}` is not the name of a character set, collation or SQL mode"),
    )
    .hint("The file was tampered with or is damaged; do not use it."))
}

/// A time zone as it may stand between quotes: `SYSTEM`, `+00:00`, `Europe/Berlin`.
pub fn zone(text: &str) -> Result<&str, Stop> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | ':' | '/');
    if text.chars().all(plain) {
        return Ok(text);
    }
    Err(Stop::new(ExitCode::Store, "an event's time zone is invalid")
        .hint("The file was tampered with or is damaged; do not use it."))
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
        assert!(word("utf8mb4_0900_ai_ci").is_ok() && word("ANSI_QUOTES,NO_ZERO_DATE").is_ok());
        assert!(word("utf8mb4; DROP DATABASE mydb").is_err() && word("a'b").is_err());
        assert!(
            zone("+00:00").is_ok() && zone("Europe/Berlin").is_ok() && zone("x'; DROP").is_err()
        );
        assert_eq!(grant_pattern("mydb__%"), "mydb\\_\\_\\%");
    }
}
