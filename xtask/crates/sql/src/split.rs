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
    parts(text).into_iter().map(|part| part.text).collect()
}

/// A statement and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// As [`split`] gives it.
    pub text: &'a str,
    /// The line of the migration, from 1, on which its first word stands.
    pub line: usize,
    /// The line on which its text begins, with the comments in front.
    pub from: usize,
    /// Where its text begins and ends in the migration, in bytes.
    pub span: (usize, usize),
}

/// As [`split`], with lines.
pub fn parts(text: &str) -> Vec<Part<'_>> {
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
        if let Some(first) = Tokens::new(piece.as_bytes(), mode).next() {
            let line_at = |at: usize| 1 + text[..at].matches('\n').count();
            let begin = start + piece.len() - piece.trim_start().len();
            let (line, from) = (line_at(start + first.at), line_at(begin));
            let text = piece.trim();
            out.push(Part { text, line, from, span: (begin, begin + text.len()) });
        }
        start = (end + 1).min(text.len());
    }
    out
}

/// The first word of a statement, behind comments; empty where it begins with none.
pub fn first_word(statement: &str) -> String {
    let first = Tokens::new(statement.as_bytes(), LexMode::default()).next();
    let word = first.filter(|token| token.kind == TokenKind::Word);
    word.map(|token| statement[token.at..token.end()].to_owned()).unwrap_or_default()
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
    use super::{first_word, parts, shown, split};

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
    fn lines_are_those_of_the_first_word() {
        let text = "-- why\n\nCREATE TABLE a (x INT);\n\n/* then */ ALTER TABLE a\n  ADD y INT;";
        let lines: Vec<usize> = parts(text).iter().map(|part| part.line).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(parts(text).iter().map(|part| part.from).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(first_word(parts(text)[1].text), "ALTER");
        for part in parts(text) {
            assert_eq!(&text[part.span.0..part.span.1], part.text);
        }
        assert_eq!(first_word("(SELECT 1)"), "");
    }

    #[test]
    fn a_body_that_never_ends_is_one_statement() {
        let text = "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2;";
        assert_eq!(split(text), [text]);
    }
}
