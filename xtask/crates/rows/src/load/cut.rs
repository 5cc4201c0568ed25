//! Takes the secondary keys and foreign keys out of CREATE TABLE, so that they can
//! be built at once from rows that are all there: sorted, and checked once.
//!
//! What is not understood for certain is left as it is: then nothing is deferred.

use model::ident::quote;
use sql::lex::{Token, TokenKind, Tokens};
use sql::{LexMode, statement};

/// A CREATE TABLE statement without its keys, and what makes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// The statement that is left.
    pub create: Vec<u8>,
    /// The ALTER TABLE statement that makes the keys.
    pub keys: Option<String>,
    /// The one that makes the foreign keys: the keys of all tables come first.
    pub foreign_keys: Option<String>,
}

/// What an entry of the list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Column { auto_increment: bool, primary: bool },
    Primary,
    Unique,
    Plain,
    FullText,
    ForeignKey,
    Check,
}

#[derive(Debug)]
struct Item<'a> {
    entry: Entry,
    raw: &'a [u8],
    /// From its first token to its last.
    text: &'a [u8],
    /// The column's name, or the first one of a key.
    column: Option<String>,
    /// A key over an expression, for which the server makes a hidden column.
    functional: bool,
}

/// Cuts a statement; `None` where it should run as it is.
pub(super) fn cut(text: &[u8], mode: LexMode) -> Option<Cut> {
    // Another mode's quotes would have to be in force for the ALTER as well.
    if mode != LexMode::default() {
        return None;
    }
    let mut tokens = Tokens::new(text, mode);
    if !(tokens.eat("CREATE") && tokens.eat("TABLE")) {
        return None;
    }
    if tokens.eat("IF") {
        // The table may be there, with its keys.
        return None;
    }
    let name = statement::name(&mut tokens).filter(|name| name.schema.is_none())?.name;
    let open = tokens.next().filter(|token| token.is_punct(b'(') && token.version.is_none())?;
    let mut items = Vec::new();
    let mut from = open.end();
    let close = loop {
        let (item, end) = item(text, &mut tokens, from)?;
        items.push(item);
        from = end.end();
        if end.is_punct(b')') {
            break end;
        }
    };
    if !plain_innodb(tokens) || reworded(text, mode) {
        return None;
    }
    let defers = deferred(&items);
    let kept = items.iter().filter(|item| !defers(item)).map(|item| item.raw);
    let mut create = text[..open.end()].to_vec();
    create.extend_from_slice(&kept.collect::<Vec<_>>().join(&b','));
    create.extend_from_slice(&text[close.at..]);
    let out: Vec<&Item<'_>> = items.iter().filter(|item| defers(item)).collect();
    alters(&name, &out, create)
}

/// Whether an ALTER could change the text of an expression: MySQL then shows a string
/// that is compared with a column of another character set in that one
/// (`_utf8mb4'x'` becomes `_koi8r'x'`), and the definition is no longer the same.
fn reworded(text: &[u8], mode: LexMode) -> bool {
    let mut introduced: Vec<String> = Vec::new();
    let mut sets: Vec<String> = Vec::new();
    let mut tokens = Tokens::new(text, mode);
    while let Some(token) = tokens.next() {
        let next = tokens.peek();
        let word = || String::from_utf8_lossy(token.raw).trim_start_matches('_').to_lowercase();
        if token.kind == TokenKind::Word && token.raw.starts_with(b"_") {
            if next.is_some_and(|next| next.kind == TokenKind::Text) {
                introduced.push(word());
            }
        } else if token.is("CHARSET") || token.is("CHARACTER") && tokens.eat("SET") {
            tokens.eat_punct(b'=');
            let set = tokens.peek().and_then(|set| set.name());
            sets.extend(set.map(|set| set.to_lowercase()));
        } else if token.is("BINARY") || token.is("VARBINARY") || word().ends_with("blob") {
            sets.push("binary".to_owned());
        }
    }
    introduced.iter().any(|one| sets.iter().any(|set| set != one))
}

/// Whether a CREATE TABLE names InnoDB as its engine.
pub(super) fn is_innodb(text: &[u8], mode: LexMode) -> bool {
    let mut tokens = Tokens::new(text, mode);
    let mut depth = 0_u32;
    let mut innodb = false;
    while let Some(token) = tokens.next() {
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is("ENGINE") => {
                tokens.eat_punct(b'=');
                innodb = tokens.next().is_some_and(|engine| engine.is("InnoDB"));
            }
            _ => {}
        }
    }
    innodb
}

/// Whether a CREATE TABLE has partitions.
pub(super) fn is_partitioned(text: &[u8], mode: LexMode) -> bool {
    let mut depth = 0_u32;
    Tokens::new(text, mode).any(|token| {
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is("PARTITION")
    })
}

/// Which entries are made later.
fn deferred<'i>(items: &'i [Item<'i>]) -> impl Fn(&Item<'_>) -> bool + use<> {
    let inline = |item: &Item<'_>| matches!(item.entry, Entry::Column { primary: true, .. });
    let primary = items.iter().find(|item| item.entry == Entry::Primary || inline(item));
    let counted = items
        .iter()
        .find(|item| matches!(item.entry, Entry::Column { auto_increment: true, .. }))
        .map(|item| &item.column);
    // The counter needs a key that begins with its column.
    let counter_has_key =
        counted.is_none_or(|column| primary.is_some_and(|primary| primary.column == *column));
    let keys = counter_has_key && !items.iter().any(|item| item.functional);
    // Without a primary key the server takes a unique one for the order of the rows.
    let unique = keys && primary.is_some();
    move |item| match item.entry {
        Entry::ForeignKey => true,
        Entry::Unique => unique,
        Entry::Plain => keys,
        // Over 120,000 rows MySQL 9.7 takes 20 seconds to build one, and 4.5 more for the
        // rows where it is there; it stands behind all other keys in either case.
        Entry::FullText => false,
        Entry::Column { .. } | Entry::Primary | Entry::Check => false,
    }
}

fn alters(name: &str, items: &[&Item<'_>], create: Vec<u8>) -> Option<Cut> {
    let table = quote(name);
    let alter = |wanted: &dyn Fn(Entry) -> bool| {
        let adds: Option<Vec<String>> = items
            .iter()
            .filter(|item| wanted(item.entry))
            .map(|item| Some(format!("ADD {}", std::str::from_utf8(item.text).ok()?)))
            .collect();
        adds.map(|adds| match adds.is_empty() {
            true => None,
            false => Some(format!("ALTER TABLE {table}\n {}", adds.join(",\n "))),
        })
    };
    let mut cut = Cut { create, ..Cut::default() };
    cut.keys = alter(&|entry| matches!(entry, Entry::Unique | Entry::Plain))?;
    cut.foreign_keys = alter(&|entry| entry == Entry::ForeignKey)?;
    (cut.keys.is_some() || cut.foreign_keys.is_some()).then_some(cut)
}

/// Reads one entry and the comma or parenthesis behind it.
fn item<'a>(text: &'a [u8], tokens: &mut Tokens<'a>, from: usize) -> Option<(Item<'a>, Token<'a>)> {
    let first = tokens.next().filter(|token| token.version.is_none())?;
    let mut inside = vec![first];
    let mut depth = 0_u32;
    let end = loop {
        let token = tokens.next()?;
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') if depth > 0 => depth -= 1,
            TokenKind::Punct(b')' | b',') if depth == 0 => break token,
            _ => {}
        }
        inside.push(token);
    };
    // A version comment over a comma would be torn in two.
    if end.version.is_some() {
        return None;
    }
    let last = inside.last()?;
    let body = match last.version {
        None => &text[first.at..last.end()],
        Some(_) => text[first.at..end.at].trim_ascii_end(),
    };
    if last.version.is_some() && !body.ends_with(b"*/") {
        return None;
    }
    let entry = entry(&inside)?;
    let column = match entry {
        Entry::Column { .. } => first.name(),
        _ => first_in_parentheses(&inside).and_then(Token::name),
    };
    let item = Item {
        entry,
        raw: &text[from..end.at],
        text: body,
        column: column.map(|name| name.to_lowercase()),
        functional: functional(entry, &inside),
    };
    Some((item, end))
}

fn entry(tokens: &[Token<'_>]) -> Option<Entry> {
    const KINDS: [&str; 4] = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
    let mut first = tokens.first()?;
    if first.is("CONSTRAINT") {
        let next = tokens.get(1)?;
        let named = !KINDS.iter().any(|kind| next.is(kind));
        first = if named { tokens.get(2)? } else { next };
        return Some(match KINDS.iter().position(|kind| first.is(kind))? {
            0 => Entry::Primary,
            1 => Entry::Unique,
            2 => Entry::ForeignKey,
            _ => Entry::Check,
        });
    }
    let is = |word: &str| first.is(word);
    if is("KEY") || is("INDEX") || is("SPATIAL") {
        return Some(Entry::Plain);
    }
    if is("PRIMARY") || is("UNIQUE") || is("FOREIGN") || is("CHECK") || is("FULLTEXT") {
        return Some(match () {
            () if is("PRIMARY") => Entry::Primary,
            () if is("UNIQUE") => Entry::Unique,
            () if is("FOREIGN") => Entry::ForeignKey,
            () if is("CHECK") => Entry::Check,
            () => Entry::FullText,
        });
    }
    // Names of columns on one server, more than that on another.
    if ["PERIOD", "VECTOR", "LIKE", "SELECT", "AS"].iter().any(|word| is(word)) {
        return None;
    }
    first.name()?;
    let says = |word: &str| tokens[1..].iter().any(|token| token.is(word));
    if says("SERIAL") {
        return None;
    }
    Some(Entry::Column { auto_increment: says("AUTO_INCREMENT"), primary: says("PRIMARY") })
}

fn first_in_parentheses<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t Token<'a>> {
    let open = tokens.iter().position(|token| token.is_punct(b'('))?;
    tokens.get(open + 1)
}

/// Whether a part of the key is not a column, with a length perhaps, but an expression.
fn functional(entry: Entry, tokens: &[Token<'_>]) -> bool {
    matches!(entry, Entry::Unique | Entry::Plain | Entry::FullText)
        && tokens.windows(2).any(|pair| {
            (pair[0].is_punct(b'(') || pair[0].is_punct(b',')) && pair[1].is_punct(b'(')
        })
}

/// Whether the options name InnoDB and nothing that forbids to alter the table.
fn plain_innodb(mut options: Tokens<'_>) -> bool {
    let mut innodb = false;
    while let Some(token) = options.next() {
        if token.is("ENGINE") && token.version.is_none() {
            options.eat_punct(b'=');
            innodb |= options.next().is_some_and(|engine| engine.is("InnoDB"));
        } else if ["VERSIONING", "SELECT", "UNION", "LIKE"].iter().any(|word| token.is(word)) {
            return false;
        }
    }
    innodb
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
