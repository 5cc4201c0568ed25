//! Puts a dump's statements into UTF-8 before anything judges or sends them.
//!
//! A statement is in the character set that the dump has set for it, or in the one that a
//! person names for the whole file. Text becomes UTF-8; the bytes of binary columns stay
//! what they are, written in hexadecimal. What cannot be told apart is refused.
//!
//! Programs of a client with one byte a character are left: the load knows them.

use std::borrow::Cow;

use anyhow::Result;

use super::bytes::unescape;
use super::charset::{Charset, Class};
use super::client::{Form, Statement};
use super::decoder::Decoder;
use super::faults;
use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::seen::Observer;
use super::send::hex;
use super::statement::{Kind, classify};
use super::table::{self, Holds};

/// How a file is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// The character set that the user says the whole file is in, whatever its own SETs say.
    pub charset: Option<Charset>,
    /// This tool has no manifest of it: what may have happened to it on its way is looked for.
    pub stranger: bool,
    /// Text that looks as if it was read in the wrong character set is loaded as it is.
    pub keep_text: bool,
}

/// A statement's text, as it was put into UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recoded {
    /// It is left as the file has it.
    Left,
    /// It is UTF-8; the new text, where it had to change.
    Utf8(Option<Vec<u8>>),
}

impl Recoded {
    /// The new text.
    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Utf8(text) => text.as_deref(),
            Self::Left => None,
        }
    }
}

/// A SET that is longer is refused.
const LONG_SET: usize = 64 * 1024;

/// The decoders of a file's character sets.
#[derive(Debug, Default)]
pub(super) struct Decoders(Vec<(&'static str, Option<Decoder>)>);

impl Decoders {
    fn of(&mut self, charset: Charset) -> Option<&mut Decoder> {
        let known = self.0.iter().position(|(name, _)| *name == charset.name);
        let at = known.unwrap_or_else(|| {
            self.0.push((charset.name, Decoder::of(charset)));
            self.0.len() - 1
        });
        self.0[at].1.as_mut()
    }

    /// A statement as the one who judges it will see it, if it is a SET. What cannot be
    /// read is refused there.
    pub(super) fn of_set<'t>(
        &mut self,
        charset: Charset,
        mode: LexMode,
        raw: &'t [u8],
        mask: Option<&'t [u8]>,
    ) -> Cow<'t, [u8]> {
        let left = Cow::Borrowed(raw);
        let look = mask.unwrap_or(raw);
        // No sensible SET is long.
        if charset.class == Class::Utf8
            || raw.len() > LONG_SET
            || raw.is_ascii()
            || !Tokens::new(look, mode).eat("SET")
        {
            return left;
        }
        let Some(decoder) = self.of(charset) else { return left };
        let mut text = Text::of(decoder, raw, look, mode);
        let done = text.strings(0, &|_, introduced| of_literal(introduced));
        done.and_then(|()| text.finish()).map_or(left, Cow::Owned)
    }
}

/// Puts statements into UTF-8.
#[derive(Debug, Default)]
pub(super) struct Recoder {
    reading: Reading,
    decoders: Decoders,
}

impl Recoder {
    pub(super) fn new(reading: Reading) -> Self {
        Self { reading, ..Self::default() }
    }

    /// Puts one into UTF-8.
    ///
    /// # Errors
    /// It holds what is no character in its character set, or bytes that could be text.
    pub(super) fn statement(
        &mut self,
        item: &Statement<'_>,
        observer: &Observer,
    ) -> Result<Recoded> {
        if item.charset.class == Class::Wide && item.stray_backslash {
            return Err(faults::unclear(item, 0, "its strings cannot be found"));
        }
        if item.form != Form::Sql {
            return Ok(Recoded::Left);
        }
        let (ascii, named) = (item.text.is_ascii(), self.reading.charset.is_some());
        if item.charset.class == Class::Utf8 {
            // Nothing is checked twice: a backup's own text was compared with the server.
            let look = self.reading.stranger && !ascii && std::str::from_utf8(item.text).is_err();
            if look {
                utf8_only(item, observer)?;
            }
            return Ok(if named { Recoded::Utf8(None) } else { Recoded::Left });
        }
        let look = item.mask.unwrap_or(item.text);
        let kind = classify(look, item.mode);
        let program = kind.program().is_some();
        if program && (ascii || item.charset.class == Class::Single && !named) {
            return Ok(Recoded::Left);
        }
        let Some(decoder) = self.decoders.of(item.charset) else {
            let left = ascii || program || item.charset.name == "binary";
            return if left { Ok(Recoded::Left) } else { Err(faults::unknown(item)) };
        };
        if ascii {
            return Ok(Recoded::Utf8(None));
        }
        let mut text = Text::of(decoder, item.text, look, item.mode);
        let done = match &kind {
            _ if program && !named => text.program(),
            Kind::Insert(insert) => text.rows(insert.values_at, observer),
            Kind::CreateTable { .. } => text.table(),
            _ => text.strings(0, &|_, introduced| of_literal(introduced)),
        };
        let done = done.and_then(|()| text.finish());
        done.map(|text| Recoded::Utf8(Some(text)))
            .map_err(|flaw| faults::unclear(item, flaw.at, &flaw.what))
    }
}

fn of_literal(introduced: bool) -> Holds {
    if introduced { Holds::Bytes } else { Holds::Text }
}

/// Why a text cannot be put into UTF-8, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flaw {
    at: usize,
    what: String,
}

impl Flaw {
    fn unclear(at: usize) -> Self {
        Self { at, what: "whether a value is text or bytes cannot be told".to_owned() }
    }
}

/// A statement's text on its way into UTF-8.
struct Text<'a> {
    decoder: &'a mut Decoder,
    raw: &'a [u8],
    mask: &'a [u8],
    mode: LexMode,
    out: Vec<u8>,
    done: usize,
}

impl<'a> Text<'a> {
    fn of(decoder: &'a mut Decoder, raw: &'a [u8], mask: &'a [u8], mode: LexMode) -> Self {
        Self { decoder, raw, mask, mode, out: Vec::with_capacity(raw.len() * 2), done: 0 }
    }

    /// Puts the text up to there into UTF-8.
    fn to(&mut self, end: usize) -> Result<(), Flaw> {
        let (raw, mask) = (&self.raw[self.done..end], &self.mask[self.done..end]);
        self.decoder.put(raw, mask, self.mode.escapes(b'\''), &mut self.out).map_err(|at| {
            Flaw {
                at: self.done + at,
                what: format!("the bytes are no character in {}", self.decoder.charset().name),
            }
        })?;
        self.done = end;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, Flaw> {
        self.to(self.raw.len())?;
        Ok(self.out)
    }

    /// Writes strings of bytes from `at` on in hexadecimal. `holds` says what one is, by
    /// the number of its value in its row, and whether a character set stands before it.
    fn strings(&mut self, at: usize, holds: &dyn Fn(usize, bool) -> Holds) -> Result<(), Flaw> {
        each(self.mask, self.mode, at, &mut |token, value, introduced| {
            let raw = &self.raw[token.at..token.end()];
            if token.kind != TokenKind::Text || raw.is_ascii() {
                return Ok(());
            }
            match holds(value, introduced) {
                Holds::Text => {}
                Holds::Bytes => {
                    self.to(token.at)?;
                    hex(&plain(raw, token.raw, self.mode), &mut self.out);
                    self.done = token.end();
                }
                Holds::Other => return Err(Flaw::unclear(token.at)),
            }
            Ok(())
        })
    }

    fn rows(&mut self, values_at: usize, observer: &Observer) -> Result<(), Flaw> {
        self.to(values_at)?;
        let columns = match classify(&self.out, self.mode) {
            Kind::Insert(insert) => observer.holds(&insert),
            _ => Vec::new(),
        };
        self.strings(values_at, &|value, introduced| {
            let column = columns.get(value).copied().unwrap_or(Holds::Other);
            if introduced { Holds::Bytes } else { column }
        })
    }

    /// The default of a binary column is bytes; dump programs write it in ASCII.
    fn table(&mut self) -> Result<(), Flaw> {
        let (mut column, mut before) = (Holds::Other, None::<Token<'_>>);
        let (mut depth, mut words) = (0_u32, 0);
        for token in Tokens::new(self.mask, self.mode) {
            let new = token.is_punct(b'(') && depth == 0 || token.is_punct(b',') && depth == 1;
            match token.kind {
                TokenKind::Punct(b'(') => depth += 1,
                TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            words = if new { 0 } else { words + 1 };
            column = match words {
                2 => table::holds(&token),
                _ if token.is("binary") => Holds::Bytes,
                _ => column,
            };
            let default = before.is_some_and(|before| before.is("DEFAULT"));
            let ascii = self.raw[token.at..token.end()].is_ascii();
            if default && token.kind == TokenKind::Text && !ascii && column != Holds::Text {
                return Err(Flaw::unclear(token.at));
            }
            before = Some(token);
        }
        self.strings(0, &|_, introduced| of_literal(introduced))
    }

    /// A program as mysqldump writes it: names are in UTF-8, what the client wrote is in
    /// its own character set. Where all of it is UTF-8, it is taken for that.
    fn program(&mut self) -> Result<(), Flaw> {
        if std::str::from_utf8(self.raw).is_ok() {
            self.out.extend_from_slice(self.raw);
            self.done = self.raw.len();
            return Ok(());
        }
        for token in Tokens::new(self.mask, self.mode) {
            let name = matches!(token.kind, TokenKind::Name | TokenKind::Word);
            let piece = &self.raw[token.at..token.end()];
            if name && !piece.is_ascii() && std::str::from_utf8(piece).is_ok() {
                self.to(token.at)?;
                self.out.extend_from_slice(piece);
                self.done = token.end();
            }
        }
        Ok(())
    }
}

/// A string's bytes, quotes and escapes undone. `mask` says which of them are marks.
fn plain(raw: &[u8], mask: &[u8], mode: LexMode) -> Vec<u8> {
    let quote = mask.first().copied().unwrap_or_default();
    let end = raw.len().saturating_sub(1).max(1);
    let mut out = Vec::with_capacity(end);
    let mut at = 1;
    while at < end {
        if mask[at] == b'\\' && mode.escapes(quote) && at + 1 < end {
            unescape(raw[at + 1], &mut out);
            at += 2;
            continue;
        }
        // Of a doubled quote the first byte stands for both.
        let doubled = mask[at] == quote;
        out.push(raw[at]);
        at += 1 + usize::from(doubled);
    }
    out
}

/// Of a file that says it is UTF-8: text that is not. Bytes in binary columns may be.
fn utf8_only(item: &Statement<'_>, observer: &Observer) -> Result<()> {
    let kind = classify(item.text, item.mode);
    if kind.program().is_some() {
        return Ok(());
    }
    let (from, columns) = match &kind {
        Kind::Insert(insert) => (insert.values_at, Some(observer.holds(insert))),
        _ => (0, None),
    };
    let found = each(item.text, item.mode, from, &mut |token, value, introduced| {
        let text = token.kind == TokenKind::Text;
        let bytes = match &columns {
            _ if introduced => text,
            Some(columns) => text && columns.get(value) != Some(&Holds::Text),
            None => false,
        };
        let good = bytes || std::str::from_utf8(token.raw).is_ok();
        if good { Ok(()) } else { Err(Flaw::unclear(token.at)) }
    });
    found.map_err(|flaw| faults::not_utf8(item, flaw.at))
}

/// Every token from `from` on, with the number of its value in its row, and whether a
/// character set stands before it.
fn each<'t>(
    text: &'t [u8],
    mode: LexMode,
    from: usize,
    on: &mut dyn FnMut(Token<'t>, usize, bool) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let mut tokens = Tokens::new(text, mode);
    tokens.seek(from);
    let (mut depth, mut value, mut introduced) = (0_u32, 0, false);
    for token in tokens {
        match token.kind {
            TokenKind::Punct(b'(') => {
                depth += 1;
                value = if depth == 1 { 0 } else { value };
            }
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            TokenKind::Punct(b',') if depth == 1 => value += 1,
            _ => on(token, value, introduced)?,
        }
        introduced = token.kind == TokenKind::Word && token.raw.starts_with(b"_");
    }
    Ok(())
}

#[cfg(test)]
#[path = "recode_tests.rs"]
mod tests;
