//! Splits a migration into its statements, as the server does with several in one
//! packet: at each `;` that is not inside a string, a comment or a program's body.
//!
//! A wrong cut is found by the server, which then refuses the rest: nothing runs
//! that is not in the file.

use super::body;
use super::lex::{LexMode, TokenKind, Tokens};
use super::statement::classify;

/// The statements of a migration, without their `;`. Comments stay with the
/// statement that follows them; a piece of nothing but comments is left out.
pub fn split(text: &str) -> Vec<&str> {
    let mode = LexMode::default();
    let mut out = Vec::new();
    let mut start = 0;
    let ends: Vec<usize> = Tokens::new(text.as_bytes(), mode)
        .filter(|token| token.is_punct(b';'))
        .map(|token| token.at)
        .chain([text.len()])
        .collect();
    for end in ends {
        let piece = &text[start..end];
        let last = end == text.len();
        if !last && !body::whole(&classify(piece.as_bytes(), mode), piece.as_bytes(), mode) {
            continue;
        }
        if Tokens::new(piece.as_bytes(), mode).next().is_some() {
            out.push(piece.trim());
        }
        start = (end + 1).min(text.len());
    }
    out
}

/// The beginning of a statement on one line, for people and the ledger: without the
/// comments in front of it, and without what stands in strings.
pub fn shown(statement: &str) -> String {
    let mut out = String::new();
    let mut done = None;
    for token in Tokens::new(statement.as_bytes(), LexMode::default()) {
        let start = done.unwrap_or(token.at);
        out.push_str(&statement[start..token.at]);
        match token.kind {
            TokenKind::Text => out.push_str("'…'"),
            _ => out.push_str(&statement[token.at..token.end()]),
        }
        done = Some(token.end());
    }
    model::excerpt::shorten(&out)
}

#[cfg(test)]
mod tests {
    use super::{shown, split};

    #[test]
    fn statements_end_where_the_server_ends_them() {
        let text = "-- first; really\nCREATE TABLE a (x CHAR(3) DEFAULT ';');\n\
                    CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 'a;b';\n\
                    CREATE PROCEDURE p()\nBEGIN\n  IF 1 THEN SELECT ';'; END IF;\nEND;\n\
                    CREATE PROCEDURE q() l: BEGIN SELECT 1; END l;\n\
                    UPDATE a SET x = 'z' /* ; */ ;;\n-- the end\n";
        let found = split(text);
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found[0].starts_with("-- first") && found[0].ends_with(')'));
        assert!(found[2].ends_with("END"));
        assert!(found[3].ends_with("END l"));
        assert_eq!(shown(found[0]), "CREATE TABLE a (x CHAR(3) DEFAULT '…')");
        assert_eq!(split("  \n-- nothing\n"), Vec::<&str>::new());
        assert_eq!(split("SELECT 1"), ["SELECT 1"]);
    }

    #[test]
    fn a_body_that_never_ends_is_one_statement() {
        let text = "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2;";
        assert_eq!(split(text), [text]);
    }
}
