//! Whether migrations change only the shape of tables, so that each row before them is one row
//! after them with the same values, and under which names those values are found.
//!
//! Where that holds, a migrated copy can follow the rows that others write meanwhile. It is a
//! list of what is known to keep rows as they are; whatever is not on it does not.

use std::collections::{BTreeMap, BTreeSet};

use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::statement::{Kind, Name, classify, name};

/// What migrations made of the tables that were there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// By table, in lower case: where each column's values are that has another name than
    /// before, or `None` for a column that was not there. Columns are in lower case, too.
    columns: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Tables that are gone, in lower case.
    dropped: BTreeSet<String>,
    /// Columns that are gone, by table, under the names that they had before.
    gone: BTreeSet<(String, String)>,
}

impl Shape {
    /// Reads statements, in the order in which they ran.
    ///
    /// # Errors
    /// One of them is not known to keep rows as they are: what it does, for people.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut shape = Self::default();
        statements.into_iter().try_for_each(|text| shape.statement(text))?;
        Ok(shape)
    }

    /// Under which name a column's values were in the table before; `None` if it is new.
    pub fn source_of(&self, table: &str, column: &str) -> Option<String> {
        let known = self.columns.get(&table.to_lowercase());
        match known.and_then(|columns| columns.get(&column.to_lowercase())) {
            Some(source) => source.clone(),
            None => Some(column.to_lowercase()),
        }
    }

    /// Whether a table was dropped.
    pub fn is_dropped(&self, table: &str) -> bool {
        self.dropped.contains(&table.to_lowercase())
    }

    /// Whether a column that the table had before was dropped.
    pub fn is_gone(&self, table: &str, column: &str) -> bool {
        self.gone.contains(&(table.to_lowercase(), column.to_lowercase()))
    }

    fn statement(&mut self, text: &str) -> Result<(), String> {
        let all: Vec<Token<'_>> = Tokens::new(text.as_bytes(), LexMode::default()).collect();
        if all.iter().any(|token| token.version.is_some()) {
            return Err("has code in a version comment".to_owned());
        }
        let mut tokens = Tokens::new(text.as_bytes(), LexMode::default());
        match classify(text.as_bytes(), LexMode::default()) {
            // A function in its value could write.
            Kind::Set if !all.iter().any(|token| token.is_punct(b'(')) => return Ok(()),
            Kind::CreateView { .. }
            | Kind::CreateTrigger { .. }
            | Kind::CreateProcedure(_)
            | Kind::CreateFunction(_)
            | Kind::CreateEvent(_)
            | Kind::Drop { .. }
            | Kind::Empty => return Ok(()),
            _ => {}
        }
        if tokens.eat("ALTER") && tokens.eat("TABLE") {
            return self.alter(&mut tokens);
        }
        let mut tokens = Tokens::new(text.as_bytes(), LexMode::default());
        if tokens.eat("CREATE") {
            let special = ["UNIQUE", "FULLTEXT", "SPATIAL"].iter().any(|word| tokens.eat(word));
            if tokens.eat("INDEX") {
                return Ok(());
            }
            if !special && tokens.eat("TABLE") {
                return self.create(&mut tokens);
            }
        }
        let mut tokens = Tokens::new(text.as_bytes(), LexMode::default());
        if tokens.eat("DROP") {
            if tokens.eat("INDEX") {
                return Ok(());
            }
            if tokens.eat("TABLE") {
                return self.drop(&mut tokens);
            }
        }
        let words = all.iter().take_while(|token| token.kind != TokenKind::Text).take(2);
        let words: Vec<_> = words.map(|token| String::from_utf8_lossy(token.raw)).collect();
        Err(format!("has `{} …`", words.join(" ")))
    }

    fn create(&mut self, tokens: &mut Tokens<'_>) -> Result<(), String> {
        if tokens.eat("IF") && !(tokens.eat("NOT") && tokens.eat("EXISTS")) {
            return Err(unread("CREATE TABLE"));
        }
        let table = own(name(tokens), "CREATE TABLE")?;
        if self.dropped.contains(&table) {
            return Err(format!("drops `{table}` and creates it again"));
        }
        let (mut depth, mut opened) = (0_u32, false);
        for token in tokens {
            let begins = ["VALUES", "WITH"].iter().any(|word| token.is(word));
            // A definition has none of these words; with a query, the table has rows that no
            // one follows.
            if token.is("SELECT") || token.is("TABLE") || (begins && (depth == 0 || opened)) {
                return Err(format!("fills `{table}` from a query"));
            }
            opened = token.is_punct(b'(');
            match token.kind {
                TokenKind::Punct(b'(') => depth += 1,
                TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(())
    }

    fn drop(&mut self, tokens: &mut Tokens<'_>) -> Result<(), String> {
        if tokens.eat("IF") && !tokens.eat("EXISTS") {
            return Err(unread("DROP TABLE"));
        }
        loop {
            let table = own(name(tokens), "DROP TABLE")?;
            self.columns.remove(&table);
            self.dropped.insert(table);
            if !tokens.eat_punct(b',') {
                break;
            }
        }
        while tokens.eat("RESTRICT") || tokens.eat("CASCADE") {}
        tokens.next().map_or(Ok(()), |_| Err(unread("DROP TABLE")))
    }

    fn alter(&mut self, tokens: &mut Tokens<'_>) -> Result<(), String> {
        if tokens.eat("IF") && !tokens.eat("EXISTS") {
            return Err(unread("ALTER TABLE"));
        }
        let table = own(name(tokens), "ALTER TABLE")?;
        let rest: Vec<Token<'_>> = tokens.collect();
        // All names in one statement mean the columns before it.
        let before = self.columns.get(&table).cloned().unwrap_or_default();
        let source = |column: &String| match before.get(column) {
            Some(source) => source.clone(),
            None => Some(column.clone()),
        };
        let (mut new, mut gone, mut renamed) = (Vec::new(), Vec::new(), Vec::new());
        for spec in at_commas(&rest) {
            let change = Change::of(spec).map_err(|what| format!("{what} (table `{table}`)"))?;
            match change {
                Change::Nothing => {}
                Change::New(columns) => new.extend(columns),
                Change::Gone(column) => gone.push(column),
                Change::Renamed(from, to) => renamed.push((from, to)),
            }
        }
        // In whatever order the text has them: a name that is dropped or given up is free for
        // another column.
        let mut after = before.clone();
        for column in &gone {
            after.remove(column);
            self.gone.extend(source(column).map(|source| (table.clone(), source)));
        }
        for (from, _) in &renamed {
            after.remove(from);
        }
        after.extend(renamed.into_iter().map(|(from, to)| (to, source(&from))));
        after.extend(new.into_iter().map(|column| (column, None)));
        self.columns.insert(table, after);
        Ok(())
    }
}

/// What one part of an ALTER TABLE does to the columns; names in lower case.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    New(Vec<String>),
    Gone(String),
    Renamed(String, String),
}

/// First words of a part that changes keys, defaults or options, and no value.
const HARMLESS: [&str; 20] = [
    "ALGORITHM",
    "ALTER",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHARACTER",
    "CHARSET",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "CONVERT",
    "DEFAULT",
    "ENGINE",
    "FORCE",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "ROW_FORMAT",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "WITH",
];
/// After ADD: no column.
const KEYS: [&str; 8] =
    ["CHECK", "CONSTRAINT", "FOREIGN", "FULLTEXT", "INDEX", "KEY", "SPATIAL", "UNIQUE"];

impl Change {
    fn of(spec: &[Token<'_>]) -> Result<Self, String> {
        let mut at = Spec(spec);
        let first = spec.first().and_then(word).unwrap_or_default();
        at.skip();
        let refused = || {
            let next = at.0.first().and_then(word).unwrap_or_default();
            Err(format!("has `{}`", format!("{first} {next}").trim()))
        };
        match first.as_str() {
            "ADD" if KEYS.iter().any(|key| at.is(key)) => Ok(Self::Nothing),
            "ADD" if at.is_any(&["PRIMARY", "PARTITION", "SYSTEM", "PERIOD"]) => refused(),
            "ADD" => {
                at.eat("COLUMN");
                at.if_exists();
                Self::new_columns(at)
            }
            "DROP" if at.is_any(&["PRIMARY", "PARTITION", "SYSTEM", "PERIOD"]) => refused(),
            "DROP" if at.is_any(&["INDEX", "KEY", "FOREIGN", "CONSTRAINT", "CHECK"]) => {
                Ok(Self::Nothing)
            }
            "DROP" => {
                at.eat("COLUMN");
                at.if_exists();
                at.name().map(Self::Gone)
            }
            "MODIFY" => {
                at.demand_plain()?;
                Ok(Self::Nothing)
            }
            "CHANGE" => {
                at.eat("COLUMN");
                at.if_exists();
                let (from, to) = (at.name()?, at.name()?);
                at.demand_plain()?;
                Ok(if from == to { Self::Nothing } else { Self::Renamed(from, to) })
            }
            "RENAME" if at.is_any(&["INDEX", "KEY"]) => Ok(Self::Nothing),
            "RENAME" if at.eat("COLUMN") => {
                at.if_exists();
                let from = at.name()?;
                at.eat("TO");
                at.name().map(|to| Self::Renamed(from, to))
            }
            known if HARMLESS.contains(&known) => Ok(Self::Nothing),
            _ => refused(),
        }
    }

    /// `ADD c INT`, `ADD (c INT, d INT)`.
    fn new_columns(mut at: Spec<'_, '_>) -> Result<Self, String> {
        at.demand_plain()?;
        let Some(open) = at.0.first() else { return Err(unread("ADD")) };
        if !open.is_punct(b'(') {
            return Ok(Self::New(vec![at.name()?]));
        }
        let inner = at.0.get(1..at.0.len().saturating_sub(1)).unwrap_or_default();
        let column = |part: &[Token<'_>]| match part.first().and_then(word) {
            Some(key) if KEYS.contains(&key.as_str()) || key == "PRIMARY" => {
                Err(format!("has `ADD ({key}`"))
            }
            _ => Spec(part).name(),
        };
        at_commas(inner).into_iter().map(column).collect::<Result<_, _>>().map(Self::New)
    }
}

/// The tokens of a part that are not read yet.
struct Spec<'s, 'a>(&'s [Token<'a>]);

impl Spec<'_, '_> {
    fn skip(&mut self) {
        self.0 = self.0.get(1..).unwrap_or_default();
    }

    fn is(&self, word: &str) -> bool {
        self.0.first().is_some_and(|token| token.is(word))
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.skip();
        }
        found
    }

    fn if_exists(&mut self) {
        if self.eat("IF") {
            self.eat("NOT");
            self.eat("EXISTS");
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let name = self.0.first().and_then(Token::name).ok_or_else(|| unread("ALTER TABLE"))?;
        self.skip();
        Ok(name.to_lowercase())
    }

    /// A column that the server numbers, or that gets into the primary key, changes which row
    /// is which.
    fn demand_plain(&self) -> Result<(), String> {
        let found = ["AUTO_INCREMENT", "PRIMARY"];
        match found.iter().find(|word| self.0.iter().any(|token| token.is(word))) {
            None => Ok(()),
            // What it is now cannot be seen here.
            Some(word) => Err(format!("has a column with `{word}`")),
        }
    }
}

/// The parts between the commas that stand in no parentheses.
fn at_commas<'s, 'a>(tokens: &'s [Token<'a>]) -> Vec<&'s [Token<'a>]> {
    let mut depth = 0_u32;
    tokens
        .split(|token| {
            match token.kind {
                TokenKind::Punct(b'(') => depth += 1,
                TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.is_punct(b',')
        })
        .filter(|part| !part.is_empty())
        .collect()
}

fn word(token: &Token<'_>) -> Option<String> {
    let is_word = token.kind == TokenKind::Word;
    is_word.then(|| String::from_utf8_lossy(token.raw).to_ascii_uppercase())
}

fn unread(what: &str) -> String {
    format!("has a `{what}` that cannot be read")
}

/// A table of the migration's own schema.
fn own(table: Option<Name>, what: &str) -> Result<String, String> {
    match table {
        Some(Name { schema: None, name }) => Ok(name.to_lowercase()),
        _ => Err(unread(what)),
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
