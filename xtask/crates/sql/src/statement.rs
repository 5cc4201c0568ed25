//! What a statement is, as far as a dump's reader has to know.

use std::fmt;

use super::altered::{self, Alter};
use super::lex::{LexMode, Token, TokenKind, Tokens};
use model::inventory::ObjectKind;

/// A name, perhaps with its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The part before the dot.
    pub schema: Option<String>,
    /// The name itself, quotes taken off.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// `INSERT` or `REPLACE` with a list of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    pub table: Name,
    /// The column list, where there is one.
    pub columns: Option<Vec<String>>,
    /// Offset in the text of the byte after `VALUES`.
    pub values_at: usize,
    /// `REPLACE`.
    pub replace: bool,
    /// `IGNORE`.
    pub ignore: bool,
}

/// The kinds of statement a dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but comments and blanks.
    Empty,
    /// `SET …`.
    Set,
    /// `DROP TABLE x`.
    DropTable {
        /// With `IF EXISTS`.
        if_exists: bool,
        name: Name,
    },
    /// `CREATE TABLE x`.
    CreateTable {
        name: Name,
        /// All of it stands in a version comment: an old client's stand-in for a view.
        placeholder: bool,
    },
    /// `LOCK TABLES x …`, with the first table's name.
    LockTables(Name),
    /// `UNLOCK TABLES`.
    UnlockTables,
    /// `ALTER TABLE x DISABLE KEYS` or `ENABLE KEYS`.
    Keys(Name),
    /// `ALTER TABLE x` that adds keys or sets the counter.
    Alter(Alter),
    /// `DELETE FROM x` or `TRUNCATE x`, all of it.
    Clear {
        name: Name,
        /// `TRUNCATE`, which resets the counter.
        truncate: bool,
    },
    /// `INSERT … VALUES` or `REPLACE … VALUES`.
    Insert(Insert),
    /// `CREATE VIEW x`.
    CreateView {
        name: Name,
        /// Columns are constants only: stands in until the real one can be made.
        placeholder: bool,
    },
    /// `CREATE TRIGGER x … ON y`.
    CreateTrigger { name: Name, table: Name },
    /// `CREATE PROCEDURE x`.
    CreateProcedure(Name),
    /// `CREATE FUNCTION x`, stored ones only.
    CreateFunction(Name),
    /// `CREATE EVENT x`.
    CreateEvent(Name),
    /// `DROP VIEW|TRIGGER|PROCEDURE|FUNCTION|EVENT x`.
    Drop { kind: ObjectKind, name: Name },
    /// `ALTER DATABASE [x] …`.
    AlterDatabase(Option<String>),
    /// `USE x`.
    Use(String),
    /// `CREATE DATABASE x`.
    CreateDatabase(String),
    /// `DROP DATABASE x`.
    DropDatabase(String),
    /// `START TRANSACTION`, `BEGIN` or `COMMIT`.
    Transaction,
    /// Anything else, by its first words.
    Other(String),
}

impl Kind {
    /// The view, trigger, routine or event that it creates.
    pub fn program(&self) -> Option<(ObjectKind, &Name)> {
        match self {
            Self::CreateView { name, .. } => Some((ObjectKind::View, name)),
            Self::CreateTrigger { name, .. } => Some((ObjectKind::Trigger, name)),
            Self::CreateProcedure(name) => Some((ObjectKind::Procedure, name)),
            Self::CreateFunction(name) => Some((ObjectKind::Function, name)),
            Self::CreateEvent(name) => Some((ObjectKind::Event, name)),
            _ => None,
        }
    }
}

/// Says what a statement is. Version comments count as code.
pub fn classify(text: &[u8], mode: LexMode) -> Kind {
    let mut tokens = Tokens::new(text, mode);
    let Some(first) = tokens.next() else { return Kind::Empty };
    let verb = String::from_utf8_lossy(first.raw).to_ascii_uppercase();
    let known = match verb.as_str() {
        _ if first.kind != TokenKind::Word => None,
        "SET" => Some(Kind::Set),
        "INSERT" | "REPLACE" => insert(tokens, verb == "REPLACE").map(Kind::Insert),
        "CREATE" => create(tokens, &first, text),
        "DROP" => drop_object(tokens),
        "ALTER" => alter(tokens),
        "DELETE" => tokens.eat("FROM").then(|| clear(tokens, false)).flatten(),
        "TRUNCATE" => {
            tokens.eat("TABLE");
            clear(tokens, true)
        }
        "LOCK" => (tokens.eat("TABLES") || tokens.eat("TABLE"))
            .then(|| name(&mut tokens))
            .flatten()
            .map(Kind::LockTables),
        "UNLOCK" => (tokens.eat("TABLES") || tokens.eat("TABLE"))
            .then_some(Kind::UnlockTables)
            .filter(|_| tokens.next().is_none()),
        "USE" => tokens.next().and_then(|token| token.name()).map(Kind::Use),
        "START" => tokens.eat("TRANSACTION").then_some(Kind::Transaction),
        "BEGIN" | "COMMIT" => {
            tokens.eat("WORK");
            tokens.next().is_none().then_some(Kind::Transaction)
        }
        _ => None,
    };
    known.unwrap_or_else(|| Kind::Other(first_words(text, mode)))
}

/// The statement's first tokens, for messages; never data.
fn first_words(text: &[u8], mode: LexMode) -> String {
    let words: Vec<String> = Tokens::new(text, mode)
        .take_while(|token| token.kind != TokenKind::Text)
        .take(5)
        .map(|token| String::from_utf8_lossy(&token.raw[..token.raw.len().min(64)]).into_owned())
        .collect();
    words.join(" ")
}

/// `a`, `` `a` ``, `a.b`, `` `a`.`b` ``.
pub fn name(tokens: &mut Tokens<'_>) -> Option<Name> {
    let first = tokens.next()?.name()?;
    if tokens.eat_punct(b'.') {
        let name = tokens.next()?.name()?;
        return Some(Name { schema: Some(first), name });
    }
    Some(Name { schema: None, name: first })
}

fn insert(mut tokens: Tokens<'_>, replace: bool) -> Option<Insert> {
    let mut ignore = false;
    loop {
        if tokens.eat("IGNORE") {
            ignore = true;
        } else if !["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"].iter().any(|w| tokens.eat(w)) {
            break;
        }
    }
    tokens.eat("INTO");
    let table = name(&mut tokens)?;
    let mut columns = None;
    if tokens.eat_punct(b'(') {
        let mut list = Vec::new();
        if !tokens.eat_punct(b')') {
            loop {
                list.push(tokens.next()?.name()?);
                let next = tokens.next()?;
                if next.is_punct(b')') {
                    break;
                }
                if !next.is_punct(b',') {
                    return None;
                }
            }
        }
        columns = Some(list);
    }
    if !(tokens.eat("VALUES") || tokens.eat("VALUE")) {
        return None;
    }
    Some(Insert { table, columns, values_at: tokens.offset(), replace, ignore })
}

fn create(mut tokens: Tokens<'_>, first: &Token<'_>, text: &[u8]) -> Option<Kind> {
    let mut plain = true;
    loop {
        let word = tokens.next()?;
        let kind = String::from_utf8_lossy(word.raw).to_ascii_uppercase();
        return match kind.as_str() {
            "TABLE" if plain => {
                if_not_exists(&mut tokens);
                let placeholder = first.version.is_some() && first.version == word.version;
                Some(Kind::CreateTable { name: name(&mut tokens)?, placeholder })
            }
            "VIEW" => {
                if_not_exists(&mut tokens);
                let name = name(&mut tokens)?;
                Some(Kind::CreateView { name, placeholder: plain && stands_in(tokens) })
            }
            "TRIGGER" => {
                if_not_exists(&mut tokens);
                let trigger = name(&mut tokens)?;
                while !tokens.next()?.is("ON") {}
                Some(Kind::CreateTrigger { name: trigger, table: name(&mut tokens)? })
            }
            "PROCEDURE" => {
                if_not_exists(&mut tokens);
                name(&mut tokens).map(Kind::CreateProcedure)
            }
            "FUNCTION" => {
                if_not_exists(&mut tokens);
                let name = name(&mut tokens)?;
                // Without a parameter list it loads a shared library.
                tokens.eat_punct(b'(').then_some(Kind::CreateFunction(name))
            }
            "EVENT" => {
                if_not_exists(&mut tokens);
                name(&mut tokens).map(Kind::CreateEvent)
            }
            "INDEX" if plain => altered::index(tokens),
            "UNIQUE" | "FULLTEXT" | "SPATIAL" if plain => {
                tokens.eat("INDEX").then(|| altered::index(tokens)).flatten()
            }
            "DATABASE" | "SCHEMA" if plain => {
                if_not_exists(&mut tokens);
                tokens.next()?.name().map(Kind::CreateDatabase)
            }
            _ if word.kind == TokenKind::Word => {
                plain = false;
                modifier(&mut tokens, &kind, text)?;
                continue;
            }
            _ => None,
        };
    }
}

/// What may stand between CREATE and the kind of object.
fn modifier(tokens: &mut Tokens<'_>, word: &str, text: &[u8]) -> Option<()> {
    match word {
        "OR" => tokens.eat("REPLACE").then_some(()),
        "AGGREGATE" => Some(()),
        "ALGORITHM" => {
            tokens.eat_punct(b'=');
            tokens.next().map(|_| ())
        }
        "SQL" => (tokens.eat("SECURITY") && tokens.next().is_some()).then_some(()),
        "DEFINER" => definer(tokens, text).map(|_| ()),
        // A view of MySQL 9.4 and later that gives each row as a document.
        "JSON" => {
            tokens.eat("RELATIONAL");
            tokens.eat("DUALITY").then_some(())
        }
        _ => None,
    }
}

/// After the word DEFINER: the account as written and the offset behind it.
pub(super) fn definer(tokens: &mut Tokens<'_>, text: &[u8]) -> Option<(String, usize)> {
    if !tokens.eat_punct(b'=') {
        return None;
    }
    let user = tokens.next()?;
    if matches!(user.kind, TokenKind::Punct(_)) {
        return None;
    }
    let mut end = user.end();
    if user.is("CURRENT_USER") || user.is("CURRENT_ROLE") {
        if tokens.eat_punct(b'(') {
            if !tokens.eat_punct(b')') {
                return None;
            }
            end = tokens.offset();
        }
    } else if tokens.eat_punct(b'@') {
        let host = tokens.next()?;
        end = host.end();
        if matches!(host.kind, TokenKind::Word | TokenKind::Number) {
            // Unquoted hosts hold dots and hyphens, which are no names elsewhere.
            let more = text[end..]
                .iter()
                .position(|&byte| !(byte.is_ascii_alphanumeric() || b"._-$".contains(&byte)));
            end = more.map_or(text.len(), |len| end + len);
        } else if matches!(host.kind, TokenKind::Punct(_)) {
            return None;
        }
        tokens.seek(end);
    }
    Some((String::from_utf8_lossy(&text[user.at..end]).into_owned(), end))
}

/// Whether a view selects constants only: `AS SELECT 1 AS `a`, 1 AS `b``.
fn stands_in(mut tokens: Tokens<'_>) -> bool {
    if !(tokens.eat("AS") && tokens.eat("SELECT")) {
        return false;
    }
    loop {
        let constant = tokens.next().is_some_and(|token| {
            token.is("NULL") || token.kind == TokenKind::Number && token.raw == b"1"
        });
        if !(constant && tokens.eat("AS") && tokens.next().is_some_and(|t| t.name().is_some())) {
            return false;
        }
        match tokens.next() {
            None => return true,
            Some(token) if token.is_punct(b',') => {}
            Some(_) => return false,
        }
    }
}

fn if_not_exists(tokens: &mut Tokens<'_>) {
    let mut ahead = tokens.clone();
    if ahead.eat("IF") && ahead.eat("NOT") && ahead.eat("EXISTS") {
        *tokens = ahead;
    }
}

fn drop_object(mut tokens: Tokens<'_>) -> Option<Kind> {
    let word = tokens.next()?;
    let kind = if word.is("TABLE") {
        None
    } else if word.is("DATABASE") || word.is("SCHEMA") {
        if tokens.eat("IF") {
            tokens.eat("EXISTS");
        }
        return tokens.next()?.name().map(Kind::DropDatabase);
    } else {
        let all = ObjectKind::ALL.iter().filter(|kind| **kind != ObjectKind::Table);
        Some(*all.clone().find(|kind| word.is(kind.keyword()))?)
    };
    let if_exists = tokens.eat("IF") && tokens.eat("EXISTS");
    let name = name(&mut tokens)?;
    let _ = tokens.eat("CASCADE") || tokens.eat("RESTRICT");
    // Several at once are no dump's work.
    if tokens.next().is_some() {
        return None;
    }
    Some(match kind {
        None => Kind::DropTable { if_exists, name },
        Some(kind) => Kind::Drop { kind, name },
    })
}

fn alter(mut tokens: Tokens<'_>) -> Option<Kind> {
    if tokens.eat("DATABASE") || tokens.eat("SCHEMA") {
        let next = tokens.peek()?;
        let option =
            ["CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "ENCRYPTION", "READ", "COMMENT"]
                .iter()
                .any(|word| next.is(word));
        return Some(Kind::AlterDatabase(if option { None } else { next.name() }));
    }
    if !tokens.eat("TABLE") {
        return None;
    }
    let name = name(&mut tokens)?;
    if tokens.eat("DISABLE") || tokens.eat("ENABLE") {
        let keys = tokens.eat("KEYS") && tokens.next().is_none();
        return keys.then_some(Kind::Keys(name));
    }
    altered::clauses(name, tokens).ok().map(Kind::Alter)
}

fn clear(mut tokens: Tokens<'_>, truncate: bool) -> Option<Kind> {
    let name = name(&mut tokens)?;
    tokens.next().is_none().then_some(Kind::Clear { name, truncate })
}
