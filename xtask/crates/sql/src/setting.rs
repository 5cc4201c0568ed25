//! `SET` statements, read into assignments. What they do to a session is in
//! [`super::state`]; no text of a file's SET is ever sent to a server.

use super::lex::{LexMode, Token, TokenKind, Tokens};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `@x`.
    User,
    /// A session variable, written with or without `SESSION`.
    Session,
    /// `GLOBAL`, `PERSIST` or `PERSIST_ONLY`.
    Global,
    /// `SET NAMES`.
    Names,
}

/// What it is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// One string, as its bytes spell it: no escapes, no introducer.
    Text(String),
    /// A string that holds an escape or its own quote.
    Escaped,
    /// A bare word such as `utf8mb4` or `ON`.
    Word(String),
    /// Digits, perhaps with a sign.
    Number(String),
    /// `@x`.
    User(String),
    /// `@@x` of the session.
    System(String),
    /// `IFNULL(@x, value)`, which some tools write.
    IfNull(String, Box<Value>),
    /// Anything that would have to be evaluated.
    Expression,
}

/// One `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub scope: Scope,
    /// Its name in lower case, without scope.
    pub name: String,
    /// What it is set to.
    pub value: Value,
}

/// Reads a `SET` statement; `None` if it is not one or is not understood.
pub(crate) fn parse(text: &[u8], mode: LexMode) -> Option<Vec<Assignment>> {
    let mut tokens = Tokens::new(text, mode);
    if !tokens.eat("SET") {
        return None;
    }
    let mut all = Vec::new();
    loop {
        assignment(&mut tokens, mode, &mut all)?;
        match tokens.next() {
            None => break,
            Some(token) if token.is_punct(b',') => {}
            Some(_) => return None,
        }
    }
    (!tokens.in_version()).then_some(all)
}

fn assignment(tokens: &mut Tokens<'_>, mode: LexMode, all: &mut Vec<Assignment>) -> Option<()> {
    let mut scope = Scope::Session;
    let first = tokens.next()?;
    if first.is("NAMES") && !tokens.peek()?.is_punct(b'=') {
        return names(tokens, mode, all);
    }
    let mut name = if first.is_punct(b'@') {
        if tokens.eat_punct(b'@') {
            tokens.next()?
        } else {
            scope = Scope::User;
            tokens.next()?
        }
    } else if scope_word(&first).is_some() && !tokens.peek()?.is_punct(b'=') {
        scope = scope_word(&first)?;
        tokens.next()?
    } else {
        first
    };
    if scope == Scope::Session
        && let Some(written) = scope_word(&name)
        && tokens.eat_punct(b'.')
    {
        scope = written;
        name = tokens.next()?;
    }
    let name = spelled(&name, mode)?.to_lowercase();
    tokens.eat_punct(b':');
    if !tokens.eat_punct(b'=') {
        return None;
    }
    all.push(Assignment { scope, name, value: value(tokens, mode)? });
    Some(())
}

fn scope_word(token: &Token<'_>) -> Option<Scope> {
    if ["SESSION", "LOCAL"].iter().any(|word| token.is(word)) {
        Some(Scope::Session)
    } else if ["GLOBAL", "PERSIST", "PERSIST_ONLY"].iter().any(|word| token.is(word)) {
        Some(Scope::Global)
    } else {
        None
    }
}

/// `NAMES x COLLATE y` is `NAMES x`, and then another collation.
fn names(tokens: &mut Tokens<'_>, mode: LexMode, all: &mut Vec<Assignment>) -> Option<()> {
    let value = plain(&tokens.next()?, mode);
    all.push(Assignment { scope: Scope::Names, name: "names".to_owned(), value });
    if tokens.eat("COLLATE") {
        let value = plain(&tokens.next()?, mode);
        let name = "collation_connection".to_owned();
        all.push(Assignment { scope: Scope::Session, name, value });
    }
    Some(())
}

fn spelled(token: &Token<'_>, mode: LexMode) -> Option<String> {
    token.name().or_else(|| token.text(mode))
}

/// A value ends where a comma or the statement does; whatever is longer than
/// the known shapes is an expression.
fn value(tokens: &mut Tokens<'_>, mode: LexMode) -> Option<Value> {
    let mut depth = u32::from(tokens.peek()?.is_punct(b'('));
    let mut found = simple(tokens, mode)?;
    while let Some(token) = tokens.peek() {
        if depth == 0 && token.is_punct(b',') {
            break;
        }
        depth += u32::from(token.is_punct(b'('));
        depth = depth.saturating_sub(u32::from(token.is_punct(b')')));
        found = Value::Expression;
        tokens.next();
    }
    Some(found)
}

fn simple(tokens: &mut Tokens<'_>, mode: LexMode) -> Option<Value> {
    let token = tokens.next()?;
    Some(match token.kind {
        TokenKind::Punct(b'@') if tokens.eat_punct(b'@') => {
            let mut name = tokens.next()?;
            if let Some(scope) = scope_word(&name)
                && tokens.eat_punct(b'.')
            {
                name = tokens.next()?;
                if scope == Scope::Global {
                    return Some(Value::Expression);
                }
            }
            Value::System(spelled(&name, mode)?.to_lowercase())
        }
        TokenKind::Punct(b'@') => Value::User(spelled(&tokens.next()?, mode)?.to_lowercase()),
        TokenKind::Punct(sign @ (b'-' | b'+')) if tokens.peek()?.kind == TokenKind::Number => {
            Value::Number(format!("{}{}", char::from(sign), spelled(&tokens.next()?, mode)?))
        }
        TokenKind::Word if token.is("IFNULL") => if_null(tokens, mode).unwrap_or(Value::Expression),
        _ => plain(&token, mode),
    })
}

/// A value of one token.
fn plain(token: &Token<'_>, mode: LexMode) -> Value {
    let text = || String::from_utf8(token.raw.to_vec()).ok();
    match token.kind {
        TokenKind::Number => text().map_or(Value::Expression, Value::Number),
        // `0x41` and `0b1` are words to the lexer, and numbers or bytes to the server.
        TokenKind::Word if !token.raw[0].is_ascii_digit() => {
            text().map_or(Value::Expression, Value::Word)
        }
        TokenKind::Text => {
            let inner = token.raw.get(1..token.raw.len() - 1).unwrap_or_default();
            let quote = token.raw[0];
            let odd = inner.contains(&quote) || inner.contains(&b'\\') && mode.escapes(quote);
            match String::from_utf8(inner.to_vec()) {
                Ok(inner) if !odd => Value::Text(inner),
                _ => Value::Escaped,
            }
        }
        _ => Value::Expression,
    }
}

fn if_null(tokens: &mut Tokens<'_>, mode: LexMode) -> Option<Value> {
    let mut ahead = tokens.clone();
    if !(ahead.eat_punct(b'(') && ahead.eat_punct(b'@')) {
        return None;
    }
    let name = spelled(&ahead.next()?, mode)?.to_lowercase();
    if !ahead.eat_punct(b',') {
        return None;
    }
    let fallback = plain(&ahead.next()?, mode);
    if fallback == Value::Expression || !ahead.eat_punct(b')') {
        return None;
    }
    *tokens = ahead;
    Some(Value::IfNull(name, Box::new(fallback)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Assignment {
        let mut all = parse(text.as_bytes(), LexMode::default()).unwrap();
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn reads_the_shapes_dumps_use() {
        assert_eq!(one("/*!50503 SET NAMES utf8mb4 */").scope, Scope::Names);
        let set = one("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE */");
        assert_eq!((set.scope, set.name.as_str()), (Scope::User, "old_sql_mode"));
        assert_eq!(set.value, Value::System("sql_mode".into()));
        assert_eq!(one("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'x:1-2'").scope, Scope::Global);
        assert_eq!(one("SET PERSIST max_connections=1").scope, Scope::Global);
        assert_eq!(one("SET @@SESSION.SQL_LOG_BIN= 0").name, "sql_log_bin");
        assert!(parse(b"SET PASSWORD FOR x = 'y'", LexMode::default()).is_none());
        assert!(parse(b"SET DEFAULT ROLE ALL TO x", LexMode::default()).is_none());
        assert!(parse(b"SET CHARACTER SET latin1", LexMode::default()).is_none());
        let heidi = one("SET FOREIGN_KEY_CHECKS=IFNULL(@OLD_FOREIGN_KEY_CHECKS, 1)");
        let fallback = Box::new(Value::Number("1".into()));
        assert_eq!(heidi.value, Value::IfNull("old_foreign_key_checks".into(), fallback));
        let both = parse(b"SET NAMES 'utf8mb4' COLLATE utf8mb4_bin", LexMode::default()).unwrap();
        assert_eq!(both[1].name, "collation_connection");
    }

    #[test]
    fn every_other_value_is_an_expression() {
        for value in [
            "(SELECT 1, 2)",
            "1 + 1",
            "0x4E4F",
            "x'4E4F'",
            "b'1'",
            "0b1",
            "_utf8'A'",
            "N'A'",
            "'A' 'B'",
            "CONCAT('A', 'B')",
            "@@GLOBAL.sql_mode",
            "@@persist.sql_mode",
            "1.5",
            "@x + 1",
            "('A')",
            "IFNULL(@x, 1 + 1)",
            "IFNULL(@@x, 1)",
        ] {
            assert_eq!(one(&format!("SET @x = {value}")).value, Value::Expression, "{value}");
        }
        for value in [r"'A\_B'", "'it''s'"] {
            assert_eq!(one(&format!("SET @x = {value}")).value, Value::Escaped, "{value}");
        }
    }
}
