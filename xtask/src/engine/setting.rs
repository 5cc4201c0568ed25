//! `SET` statements, read into assignments: the scanner follows `sql_mode`
//! through them and the guard judges them one by one.

use std::collections::HashMap;

use super::lex::{LexMode, Token, TokenKind, Tokens};

/// Whose variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `@x`.
    User,
    /// A session variable, written with or without `SESSION`.
    Session,
    /// `GLOBAL`, `PERSIST` or `PERSIST_ONLY`.
    Global,
    /// `SET NAMES` or `SET CHARACTER SET`.
    Names,
}

/// What it is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string, a number or a bare word such as `utf8mb4`.
    Plain(String),
    /// `@x`.
    User(String),
    /// `@@x`.
    System(String),
    /// `IFNULL(@x, plain)`, which some tools write.
    IfNull(String, String),
    /// Anything that would have to be evaluated.
    Expression,
}

/// One `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Whose variable.
    pub scope: Scope,
    /// Its name in lower case, without scope.
    pub name: String,
    /// What it is set to.
    pub value: Value,
}

/// Reads a `SET` statement; `None` if it is not one or is not understood.
pub fn parse(text: &[u8], mode: LexMode) -> Option<Vec<Assignment>> {
    let mut tokens = Tokens::new(text, mode);
    if !tokens.eat("SET") {
        return None;
    }
    let mut all = Vec::new();
    loop {
        all.push(assignment(&mut tokens, mode)?);
        match tokens.next() {
            None => break,
            Some(token) if token.is_punct(b',') => {}
            Some(_) => return None,
        }
    }
    (!tokens.in_version()).then_some(all)
}

fn assignment(tokens: &mut Tokens<'_>, mode: LexMode) -> Option<Assignment> {
    let mut scope = Scope::Session;
    let first = tokens.next()?;
    if first.is("NAMES") {
        return names(tokens, mode);
    }
    if first.is("CHARACTER") && tokens.eat("SET") || first.is("CHARSET") {
        return names(tokens, mode);
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
    Some(Assignment { scope, name, value: value(tokens, mode)? })
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

fn names(tokens: &mut Tokens<'_>, mode: LexMode) -> Option<Assignment> {
    let value = spelled(&tokens.next()?, mode)?;
    if tokens.eat("COLLATE") {
        spelled(&tokens.next()?, mode)?;
    }
    Some(Assignment { scope: Scope::Names, name: "names".to_owned(), value: Value::Plain(value) })
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
            if scope_word(&name).is_some() && tokens.eat_punct(b'.') {
                name = tokens.next()?;
            }
            Value::System(spelled(&name, mode)?.to_lowercase())
        }
        TokenKind::Punct(b'@') => Value::User(spelled(&tokens.next()?, mode)?.to_lowercase()),
        TokenKind::Punct(b'-' | b'+') if tokens.peek()?.kind == TokenKind::Number => {
            Value::Plain(spelled(&tokens.next()?, mode)?)
        }
        TokenKind::Punct(_) => Value::Expression,
        TokenKind::Word if token.is("IFNULL") => if_null(tokens, mode).unwrap_or(Value::Expression),
        _ => Value::Plain(spelled(&token, mode)?),
    })
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
    let token = ahead.next()?;
    let plain = matches!(token.kind, TokenKind::Text | TokenKind::Word | TokenKind::Number);
    if !(plain && ahead.eat_punct(b')')) {
        return None;
    }
    let fallback = spelled(&token, mode)?;
    *tokens = ahead;
    Some(Value::IfNull(name, fallback))
}

/// Follows the session's `sql_mode` as far as it matters to the lexer: the
/// server would tell the client by status flags, a file has only its SETs.
#[derive(Debug, Clone, Default)]
pub struct ModeTracker {
    now: LexMode,
    saved: HashMap<String, LexMode>,
}

impl ModeTracker {
    /// The mode the next statement is read in.
    pub fn mode(&self) -> LexMode {
        self.now
    }

    /// Takes note of one statement.
    pub fn observe(&mut self, text: &[u8]) {
        // Nothing but a SET changes it, and no sensible SET is long.
        if text.len() > 64 * 1024 || !Tokens::new(text, self.now).eat("SET") {
            return;
        }
        for set in parse(text, self.now).unwrap_or_default() {
            if set.scope == Scope::User {
                if set.value == Value::System("sql_mode".to_owned()) {
                    self.saved.insert(set.name, self.now);
                } else if let Value::Plain(text) = &set.value {
                    // Last resort for `SET @m = 'ANSI_QUOTES'; SET sql_mode = @m`.
                    self.saved.insert(set.name, flags(text));
                }
            } else if set.scope == Scope::Session && set.name == "sql_mode" {
                match &set.value {
                    Value::Plain(text) => self.now = flags(text),
                    Value::User(name) => {
                        self.now = self.saved.get(name).copied().unwrap_or_default();
                    }
                    Value::IfNull(name, text) => {
                        self.now = self.saved.get(name).copied().unwrap_or_else(|| flags(text));
                    }
                    Value::System(_) | Value::Expression => {}
                }
            }
        }
    }
}

fn flags(sql_mode: &str) -> LexMode {
    let has = |wanted: &str| sql_mode.split(',').any(|m| m.trim().eq_ignore_ascii_case(wanted));
    // The combinations imply ANSI_QUOTES; none implies NO_BACKSLASH_ESCAPES.
    let ansi = ["ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
    LexMode {
        ansi_quotes: ansi.iter().any(|mode| has(mode)),
        no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
    }
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
        assert_eq!(one("SET @x = (SELECT 1, 2)").value, Value::Expression);
        assert_eq!(one("SET @x = 1 + 1").value, Value::Expression);
        assert!(parse(b"SET PASSWORD FOR x = 'y'", LexMode::default()).is_none());
        assert!(parse(b"SET DEFAULT ROLE ALL TO x", LexMode::default()).is_none());
        let heidi = one("SET FOREIGN_KEY_CHECKS=IFNULL(@OLD_FOREIGN_KEY_CHECKS, 1)");
        assert_eq!(heidi.value, Value::IfNull("old_foreign_key_checks".into(), "1".into()));
    }

    #[test]
    fn follows_sql_mode() {
        let mut modes = ModeTracker::default();
        modes.observe(b"/*!50003 SET @saved_sql_mode       = @@sql_mode */");
        modes.observe(b"/*!50003 SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES' */ ");
        assert!(modes.mode().ansi_quotes && modes.mode().no_backslash_escapes);
        modes.observe(b"/*!50003 SET sql_mode              = @saved_sql_mode */");
        assert_eq!(modes.mode(), LexMode::default());
    }
}
