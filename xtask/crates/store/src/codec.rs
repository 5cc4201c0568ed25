//! From stored bytes to SQL text. What a file is, its first bytes say, not its name.
//!
//! Streaming, in flat memory, with the hash of the stored bytes taken on the way.
//! A compressed or encrypted file that ends too early is an error, never a shorter text.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::age::{self, KeyFile, Opened};
use super::seal;
use model::exit::{ExitCode, Stop};
use sys::fs;

/// Size of the buffers on both sides of a decoder.
const BLOCK: usize = 256 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFacts {
    /// Stored bytes.
    pub bytes: u64,
    /// SHA-256 of the stored bytes as 64 hex digits.
    pub sha256: String,
    /// Bytes after decryption, which the index counts; the stored bytes where the file is
    /// not encrypted.
    pub stream_bytes: u64,
    /// Bytes of SQL text.
    pub text_bytes: u64,
}

/// How a file is stored, as its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// SQL text. UTF-16, as PowerShell's `>` writes it, counts as such: turning it
    /// into UTF-8, and refusing what was lost on the way, is the engine's work.
    Plain,
    /// gzip, of one or more members.
    Gzip,
    /// zstd, of one or more frames.
    Zstd,
}

/// Reads the text of a dump.
pub struct TextReader {
    inner: Inner,
    format: Format,
    text_bytes: u64,
}

type Raw = BufReader<Stream>;

enum Inner {
    Plain(Box<Raw>),
    Gzip(Box<BufReader<MultiGzDecoder<Raw>>>),
    Zstd(Box<BufReader<zstd::Decoder<'static, Raw>>>),
}

/// A file's bytes, decrypted where it is encrypted.
struct Stream {
    stored: Stored,
    opened: Option<Opened<BufReader<Stored>>>,
    bytes: u64,
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = match &mut self.opened {
            None => self.stored.read(buf)?,
            Some(opened) => opened.read(buf)?,
        };
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Hashes and counts what is read from the file. Shared, because age does not give back
/// what it reads from, and the hash is wanted also when decryption failed half way.
#[derive(Clone)]
struct Stored(Arc<Mutex<Hashed>>);

struct Hashed {
    file: Box<dyn Read + Send>,
    hash: Sha256,
    bytes: u64,
}

impl Stored {
    fn new(file: impl Read + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Hashed { file: Box::new(file), hash: Sha256::new(), bytes: 0 })))
    }

    fn hashed(&self) -> MutexGuard<'_, Hashed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Stored {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut hashed = self.hashed();
        let length = hashed.file.read(buf)?;
        hashed.hash.update(&buf[..length]);
        hashed.bytes += length as u64;
        Ok(length)
    }
}

/// Opens a dump as text. One that is encrypted is opened with `key`; `written_for` are
/// the fingerprints of its recipients, where they are known.
///
/// # Errors
/// It cannot be read, or it is in a form that is no dump ([`ExitCode::Store`]), or it is
/// encrypted and `key` does not open it.
pub fn open_text(path: &Path, key: &KeyFile, written_for: &[String]) -> Result<TextReader> {
    let reading = || format!("read {}", path.display());
    let mut file = fs::open(path)?;
    let facts = file.metadata().with_context(|| format!("look at {}", path.display()))?;
    if !facts.is_file() {
        return Err(Stop::new(ExitCode::Store, format!("{} is not a file", path.display())).into());
    }
    let mut front = Vec::new();
    Read::by_ref(&mut file)
        .take(32)
        .read_to_end(&mut front)
        .and_then(|_| file.rewind())
        .with_context(reading)?;
    let stored = Stored::new(file);
    if !front.starts_with(age::MAGIC) {
        let format = recognise(&front, path)?;
        return TextReader::new(stored, format).with_context(reading);
    }
    let raw = BufReader::with_capacity(BLOCK, stored.clone());
    let opened = key.open(raw, path, written_for)?;
    let mut raw = stream(stored, Some(opened));
    let format = match raw.fill_buf() {
        Ok(front) if front.starts_with(age::MAGIC) => {
            let message = format!("{} is encrypted twice", path.display());
            return Err(Stop::new(ExitCode::Store, message).hint("Decrypt it once first.").into());
        }
        Ok(front) => recognise(front, path)?,
        // Reading fails again later, and damage is reported there.
        Err(_) => Format::Plain,
    };
    TextReader::of(raw, format).with_context(reading)
}

/// SHA-256 of a file as it is stored.
pub(super) fn sha256_of(path: &Path) -> Result<String> {
    let reader = TextReader::new(Stored::new(fs::open(path)?), Format::Plain);
    let facts = reader.and_then(TextReader::finish);
    Ok(facts.with_context(|| format!("read {}", path.display()))?.sha256)
}

fn recognise(front: &[u8], path: &Path) -> Result<Format, Stop> {
    let refuse = |what: &str, hint: &str| {
        let message = format!("{} is {what}, not an SQL dump", path.display());
        Err(Stop::new(ExitCode::Store, message).hint(hint))
    };
    match front {
        [0x1f, 0x8b, ..] => Ok(Format::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Format::Zstd),
        [b'P', b'K', 3, 4, ..] => refuse("a ZIP archive", "Unpack it first: `unzip`."),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            refuse("xz-compressed", "Unpack it first: `xz -dk`.")
        }
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
            refuse("bzip2-compressed", "Unpack it first: `bunzip2 -k`.")
        }
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => {
            refuse("a 7z archive", "Unpack it first: `7z x`.")
        }
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => refuse("a RAR archive", "Unpack it first."),
        [4, 0x22, 0x4d, 0x18, ..] => refuse("lz4-compressed", "Unpack it first: `lz4 -d`."),
        _ if front.starts_with(b"-----BEGIN AGE") => {
            refuse("encrypted with age as text", "Decrypt it first: `age -d`.")
        }
        _ if front.starts_with(b"SQLite format 3\0") => {
            refuse("an SQLite database", "Give a dump made by mysqldump or by this tool.")
        }
        _ => Ok(Format::Plain),
    }
}

fn stream(stored: Stored, opened: Option<Opened<BufReader<Stored>>>) -> Raw {
    BufReader::with_capacity(BLOCK, Stream { stored, opened, bytes: 0 })
}

impl TextReader {
    fn new(stored: Stored, format: Format) -> io::Result<Self> {
        Self::of(stream(stored, None), format)
    }

    fn of(raw: Raw, format: Format) -> io::Result<Self> {
        let inner = match format {
            Format::Plain => Inner::Plain(Box::new(raw)),
            Format::Gzip => {
                Inner::Gzip(Box::new(BufReader::with_capacity(BLOCK, MultiGzDecoder::new(raw))))
            }
            Format::Zstd => Inner::Zstd(Box::new(BufReader::with_capacity(
                BLOCK,
                zstd::Decoder::with_buffer(raw)?,
            ))),
        };
        Ok(Self { inner, format, text_bytes: 0 })
    }

    /// How the file is stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Stored bytes read so far: what progress is measured by.
    pub fn bytes_read(&self) -> u64 {
        let stream = match &self.inner {
            Inner::Plain(raw) => raw.get_ref(),
            Inner::Gzip(text) => text.get_ref().get_ref().get_ref(),
            Inner::Zstd(text) => text.get_ref().get_ref().get_ref(),
        };
        stream.stored.hashed().bytes
    }

    /// Reads what is left and gives the facts about the whole file.
    pub fn finish(mut self) -> io::Result<ReadFacts> {
        self.drain()?;
        self.facts()
    }

    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(());
            }
            self.consume(length);
        }
    }

    /// The facts, hashing what is left of the stored bytes without decompressing it.
    pub(super) fn facts(self) -> io::Result<ReadFacts> {
        let raw = match self.inner {
            Inner::Plain(raw) => *raw,
            Inner::Gzip(text) => text.into_inner().into_inner(),
            Inner::Zstd(text) => text.into_inner().finish(),
        };
        // What the buffers hold is hashed already.
        let Stream { mut stored, opened, bytes } = raw.into_inner();
        let encrypted = opened.is_some();
        let mut block = vec![0; BLOCK];
        loop {
            match stored.read(&mut block) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let hashed = stored.hashed();
        Ok(ReadFacts {
            bytes: hashed.bytes,
            sha256: seal::hex(&hashed.hash.clone().finalize()),
            stream_bytes: if encrypted { bytes } else { hashed.bytes },
            text_bytes: self.text_bytes,
        })
    }
}

impl BufRead for TextReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.inner {
            Inner::Plain(raw) => raw.fill_buf(),
            Inner::Gzip(text) => text.fill_buf(),
            Inner::Zstd(text) => text.fill_buf(),
        }
    }

    fn consume(&mut self, length: usize) {
        self.text_bytes += length as u64;
        match &mut self.inner {
            Inner::Plain(raw) => raw.consume(length),
            Inner::Gzip(text) => text.consume(length),
            Inner::Zstd(text) => text.consume(length),
        }
    }
}

impl Read for TextReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let length = ready.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}

impl std::fmt::Debug for TextReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextReader")
            .field("format", &self.format)
            .field("text_bytes", &self.text_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
