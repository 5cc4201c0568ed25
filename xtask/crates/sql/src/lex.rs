//! SQL tokens: enough of the server's lexer to read names and clauses without
//! ever mistaking a string, a comment or a body for code.
//!
//! Version comments (`/*!50003 … */`, `/*M!100100 … */`) are transparent: their
//! inside is read as code and every token says which comment it stood in.

/// The parts of `sql_mode` that change where strings and names end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LexMode {
    /// `"…"` is a name, not a string.
    pub ansi_quotes: bool,
    /// A backslash in a string is an ordinary character.
    pub no_backslash_escapes: bool,
}

impl LexMode {
    /// Whether a backslash inside this kind of quote hides the next byte.
    pub fn escapes(self, quote: u8) -> bool {
        match quote {
            b'`' => false,
            b'"' => !self.ansi_quotes && !self.no_backslash_escapes,
            _ => !self.no_backslash_escapes,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// `/*M!`: MariaDB only.
    pub maria: bool,
    /// The number after the exclamation mark; 0 when there is none.
    pub number: u32,
    /// Offset of the comment's first byte in the statement.
    pub open: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// A quoted name, quotes included in [`Token::raw`].
    Name,
    /// A string, quotes included in [`Token::raw`].
    Text,
    /// Digits only.
    Number,
    /// One byte of anything else.
    Punct(u8),
}

/// One token of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind,
    /// Its bytes as written.
    pub raw: &'a [u8],
    /// Offset of its first byte in the statement.
    pub at: usize,
    /// The version comment it stands in.
    pub version: Option<Version>,
}

impl Token<'_> {
    /// Whether it is this keyword, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.raw.eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether it is this byte.
    pub fn is_punct(&self, byte: u8) -> bool {
        self.kind == TokenKind::Punct(byte)
    }

    /// Offset of the byte after it.
    pub fn end(&self) -> usize {
        self.at + self.raw.len()
    }

    /// The name that a quoted name or a word spells; `None` for other tokens.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word | TokenKind::Number => {
                Some(String::from_utf8_lossy(self.raw).into_owned())
            }
            TokenKind::Name => Some(String::from_utf8_lossy(&undouble(self.raw)).into_owned()),
            _ => None,
        }
    }

    /// The text a string spells, simple escapes undone; `None` for other tokens.
    pub fn text(&self, mode: LexMode) -> Option<String> {
        if self.kind != TokenKind::Text {
            return None;
        }
        let bytes = undouble(self.raw);
        let quote = self.raw.first().copied().unwrap_or(b'\'');
        if !mode.escapes(quote) {
            return Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter();
        while let Some(&byte) = rest.next() {
            let plain = if byte == b'\\' { rest.next().copied() } else { Some(byte) };
            out.extend(plain);
        }
        Some(String::from_utf8_lossy(&out).into_owned())
    }
}

/// Takes the quotes off and makes doubled ones single.
fn undouble(raw: &[u8]) -> Vec<u8> {
    let Some((&quote, rest)) = raw.split_first() else { return Vec::new() };
    let inner = rest.strip_suffix(&[quote]).unwrap_or(rest);
    let mut out = Vec::with_capacity(inner.len());
    let mut skip = false;
    for &byte in inner {
        if byte == quote && !skip {
            skip = true;
            out.push(byte);
        } else if byte == quote {
            skip = false;
        } else {
            skip = false;
            out.push(byte);
        }
    }
    out
}

/// Whether the server skips this byte between tokens.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Whether `--` here begins a comment: blank, control character or the end follows.
pub fn is_dash_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"--") && rest.get(2).is_none_or(|&byte| byte <= b' ' || byte == 0x7f)
}

/// Whether a version comment opens here; the length of `/*!` or `/*M!`.
pub fn version_mark(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"/*!") {
        Some(3)
    } else if rest.starts_with(b"/*M!") {
        Some(4)
    } else {
        None
    }
}

/// Bytes of an unquoted name. Everything above ASCII counts, as on the server.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Moves `pos`, inside of a quote, behind the closing one. `false` if that is
/// not in `data` yet; `pos` is then where to go on once there is more.
///
/// A doubled quote reads as one string's end and the next one's begin, which
/// splits the same.
pub(super) fn close_quote(data: &[u8], pos: &mut usize, quote: u8, mode: LexMode) -> bool {
    if !mode.escapes(quote) {
        let found = memchr::memchr(quote, &data[*pos..]);
        *pos = found.map_or(data.len(), |skip| *pos + skip + 1);
        return found.is_some();
    }
    loop {
        match memchr::memchr2(quote, b'\\', &data[*pos..]) {
            Some(skip) if data[*pos + skip] == quote => {
                *pos += skip + 1;
                return true;
            }
            // Stay on a backslash that is the last byte: what it hides is not here yet.
            Some(skip) if *pos + skip + 1 >= data.len() => {
                *pos += skip;
                return false;
            }
            Some(skip) => *pos += skip + 2,
            None => {
                *pos = data.len();
                return false;
            }
        }
    }
}

/// How many lines end in `bytes`.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Reads a statement token by token.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    text: &'a [u8],
    pos: usize,
    mode: LexMode,
    version: Option<Version>,
    /// Version comments that were closed, with the offset behind them; only the guard asks for
    /// them, so only it pays.
    log: Option<Vec<(Version, usize)>>,
    /// A version comment began inside of another one.
    nested: bool,
}

impl<'a> Tokens<'a> {
    /// From the statement's first byte.
    pub fn new(text: &'a [u8], mode: LexMode) -> Self {
        Self { text, pos: 0, mode, version: None, log: None, nested: false }
    }

    /// Reads to the end; every version comment and the offset behind it, or
    /// `None` if one does not end or stands in another.
    pub(super) fn version_comments(text: &'a [u8], mode: LexMode) -> Option<Vec<(Version, usize)>> {
        let mut tokens = Self { log: Some(Vec::new()), ..Self::new(text, mode) };
        tokens.by_ref().for_each(drop);
        if tokens.in_version() || tokens.nested { None } else { tokens.log }
    }

    /// Offset of the byte after the token read last.
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// Whether a version comment is still open here.
    pub fn in_version(&self) -> bool {
        self.version.is_some()
    }

    /// Continues at another offset, in the same version comment.
    pub fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// The next token without taking it.
    pub fn peek(&self) -> Option<Token<'a>> {
        self.clone().next()
    }

    /// Takes the next token if it is this keyword.
    pub fn eat(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next().is_some_and(|token| token.is(word));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the next token if it is this byte.
    pub fn eat_punct(&mut self, byte: u8) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next().is_some_and(|token| token.is_punct(byte));
        if found {
            *self = ahead;
        }
        found
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// Moves over blanks, ordinary comments and the edges of version comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let Some(&byte) = rest.first() else { return };
            if is_space(byte) {
                self.pos += 1;
            } else if byte == b'#' || is_dash_comment(rest) {
                self.pos += memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            } else if let Some(mark) = version_mark(rest) {
                let digits =
                    rest[mark..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
                let number = rest[mark..mark + digits]
                    .iter()
                    .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
                self.nested |= self.version.is_some();
                self.version = Some(Version { maria: mark == 4, number, open: self.pos });
                self.pos += mark + digits;
            } else if rest.starts_with(b"/*") {
                self.pos += memchr::memmem::find(&rest[2..], b"*/").map_or(rest.len(), |at| at + 4);
            } else if self.version.is_some() && rest.starts_with(b"*/") {
                self.pos += 2;
                if let (Some(log), Some(version)) = (&mut self.log, self.version) {
                    log.push((version, self.pos));
                }
                self.version = None;
            } else {
                return;
            }
        }
    }

    /// The length of the quoted token at the front of `rest`, doubled quotes inside.
    fn quoted(&self, rest: &[u8], quote: u8) -> usize {
        let escapes = self.mode.escapes(quote);
        let mut at = 1;
        while let Some(&byte) = rest.get(at) {
            let doubled = byte == quote && rest.get(at + 1) == Some(&quote);
            if doubled || byte == b'\\' && escapes {
                at += 2;
            } else if byte == quote {
                return at + 1;
            } else {
                at += 1;
            }
        }
        rest.len()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip();
        let rest = self.rest();
        let &byte = rest.first()?;
        let (kind, len) = match byte {
            b'`' => (TokenKind::Name, self.quoted(rest, byte)),
            b'"' if self.mode.ansi_quotes => (TokenKind::Name, self.quoted(rest, byte)),
            b'\'' | b'"' => (TokenKind::Text, self.quoted(rest, byte)),
            byte if is_word(byte) => {
                let len = rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len());
                let digits = rest[..len].iter().all(u8::is_ascii_digit);
                (if digits { TokenKind::Number } else { TokenKind::Word }, len)
            }
            other => (TokenKind::Punct(other), 1),
        };
        let token = Token { kind, raw: &rest[..len], at: self.pos, version: self.version };
        self.pos += len;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Tokens::new(text.as_bytes(), LexMode::default())
            .map(|token| String::from_utf8_lossy(token.raw).into_owned())
            .collect()
    }

    #[test]
    fn comments_vanish_and_version_comments_open() {
        assert_eq!(words("a -- b\n/* c */ /*!50003 d /* e */ f*/ g#h"), ["a", "d", "f", "g"]);
        assert_eq!(words("/*M!100100 x*/ 5--3"), ["x", "5", "-", "-", "3"]);
        assert_eq!(words("--"), Vec::<String>::new());
        let text = b"a /*!50017 b*/";
        let all: Vec<_> = Tokens::new(text, LexMode::default()).collect();
        assert_eq!(all[1].version, Some(Version { maria: false, number: 50017, open: 2 }));
    }

    #[test]
    fn quotes_hide_everything() {
        assert_eq!(words(r"'a\'b;' `c``d\` 'e''f'"), [r"'a\'b;'", r"`c``d\`", "'e''f'"]);
        let raw = LexMode { no_backslash_escapes: true, ansi_quotes: true };
        let all: Vec<_> = Tokens::new(br#"'a\' "x""y""#, raw).collect();
        assert_eq!(all[0].text(raw).as_deref(), Some("a\\"));
        assert_eq!(all[1].name().as_deref(), Some("x\"y"));
        assert_eq!(undouble(b"````"), b"`");
    }
}
