//! Reads a page of this room back, as strictly as it was written: for its tests.

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A tag that opens: its name, and its attributes with their values.
    Open(String, Vec<(String, String)>),
    Close(String),
    /// Text between tags, decoded.
    Text(String),
}

const VOID: [&str; 2] = ["meta", "link"];

/// The tokens of a page whose tags nest and whose attributes are all quoted.
///
/// # Panics
/// It is not such a page.
pub(super) fn tokens(page: &str) -> Vec<Token> {
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if !text.trim().is_empty() {
            found.push(Token::Text(decoded(text)));
        }
        let end = end_of(tag);
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags do not nest");
            found.push(Token::Close(name.to_owned()));
            continue;
        }
        let (inner, closed) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "a tag called {name:?}");
        found.push(Token::Open(name.to_owned(), attributes_of(attributes)));
        if !closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} stay open");
    found
}

/// Where a tag ends: at the first `>` outside of quotes.
fn end_of(tag: &str) -> usize {
    let mut quoted = false;
    for (at, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag without an end: {:?}", &tag[..tag.len().min(80)])
}

fn attributes_of(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return found;
        }
        let (name, rest) = text.split_once("=\"").expect("a quoted value");
        let (value, rest) = rest.split_once('"').expect("the end of a value");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name:?}");
        found.push((name.to_owned(), decoded(value)));
        text = rest;
    }
}

/// The text behind the entities; a bare `&` is a mistake of the writer.
fn decoded(text: &str) -> String {
    let mut clear = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        clear.push_str(&rest[..at]);
        let (entity, _) = rest[at + 1..].split_once(';').expect("the end of an entity");
        clear.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" | "apos" => '\'',
            other => panic!("the entity {other:?}"),
        });
        rest = &rest[at + entity.len() + 2..];
    }
    clear.push_str(rest);
    clear
}
