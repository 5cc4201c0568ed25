//! Reads a dump for loading it or for checking it as a file.

use std::borrow::Cow;
use std::io::BufRead;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Result;

use super::charset::Charset;
use super::client::{Form, Statement};
use super::lex::LexMode;
use super::recode::{Reading, Recoded, Recoder};
use super::rewrite::portable;
use super::scan::Scanner;
use super::seen::{Observer, Seen};
use super::statement::{Kind, Name, classify};
use super::stranger::Stranger;
use super::tuple::Layout;
use super::unqualified::unqualified;

/// One statement of a dump, made portable.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Piece<'a> {
    /// What it is. An INSERT's rows have been read and counted already.
    pub kind: &'a Kind,
    /// Its text without delimiter, as it can be sent to the server.
    pub text: &'a [u8],
    /// Line of the file on which it begins.
    pub line: u64,
    /// Bytes of the input up to and including it.
    pub bytes: u64,
    /// The lexer mode in which it was read.
    pub mode: LexMode,
    /// The character set in which it was read.
    pub charset: Charset,
    /// Its text was put into UTF-8, and is to be sent as such.
    pub utf8: bool,
    /// How an INSERT's values map to its table's columns.
    pub layout: Option<&'a Arc<Layout>>,
}

/// Reads a dump and gives every statement to `on`, in order, after it was
/// counted in [`Seen`]: what cannot be understood is never given out.
/// `DELIMITER` lines, MariaDB's first line and empty statements are left out.
pub fn read_dump(
    input: impl BufRead,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    read(input, Reading::default(), Observer::take, on)
}

/// As [`read_dump`], of a file of which more is known, or less.
pub fn read_dump_as(
    input: impl BufRead,
    reading: Reading,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    read(input, reading, Observer::take, on)
}

/// As [`read_dump_as`], but the rows of an INSERT are neither read nor counted: `on` is
/// given their layout, and reads them before it sends them.
pub fn read_unread(
    input: impl BufRead,
    reading: Reading,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    read(input, reading, Observer::take_unread, on)
}

type Take = fn(&mut Observer, &Statement<'_>) -> Result<Rc<Kind>>;

fn read(
    input: impl BufRead,
    reading: Reading,
    take: Take,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    let mut scanner = Scanner::new(input).named(reading.charset);
    let mut observer = Observer::default();
    let mut recoder = Recoder::new(reading);
    let mut stranger = Stranger::of(reading);
    loop {
        let before = scanner.consumed();
        let Some(raw) = scanner.next()? else { break };
        let bytes = before + raw.len() as u64;
        observer.seen.text_bytes = bytes;
        let recoded = recoder.statement(&raw, &observer)?;
        let text = recoded.text().unwrap_or(raw.text);
        let item = Statement { text, ..raw };
        let kind = take(&mut observer, &item)?;
        let mut body = None;
        if let Some(stranger) = &mut stranger {
            stranger.item(&raw, observer.seen.native)?;
            stranger.text(text, item.line, item.charset);
            body = kind.program().and_then(|_| stranger.body(text));
            observer.seen.unix_bodies += u64::from(body.is_some());
        }
        if item.form != Form::Sql || *kind == Kind::Empty {
            continue;
        }
        let text = body.as_deref().unwrap_or(text);
        let plain = match observer.own_schema() {
            Some(schema) => unqualified(&kind, text, item.mode, schema),
            None => None,
        };
        let kind = match &plain {
            Some(text) => Rc::new(classify(text, item.mode)),
            None => kind,
        };
        let found = portable(&kind, plain.as_deref().unwrap_or(text), item.mode);
        observer.definer(&kind, found.definer);
        let kind = unnamed(&kind);
        let piece = Piece {
            kind: &kind,
            text: found.text.trim_ascii_end(),
            line: item.line,
            bytes,
            mode: item.mode,
            charset: item.charset,
            utf8: recoded != Recoded::Left,
            layout: match &*kind {
                Kind::Insert(_) => observer.layout_of_last(),
                _ => None,
            },
        };
        on(&piece, &observer.seen)?;
    }
    stranger.map_or(Ok(()), |stranger| stranger.end())?;
    Ok(observer.seen)
}

/// What a statement is once [`portable`] has taken the schema's name out of its text.
pub(super) fn unnamed(kind: &Kind) -> Cow<'_, Kind> {
    let plain = |name: &Name| Name { schema: None, name: name.name.clone() };
    match kind {
        Kind::AlterDatabase(_) => Cow::Owned(Kind::AlterDatabase(None)),
        Kind::CreateTrigger { name, table } => {
            Cow::Owned(Kind::CreateTrigger { name: plain(name), table: plain(table) })
        }
        other => Cow::Borrowed(other),
    }
}
