//! The body: blocks of 64 KiB, each with a tag. A block's number and whether it is the
//! last are a part of what its tag says, so none can be left out, moved or added.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::header::{self, NO_RANDOM};
use crate::keys::random;
use crate::{Fault, Identity, Recipient};

const BLOCK: usize = 64 << 10;
const TAG: usize = 16;
const NONCE: usize = 16;

/// The number of the next block.
#[derive(Default)]
struct Counter(u64);

impl Counter {
    /// Eleven bytes of number, one that says whether it is the last.
    fn next(&mut self, last: bool) -> io::Result<Nonce> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.0.to_be_bytes());
        nonce[11] = u8::from(last);
        self.0 = self.0.checked_add(1).ok_or_else(|| io::Error::other("too many blocks"))?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// Encrypts what is written to it. Without [`Sealer::finish`] the file cannot be read to its
/// end.
pub struct Sealer<W> {
    out: W,
    key: LessSafeKey,
    counter: Counter,
    block: Vec<u8>,
    /// Some of a block was not written: nothing may follow.
    failed: bool,
}

impl<W: Write> Sealer<W> {
    /// Writes the header to `out`.
    ///
    /// # Errors
    /// There is no recipient, or `out` fails.
    pub fn new(mut out: W, recipients: &[Recipient]) -> io::Result<Self> {
        let (header, file_key) = header::write(recipients)?;
        let nonce = random::<NONCE>().ok_or_else(|| io::Error::other(NO_RANDOM))?;
        let key = header::body_key(&file_key, nonce.as_slice())
            .ok_or_else(|| io::Error::other("no key for the body"))?;
        out.write_all(&header)?;
        out.write_all(nonce.as_slice())?;
        let block = Vec::with_capacity(BLOCK + TAG);
        Ok(Self { out, key, counter: Counter::default(), block, failed: false })
    }

    /// Writes the last block, and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, last: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(io::Error::other("encrypting failed before"));
        }
        let nonce = self.counter.next(last)?;
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut self.block)
            .map_err(|_| io::Error::other("a block cannot be encrypted"))?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.failed = false;
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        // Not earlier: the last block may be a full one.
        if self.block.len() >= BLOCK {
            self.put(false)?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is not a block yet stays here.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// The text of an encrypted file. No byte of a block is given out before its tag was
/// checked. [`io::ErrorKind::UnexpectedEof`] and [`io::ErrorKind::InvalidData`] are the
/// file's own faults; after an error, every read fails.
pub struct Opener<R> {
    reader: R,
    key: LessSafeKey,
    counter: Counter,
    block: Vec<u8>,
    /// What of the block is text, and not given out yet.
    ready: std::ops::Range<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    More,
    AtEnd,
    Failed,
}

impl<R: BufRead> Opener<R> {
    /// Reads the header and looks for a key that fits.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn new(mut reader: R, identities: &[Identity]) -> Result<Self, Fault> {
        let file_key = header::read(&mut reader, identities)?;
        let mut nonce = [0; NONCE];
        reader.read_exact(&mut nonce)?;
        let key = header::body_key(&file_key, &nonce).ok_or(Fault::Damaged)?;
        Ok(Self::of(reader, key))
    }

    /// Reads the blocks alone.
    pub(crate) fn of(reader: R, key: LessSafeKey) -> Self {
        Self {
            reader,
            key,
            counter: Counter::default(),
            block: vec![0; BLOCK + TAG],
            ready: 0..0,
            state: State::More,
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let (length, last) = self.fill()?;
        let first = self.counter.0 == 0;
        if length < TAG {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let nonce = self.counter.next(last)?;
        let text = self
            .key
            .open_in_place(nonce, Aad::empty(), &mut self.block[..length])
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?
            .len();
        // Then the block before it would have been the last.
        if text == 0 && !first {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.ready = 0..text;
        self.state = if last { State::AtEnd } else { State::More };
        Ok(())
    }

    /// Reads a block and looks whether anything follows.
    fn fill(&mut self) -> io::Result<(usize, bool)> {
        let mut length = 0;
        while length < self.block.len() {
            match self.reader.read(&mut self.block[length..]) {
                Ok(0) => return Ok((length, true)),
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.reader.fill_buf() {
                Ok(rest) => return Ok((length, rest.is_empty())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: BufRead> Read for Opener<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.ready.is_empty() {
            match self.state {
                State::AtEnd => return Ok(0),
                State::Failed => return Err(io::ErrorKind::InvalidData.into()),
                State::More => {}
            }
            self.state = State::Failed;
            self.next_block()?;
        }
        let length = buf.len().min(self.ready.len());
        let from = self.ready.start;
        buf[..length].copy_from_slice(&self.block[from..from + length]);
        self.ready.start += length;
        Ok(length)
    }
}

impl<R> fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}
