//! `ALTER TABLE` as other programs' dumps write it behind a table's rows: keys, foreign
//! keys, checks and the counter. A strict list, clause by clause: what is not on it is
//! refused, whatever it would do.

use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::statement::{Kind, Name, name};

/// What such a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alter {
    pub table: Name,
    /// It adds a foreign key: the other table has to be there with its keys.
    pub foreign_keys: bool,
    /// The next AUTO_INCREMENT value that it sets.
    pub counter: Option<u64>,
}

/// A column that counts up needs no more than this.
const COLUMN: [&str; 15] = [
    "TINYINT",
    "SMALLINT",
    "MEDIUMINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "UNSIGNED",
    "SIGNED",
    "ZEROFILL",
    "NOT",
    "NULL",
    "PRIMARY",
    "KEY",
];

/// Reads what follows the table's name.
///
/// # Errors
/// The clause that is not on the list, in words.
pub(super) fn clauses(table: Name, tokens: Tokens<'_>) -> Result<Alter, String> {
    let mut reader = Reader { tokens, foreign_keys: false, counter: None };
    loop {
        reader.clause()?;
        match reader.tokens.next() {
            None => break,
            Some(token) if token.is_punct(b',') => {}
            Some(token) => return Err(with(&token)),
        }
    }
    Ok(Alter { table, foreign_keys: reader.foreign_keys, counter: reader.counter })
}

/// Reads what follows CREATE INDEX, which is an ALTER TABLE to the server.
pub(super) fn index(tokens: Tokens<'_>) -> Option<Kind> {
    let mut reader = Reader { tokens, foreign_keys: false, counter: None };
    reader.name().ok()?;
    if reader.tokens.eat("USING") {
        reader.name().ok()?;
    }
    reader.demand("ON").ok()?;
    let table = name(&mut reader.tokens)?;
    reader.key_parts().ok()?;
    let whole = reader.tokens.next().is_none();
    whole.then_some(Kind::Alter(Alter { table, foreign_keys: false, counter: None }))
}

/// Why an ALTER TABLE is not one of these; `None` for other statements.
pub(super) fn refusal(text: &[u8], mode: LexMode) -> Option<String> {
    let mut tokens = Tokens::new(text, mode);
    if !(tokens.eat("ALTER") && tokens.eat("TABLE")) {
        return None;
    }
    let table = name(&mut tokens)?;
    clauses(table, tokens).err()
}

fn with(token: &Token<'_>) -> String {
    let word = String::from_utf8_lossy(&token.raw[..token.raw.len().min(64)]).into_owned();
    match token.kind {
        TokenKind::Text => "ALTER TABLE with a string where none belongs".to_owned(),
        _ => format!("ALTER TABLE with {word}, which is not allowed there"),
    }
}

fn cut_short() -> String {
    "ALTER TABLE ends too early".to_owned()
}

type Read = Result<(), String>;

struct Reader<'a> {
    tokens: Tokens<'a>,
    foreign_keys: bool,
    counter: Option<u64>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Token<'a>, String> {
        self.tokens.next().ok_or_else(cut_short)
    }

    fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.tokens.eat(word))
    }

    fn demand(&mut self, word: &str) -> Read {
        if self.tokens.eat(word) {
            return Ok(());
        }
        let token = self.next()?;
        Err(with(&token))
    }

    fn clause(&mut self) -> Read {
        if self.tokens.eat("ADD") {
            return self.add();
        }
        if self.tokens.eat("MODIFY") {
            self.tokens.eat("COLUMN");
            return self.modify();
        }
        if self.tokens.eat("AUTO_INCREMENT") {
            self.tokens.eat_punct(b'=');
            self.counter = Some(self.number()?);
            return Ok(());
        }
        let token = self.next()?;
        Err(with(&token))
    }

    fn add(&mut self) -> Read {
        const KINDS: [&str; 4] = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
        let constraint = self.tokens.eat("CONSTRAINT");
        let kind_follows = |token: &Token<'_>| KINDS.iter().any(|kind| token.is(kind));
        if constraint && !self.tokens.peek().is_some_and(|token| kind_follows(&token)) {
            self.name()?;
        }
        if self.tokens.eat("PRIMARY") {
            self.demand("KEY")?;
            return self.key();
        }
        if self.tokens.eat("UNIQUE") {
            self.eat_any(&["KEY", "INDEX"]);
            return self.key();
        }
        if self.tokens.eat("FOREIGN") {
            self.demand("KEY")?;
            return self.foreign_key();
        }
        if self.tokens.eat("CHECK") {
            self.group()?;
            self.tokens.eat("NOT");
            self.tokens.eat("ENFORCED");
            return Ok(());
        }
        if !constraint && self.eat_any(&["FULLTEXT", "SPATIAL"]) {
            self.eat_any(&["KEY", "INDEX"]);
            return self.key();
        }
        if !constraint && self.eat_any(&["KEY", "INDEX"]) {
            return self.key();
        }
        let token = self.next()?;
        Err(with(&token))
    }

    /// From its name to its options.
    fn key(&mut self) -> Read {
        let named = |token: &Token<'_>| !(token.is_punct(b'(') || token.is("USING"));
        if self.tokens.peek().is_some_and(|token| named(&token)) {
            self.name()?;
        }
        if self.tokens.eat("USING") {
            self.name()?;
        }
        self.key_parts()
    }

    /// Its columns and its options.
    fn key_parts(&mut self) -> Read {
        self.group()?;
        loop {
            if self.tokens.eat("USING") {
                self.name()?;
            } else if self.tokens.eat("COMMENT") {
                self.text()?;
            } else if self.tokens.eat("KEY_BLOCK_SIZE") {
                self.tokens.eat_punct(b'=');
                self.number()?;
            } else if self.tokens.eat("WITH") {
                self.demand("PARSER")?;
                self.name()?;
            } else if self.tokens.eat("NOT") {
                self.demand("IGNORED")?;
            } else if !self.eat_any(&["VISIBLE", "INVISIBLE", "IGNORED"]) {
                return Ok(());
            }
        }
    }

    fn foreign_key(&mut self) -> Read {
        self.foreign_keys = true;
        if !self.tokens.peek().is_some_and(|token| token.is_punct(b'(')) {
            self.name()?;
        }
        self.group()?;
        self.demand("REFERENCES")?;
        let other = name(&mut self.tokens).ok_or_else(cut_short)?;
        if let Some(schema) = other.schema {
            return Err(format!("a name is qualified with a schema, {schema}"));
        }
        self.group()?;
        loop {
            if self.tokens.eat("MATCH") {
                if !self.eat_any(&["FULL", "PARTIAL", "SIMPLE"]) {
                    return Err(cut_short());
                }
            } else if self.tokens.eat("ON") {
                self.on()?;
            } else {
                return Ok(());
            }
        }
    }

    fn on(&mut self) -> Read {
        if !self.eat_any(&["DELETE", "UPDATE"]) {
            return Err(cut_short());
        }
        if self.tokens.eat("SET") {
            return if self.eat_any(&["NULL", "DEFAULT"]) { Ok(()) } else { Err(cut_short()) };
        }
        if self.tokens.eat("NO") {
            return self.demand("ACTION");
        }
        if self.eat_any(&["RESTRICT", "CASCADE"]) {
            return Ok(());
        }
        let token = self.next()?;
        Err(with(&token))
    }

    /// Only a column that counts up: other changes could lose values.
    fn modify(&mut self) -> Read {
        self.name()?;
        let mut counts = false;
        while let Some(token) = self.tokens.peek() {
            if token.is_punct(b',') {
                break;
            }
            self.tokens.next();
            if token.is("AUTO_INCREMENT") {
                counts = true;
            } else if token.is("COMMENT") {
                self.text()?;
            } else if token.is_punct(b'(') {
                self.width()?;
            } else if !COLUMN.iter().any(|word| token.is(word)) {
                return Err(with(&token));
            }
        }
        let what = || "ALTER TABLE modifies a column that is not AUTO_INCREMENT".to_owned();
        counts.then_some(()).ok_or_else(what)
    }

    /// `11)` or `10,2)`.
    fn width(&mut self) -> Read {
        loop {
            self.number()?;
            let token = self.next()?;
            if token.is_punct(b')') {
                return Ok(());
            }
            if !token.is_punct(b',') {
                return Err(with(&token));
            }
        }
    }

    fn name(&mut self) -> Read {
        let token = self.next()?;
        let named = matches!(token.kind, TokenKind::Word | TokenKind::Name);
        if named { Ok(()) } else { Err(with(&token)) }
    }

    fn text(&mut self) -> Read {
        let token = self.next()?;
        if token.kind == TokenKind::Text { Ok(()) } else { Err(with(&token)) }
    }

    fn number(&mut self) -> Result<u64, String> {
        let token = self.next()?;
        let number = match token.kind {
            TokenKind::Number => std::str::from_utf8(token.raw).ok().and_then(|it| it.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| with(&token))
    }

    /// Columns or an expression in parentheses, which names no other schema.
    fn group(&mut self) -> Read {
        let open = self.next()?;
        if !open.is_punct(b'(') {
            return Err(with(&open));
        }
        let mut before = open;
        let mut depth = 1_u32;
        while depth > 0 {
            let token = self.next()?;
            let number = before.kind == TokenKind::Number && before.end() == token.at;
            match token.kind {
                TokenKind::Punct(b'(') => depth += 1,
                TokenKind::Punct(b')') => depth -= 1,
                TokenKind::Punct(b'.') if !number => {
                    return Err("a name is qualified with a schema".to_owned());
                }
                TokenKind::Punct(b'@' | b';') => return Err(with(&token)),
                TokenKind::Word if token.is("SELECT") => return Err(with(&token)),
                _ => {}
            }
            before = token;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "altered_tests.rs"]
mod tests;
