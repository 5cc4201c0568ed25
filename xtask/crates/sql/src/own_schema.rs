//! Whether a migration stays in the schema it is run on.

use super::lex::{LexMode, Token, TokenKind, Tokens};

/// The first place where a migration names a schema, with `USE`, as part of a
/// name, or in the text of a prepared statement. Run on a copy it would then
/// change the live schema instead: the rehearsal would be none.
pub fn named_schema(text: &str, schema: &str) -> Option<String> {
    let mut before: Option<String> = None;
    let mut statement_start = true;
    let lower = schema.to_lowercase();
    let companion = format!("{lower}__");
    let all = || Tokens::new(text.as_bytes(), LexMode::default());
    // What a string means is not known when it can be run.
    let prepares = all().any(|token| token.is("PREPARE") || token.is("IMMEDIATE"));
    let mut tokens = all();
    while let Some(token) = tokens.next() {
        let raw = String::from_utf8_lossy(token.raw).into_owned();
        if statement_start && token.is("USE") {
            return Some("USE".to_owned());
        }
        if statement_start && let Some(whole) = of_a_schema(&token, &tokens) {
            return Some(whole);
        }
        statement_start = token.is_punct(b';');
        let names = |before: &String| *before == lower || before.starts_with(&companion);
        if token.is_punct(b'.') && before.as_ref().is_some_and(names) {
            return Some(format!("{}.", before.unwrap_or_default()));
        }
        let in_text = token.kind == TokenKind::Text && raw.to_lowercase().contains(&lower);
        if in_text && (prepares || raw.contains('.') || raw.contains('`')) {
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

/// `ALTER DATABASE x`, `DROP SCHEMA x`, `CREATE DATABASE x`: whatever `x` is, it is not
/// the copy. Without a name ALTER means the schema it is run on.
fn of_a_schema(first: &Token<'_>, rest: &Tokens<'_>) -> Option<String> {
    let verb = ["ALTER", "DROP", "CREATE"].into_iter().find(|verb| first.is(verb))?;
    let mut ahead = rest.clone();
    if ahead.eat("OR") {
        ahead.eat("REPLACE");
    }
    if !(ahead.eat("DATABASE") || ahead.eat("SCHEMA")) {
        return None;
    }
    let options = ["CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "ENCRYPTION", "READ", "COMMENT"];
    let unnamed = options.iter().any(|option| ahead.clone().eat(option));
    (!(verb == "ALTER" && unnamed)).then(|| format!("{verb} DATABASE"))
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
            "SET @s = 'DROP DATABASE mydb'; PREPARE p FROM @s",
            "ALTER DATABASE mydb CHARACTER SET utf8mb4",
            "DROP SCHEMA IF EXISTS other",
            "CREATE DATABASE `default`",
            "DROP TABLE mydb__before_20260101_000000.movie",
        ] {
            assert!(named_schema(bad, "mydb").is_some(), "{bad}");
        }
        for good in [
            "ALTER TABLE movie ADD mydb INT; -- mydb.movie",
            "UPDATE movie m SET m.title = 'use mydb, they said'",
            "INSERT INTO t VALUES ('user'), (1.5)",
            "ALTER DATABASE DEFAULT CHARACTER SET utf8mb4",
            "INSERT INTO t VALUES ('mydb')",
        ] {
            assert_eq!(named_schema(good, "mydb"), None, "{good}");
        }
    }
}
