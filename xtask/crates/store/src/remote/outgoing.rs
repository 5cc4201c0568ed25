//! A backup's bytes on their way out, encrypted where that is wanted.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::rc::Rc;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::send::{Parcel, Phase, Watch};
use crate::age::Sealer;
use crate::seal;
use model::exit::Stop;
use sys::fs;

const BLOCK: usize = 256 << 10;
/// What age encrypts at a time, and what it adds to each.
const SEALED_BLOCK: u64 = 64 << 10;
const SEALED_TAG: u64 = 16;

/// What the sealer wrote and is not taken yet.
#[derive(Debug, Clone, Default)]
struct Sealed(Rc<RefCell<Vec<u8>>>);

impl Write for Sealed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes as they are stored at the destination, hashed on the way on both sides of
/// the encryption.
pub(super) struct Outgoing<'a> {
    file: File,
    sealer: Option<Sealer<Sealed>>,
    ready: Sealed,
    taken: usize,
    plain: Sha256,
    read: u64,
    at_end: bool,
    pub(super) sent: Sha256,
    /// How long all of it is.
    pub(super) length: u64,
    done: u64,
    watch: Watch<'a>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn open(parcel: &Parcel<'_>, watch: Watch<'a>) -> Result<Self> {
        let file = fs::open(&parcel.file)?;
        let ready = Sealed::default();
        let sealer = match parcel.seal {
            Some((recipients, _)) => Some(recipients.sealer(ready.clone())?),
            None => None,
        };
        let plain = parcel.manifest.bytes;
        let blocks = plain.div_ceil(SEALED_BLOCK).max(1);
        // The header is written by now.
        let header = ready.0.borrow().len() as u64;
        let length = if sealer.is_some() { header + plain + blocks * SEALED_TAG } else { plain };
        Ok(Self {
            file,
            sealer,
            ready,
            taken: 0,
            plain: Sha256::new(),
            read: 0,
            at_end: false,
            sent: Sha256::new(),
            length,
            done: 0,
            watch,
        })
    }

    /// Takes more of the file in, when everything before has gone out.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.0.borrow_mut().clear();
        self.taken = 0;
        let mut block = vec![0; BLOCK];
        let length = self.file.read(&mut block)?;
        let bytes = &block[..length];
        self.plain.update(bytes);
        self.read += length as u64;
        match (&mut self.sealer, length) {
            (sealer, 0) => {
                self.at_end = true;
                sealer.take().map_or(Ok(()), |sealer| sealer.finish().map(drop))
            }
            (Some(sealer), _) => sealer.write_all(bytes),
            (None, _) => self.ready.write_all(bytes),
        }
    }

    /// What shows that the backup is not what its manifest says, once all of it was read.
    pub(super) fn damage(&mut self, parcel: &Parcel<'_>) -> Option<Stop> {
        let hash = seal::hex(&std::mem::take(&mut self.plain).finalize());
        if !self.at_end || (self.read == parcel.manifest.bytes && hash == parcel.manifest.sha256) {
            return None;
        }
        Some(parcel.damaged())
    }
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.0.borrow().len() {
            if self.at_end || buf.is_empty() {
                return Ok(0);
            }
            self.fill()?;
        }
        let ready = self.ready.0.borrow();
        let length = buf.len().min(ready.len() - self.taken);
        buf[..length].copy_from_slice(&ready[self.taken..self.taken + length]);
        self.taken += length;
        self.sent.update(&buf[..length]);
        self.done += length as u64;
        (self.watch)(Phase::Sending, self.done);
        Ok(length)
    }
}
