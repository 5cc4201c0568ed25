//! The allow-list for loading: what may run on a server, statement by statement.
//!
//! A dump is a program that someone else may have edited. What is not known to
//! be a dump's work is refused. The bodies of views, triggers, routines and
//! events are not judged, but nothing that the guard lets through runs them:
//! rows come before triggers, SETs call no functions and are never passed on, and a
//! statement cannot hide behind a body's end. The loader must disable events.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::sync::Arc;

use anyhow::Result;

use super::charset::{Charset, Class, UTF8MB4};
use super::follow::{Effect, Model};
use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::read::Piece;
use super::state::State;
use super::statement::{Kind, Name, classify};
use super::{alike, altered, body, versions};
use model::exit::{ExitCode, Stop};

/// What to do with a statement.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Send it to the server.
    Run,
    /// Do not send it: it is a SET, and what comes after it needs a session with these
    /// settings.
    Set(Arc<State>),
    /// Leave it out, for this reason.
    Skip(&'static str),
}

/// Storage engines that are known to keep their rows in the server itself.
const ENGINES: &[&str] = &["InnoDB", "MyISAM", "Aria", "MEMORY", "HEAP", "CSV", "ARCHIVE"];

/// Whether tables of a storage engine hold their rows themselves.
pub fn keeps_rows(engine: &str) -> bool {
    ENGINES.iter().any(|known| known.eq_ignore_ascii_case(engine))
}

/// Judges the statements of one dump, in order.
#[derive(Debug, Default)]
pub struct Guard {
    /// The one schema that the dump says it is of.
    schema: Option<String>,
    /// Tables with triggers, and views: an INSERT into them could do more.
    acting: BTreeSet<String>,
    /// Tables that the dump has made, and whether it has given them rows.
    made: BTreeMap<String, bool>,
    /// It has made something, or given rows.
    begun: bool,
    /// `Film` and `film` are one table to the server.
    ignore_case: bool,
    /// The character set that the user says the whole file is in.
    named: Option<Charset>,
    /// What the SETs so far have made of the session.
    model: Model,
}

type Judged = std::result::Result<Verdict, String>;

impl Guard {
    /// Before the dump's first statement.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Guard::new`], for a server with `lower_case_table_names` other than 0.
    pub fn ignoring_case() -> Self {
        Self { ignore_case: true, ..Self::default() }
    }

    /// The same for a file that is read in the character set that the user names.
    #[must_use]
    pub fn named(self, charset: Option<Charset>) -> Self {
        Self { named: charset, ..self }
    }

    /// A table's name, as the server tells tables apart.
    fn key(&self, name: &Name) -> String {
        if self.ignore_case { name.name.to_lowercase() } else { name.name.clone() }
    }

    /// As [`Guard::check`], with the reason alone.
    ///
    /// # Errors
    /// It must not run.
    pub fn judge(&mut self, piece: &Piece<'_>) -> std::result::Result<Verdict, String> {
        self.judge_all(piece)
    }

    /// Says whether a statement may run.
    pub fn check(&mut self, piece: &Piece<'_>) -> Result<Verdict> {
        self.judge_all(piece).map_err(|why| {
            // The first words only: a statement may hold secrets.
            let start: Vec<String> = Tokens::new(piece.text, piece.mode)
                .take_while(|token| token.kind != TokenKind::Text)
                .take(6)
                .map(|t| String::from_utf8_lossy(&t.raw[..t.raw.len().min(64)]).into_owned())
                .collect();
            let message = format!("line {}: {why}: {} …", piece.line, start.join(" "));
            Stop::new(ExitCode::Store, message)
                .hint(
                    "Only what dump programs write for one schema can be loaded; nothing was \
                skipped.",
                )
                .hint(format!(
                    "If you trust the file, take the statement on line {} out of it, or export \
                    it again without that. docs/foreign-dumps.md lists what was tried.",
                    piece.line
                ))
                .into()
        })
    }

    /// A version comment may run on one server and not on another: every
    /// reading that a server could make of the statement must be allowed.
    fn judge_all(&mut self, piece: &Piece<'_>) -> Judged {
        let (kind, text, mode) = (piece.kind, piece.text, piece.mode);
        if mode != self.model.mode() {
            return Err("sql_mode differs from the one it was read in".to_owned());
        }
        if piece.charset != self.named.unwrap_or(self.model.state().client) {
            return Err("the character set differs from the one it was read in".to_owned());
        }
        if piece.utf8 && piece.charset.class != Class::Utf8 && std::str::from_utf8(text).is_err() {
            return Err("its text is not UTF-8".to_owned());
        }
        alike::check(kind, text, mode, if piece.utf8 { UTF8MB4 } else { piece.charset })?;
        if *kind == Kind::Set {
            return Ok(match self.model.apply(text, piece.line)? {
                Effect::Replication => Verdict::Skip("concerns replication, not the data"),
                Effect::Session => Verdict::Set(Arc::clone(self.model.state())),
            });
        }
        // The values were read strictly; only what stands before them is left.
        let code = match kind {
            Kind::Insert(insert) => &text[..insert.values_at.min(text.len())],
            _ => text,
        };
        let readings = versions::readings(code, mode)?;
        if matches!(kind, Kind::Insert(_)) && !readings.is_empty() {
            return Err("a version comment in an INSERT is not allowed".to_owned());
        }
        for reading in &readings {
            let other = classify(reading, mode);
            if other == Kind::Empty {
                continue;
            }
            if discriminant(&other) != discriminant(kind) {
                return Err("some servers read it as a different kind of statement".to_owned());
            }
            self.judge_one(&other, reading, mode)?;
        }
        self.judge_one(kind, text, mode)
    }

    fn judge_one(&mut self, kind: &Kind, text: &[u8], mode: LexMode) -> Judged {
        match kind {
            kind if kind.program().is_some() => body::single(kind, text, mode)?,
            Kind::Insert(_) => {}
            _ if Tokens::new(text, mode).any(|token| token.is_punct(b';')) => {
                return Err("it contains a second statement".to_owned());
            }
            _ => {}
        }
        let creates = matches!(kind, Kind::CreateTable { .. } | Kind::Insert(_));
        self.begun |= creates || kind.program().is_some();
        match kind {
            Kind::Empty => Ok(Verdict::Skip("empty")),
            Kind::Set => Err("a SET is not allowed here".to_owned()),
            Kind::DropTable { name, .. } => {
                let key = self.key(name);
                self.made.remove(&key);
                own(name)
            }
            Kind::Drop { name, .. } => own(name),
            Kind::Alter(alter) => {
                own(&alter.table).and_then(|run| self.made(&alter.table).map(|_| run))
            }
            Kind::Clear { name, truncate } => own(name).and_then(|_| self.clear(name, *truncate)),
            Kind::LockTables(name) => {
                // Only the first name is known; a dump locks one table at a time.
                if Tokens::new(text, mode).any(|token| token.is_punct(b',')) {
                    return Err("more than one table is locked".to_owned());
                }
                own(name)
            }
            Kind::CreateView { name, .. } => {
                let key = self.key(name);
                self.acting.insert(key);
                own(name)
            }
            Kind::Keys(name)
            | Kind::CreateProcedure(name)
            | Kind::CreateFunction(name)
            | Kind::CreateEvent(name) => own(name),
            Kind::CreateTrigger { name, table } => {
                let key = self.key(table);
                self.acting.insert(key);
                own(name).and_then(|_| own(table))
            }
            Kind::Insert(insert) => self.insert(&insert.table),
            Kind::CreateTable { name, .. } => {
                let key = self.key(name);
                self.made.entry(key).or_default();
                own(name)?;
                create_table(text, mode)
            }
            Kind::UnlockTables => Ok(Verdict::Run),
            Kind::Transaction => transaction(text, mode),
            Kind::AlterDatabase(None) => alter_database(text, mode),
            Kind::AlterDatabase(Some(name)) => Err(format!("it alters a named schema, {name}")),
            Kind::Use(name) | Kind::CreateDatabase(name) => self.schema(name),
            // Dump programs write it in front of CREATE DATABASE, when they are asked to.
            Kind::DropDatabase(name) if !self.begun => self.schema(name),
            Kind::DropDatabase(_) => {
                Err("it drops a schema after the file has begun to fill one".to_owned())
            }
            Kind::Other(_) => Err(altered::refusal(text, mode)
                .unwrap_or_else(|| "this kind of statement is not allowed".to_owned())),
        }
    }

    /// Whether a table that the dump has made has rows.
    fn made(&self, table: &Name) -> std::result::Result<bool, String> {
        let made = self.made.get(&self.key(table)).copied();
        made.ok_or_else(|| format!("it changes the table {table}, which the file does not create"))
    }

    /// Programs empty a table before they fill it, should it have been there.
    fn clear(&self, table: &Name, truncate: bool) -> Judged {
        match (self.made(table)?, truncate) {
            (true, _) => Err(format!("it removes rows of {table} that the file has inserted")),
            (false, true) => Ok(Verdict::Run),
            (false, false) => Ok(Verdict::Skip("the table has no rows yet")),
        }
    }

    /// Dumps create triggers and views after all rows; rows that come later would
    /// make them act.
    fn insert(&mut self, table: &Name) -> Judged {
        let key = self.key(table);
        if let Some(rows) = self.made.get_mut(&key) {
            *rows = true;
        }
        if self.acting.contains(&key) {
            return Err(format!("rows for {table} come after its trigger or view"));
        }
        own(table)
    }

    fn schema(&mut self, name: &str) -> Judged {
        match &self.schema {
            Some(known) if known != name => {
                Err(format!("the dump contains more than one schema, {known} and {name}"))
            }
            _ => {
                self.schema = Some(name.to_owned());
                Ok(Verdict::Skip("the schema to load into is chosen by the tool"))
            }
        }
    }
}

fn own(name: &Name) -> Judged {
    match &name.schema {
        None => Ok(Verdict::Run),
        Some(schema) => Err(format!("a name is qualified with a schema, {schema}")),
    }
}

fn transaction(text: &[u8], mode: LexMode) -> Judged {
    let mut words = Tokens::new(text, mode);
    let allowed = ["START", "TRANSACTION", "BEGIN", "COMMIT", "WORK"];
    if words.all(|token| allowed.iter().any(|word| token.is(word))) {
        Ok(Verdict::Run)
    } else {
        Err("this form of transaction is not allowed".to_owned())
    }
}

fn alter_database(text: &[u8], mode: LexMode) -> Judged {
    let words = ["DEFAULT", "CHARACTER", "SET", "CHARSET", "COLLATE"];
    for token in Tokens::new(text, mode).skip(2) {
        // A quoted name of letters and digits reads the same in every `sql_mode`.
        let quoted = matches!(token.kind, TokenKind::Text | TokenKind::Name);
        let inner = token.raw.get(1..token.raw.len() - 1).unwrap_or_default();
        let value = quoted && inner.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        let known = words.iter().any(|word| token.is(word)) || token.is_punct(b'=') || value;
        // Names of character sets and collations are words, too.
        let name = token.kind == TokenKind::Word
            && token.raw.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
            && !["READ", "ENCRYPTION", "ONLY", "UPGRADE"].iter().any(|word| token.is(word));
        if !(known || name) {
            return Err("it alters more than the character set".to_owned());
        }
    }
    Ok(Verdict::Run)
}

/// Refuses what keeps rows elsewhere or takes them from elsewhere.
fn create_table(text: &[u8], mode: LexMode) -> Judged {
    let mut tokens = Tokens::new(text, mode);
    let mut depth = 0_u32;
    let mut before: Option<Token<'_>> = None;
    // CREATE TABLE itself; TEMPORARY is a kind of its own.
    for _ in 0..2 {
        tokens.next();
    }
    while let Some(token) = tokens.next() {
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            // The point of a number is none between names: no unquoted name is all digits.
            TokenKind::Punct(b'.') if !before.as_ref().is_some_and(|b| digits_up_to(b, &token)) => {
                let schema = before.as_ref().and_then(Token::name).unwrap_or_default();
                return Err(format!("a name is qualified with a schema, {schema}"));
            }
            TokenKind::Word => word_in_table(&token, before.as_ref(), depth, &mut tokens)?,
            _ => {}
        }
        before = Some(token);
    }
    Ok(Verdict::Run)
}

fn digits_up_to(before: &Token<'_>, point: &Token<'_>) -> bool {
    before.kind == TokenKind::Number && before.end() == point.at
}

fn word_in_table(
    token: &Token<'_>,
    before: Option<&Token<'_>>,
    depth: u32,
    tokens: &mut Tokens<'_>,
) -> std::result::Result<(), String> {
    let is = |words: &[&str]| words.iter().any(|word| token.is(word));
    let next_is = |word: &str| tokens.peek().is_some_and(|next| next.is(word));
    if is(&["TABLESPACE"]) {
        return tablespace(tokens);
    }
    if is(&["SELECT", "UNION", "CONNECTION", "SECONDARY_ENGINE"]) {
        return Err(format!("CREATE TABLE with {}", spelled(token)));
    }
    if is(&["DATA", "INDEX"]) && next_is("DIRECTORY") {
        return Err(format!("CREATE TABLE with {} DIRECTORY", spelled(token)));
    }
    let opened = before.is_some_and(|before| before.is_punct(b'('));
    if is(&["LIKE"]) && (depth == 0 || depth == 1 && opened) || is(&["TABLE"]) && depth == 0 {
        return Err("CREATE TABLE from another table".to_owned());
    }
    if is(&["ENGINE", "TYPE"]) && depth_zero_or_partition(tokens) {
        tokens.eat_punct(b'=');
        let engine = tokens.next().map(|engine| spelled(&engine)).unwrap_or_default();
        let engine = engine.trim_matches(['\'', '"', '`']);
        if !keeps_rows(engine) {
            return Err(format!("CREATE TABLE with the storage engine {engine}"));
        }
    }
    Ok(())
}

/// Tablespaces that every server has. Others hold what a person put there: a server to
/// restore on need not have them.
const TABLESPACES: [&str; 2] = ["innodb_file_per_table", "innodb_system"];

fn tablespace(tokens: &mut Tokens<'_>) -> std::result::Result<(), String> {
    tokens.eat_punct(b'=');
    let name = tokens.next().and_then(|token| token.name()).unwrap_or_default();
    if TABLESPACES.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    Err(format!("CREATE TABLE in the general tablespace {name}"))
}

/// `ENGINE` is an option where `=` or a name follows, in partitions as well.
fn depth_zero_or_partition(tokens: &Tokens<'_>) -> bool {
    tokens.peek().is_some_and(|next| {
        next.is_punct(b'=') || matches!(next.kind, TokenKind::Word | TokenKind::Text)
    })
}

fn spelled(token: &Token<'_>) -> String {
    String::from_utf8_lossy(token.raw).into_owned()
}
