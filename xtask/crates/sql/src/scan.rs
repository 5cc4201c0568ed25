//! Splits dump text into statements exactly as the mysql client does in batch
//! mode, streaming: at most one statement is in memory.
//!
//! The three parts of every item, put one after the other over the whole file,
//! are the input byte for byte; tests hold it to that.

use std::io::BufRead;

use anyhow::Result;

use super::charset::Charset;
use super::client::{Form, Statement, delimiter_argument, is_command};
use super::faults;
use super::follow::Model;
use super::lex::{close_quote, is_dash_comment, is_space, newlines, version_mark};
use super::mask::Mask;
use super::recode::Decoders;
use super::step::{Cut, Progress, State, Step};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;

/// The server's own limit for a packet is 1 GiB; what is longer is not a
/// statement but a file read from the wrong end of a quote.
const LONGEST: usize = (1 << 30) + CHUNK;

/// Enough bytes to recognise every mark and the longest client command.
const LOOKAHEAD: usize = 32;

/// Reads items one at a time.
#[derive(Debug)]
pub struct Scanner<R> {
    input: R,
    chunk: usize,
    buf: Vec<u8>,
    /// Where in `buf` the item being read, or lent out, begins.
    start: usize,
    /// Length of the item lent out.
    lent: usize,
    eof: bool,
    delimiter: Vec<u8>,
    special: [bool; 256],
    modes: Model,
    /// The character set that the whole file is in, where the user has named it.
    named: Option<Charset>,
    mask: Mask,
    decoders: Decoders,
    line: u64,
    offset: u64,
}

impl<R: BufRead> Scanner<R> {
    /// From the first byte of a dump, already in UTF-8 (see [`super::encoding`]).
    pub fn new(input: R) -> Self {
        Self::in_chunks(input, CHUNK)
    }

    /// As [`Scanner::new`], reading at least so many bytes at a time.
    pub fn in_chunks(input: R, chunk: usize) -> Self {
        let mut scanner = Self {
            input,
            chunk,
            buf: Vec::new(),
            start: 0,
            lent: 0,
            eof: false,
            delimiter: Vec::new(),
            special: [false; 256],
            modes: Model::default(),
            named: None,
            mask: Mask::default(),
            decoders: Decoders::default(),
            line: 1,
            offset: 0,
        };
        scanner.set_delimiter(b";".to_vec());
        scanner
    }

    /// The same file, all of it in the character set that the user names.
    #[must_use]
    pub fn named(self, charset: Option<Charset>) -> Self {
        Self { named: charset, ..self }
    }

    /// The character set of the statement being read.
    fn charset(&self) -> Charset {
        self.named.unwrap_or(self.modes.state().client)
    }

    /// What the lexer looks at: the bytes that are there, from the item's first on.
    fn lexed(&self) -> &[u8] {
        self.mask.over(&self.buf).get(self.start..).unwrap_or_default()
    }

    /// The next item; `None` at the end of the file.
    #[allow(clippy::should_implement_trait)] // A lending iterator has no trait to implement.
    pub fn next(&mut self) -> Result<Option<Statement<'_>>> {
        self.release();
        let mode = self.modes.mode();
        self.mask.follow(self.charset(), mode, &self.buf, self.start, self.eof);
        let mut at = Progress::default();
        let cut = loop {
            match self.step(&mut at) {
                Step::Cut(cut) => break cut,
                Step::More if !self.eof => self.refill()?,
                Step::More => return Err(self.truncated(&at)),
            }
        };
        if cut.end == 0 {
            return Ok(None);
        }
        self.lent = cut.end;
        // As it was before the item itself, which may be a SET.
        let charset = self.charset();
        let text = self.start + cut.text..self.start + cut.tail;
        match cut.form {
            Form::Sql => {
                let (text, mask) = (&self.buf[text.clone()], self.mask.part(text));
                self.modes.observe(&self.decoders.of_set(charset, mode, text, mask));
            }
            Form::Delimiter => {
                let line = self.line + newlines(&self.buf[self.start..text.start]);
                let wanted = delimiter_argument(&self.buf[text]).map(<[u8]>::to_vec);
                self.set_delimiter(wanted.ok_or_else(|| faults::no_delimiter(line))?);
            }
            _ => {}
        }
        let item = &self.buf[self.start..self.start + cut.end];
        let lead = &item[..cut.text];
        Ok(Some(Statement {
            form: cut.form,
            lead,
            text: &item[cut.text..cut.tail],
            tail: &item[cut.tail..],
            line: self.line + newlines(lead),
            offset: self.offset,
            mode,
            charset,
            mask: self.mask.part(self.start + cut.text..self.start + cut.tail),
            stray_backslash: at.stray_backslash,
        }))
    }

    /// Bytes read into finished items, the one lent out included.
    pub fn consumed(&self) -> u64 {
        self.offset + self.lent as u64
    }

    /// Gives the item lent out back.
    fn release(&mut self) {
        self.line += newlines(&self.buf[self.start..self.start + self.lent]);
        self.offset += self.lent as u64;
        self.start += self.lent;
        self.lent = 0;
    }

    fn set_delimiter(&mut self, delimiter: Vec<u8>) {
        self.special = [false; 256];
        for &byte in b"'\"`#-/*\\".iter().chain(delimiter.first()) {
            self.special[usize::from(byte)] = true;
        }
        self.delimiter = delimiter;
    }

    /// Moves what is unfinished to the front, at most once a statement, and reads on.
    fn refill(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buf.drain(..self.start);
            self.mask.forget(self.start);
            self.start = 0;
        }
        if self.buf.len() > LONGEST {
            return Err(faults::too_long(self.line));
        }
        let wanted = self.buf.len() + self.chunk;
        while self.buf.len() < wanted {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(faults::unreadable(error, self.line)),
            };
            if chunk.is_empty() {
                self.eof = true;
                break;
            }
            self.buf.extend_from_slice(chunk);
            let len = chunk.len();
            self.input.consume(len);
        }
        self.mask.extend(&self.buf, self.eof);
        Ok(())
    }

    fn truncated(&self, at: &Progress) -> anyhow::Error {
        let data = &self.buf[self.start..];
        let inside = match at.state {
            State::Quote(_) => "a quoted string or name of the statement",
            State::Line { .. } | State::Block { .. } => "a comment",
            State::Lead | State::Code => "the statement",
        };
        let begun = self.line + newlines(&data[..at.text.min(data.len())]);
        faults::truncated(inside, begun, data, self.charset())
    }

    /// Lexes what is in the buffer, until the item ends or more is needed.
    fn step(&self, at: &mut Progress) -> Step {
        let data = self.lexed();
        loop {
            match at.state {
                State::Lead => {
                    if let Some(step) = self.lead(data, at) {
                        return step;
                    }
                }
                State::Code => {
                    if let Some(step) = self.code(data, at) {
                        return step;
                    }
                }
                State::Quote(quote) => {
                    if !close_quote(data, &mut at.pos, quote, self.modes.mode()) {
                        return Step::More;
                    }
                    at.state = State::Code;
                }
                State::Line { in_lead } => {
                    match memchr::memchr(b'\n', &data[at.pos..]) {
                        Some(found) => at.pos += found + 1,
                        // A comment may be the file's last line, but not a statement's.
                        None if self.eof && in_lead => at.pos = data.len(),
                        None => {
                            at.pos = data.len();
                            return Step::More;
                        }
                    }
                    at.state = if in_lead { State::Lead } else { State::Code };
                }
                State::Block { in_lead } => {
                    let Some(found) = memchr::memmem::find(&data[at.pos..], b"*/") else {
                        // The star may be the last byte here, the slash the next to come.
                        at.pos = at.pos.max(data.len().saturating_sub(1));
                        return Step::More;
                    };
                    at.pos += found + 2;
                    at.state = if in_lead { State::Lead } else { State::Code };
                }
            }
        }
    }

    /// Before the statement: blanks, comments, and what only stands at a start.
    fn lead(&self, data: &[u8], at: &mut Progress) -> Option<Step> {
        let blank = data[at.pos..].iter().position(|&byte| !is_space(byte));
        at.pos = blank.map_or(data.len(), |skip| at.pos + skip);
        let rest = &data[at.pos..];
        if rest.len() < LOOKAHEAD && !self.eof {
            return Some(Step::More);
        }
        if rest.is_empty() {
            let end = data.len();
            return Some(Step::Cut(Cut { form: Form::End, text: end, tail: end, end }));
        }
        at.text = at.pos;
        if rest.starts_with(b"/*M!999999\\-") || rest.starts_with(b"/*!999999\\-") {
            return Some(self.rest_of_line(data, at, Form::Sandbox));
        }
        // At a statement's start the client takes any `--` for a comment.
        if rest.starts_with(&self.delimiter) {
            at.state = State::Code;
        } else if rest[0] == b'#' || rest.starts_with(b"--") {
            at.state = State::Line { in_lead: true };
        } else if rest.starts_with(b"/*") && version_mark(rest).is_none() {
            at.pos += 2;
            at.state = State::Block { in_lead: true };
        } else if rest.len() > 9
            && rest[..9].eq_ignore_ascii_case(b"delimiter")
            && matches!(rest[9], b' ' | b'\t')
        {
            return Some(self.rest_of_line(data, at, Form::Delimiter));
        } else if is_command(rest) {
            let line_end = memchr::memchr(b'\n', rest);
            if line_end.is_none() && !self.eof {
                return Some(Step::More);
            }
            let line = &rest[..line_end.unwrap_or(rest.len())];
            // With the delimiter on its line it is for the server to refuse.
            if rest[0] == b'\\' || memchr::memmem::find(line, &self.delimiter).is_none() {
                return Some(self.rest_of_line(data, at, Form::Command));
            }
            at.state = State::Code;
        } else {
            at.state = State::Code;
        }
        None
    }

    fn rest_of_line(&self, data: &[u8], at: &Progress, form: Form) -> Step {
        match memchr::memchr(b'\n', &data[at.pos..]) {
            Some(found) => {
                let tail = at.pos + found;
                Step::Cut(Cut { form, text: at.text, tail, end: tail + 1 })
            }
            None if self.eof => {
                Step::Cut(Cut { form, text: at.text, tail: data.len(), end: data.len() })
            }
            None => Step::More,
        }
    }

    /// Inside the statement, outside of quotes and comments.
    fn code(&self, data: &[u8], at: &mut Progress) -> Option<Step> {
        loop {
            let found = data[at.pos..].iter().position(|&byte| self.special[usize::from(byte)]);
            at.pos = found.map_or(data.len(), |skip| at.pos + skip);
            let rest = &data[at.pos..];
            if rest.len() < LOOKAHEAD.max(self.delimiter.len()) && !self.eof {
                return Some(Step::More);
            }
            let Some(&byte) = rest.first() else { return Some(Step::More) };
            if rest.starts_with(&self.delimiter) {
                return Some(self.cut(data, at));
            }
            match byte {
                b'\'' | b'"' | b'`' => {
                    at.pos += 1;
                    if !close_quote(data, &mut at.pos, byte, self.modes.mode()) {
                        at.state = State::Quote(byte);
                        return Some(Step::More);
                    }
                    continue;
                }
                b'#' => at.state = State::Line { in_lead: false },
                b'-' if is_dash_comment(rest) => at.state = State::Line { in_lead: false },
                b'/' if version_mark(rest).is_some() => {
                    at.version = true;
                    at.pos += 3;
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => {
                    at.pos += 2;
                    at.state = State::Block { in_lead: false };
                }
                b'*' if at.version && rest.starts_with(b"*/") => {
                    at.version = false;
                    at.pos += 2;
                    continue;
                }
                b'\\' => {
                    // `\N` is how old files write NULL; the client lets it pass.
                    at.stray_backslash |= rest.get(1) != Some(&b'N');
                    at.pos += 1;
                    continue;
                }
                _ => {
                    at.pos += 1;
                    continue;
                }
            }
            return None;
        }
    }

    /// Cuts at the delimiter and takes the line's blank rest along.
    fn cut(&self, data: &[u8], at: &Progress) -> Step {
        let after = at.pos + self.delimiter.len();
        let blanks = data[after..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let end = match blanks {
            Some(skip) if data[after + skip] == b'\n' => after + skip + 1,
            Some(_) => after,
            None if self.eof => data.len(),
            None => return Step::More,
        };
        Step::Cut(Cut { form: Form::Sql, text: at.text, tail: at.pos, end })
    }
}
