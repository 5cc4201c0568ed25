//! Takes the name of the dump's own schema out of qualified names: some programs write
//! `` `mydb`.`film` `` throughout. Where the rows go is the tool's to say.

use super::lex::{LexMode, Token, TokenKind, Tokens, is_word};
use super::statement::Kind;

/// The statement without its schema's name; `None` where that stands in none of its names.
pub(super) fn unqualified(
    kind: &Kind,
    text: &[u8],
    mode: LexMode,
    schema: &str,
) -> Option<Vec<u8>> {
    let head = match kind {
        Kind::Insert(insert) if insert.table.schema.is_none() => return None,
        // The values are data.
        Kind::Insert(insert) => insert.values_at.min(text.len()),
        Kind::Set | Kind::Empty => return None,
        _ => text.len(),
    };
    let tokens: Vec<Token<'_>> = Tokens::new(&text[..head], mode).collect();
    let found = qualifiers(&tokens, schema);
    let own = match kind.program() {
        None => found.len(),
        // A name in the body can be an alias, if it is not always in front of another name.
        Some(_) if matches!(kind, Kind::CreateView { .. }) && always(&tokens, schema, &found) => {
            found.len()
        }
        Some((_, name)) => usize::from(name.schema.as_deref() == Some(schema)),
    };
    if own == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for &(from, to) in found.iter().take(own) {
        out.extend_from_slice(&text[done..from]);
        if out.last().is_some_and(|&byte| is_word(byte)) {
            out.push(b' ');
        }
        done = to;
    }
    out.extend_from_slice(&text[done..]);
    Some(out)
}

/// Where the schema's name and the point behind it stand.
fn qualifiers(tokens: &[Token<'_>], schema: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, three) in tokens.windows(3).enumerate() {
        let [first, point, name] = three else { continue };
        let behind_point = at > 0 && tokens[at - 1].is_punct(b'.');
        let plain = first.version == name.version;
        if !behind_point && plain && is(first, schema) && point.is_punct(b'.') && named(name) {
            found.push((first.at, name.at));
        }
    }
    found
}

/// Whether the name is nothing but a schema's wherever it stands.
fn always(tokens: &[Token<'_>], schema: &str, found: &[(usize, usize)]) -> bool {
    tokens.iter().filter(|token| is(token, schema)).count() == found.len()
}

fn named(token: &Token<'_>) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Name)
}

fn is(token: &Token<'_>, schema: &str) -> bool {
    named(token) && token.name().as_deref() == Some(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::classify;

    fn run(text: &str) -> String {
        let mode = LexMode::default();
        let kind = classify(text.as_bytes(), mode);
        let found = unqualified(&kind, text.as_bytes(), mode, "shop");
        found.map_or_else(|| text.to_owned(), |text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn only_the_own_schema_goes() {
        for (before, after) in [
            (
                "CREATE TABLE IF NOT EXISTS `shop`.`lamp` (`a` int COMMENT '`shop`.`x`', CHECK (shop.lamp.a > 1.5), \
                 CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `shop`.`room` (`id`))",
                "CREATE TABLE IF NOT EXISTS `lamp` (`a` int COMMENT '`shop`.`x`', CHECK (lamp.a > 1.5), \
                 CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `room` (`id`))",
            ),
            ("DROP TABLE IF EXISTS `shop` . `lamp`", "DROP TABLE IF EXISTS `lamp`"),
            (
                "INSERT INTO `shop`.`lamp` (`a`) VALUES ('`shop`.`lamp`')",
                "INSERT INTO `lamp` (`a`) VALUES ('`shop`.`lamp`')",
            ),
            ("DROP TABLE`shop`.`lamp`", "DROP TABLE `lamp`"),
            ("ALTER TABLE shop.lamp ADD KEY (a)", "ALTER TABLE lamp ADD KEY (a)"),
            (
                "CREATE OR REPLACE VIEW `shop`.`v` AS SELECT shop.lamp.a FROM `shop`.`lamp`",
                "CREATE OR REPLACE VIEW `v` AS SELECT lamp.a FROM `lamp`",
            ),
            // An alias of that name stays one.
            (
                "CREATE VIEW `shop`.`v` AS SELECT shop.a FROM other shop",
                "CREATE VIEW `v` AS SELECT shop.a FROM other shop",
            ),
            (
                "CREATE PROCEDURE `shop`.`p`() SELECT a FROM shop.lamp",
                "CREATE PROCEDURE `p`() SELECT a FROM shop.lamp",
            ),
        ] {
            assert_eq!(run(before), after);
        }
        for same in [
            "CREATE TABLE mysql.user (a int)",
            "DROP TABLE lamp",
            "INSERT INTO lamp VALUES ('shop.x')",
            "CREATE PROCEDURE p() SELECT a FROM shop.lamp",
            "CREATE TABLE x (a int, FOREIGN KEY (a) REFERENCES other.shop (a))",
        ] {
            assert_eq!(run(same), same);
        }
    }
}
