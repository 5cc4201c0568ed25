//! Recognises how a dump's bytes are written and makes them UTF-8.
//!
//! PowerShell's `>` (before version 7.4) re-encodes what a program prints: the
//! dump arrives as UTF-16 with a byte order mark and CR LF line ends. That is
//! undone here. What a code page in between has already lost cannot be seen
//! in full; only U+FFFD and broken surrogates betray it.

use std::io::{self, BufRead, Read};

use anyhow::Result;

use model::exit::{ExitCode, Stop};

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Plain bytes, as the dumping client wrote them.
    Plain,
    /// UTF-8 with a byte order mark, which is dropped.
    Utf8Bom,
    /// UTF-16, low byte first: PowerShell's `>`.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

impl Encoding {
    /// What to tell the operator; `None` for plain files.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Utf8Bom => Some("UTF-8 with a byte order mark; the mark was removed"),
            Self::Utf16Le => Some("UTF-16, as PowerShell's `>` writes it; converted to UTF-8"),
            Self::Utf16Be => Some("UTF-16 (big endian); converted to UTF-8"),
        }
    }
}

/// A dump as UTF-8, whatever it was written in.
pub struct DumpText<R> {
    input: R,
    encoding: Encoding,
    /// Converted text not yet taken; unused for plain files.
    out: Vec<u8>,
    taken: usize,
    /// Bytes that do not make a whole character yet.
    rest: Vec<u8>,
    /// Plain bytes read ahead while looking.
    ahead: io::Cursor<Vec<u8>>,
}

impl<R> std::fmt::Debug for DumpText<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DumpText").field("encoding", &self.encoding).finish()
    }
}

/// Looks at the first bytes and wraps the input so that it reads as UTF-8.
pub fn decode<R: BufRead>(mut input: R) -> Result<DumpText<R>> {
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first).map_err(unreadable)?;
    let (encoding, mark) = match first.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8Bom, 3),
        [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
        // No mark: SQL begins with ASCII, whose other byte is then NUL.
        [low, 0, _, 0] if *low != 0 => (Encoding::Utf16Le, 0),
        [0, low, 0, _] if *low != 0 => (Encoding::Utf16Be, 0),
        _ => (Encoding::Plain, 0),
    };
    let rest = first.split_off(mark);
    let (rest, ahead) = match encoding {
        Encoding::Plain | Encoding::Utf8Bom => (Vec::new(), rest),
        _ => (rest, Vec::new()),
    };
    let ahead = io::Cursor::new(ahead);
    Ok(DumpText { input, encoding, out: Vec::new(), taken: 0, rest, ahead })
}

impl<R: BufRead> DumpText<R> {
    /// How the file was written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The first bytes of the text, which are still to be read; of a short text, all.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn front(&mut self, bytes: u64) -> io::Result<&[u8]> {
        if self.is_wide() {
            return self.fill_buf();
        }
        let at = self.ahead.position();
        let have = self.ahead.get_ref().len() as u64 - at;
        let mut more = Vec::new();
        let read = self.input.by_ref().take(bytes.saturating_sub(have)).read_to_end(&mut more);
        // What came before the fault is kept.
        self.ahead.get_mut().extend_from_slice(&more);
        read?;
        let at = usize::try_from(at).unwrap_or_default();
        Ok(self.ahead.get_ref().get(at..).unwrap_or_default())
    }

    fn is_wide(&self) -> bool {
        matches!(self.encoding, Encoding::Utf16Le | Encoding::Utf16Be)
    }

    /// Converts the next stretch into `out`; leaves it empty at the end.
    fn convert(&mut self) -> io::Result<()> {
        self.out.clear();
        self.taken = 0;
        while self.out.is_empty() {
            let chunk = self.input.fill_buf()?;
            let (eof, len) = (chunk.is_empty(), chunk.len());
            self.rest.extend_from_slice(chunk);
            self.input.consume(len);
            let little = self.encoding == Encoding::Utf16Le;
            let pairs = self.rest.chunks_exact(2);
            let units: Vec<u16> = pairs
                .map(|pair| {
                    let pair = [pair[0], pair[1]];
                    if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
                })
                .collect();
            let used = decode_units(&units, eof, &mut self.out)?;
            self.rest.drain(..used * 2);
            if eof {
                return if self.rest.is_empty() { Ok(()) } else { Err(damaged("is cut off")) };
            }
        }
        Ok(())
    }
}

/// Appends UTF-8; returns how many units were used up.
///
/// CR LF becomes LF: PowerShell splits what the client prints into lines and
/// ends each with CR LF. The dumping clients escape both inside strings (as
/// `\r` and `\n`), so a raw CR in front of LF is PowerShell's in data; in the
/// bodies of routines and in comments the two were LF at the source, too,
/// unless the author worked with CR LF, where SQL reads both the same.
fn decode_units(units: &[u16], eof: bool, out: &mut Vec<u8>) -> io::Result<usize> {
    let mut used = 0;
    while let Some(&unit) = units.get(used) {
        let next = units.get(used + 1).copied();
        let decided = eof || next.is_some();
        let character = match unit {
            0x0D if !decided => break,
            0x0D if next == Some(0x0A) => {
                used += 1;
                continue;
            }
            0xD800..=0xDBFF if !decided => break,
            0xD800..=0xDBFF => match next {
                Some(low @ 0xDC00..=0xDFFF) => {
                    used += 1;
                    let high = u32::from(unit) - 0xD800;
                    char::from_u32(0x1_0000 + (high << 10) + (u32::from(low) - 0xDC00))
                }
                _ => None,
            },
            0xFFFD => return Err(damaged("contains characters that were already lost (U+FFFD)")),
            other => char::from_u32(u32::from(other)),
        };
        let character = character.ok_or_else(|| damaged("contains broken UTF-16"))?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        used += 1;
    }
    Ok(used)
}

/// A compressed file can end before its first byte of text.
fn unreadable(error: io::Error) -> Stop {
    error.downcast::<Stop>().unwrap_or_else(|error| {
        Stop::new(ExitCode::Store, format!("the file cannot be read: {error}"))
            .hint("It is cut off or damaged: get a fresh copy of it.")
    })
}

fn damaged(what: &str) -> io::Error {
    let stop = Stop::new(ExitCode::Store, format!("the dump's UTF-16 text {what}"))
        .hint("A terminal or shell converted the dump; the loss cannot be undone.")
        .hint("Take the dump again with `cargo xtask db-backup`, or with `--result-file`.");
    io::Error::new(io::ErrorKind::InvalidData, stop)
}

impl<R: BufRead> BufRead for DumpText<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_wide() {
            if self.taken == self.out.len() {
                self.convert()?;
            }
            return Ok(&self.out[self.taken..]);
        }
        if self.ahead.position() < self.ahead.get_ref().len() as u64 {
            return self.ahead.fill_buf();
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if self.is_wide() {
            self.taken += amount;
        } else if self.ahead.position() < self.ahead.get_ref().len() as u64 {
            self.ahead.consume(amount);
        } else {
            self.input.consume(amount);
        }
    }
}

impl<R: BufRead> Read for DumpText<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let len = from.len().min(into.len());
        into[..len].copy_from_slice(&from[..len]);
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], chunk: usize) -> (Encoding, Result<Vec<u8>, io::Error>) {
        let mut reader = decode(io::BufReader::with_capacity(chunk, bytes)).unwrap();
        let mut out = Vec::new();
        let result = reader.read_to_end(&mut out).map(|_| out);
        (reader.encoding(), result)
    }

    fn wide(text: &str, little: bool) -> Vec<u8> {
        let swap = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(swap).collect()
    }

    #[test]
    fn every_encoding_reads_as_utf8() {
        let sql = "-- x\r\nINSERT INTO t VALUES ('é🎬\\r\\n日本\r');\r\n";
        let clean = sql.replace("\r\n", "\n").into_bytes();
        for chunk in [1, 2, 3, 5, 64] {
            for (little, mark) in [(true, true), (false, true), (true, false), (false, false)] {
                let marked = if mark { format!("\u{FEFF}{sql}") } else { sql.to_owned() };
                let (found, result) = text(&wide(&marked, little), chunk);
                assert_eq!(found == Encoding::Utf16Le, little);
                assert_eq!(result.unwrap(), clean, "chunk {chunk}");
            }
            let (found, result) = text(sql.as_bytes(), chunk);
            assert_eq!((found, result.unwrap()), (Encoding::Plain, sql.as_bytes().to_vec()));
            let mut reader = decode(io::BufReader::with_capacity(chunk, sql.as_bytes())).unwrap();
            assert_eq!(reader.front(9).unwrap(), &sql.as_bytes()[..9]);
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            assert_eq!(all, sql);
            let (found, result) = text(b"\xEF\xBB\xBFSET", chunk);
            assert_eq!((found, result.unwrap()), (Encoding::Utf8Bom, b"SET".to_vec()));
            let (_, result) = text(b"", chunk);
            assert!(result.unwrap().is_empty());
        }
    }

    #[test]
    fn damage_is_refused() {
        for bad in [&[0xFF, 0xFE, 0x00, 0xD8, 0x41, 0][..], &[0xFF, 0xFE, 0, 0xDC]] {
            assert!(text(bad, 64).1.is_err());
        }
        assert!(text(&wide("\u{FEFF}a\u{FFFD}", true), 64).1.is_err());
        assert!(text(&[0xFF, 0xFE, 0x41], 64).1.is_err(), "odd length");
        assert!(text(&[0xFF, 0xFE, 0x3D, 0xD8], 64).1.is_err(), "half a pair at the end");
    }
}
