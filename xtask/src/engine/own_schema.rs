//! Whether a migration stays in the schema it is run on.

use super::lex::{LexMode, TokenKind, Tokens};

/// The first place where a migration names a schema, with `USE`, as part of a
/// name, or in the text of a prepared statement. Run on a copy it would then
/// change the live schema instead: the rehearsal would be none.
pub fn named_schema(text: &str, schema: &str) -> Option<String> {
    let mut before: Option<String> = None;
    let mut statement_start = true;
    let lower = schema.to_lowercase();
    for token in Tokens::new(text.as_bytes(), LexMode::default()) {
        let raw = String::from_utf8_lossy(token.raw).into_owned();
        if statement_start && token.is("USE") {
            return Some("USE".to_owned());
        }
        statement_start = token.is_punct(b';');
        if token.is_punct(b'.') && before.as_deref() == Some(lower.as_str()) {
            return Some(format!("{schema}."));
        }
        let in_text = token.kind == TokenKind::Text && raw.to_lowercase().contains(&lower);
        if in_text && (raw.contains('.') || raw.contains('`')) {
            return Some(raw.chars().take(60).collect());
        }
        before = match token.kind {
            TokenKind::Word => Some(raw.to_lowercase()),
            TokenKind::Name => token.name().map(|name| name.to_lowercase()),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::named_schema;

    #[test]
    fn every_way_of_naming_it_is_seen() {
        for bad in [
            "ALTER TABLE mydb.movie ADD x INT;",
            "ALTER TABLE `MyDB` . movie ADD x INT;",
            "SELECT 1; use mydb; DROP TABLE movie",
            "SET @s = 'DROP TABLE `mydb`.`movie`'; PREPARE p FROM @s",
        ] {
            assert!(named_schema(bad, "mydb").is_some(), "{bad}");
        }
        for good in [
            "ALTER TABLE movie ADD mydb INT; -- mydb.movie",
            "UPDATE movie m SET m.title = 'use mydb, they said'",
            "INSERT INTO t VALUES ('user'), (1.5)",
        ] {
            assert_eq!(named_schema(good, "mydb"), None, "{good}");
        }
    }
}
