//! Makes a statement portable: no DEFINER, no schema name in ALTER DATABASE or in
//! a trigger's head.
//! Works on tokens, so that data, bodies and comments are never touched.

use std::borrow::Cow;

use super::lex::{LexMode, Token, TokenKind, Tokens, is_space};
use super::statement::{self, Kind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portable<'a> {
    /// Its text; borrowed where nothing had to change.
    pub text: Cow<'a, [u8]>,
    /// The definer that was taken out, as it was written.
    pub definer: Option<String>,
}

/// Takes out what ties a statement to its server. Doing it twice changes nothing.
pub fn portable<'a>(kind: &Kind, text: &'a [u8], mode: LexMode) -> Portable<'a> {
    let unchanged = Portable { text: Cow::Borrowed(text), definer: None };
    match kind {
        Kind::AlterDatabase(Some(_)) => {
            Portable { text: without_schema(text, mode), definer: None }
        }
        Kind::CreateTrigger { name, table } => {
            let found = without_definer(text, mode).unwrap_or(unchanged);
            if name.schema.is_none() && table.schema.is_none() {
                return found;
            }
            let plain = without_qualifiers(&found.text, mode);
            Portable { text: Cow::Owned(plain), definer: found.definer }
        }
        _ if kind.program().is_some() => without_definer(text, mode).unwrap_or(unchanged),
        _ => unchanged,
    }
}

/// Takes the schemas out of a trigger's head, which MariaDB shows as they were
/// written. A trigger is always where its table is, and that is the schema at hand.
fn without_qualifiers(text: &[u8], mode: LexMode) -> Vec<u8> {
    let mut tokens = Tokens::new(text, mode);
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for keyword in ["TRIGGER", "ON"] {
        while tokens.next().is_some_and(|token| !token.is(keyword)) {}
        let mut ahead = tokens.clone();
        if ahead.eat("IF") && ahead.eat("NOT") && ahead.eat("EXISTS") {
            tokens = ahead;
        }
        let Some(schema) = tokens.next() else { break };
        if tokens.eat_punct(b'.')
            && let Some(name) = tokens.peek()
        {
            out.extend_from_slice(&text[done..schema.at]);
            done = name.at;
        }
    }
    out.extend_from_slice(&text[done..]);
    out
}

fn without_definer(text: &[u8], mode: LexMode) -> Option<Portable<'_>> {
    let (start, version, definer, end) = find_definer(text, mode)?;
    let mut from = start;
    let mut to = skip_spaces(text, end);
    // A version comment that held nothing else goes as a whole.
    if let Some(version) = version
        && text.get(to..).is_some_and(|rest| rest.starts_with(b"*/"))
        && opener_only(&text[version.open..start])
    {
        from = version.open;
        to = skip_spaces(text, to + 2);
    }
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..from]);
    out.extend_from_slice(&text[to..]);
    Some(Portable { text: Cow::Owned(out), definer: Some(definer) })
}

type Found = (usize, Option<super::lex::Version>, String, usize);

/// The clause stands between CREATE and the kind of object, nowhere else.
fn find_definer(text: &[u8], mode: LexMode) -> Option<Found> {
    let mut tokens = Tokens::new(text, mode);
    if !tokens.next()?.is("CREATE") {
        return None;
    }
    loop {
        let token = tokens.next()?;
        if is_program_keyword(&token) {
            return None;
        }
        if token.is("SQL") {
            // Its DEFINER is a word, not a clause.
            tokens.eat("SECURITY");
            tokens.next()?;
        } else if token.is("DEFINER") {
            let (definer, end) = statement::definer(&mut tokens, text)?;
            return Some((token.at, token.version, definer, end));
        }
    }
}

fn is_program_keyword(token: &Token<'_>) -> bool {
    ["VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "TABLE"].iter().any(|w| token.is(w))
}

fn skip_spaces(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().position(|&byte| !is_space(byte)).unwrap_or(rest.len())
}

/// `/*!50017 ` and nothing more.
fn opener_only(bytes: &[u8]) -> bool {
    let inner = bytes.strip_prefix(b"/*!").or_else(|| bytes.strip_prefix(b"/*M!"));
    inner.is_some_and(|inner| inner.iter().all(|&b| b.is_ascii_digit() || is_space(b)))
}

/// `ALTER DATABASE x CHARACTER SET …` without `x`: it then means the schema in use.
fn without_schema(text: &[u8], mode: LexMode) -> Cow<'_, [u8]> {
    let mut tokens = Tokens::new(text, mode);
    let (Some(_alter), Some(_database), Some(name)) = (tokens.next(), tokens.next(), tokens.next())
    else {
        return Cow::Borrowed(text);
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..name.at]);
    out.extend_from_slice(&text[skip_spaces(text, name.end())..]);
    Cow::Owned(out)
}

/// Makes CREATE EVENT create an event that does not fire, for copies that must
/// not act. Anything else passes unchanged.
pub fn disable_event(text: &[u8], mode: LexMode) -> Cow<'_, [u8]> {
    let mut tokens = Tokens::new(text, mode);
    if !tokens.next().is_some_and(|token| token.is("CREATE")) {
        return Cow::Borrowed(text);
    }
    if find_event(&mut tokens, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut depth = 0_u32;
    for token in tokens {
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 => {
                if token.is("DISABLE") {
                    return Cow::Borrowed(text);
                }
                if token.is("ENABLE") {
                    return splice(text, token.at, token.end(), b"DISABLE");
                }
                if token.is("COMMENT") || token.is("DO") {
                    return splice(text, token.at, token.at, b"DISABLE ");
                }
            }
            _ => {}
        }
    }
    Cow::Borrowed(text)
}

/// Moves behind `EVENT name`; `None` for anything that is not an event.
fn find_event(tokens: &mut Tokens<'_>, text: &[u8]) -> Option<()> {
    loop {
        let token = tokens.next()?;
        if token.is("EVENT") {
            let mut ahead = tokens.clone();
            if ahead.eat("IF") && ahead.eat("NOT") && ahead.eat("EXISTS") {
                *tokens = ahead;
            }
            return statement::name(tokens).map(|_| ());
        }
        if is_program_keyword(&token) {
            return None;
        }
        if token.is("DEFINER") {
            statement::definer(tokens, text)?;
        }
    }
}

fn splice<'a>(text: &[u8], from: usize, to: usize, put: &[u8]) -> Cow<'a, [u8]> {
    let mut out = Vec::with_capacity(text.len() + put.len());
    out.extend_from_slice(&text[..from]);
    out.extend_from_slice(put);
    out.extend_from_slice(&text[to..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, mode: LexMode) -> (String, Option<String>) {
        let kind = statement::classify(text.as_bytes(), mode);
        let once = portable(&kind, text.as_bytes(), mode);
        let twice = portable(&statement::classify(&once.text, mode), &once.text, mode);
        assert_eq!(once.text, twice.text, "not idempotent");
        assert!(twice.definer.is_none());
        (String::from_utf8(once.text.to_vec()).unwrap(), once.definer)
    }

    #[test]
    fn definers_go_in_every_shape() {
        let plain = LexMode::default();
        let cases = [
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER `x` BEFORE INSERT \
                 ON t FOR EACH ROW SET @a='DEFINER=`q`@`r`' */",
                "/*!50003 CREATE*/ /*!50003 TRIGGER `x` BEFORE INSERT ON t FOR EACH ROW SET \
                 @a='DEFINER=`q`@`r`' */",
                "`a`@`b`",
            ),
            (
                "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER='a;'@'%' SQL SECURITY \
                 DEFINER */\n/*!50001 VIEW `v` AS select 2 AS `DEFINER` */",
                "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 SQL SECURITY DEFINER \
                 */\n/*!50001 VIEW `v` AS select 2 AS `DEFINER` */",
                "'a;'@'%'",
            ),
            (
                "CREATE DEFINER = root@my-host.local PROCEDURE p() BEGIN END",
                "CREATE PROCEDURE p() BEGIN END",
                "root@my-host.local",
            ),
            (
                "CREATE OR REPLACE DEFINER=CURRENT_USER() EVENT e ON SCHEDULE AT now() DO SELECT 1",
                "CREATE OR REPLACE EVENT e ON SCHEDULE AT now() DO SELECT 1",
                "CURRENT_USER()",
            ),
            (
                "CREATE DEFINER=`role` FUNCTION f() RETURNS INT RETURN 1",
                "CREATE FUNCTION f() RETURNS INT RETURN 1",
                "`role`",
            ),
        ];
        for (before, after, definer) in cases {
            assert_eq!(run(before, plain), (after.to_owned(), Some(definer.to_owned())));
        }
        let ansi = LexMode { ansi_quotes: true, no_backslash_escapes: true };
        let text = r#"CREATE DEFINER="root"@"localhost" FUNCTION "f"() RETURNS INT RETURN 'a\'"#;
        assert_eq!(run(text, ansi).0, r#"CREATE FUNCTION "f"() RETURNS INT RETURN 'a\'"#);
    }

    #[test]
    fn everything_else_is_borrowed() {
        for text in [
            "CREATE SQL SECURITY DEFINER VIEW v AS SELECT 1 AS a",
            "INSERT INTO t VALUES ('CREATE DEFINER=`a`@`b` VIEW')",
            "CREATE PROCEDURE p() BEGIN CREATE DEFINER=`a`@`b` VIEW v AS SELECT 1; END",
        ] {
            let kind = statement::classify(text.as_bytes(), LexMode::default());
            let found = portable(&kind, text.as_bytes(), LexMode::default());
            assert!(matches!(found.text, Cow::Borrowed(_)), "{text}");
        }
        let (text, _) = run("ALTER DATABASE `my db` CHARACTER SET latin1", LexMode::default());
        assert_eq!(text, "ALTER DATABASE CHARACTER SET latin1");
    }

    #[test]
    fn events_are_disabled() {
        let run = |text: &str| {
            let once = disable_event(text.as_bytes(), LexMode::default()).into_owned();
            assert_eq!(disable_event(&once, LexMode::default()), once);
            String::from_utf8(once).unwrap()
        };
        assert_eq!(
            run(
                "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`b`*/ /*!50106 EVENT `enable` ON SCHEDULE \
                 EVERY 1 DAY ON COMPLETION PRESERVE ENABLE COMMENT 'ENABLE' DO SET @a='ENABLE' */"
            ),
            "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`b`*/ /*!50106 EVENT `enable` ON SCHEDULE \
             EVERY 1 DAY ON COMPLETION PRESERVE DISABLE COMMENT 'ENABLE' DO SET @a='ENABLE' */"
        );
        assert_eq!(
            run("CREATE EVENT e ON SCHEDULE AT f(1) DO SELECT 1"),
            "CREATE EVENT e ON SCHEDULE AT f(1) DISABLE DO SELECT 1"
        );
        let off = "CREATE EVENT IF NOT EXISTS e ON SCHEDULE AT 1 DISABLE ON SLAVE DO SELECT 1";
        assert_eq!(run(off), off);
    }
}
