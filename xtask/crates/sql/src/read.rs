//! Reads a dump for loading it or for checking it as a file.

use std::io::BufRead;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Result;

use super::client::{Form, Statement};
use super::lex::LexMode;
use super::rewrite::portable;
use super::scan::Scanner;
use super::seen::{Observer, Seen};
use super::statement::{Kind, Name};
use super::tuple::Layout;

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
    read(input, Observer::take, on)
}

/// As [`read_dump`], but the rows of an INSERT are neither read nor counted: `on` is
/// given their layout, and reads them before it sends them.
pub fn read_unread(
    input: impl BufRead,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    read(input, Observer::take_unread, on)
}

type Take = fn(&mut Observer, &Statement<'_>) -> Result<Rc<Kind>>;

fn read(
    input: impl BufRead,
    take: Take,
    on: &mut dyn FnMut(&Piece<'_>, &Seen) -> Result<()>,
) -> Result<Seen> {
    let mut scanner = Scanner::new(input);
    let mut observer = Observer::default();
    loop {
        let before = scanner.consumed();
        let Some(item) = scanner.next()? else { break };
        let bytes = before + item.len() as u64;
        observer.seen.text_bytes = bytes;
        let kind = take(&mut observer, &item)?;
        if item.form != Form::Sql || *kind == Kind::Empty {
            continue;
        }
        let found = portable(&kind, item.text, item.mode);
        observer.definer(&kind, found.definer);
        let text = found.text.trim_ascii_end();
        let (line, mode) = (item.line, item.mode);
        let Some(kind) = rewritten(&kind) else {
            let layout = match &*kind {
                Kind::Insert(_) => observer.layout_of_last(),
                _ => None,
            };
            on(&Piece { kind: &kind, text, line, bytes, mode, layout }, &observer.seen)?;
            continue;
        };
        let piece = Piece { kind: &kind, text, line, bytes, mode, layout: None };
        on(&piece, &observer.seen)?;
    }
    Ok(observer.seen)
}

/// What a statement is once [`portable`] has taken the schema's name out of its text; `None`
/// for the others.
pub(super) fn rewritten(kind: &Kind) -> Option<Kind> {
    match kind {
        Kind::AlterDatabase(_) => Some(Kind::AlterDatabase(None)),
        Kind::CreateTrigger { name, table } => {
            let plain = |name: &Name| Name { schema: None, name: name.name.clone() };
            Some(Kind::CreateTrigger { name: plain(name), table: plain(table) })
        }
        _ => None,
    }
}
