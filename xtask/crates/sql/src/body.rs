//! Whether a stored program's text is one statement to the server.
//!
//! Sessions of the MySQL driver accept several statements at once, and under
//! `DELIMITER ;;` a dump's statement may hold any number of `;`. The blocks of
//! a body are followed here, so that nothing can hide behind its end. Where
//! this reading and the server's could differ, it fails closed: either the
//! server refuses the text as well, or the guard does.

use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::statement::{self, Kind};

/// What a `;` ends early.
type Refused = Result<(), &'static str>;

/// Why a body is refused.
const SECOND: &str = "it contains a second statement, or a body that cannot be parsed";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Begin,
    If,
    Case,
    While,
    Loop,
    Repeat,
    For,
}

impl Block {
    /// The block that a word opens at a statement's start, and the word that closes it.
    const ALL: [(Self, &'static str); 7] = [
        (Self::Begin, "BEGIN"),
        (Self::If, "IF"),
        (Self::Case, "CASE"),
        (Self::While, "WHILE"),
        (Self::Loop, "LOOP"),
        (Self::Repeat, "REPEAT"),
        (Self::For, "FOR"),
    ];

    fn opened(token: &Token<'_>) -> Option<Self> {
        Self::ALL.iter().find(|(_, word)| token.is(word)).map(|(block, _)| *block)
    }
}

/// Accepts a statement without `;`, and a program whose body's last block ends it.
pub(super) fn single(kind: &Kind, text: &[u8], mode: LexMode) -> Refused {
    if !Tokens::new(text, mode).any(|token| token.is_punct(b';')) {
        return Ok(());
    }
    let mut tokens = Tokens::new(text, mode);
    to_body(kind, &mut tokens).ok_or(SECOND)?;
    declarations(kind, &mut tokens).ok_or(SECOND)?;
    Walk { tokens, blocks: Vec::new(), start: true, wait: None, depth: 0, cases: Vec::new() }
        .run()
        .ok_or(SECOND)
}

/// Moves over what MariaDB has between a program's head and its BEGIN under
/// `sql_mode=ORACLE`. Before that BEGIN no server has a whole statement: after AS, MySQL
/// wants a text, and no name.
fn declarations(kind: &Kind, tokens: &mut Tokens<'_>) -> Option<()> {
    let words: &[&str] = match kind {
        Kind::CreateTrigger { .. } => &["DECLARE"],
        Kind::CreateProcedure(_) | Kind::CreateFunction(_) => &["AS", "IS"],
        _ => &[],
    };
    if !eat_any(tokens, words) {
        return Some(());
    }
    loop {
        let first = tokens.peek()?;
        if first.is("BEGIN") {
            return Some(());
        }
        matches!(first.kind, TokenKind::Word | TokenKind::Name).then_some(())?;
        while !tokens.next()?.is_punct(b';') {}
    }
}

/// Whether a program's text, cut off before a `;`, is whole: every block of its body
/// is closed. What is not a program, or has no block, ends at its first `;`.
pub(super) fn whole(kind: &Kind, text: &[u8], mode: LexMode) -> bool {
    let mut tokens = Tokens::new(text, mode);
    if to_body(kind, &mut tokens).is_none() {
        return true;
    }
    let mut ahead = tokens.clone();
    let first = ahead.next();
    let label = ahead.peek().is_some_and(|token| token.is_punct(b':'));
    if !label && first.is_none_or(|token| Block::opened(&token).is_none()) {
        return true;
    }
    let walk =
        Walk { tokens, blocks: Vec::new(), start: true, wait: None, depth: 0, cases: Vec::new() };
    walk.run().is_some()
}

/// Moves to the body's first token; `None` for what cannot have a body with `;`.
fn to_body(kind: &Kind, tokens: &mut Tokens<'_>) -> Option<()> {
    let (object, _) = kind.program()?;
    while !tokens.next()?.is(object.keyword()) {}
    let mut ahead = tokens.clone();
    if ahead.eat("IF") && ahead.eat("NOT") && ahead.eat("EXISTS") {
        *tokens = ahead;
    }
    statement::name(tokens)?;
    match kind {
        Kind::CreateTrigger { .. } => {
            until(tokens, "ROW")?;
            if tokens.eat("FOLLOWS") || tokens.eat("PRECEDES") {
                statement::name(tokens)?;
            }
            Some(())
        }
        Kind::CreateEvent(_) => until(tokens, "DO"),
        Kind::CreateProcedure(_) => {
            if tokens.peek()?.is_punct(b'(') {
                parentheses(tokens)?;
            }
            characteristics(tokens);
            Some(())
        }
        Kind::CreateFunction(_) => {
            parentheses(tokens)?;
            returns(tokens)?;
            characteristics(tokens);
            Some(())
        }
        _ => None,
    }
}

fn until(tokens: &mut Tokens<'_>, word: &str) -> Option<()> {
    loop {
        let token = tokens.next()?;
        if token.is_punct(b';') {
            return None;
        }
        if token.is(word) {
            return Some(());
        }
    }
}

fn parentheses(tokens: &mut Tokens<'_>) -> Option<()> {
    if !tokens.eat_punct(b'(') {
        return None;
    }
    let mut depth = 1_u32;
    while depth > 0 {
        match tokens.next()?.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth -= 1,
            TokenKind::Punct(b';') => return None,
            _ => {}
        }
    }
    Some(())
}

fn eat_any(tokens: &mut Tokens<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| tokens.eat(word))
}

fn returns(tokens: &mut Tokens<'_>) -> Option<()> {
    // RETURN is MariaDB's under `sql_mode=ORACLE`.
    if !eat_any(tokens, &["RETURNS", "RETURN"]) {
        return None;
    }
    tokens.next()?;
    loop {
        if tokens.peek()?.is_punct(b'(') {
            parentheses(tokens)?;
        } else if eat_any(tokens, &["CHARSET", "COLLATE"]) {
            tokens.next()?;
        } else if tokens.eat("CHARACTER") {
            tokens.eat("SET");
            tokens.next()?;
        } else if !eat_any(tokens, &["UNSIGNED", "SIGNED", "ZEROFILL", "BINARY", "PRECISION"]) {
            return Some(());
        }
    }
}

fn characteristics(tokens: &mut Tokens<'_>) {
    let words = [
        "LANGUAGE",
        "SQL",
        "NOT",
        "DETERMINISTIC",
        "CONTAINS",
        "NO",
        "READS",
        "MODIFIES",
        "DATA",
        "SECURITY",
        "DEFINER",
        "INVOKER",
    ];
    loop {
        if tokens.eat("COMMENT") {
            tokens.next();
        } else if !eat_any(tokens, &words) {
            return;
        }
    }
}

/// Goes through a body block by block.
struct Walk<'a> {
    tokens: Tokens<'a>,
    blocks: Vec<Block>,
    /// The next token begins a statement.
    start: bool,
    /// The word that ends the expression being read: THEN, DO or END.
    wait: Option<&'static str>,
    depth: u32,
    /// Parenthesis depths at which CASE expressions are open.
    cases: Vec<u32>,
}

impl Walk<'_> {
    fn run(mut self) -> Option<()> {
        let mut before: Option<Token<'_>> = None;
        loop {
            let token = self.tokens.next()?;
            if self.start {
                if self.at_start(&token)? {
                    return Some(());
                }
            } else if self.within(&token, before.as_ref())? {
                return Some(());
            }
            before = Some(token);
        }
    }

    /// A token that begins a statement; `true` if the body ends with it.
    fn at_start(&mut self, token: &Token<'_>) -> Option<bool> {
        let named = matches!(token.kind, TokenKind::Word | TokenKind::Name);
        if named && !self.bound() && self.tokens.eat_punct(b':') {
            return Some(false);
        }
        if token.is_punct(b';') {
            return (!self.blocks.is_empty()).then_some(false);
        }
        if token.is("END") {
            return self.close();
        }
        self.start = false;
        let top = self.blocks.last().copied();
        if let Some(block) = Block::opened(token) {
            self.blocks.push(block);
            match block {
                Block::Begin | Block::Loop | Block::Repeat => self.start = true,
                Block::If | Block::Case => self.wait = Some("THEN"),
                Block::While | Block::For => self.wait = Some("DO"),
            }
            return Some(false);
        }
        let top = top?;
        match top {
            Block::If if token.is("ELSEIF") || token.is("ELSIF") => self.wait = Some("THEN"),
            Block::Case if token.is("WHEN") => self.wait = Some("THEN"),
            Block::If | Block::Case if token.is("ELSE") => self.start = true,
            Block::Repeat if token.is("UNTIL") => self.wait = Some("END"),
            _ if token.is("DECLARE") => self.handler()?,
            _ => {}
        }
        Some(false)
    }

    /// Whether `:NEW.` or `:OLD.` follows, MariaDB's form under `sql_mode=ORACLE`: the word
    /// in front of it is no label.
    fn bound(&self) -> bool {
        let mut ahead = self.tokens.clone();
        ahead.eat_punct(b':') && eat_any(&mut ahead, &["NEW", "OLD"]) && ahead.eat_punct(b'.')
    }

    /// `DECLARE EXIT HANDLER FOR NOT FOUND` is followed by a statement.
    fn handler(&mut self) -> Option<()> {
        let mut ahead = self.tokens.clone();
        if !(eat_any(&mut ahead, &["CONTINUE", "EXIT", "UNDO"]) && ahead.eat("HANDLER")) {
            return Some(());
        }
        self.tokens = ahead;
        if !self.tokens.eat("FOR") {
            return None;
        }
        loop {
            if self.tokens.eat("SQLSTATE") {
                self.tokens.eat("VALUE");
                self.tokens.next()?;
            } else if self.tokens.eat("NOT") {
                self.tokens.eat("FOUND").then_some(())?;
            } else {
                let condition = self.tokens.next()?;
                (!matches!(condition.kind, TokenKind::Punct(_))).then_some(())?;
            }
            if !self.tokens.eat_punct(b',') {
                break;
            }
        }
        self.start = true;
        Some(())
    }

    /// A token inside a statement or expression; `true` if the body ends with it.
    fn within(&mut self, token: &Token<'_>, before: Option<&Token<'_>>) -> Option<bool> {
        match token.kind {
            TokenKind::Punct(b'(') => self.depth += 1,
            TokenKind::Punct(b')') => self.depth = self.depth.checked_sub(1)?,
            TokenKind::Punct(b';') => {
                let whole = self.depth == 0 && self.cases.is_empty() && self.wait.is_none();
                self.start = (whole && !self.blocks.is_empty()).then_some(true)?;
            }
            TokenKind::Word if before.is_some_and(|before| before.is_punct(b'.')) => {}
            TokenKind::Word if token.is("CASE") => self.cases.push(self.depth),
            TokenKind::Word if token.is("END") => {
                if self.cases.last() == Some(&self.depth) {
                    // After an operand it ends the CASE, elsewhere it is a name.
                    if before.is_some_and(is_operand) {
                        self.cases.pop();
                    }
                } else if self.wait == Some("END") && self.cases.is_empty() && self.depth == 0 {
                    self.wait = None;
                    return self.close();
                }
            }
            TokenKind::Word
                if self.depth == 0
                    && self.cases.is_empty()
                    && self.wait.is_some_and(|word| word != "END" && token.is(word)) =>
            {
                self.wait = None;
                self.start = true;
            }
            _ => {}
        }
        Some(false)
    }

    /// After END: the block's word, a label, and `;` or the end of everything.
    fn close(&mut self) -> Option<bool> {
        let block = self.blocks.pop()?;
        let (_, word) = Block::ALL.iter().find(|(known, _)| *known == block)?;
        if block != Block::Begin && !self.tokens.eat(word) {
            return None;
        }
        let next = self.tokens.peek();
        if next.is_some_and(|t| matches!(t.kind, TokenKind::Word | TokenKind::Name)) {
            self.tokens.next();
        }
        let ends = self.tokens.eat_punct(b';');
        self.start = true;
        if self.blocks.is_empty() {
            return self.tokens.next().is_none().then_some(true);
        }
        ends.then_some(false)
    }
}

/// Whether an expression can end with this token.
fn is_operand(token: &Token<'_>) -> bool {
    let operators = [
        "WHEN", "THEN", "ELSE", "CASE", "AND", "OR", "XOR", "NOT", "IN", "LIKE", "BETWEEN", "IS",
        "DIV", "MOD", "REGEXP", "RLIKE", "SOUNDS", "ESCAPE", "COLLATE", "BINARY", "INTERVAL",
    ];
    match token.kind {
        TokenKind::Word => !operators.iter().any(|word| token.is(word)),
        TokenKind::Punct(byte) => byte == b')',
        _ => true,
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
