//! Whether every server reads a statement's bytes as the tokens that the lexer here
//! sees. Where it could not, the statement is refused.

use super::charset::{Charset, Class};
use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::statement::Kind;

/// Judges the bytes of a statement that is read in `client`.
pub(super) fn check(
    kind: &Kind,
    text: &[u8],
    mode: LexMode,
    client: Charset,
) -> Result<(), String> {
    let program = kind.program().is_some();
    // A program's text is sent as UTF-8, and compared with what it was (`same_tokens`).
    if client.class == Class::Wide && !program && !text.is_ascii() {
        return Err(format!(
            "character_set_client is {}, and non-ASCII text is not loaded in it",
            client.name
        ));
    }
    // Rows are read strictly; only what stands before them is left.
    let code = match kind {
        Kind::Insert(insert) => &text[..insert.values_at.min(text.len())],
        _ => text,
    };
    if memchr::memchr(0, code).is_some() && !zeros_in_strings(code, mode) {
        return Err("a NUL byte is outside of strings".to_owned());
    }
    if memchr::memmem::find(code, b"/*+").is_some() {
        hints(code, mode, program)?;
    }
    for token in Tokens::new(code, mode).filter(|token| token.kind == TokenKind::Word) {
        // A letter here can be a blank to the server.
        if client.class == Class::Single && !program && !token.raw.is_ascii() {
            return Err(format!(
                "character_set_client is {}, and an unquoted word is not ASCII",
                client.name
            ));
        }
        if token.raw[0] == b'$' && memchr::memchr(b'$', &token.raw[1..]).is_some() {
            return Err("dollar-quoted text is not allowed".to_owned());
        }
    }
    Ok(())
}

/// Servers end a comment and a query at a NUL.
fn zeros_in_strings(text: &[u8], mode: LexMode) -> bool {
    let mut strings = Tokens::new(text, mode).filter(|token| token.kind == TokenKind::Text);
    let mut string = strings.next();
    memchr::memchr_iter(0, text).all(|zero| {
        while string.is_some_and(|string| string.end() <= zero) {
            string = strings.next();
        }
        string.is_some_and(|string| string.at <= zero)
    })
}

/// MySQL reads a hint's inside, quotes and all: none may go over the comment's end.
fn hints(text: &[u8], mode: LexMode, program: bool) -> Result<(), String> {
    let mut gap = 0;
    let ends = Tokens::new(text, mode).map(|token| (token.at, token.end()));
    for (at, end) in ends.chain([(text.len(), text.len())]) {
        let mut between = &text[gap..at];
        while let Some(found) = memchr::memmem::find(between, b"/*+") {
            let inside = &between[found + 3..];
            let len = memchr::memmem::find(inside, b"*/").unwrap_or(inside.len());
            let plain = !inside[..len].iter().any(|byte| matches!(byte, b'\'' | b'"'));
            let even = inside[..len].iter().filter(|byte| **byte == b'`').count() % 2 == 0;
            if !(program && plain && even) {
                return Err("an optimizer hint is not allowed here".to_owned());
            }
            between = &inside[len..];
        }
        gap = end;
    }
    Ok(())
}

/// Whether a text that was put into UTF-8 has the tokens that it had: the same words
/// and marks, and one string or name for each that was there.
pub fn same_tokens(before: &[u8], after: &[u8], mode: LexMode) -> bool {
    let alike = |(old, new): (Token<'_>, Token<'_>)| {
        let version = |token: &Token<'_>| token.version.map(|it| (it.maria, it.number));
        let same = old.raw == new.raw || std::str::from_utf8(old.raw).is_err();
        old.kind == new.kind && version(&old) == version(&new) && same
    };
    let count = |text| Tokens::new(text, mode).count();
    count(before) == count(after)
        && Tokens::new(before, mode).zip(Tokens::new(after, mode)).all(alike)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::classify;

    fn run(text: &[u8], charset: &str) -> Result<(), String> {
        let mode = LexMode::default();
        check(&classify(text, mode), text, mode, Charset::of(charset).unwrap())
    }

    #[test]
    fn what_a_server_could_read_otherwise_is_refused() {
        for (bad, charset) in [
            ("DROP TABLE `中`", "gbk"),
            ("INSERT INTO t VALUES ('é')", "sjis"),
            ("CREATE TABLE t (a int) x\u{a0}CONNECTION='y'", "latin1"),
            ("CREATE TABLE t (a int) # \0 CONNECTION='y'\n", "utf8mb4"),
            ("CREATE TABLE `t\0` (a int)", "utf8mb4"),
            ("CREATE TABLE t (a int) COMMENT $$ ' $$", "utf8mb4"),
            ("CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $x$ ' $x$", "utf8mb4"),
            ("INSERT /*+ SET_VAR(sql_mode='') */ INTO t VALUES (1)", "utf8mb4"),
            ("CREATE VIEW v AS SELECT /*+ QB_NAME(`*/ 1", "utf8mb4"),
        ] {
            assert!(run(bad.as_bytes(), charset).is_err(), "{bad:?}");
        }
        for (good, charset) in [
            ("CREATE VIEW v AS SELECT 1", "gbk"),
            ("CREATE VIEW `中` AS SELECT '中'", "gbk"),
            ("CREATE TABLE `é` (a int COMMENT 'é')", "latin1"),
            ("CREATE TABLE é (a int COMMENT 'a\0b')", "utf8mb4"),
            ("CREATE VIEW v AS SELECT /*+ QB_NAME(`x`) */ $a, b$$c", "utf8mb4"),
            ("INSERT INTO t VALUES ('/*+', '\0', '$$')", "utf8mb4"),
        ] {
            assert_eq!(run(good.as_bytes(), charset), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_character_that_swallows_a_backslash_changes_the_tokens() {
        let mode = LexMode::default();
        // 0xD65C is one character in gbk.
        let before = b"SELECT '\xD6\\' ; x -- '";
        assert!(!same_tokens(before, "SELECT '誠' ; x -- '".as_bytes(), mode));
        let before = b"SELECT '\xE9', \xE9";
        assert!(same_tokens(before, "SELECT 'é', é".as_bytes(), mode));
        assert!(!same_tokens(before, "SELECT 'é', 'é'".as_bytes(), mode));
        assert!(!same_tokens(b"SELECT a", b"SELECT b", mode));
    }
}
