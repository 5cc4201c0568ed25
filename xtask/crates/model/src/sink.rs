//! Where a dump goes: bytes with marked sections.

use std::io::{self, Write};

use crate::manifest::SectionKind;

/// A writer with a mark where each object starts. The store implements it: it
/// hashes, compresses (a new zstd frame for each section) and keeps the index.
pub trait SectionSink: Write {
    /// What is written from here on belongs to this object.
    fn section(&mut self, kind: SectionKind, name: &str) -> io::Result<()>;
}

/// Throws the bytes away: for reading a file only to count and compare.
#[derive(Debug, Default)]
pub struct NullSink;

impl Write for NullSink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SectionSink for NullSink {
    fn section(&mut self, _kind: SectionKind, _name: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the bytes; for tests and small files.
impl SectionSink for Vec<u8> {
    fn section(&mut self, _kind: SectionKind, _name: &str) -> io::Result<()> {
        Ok(())
    }
}
