//! Reads `(…),(…)` after VALUES and hashes every row in its canonical form:
//! each value as the server's text protocol would send it to a utf8mb4 session.
//!
//! Strict: whatever is not a plain literal is an error, never skipped.

use std::ops::Range;

use anyhow::Result;

use super::bytes::{nibble, special, unescape};
use super::digest::{RowHasher, reordered};
pub use super::layout::{Layout, Place};
use super::lex::{LexMode, is_space};
use model::digest::ContentDigest;
use model::exit::{ExitCode, Stop};

/// Adds the rows of `text[at..]` to `digest`; returns their number.
pub fn rows(
    text: &[u8],
    at: usize,
    mode: LexMode,
    layout: &Layout,
    place: Place<'_>,
    hasher: &mut RowHasher,
    digest: &mut ContentDigest,
) -> Result<u64> {
    let mut rows = Rows::new(text, at, mode, layout, place);
    while let Some(row) = rows.next(hasher)? {
        digest.add_row(row.hash);
    }
    Ok(rows.count)
}

/// One row of an INSERT, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub hash: u128,
    /// Where in the statement it stands, parentheses included.
    pub range: Range<usize>,
    /// Its values are numbers, NULL and strings without a word in front: what they
    /// mean as text is what they mean as literals.
    pub plain: bool,
}

/// Reads the rows behind VALUES one by one. After each, the hasher holds its values.
#[derive(Debug)]
pub struct Rows<'a> {
    reader: Reader<'a>,
    layout: &'a Layout,
    place: Place<'a>,
    ranges: Vec<Range<usize>>,
    /// Where the last row's values of generated columns stand.
    computed: Vec<Range<usize>>,
    count: u64,
    ended: bool,
}

impl<'a> Rows<'a> {
    /// From the offset after `VALUES`.
    pub fn new(
        text: &'a [u8],
        at: usize,
        mode: LexMode,
        layout: &'a Layout,
        place: Place<'a>,
    ) -> Self {
        let escapes = mode.escapes(b'\'');
        let reader = Reader { text, pos: at, escapes, mode, plain: true };
        let ranges = vec![0..0; layout.covered];
        Self { reader, layout, place, ranges, computed: Vec::new(), count: 0, ended: false }
    }

    /// Where in the statement the last row's values of generated columns stand: the
    /// server computes them, and MySQL takes none from an INSERT.
    pub fn computed(&self) -> &[Range<usize>] {
        &self.computed
    }

    /// The next row; `None` after the last.
    #[inline]
    pub fn next(&mut self, hasher: &mut RowHasher) -> Result<Option<Row>> {
        if self.ended {
            return Ok(None);
        }
        let reader = &mut self.reader;
        reader.plain = true;
        reader.blanks();
        let start = reader.pos;
        self.computed.clear();
        let hash = match reader.row(self.layout, hasher, &mut self.ranges, &mut self.computed) {
            Ok(hash) => hash,
            Err(what) => {
                return Err(refuse(reader.text, reader.pos, self.place, self.count + 1, what));
            }
        };
        let range = start..reader.pos;
        self.count += 1;
        reader.blanks();
        match reader.peek() {
            Some(b',') => reader.pos += 1,
            None => self.ended = true,
            Some(_) => {
                let what = "something other than a row follows";
                return Err(refuse(reader.text, reader.pos, self.place, self.count, what));
            }
        }
        Ok(Some(Row { hash, range, plain: reader.plain }))
    }
}

fn refuse(text: &[u8], pos: usize, place: Place<'_>, row: u64, what: &str) -> anyhow::Error {
    let before = &text[..pos.min(text.len())];
    let line = place.line + memchr::memchr_iter(b'\n', before).count() as u64;
    let table = place.table;
    let message = format!("line {line}: table {table}, row {row} of the statement: {what}");
    Stop::new(ExitCode::Store, message)
        .hint("Only plain values can be counted and compared; expressions cannot.")
        .into()
}

#[derive(Debug)]
struct Reader<'a> {
    text: &'a [u8],
    pos: usize,
    escapes: bool,
    mode: LexMode,
    /// So far the row's values are numbers, NULL and strings.
    plain: bool,
}

type Outcome<T> = std::result::Result<T, &'static str>;

impl Reader<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
    }

    fn row(
        &mut self,
        layout: &Layout,
        hasher: &mut RowHasher,
        ranges: &mut [Range<usize>],
        computed: &mut Vec<Range<usize>>,
    ) -> Outcome<u128> {
        self.blanks();
        if self.peek() != Some(b'(') {
            return Err("an opening parenthesis is missing");
        }
        self.pos += 1;
        hasher.begin();
        self.blanks();
        if layout.places.is_empty() && self.peek() == Some(b')') {
            self.pos += 1;
            return Ok(hasher.finish());
        }
        let last = layout.places.len().saturating_sub(1);
        for (index, target) in layout.places.iter().enumerate() {
            let (before, from) = (hasher.len(), self.pos);
            if !(target.is_none() && self.default_word()) {
                self.value(hasher)?;
            }
            match target {
                None => {
                    hasher.truncate(before);
                    computed.push(from..self.pos);
                }
                Some(column) if !layout.in_order => ranges[*column] = before..hasher.len(),
                Some(_) => {}
            }
            self.blanks();
            match self.peek() {
                Some(b',') if index < last => self.pos += 1,
                Some(b')') if index == last => self.pos += 1,
                Some(b',') => return Err("it has more values than columns"),
                Some(b')') => return Err("it has fewer values than columns"),
                _ => return Err("a value is not followed by a comma or parenthesis"),
            }
        }
        if layout.places.is_empty() {
            return Err("it has values, but the table's columns are not known");
        }
        Ok(if layout.in_order { hasher.finish() } else { reordered(hasher, ranges) })
    }

    /// Takes the word DEFAULT, which a generated column may be given.
    fn default_word(&mut self) -> bool {
        self.blanks();
        let run = self.run(self.pos, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let found = self.text[run.clone()].eq_ignore_ascii_case(b"DEFAULT");
        if found {
            self.pos = run.end;
        }
        found
    }

    #[inline]
    fn value(&mut self, hasher: &mut RowHasher) -> Outcome<()> {
        self.blanks();
        let Some(byte) = self.peek() else { return Err("it ends within its values") };
        match byte {
            b'\'' => self.string(hasher, b'\''),
            b'0' if matches!(self.text.get(self.pos + 1), Some(b'x')) => self.hex(hasher),
            b'0' if matches!(self.text.get(self.pos + 1), Some(b'b')) => {
                let digits = self.run(self.pos + 2, |byte| matches!(byte, b'0' | b'1'));
                self.bits(hasher, digits)
            }
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(hasher),
            b'"' if !self.mode.ansi_quotes => {
                self.escapes = self.mode.escapes(b'"');
                self.string(hasher, b'"')?;
                self.escapes = self.mode.escapes(b'\'');
                Ok(())
            }
            _ => self.word(hasher),
        }
    }

    /// A string: pieces between escapes go over in one copy each.
    #[inline]
    fn string(&mut self, hasher: &mut RowHasher, quote: u8) -> Outcome<()> {
        hasher.open_value();
        self.pos += 1;
        loop {
            let rest = &self.text[self.pos..];
            let len = special(rest, quote, self.escapes).ok_or("a string does not end")?;
            hasher.bytes().extend_from_slice(&rest[..len]);
            let next = rest.get(len + 1).copied();
            if rest[len] == quote {
                self.pos += len + 1;
                if next != Some(quote) {
                    hasher.close_value();
                    return Ok(());
                }
                hasher.bytes().push(quote);
                self.pos += 1;
            } else {
                let next = next.ok_or("a string does not end")?;
                unescape(next, hasher.bytes());
                self.pos += len + 2;
            }
        }
    }

    #[inline]
    fn number(&mut self, hasher: &mut RowHasher) -> Outcome<()> {
        let start = self.pos;
        let mut at = start;
        if matches!(self.text[at], b'-' | b'+') {
            at += 1;
        }
        let mut digits = 0;
        let mut dot = false;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'0'..=b'9' => digits += 1,
                b'.' if !dot => dot = true,
                _ => break,
            }
            at += 1;
        }
        if digits == 0 {
            return Err("a value is not a literal");
        }
        if matches!(self.text.get(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(self.text.get(at), Some(b'-' | b'+')) {
                at += 1;
            }
            let power = self.run(at, |byte| byte.is_ascii_digit());
            if power.is_empty() {
                return Err("a number's exponent has no digits");
            }
            at = power.end;
        }
        self.pos = at;
        hasher.value(Some(&self.text[start..at]));
        Ok(())
    }

    fn run(&self, from: usize, accept: fn(u8) -> bool) -> Range<usize> {
        let rest = self.text.get(from..).unwrap_or_default();
        from..from + rest.iter().position(|&byte| !accept(byte)).unwrap_or(rest.len())
    }

    /// NULL, and literals with a word or letter in front.
    fn word(&mut self, hasher: &mut RowHasher) -> Outcome<()> {
        let run = self.run(self.pos, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = &self.text[run.clone()];
        let quoted = self.text.get(run.end) == Some(&b'\'');
        if word.eq_ignore_ascii_case(b"NULL") {
            self.pos = run.end;
            hasher.value(None);
            return Ok(());
        }
        if word.eq_ignore_ascii_case(b"TRUE") || word.eq_ignore_ascii_case(b"FALSE") {
            self.pos = run.end;
            self.plain = false;
            hasher.value(Some(if word.len() == 4 { b"1" } else { b"0" }));
            return Ok(());
        }
        if quoted && word.eq_ignore_ascii_case(b"x") {
            self.pos = run.end - 1;
            return self.hex(hasher);
        }
        if quoted && word.eq_ignore_ascii_case(b"b") {
            let digits = self.run(run.end + 1, |byte| matches!(byte, b'0' | b'1'));
            if self.text.get(digits.end) != Some(&b'\'') {
                return Err("a bit literal contains something other than 0 and 1");
            }
            self.bits(hasher, digits)?;
            self.pos += 1;
            return Ok(());
        }
        if !(word.eq_ignore_ascii_case(b"_binary") || word.eq_ignore_ascii_case(b"_utf8mb4")) {
            return Err("a value is not a literal");
        }
        self.pos = run.end;
        self.plain = false;
        self.blanks();
        match self.peek() {
            Some(b'\'') => self.string(hasher, b'\''),
            Some(b'0' | b'x' | b'X' | b'b' | b'B') => self.value(hasher),
            _ => Err("a value is not a literal"),
        }
    }

    /// `0x4142` or `x'4142'`, with `pos` on the 0 or the letter.
    fn hex(&mut self, hasher: &mut RowHasher) -> Outcome<()> {
        self.plain = false;
        let quoted = self.text.get(self.pos + 1) == Some(&b'\'');
        let run = self.run(self.pos + 2, |byte| byte.is_ascii_hexdigit());
        let digits = &self.text[run.clone()];
        if quoted && self.text.get(run.end) != Some(&b'\'') {
            return Err("a hexadecimal literal does not end");
        }
        if digits.is_empty() && !quoted || !digits.len().is_multiple_of(2) && quoted {
            return Err("a hexadecimal literal has an odd number of digits");
        }
        hasher.open_value();
        let out = hasher.bytes();
        // The server puts a zero in front of an odd number of digits.
        let (odd, pairs) = digits.split_at(digits.len() % 2);
        out.extend(odd.iter().map(|&digit| nibble(digit)));
        out.extend(pairs.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])));
        hasher.close_value();
        self.pos = run.end + usize::from(quoted);
        Ok(())
    }

    /// Binary digits as bytes, the first one padded with zeros in front.
    fn bits(&mut self, hasher: &mut RowHasher, run: Range<usize>) -> Outcome<()> {
        self.plain = false;
        let digits = &self.text[run.clone()];
        hasher.open_value();
        let out = hasher.bytes();
        let (first, whole) = digits.split_at(digits.len() % 8);
        for group in std::iter::once(first).filter(|g| !g.is_empty()).chain(whole.chunks(8)) {
            out.push(group.iter().fold(0, |byte, digit| byte << 1 | (digit - b'0')));
        }
        hasher.close_value();
        self.pos = run.end;
        Ok(())
    }
}
