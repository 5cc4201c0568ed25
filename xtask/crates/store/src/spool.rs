//! From SQL text to stored bytes: compress, encrypt, hash, write, keep the index.
//!
//! A thread of its own does that, fed through a short channel, so that the dump
//! goes on while the block before it is hashed. Memory stays flat: the channel
//! holds a few blocks and then makes the dump wait.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::age::{Recipients, Sealer};
use super::seal;
use model::manifest::{Compression, Section, SectionKind};

/// Level 1: the dump, not the disk, is the bottleneck, and SQL text shrinks well.
const ZSTD_LEVEL: i32 = 1;
/// A frame ends after this much text, so that damage stays in one frame and a
/// reader can spread a large table over several threads.
const FRAME_TEXT: usize = 16 << 20;
/// Text goes to the thread, and bytes to the disk, in blocks of this size.
const BLOCK: usize = 256 << 10;
/// Blocks that may wait for the thread.
const WAITING: usize = 8;
/// Bytes at the front of what is encrypted that are kept, for a look whether they come back.
const FRONT: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub bytes: u64,
    pub text_bytes: u64,
    pub sha256: String,
    pub sections: Vec<Section>,
    /// The first bytes before encryption.
    pub front: Vec<u8>,
}

enum Piece {
    Text(Vec<u8>),
    Section(SectionKind, String),
}

/// The dump's end of the channel.
pub(super) struct Spool<W> {
    block: Vec<u8>,
    sender: Option<SyncSender<Piece>>,
    thread: Option<JoinHandle<io::Result<(W, Tally)>>>,
    failed: Option<io::ErrorKind>,
}

impl<W: Write + Send + 'static> Spool<W> {
    /// Starts the thread, which writes to `out`; with `recipients` encrypted for them.
    pub(super) fn start(
        out: W,
        compression: Compression,
        recipients: Option<&Recipients>,
    ) -> io::Result<Self> {
        let press = Press::new(out, compression, recipients)?;
        let (sender, receiver) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || press.run(&receiver))?;
        Ok(Self {
            block: Vec::with_capacity(BLOCK),
            sender: Some(sender),
            thread: Some(thread),
            failed: None,
        })
    }

    pub(super) fn section(&mut self, kind: SectionKind, name: &str) -> io::Result<()> {
        self.send_block()?;
        self.send(Piece::Section(kind, name.to_owned()))
    }

    fn send_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.send(Piece::Text(block))
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        if let Some(kind) = self.failed {
            return Err(io::Error::new(kind, "writing the file failed earlier"));
        }
        if self.sender.as_ref().is_some_and(|sender| sender.send(piece).is_ok()) {
            return Ok(());
        }
        // The thread hangs up only when it failed: its error is the one to tell.
        let error = match self.join() {
            Err(error) => error,
            Ok(_) => io::Error::other("the writer ended too early"),
        };
        self.failed = Some(error.kind());
        Err(error)
    }

    fn join(&mut self) -> io::Result<(W, Tally)> {
        self.sender = None;
        let thread = self.thread.take().ok_or_else(|| io::Error::other("the writer has ended"))?;
        thread.join().map_err(|_| io::Error::other("the writer panicked"))?
    }

    /// Waits until everything is written, not synced.
    pub(super) fn finish(mut self) -> io::Result<(W, Tally)> {
        self.send_block()?;
        if let Some(kind) = self.failed {
            return Err(io::Error::new(kind, "writing the file failed earlier"));
        }
        self.join()
    }
}

impl<W: Write + Send + 'static> Write for Spool<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Large pieces are cut so that blocks, and with them memory, keep their size.
        for part in text.chunks(BLOCK) {
            if self.block.len() + part.len() > BLOCK {
                self.send_block()?;
            }
            self.block.extend_from_slice(part);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_block()
    }
}

impl<W> Drop for Spool<W> {
    fn drop(&mut self) {
        // The file must be closed before anybody removes it.
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl<W> std::fmt::Debug for Spool<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// Writes, and hashes what it writes.
struct Hashed<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.out.write(bytes)?;
        self.hash.update(&bytes[..length]);
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

enum Out<W> {
    Plain(Hashed<W>),
    Sealed(Box<Sealer<Hashed<W>>>),
}

/// Bytes on their way to the disk. The index counts them as they come in here, so that of
/// an encrypted file its offsets are those of `age -d`.
struct Stored<W> {
    out: Out<W>,
    block: Vec<u8>,
    bytes: u64,
    front: Vec<u8>,
}

impl<W: Write> Stored<W> {
    fn new(out: W, recipients: Option<&Recipients>) -> io::Result<Self> {
        let hashed = Hashed { out, hash: Sha256::new(), bytes: 0 };
        let out = match recipients {
            None => Out::Plain(hashed),
            Some(recipients) => Out::Sealed(Box::new(recipients.sealer(hashed)?)),
        };
        Ok(Self { out, block: Vec::with_capacity(2 * BLOCK), bytes: 0, front: Vec::new() })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        let wanted = FRONT.saturating_sub(self.front.len());
        self.front.extend_from_slice(&bytes[..wanted.min(bytes.len())]);
        if self.block.is_empty() && bytes.len() >= BLOCK {
            return self.out.write_all(bytes);
        }
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK { self.drain() } else { Ok(()) }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Out<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(bytes),
            Self::Sealed(out) => out.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<Hashed<W>> {
        let mut hashed = match self {
            Self::Plain(out) => out,
            Self::Sealed(out) => out.finish()?,
        };
        hashed.flush()?;
        Ok(hashed)
    }
}

/// zstd, one frame after the other.
struct Frames {
    encoder: Encoder<'static>,
    out: Vec<u8>,
    /// Text in the frame that is open; `None`: no frame is open.
    text: Option<usize>,
}

impl Frames {
    fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(ZSTD_LEVEL)?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { encoder, out: vec![0; BLOCK], text: None })
    }

    fn put<W: Write>(&mut self, mut text: &[u8], stored: &mut Stored<W>) -> io::Result<()> {
        while !text.is_empty() {
            let done = self.text.unwrap_or(0);
            let (now, later) = text.split_at(text.len().min(FRAME_TEXT - done));
            let mut input = InBuffer::around(now);
            while input.pos() < now.len() {
                let mut output = OutBuffer::around(&mut self.out[..]);
                self.encoder.run(&mut input, &mut output)?;
                let length = output.pos();
                stored.put(&self.out[..length])?;
            }
            self.text = Some(done + now.len());
            if done + now.len() >= FRAME_TEXT {
                self.end(stored)?;
            }
            text = later;
        }
        Ok(())
    }

    fn end<W: Write>(&mut self, stored: &mut Stored<W>) -> io::Result<()> {
        if self.text.take().is_none() {
            return Ok(());
        }
        loop {
            let mut output = OutBuffer::around(&mut self.out[..]);
            let left = self.encoder.finish(&mut output, true)?;
            let length = output.pos();
            stored.put(&self.out[..length])?;
            if left == 0 {
                // Keeps the level and the checksum flag.
                return self.encoder.reinit();
            }
        }
    }
}

struct Press<W> {
    stored: Stored<W>,
    frames: Option<Frames>,
    text_bytes: u64,
    /// `text_bytes` when the open section began.
    section_text: u64,
    sections: Vec<Section>,
}

impl<W: Write> Press<W> {
    fn new(out: W, compression: Compression, recipients: Option<&Recipients>) -> io::Result<Self> {
        let frames = match compression {
            Compression::None => None,
            Compression::Zstd => Some(Frames::new()?),
        };
        let stored = Stored::new(out, recipients)?;
        Ok(Self { stored, frames, text_bytes: 0, section_text: 0, sections: Vec::new() })
    }

    fn run(mut self, pieces: &Receiver<Piece>) -> io::Result<(W, Tally)> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text(&text)?,
                Piece::Section(kind, name) => self.section(kind, name)?,
            }
        }
        self.finish()
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        if self.sections.is_empty() {
            // The index covers every byte, even those in front of the first mark.
            self.section(SectionKind::Head, String::new())?;
        }
        self.text_bytes += text.len() as u64;
        match &mut self.frames {
            None => self.stored.put(text),
            Some(frames) => frames.put(text, &mut self.stored),
        }
    }

    fn end_section(&mut self) -> io::Result<()> {
        if let Some(frames) = &mut self.frames {
            frames.end(&mut self.stored)?;
        }
        if let Some(section) = self.sections.last_mut() {
            section.length = self.stored.bytes - section.offset;
            section.text_length = self.text_bytes - self.section_text;
        }
        self.section_text = self.text_bytes;
        Ok(())
    }

    fn section(&mut self, kind: SectionKind, name: String) -> io::Result<()> {
        self.end_section()?;
        let offset = self.stored.bytes;
        self.sections.push(Section { kind, name, offset, length: 0, text_length: 0 });
        if let Some(frames) = &mut self.frames {
            // A section without text is a frame too: decoders refuse zero bytes.
            frames.text = Some(0);
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(W, Tally)> {
        if self.sections.is_empty()
            && let Some(frames) = &mut self.frames
        {
            frames.text = Some(0);
        }
        self.end_section()?;
        self.stored.drain()?;
        let Hashed { out, hash, bytes } = self.stored.out.finish()?;
        let tally = Tally {
            bytes,
            text_bytes: self.text_bytes,
            sha256: seal::hex(&hash.finalize()),
            sections: self.sections,
            front: self.stored.front,
        };
        Ok((out, tally))
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
