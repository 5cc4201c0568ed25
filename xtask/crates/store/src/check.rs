//! Reads a dump and compares it with its manifest on the way.
//!
//! What the SQL says is the engine's to judge. So the checks here ride along while
//! the engine reads the text, and the file is read once.

use std::io::{self, BufRead, Read};

use anyhow::Result;

use super::codec::{self, ReadFacts, TextReader};
use super::source::Source;
use model::check::Check;
use model::manifest::{Manifest, Section};
use model::number::{count, thousands};

/// Name of the check of the size.
pub const SIZE: &str = "file size";
/// Name of the check of the hash.
pub const HASH: &str = "sha-256";
/// Name of the check that the text can be read to its end.
pub const TEXT: &str = "readable to the end";
/// Name of the check of the index.
pub const INDEX: &str = "section index";

const NO_MANIFEST: &str = "there is no manifest to compare with";

/// The text of a dump, watched while it is read.
#[derive(Debug)]
pub struct CheckedReader {
    text: TextReader,
    manifest: Option<Manifest>,
    failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// What was read; `None` when the file could not be read to its end.
    pub facts: Option<ReadFacts>,
    /// Size, hash, text and index, in this order; always these four.
    pub checks: Vec<Check>,
}

/// Opens a dump to be read and checked at once.
pub fn open_checked(source: &Source) -> Result<CheckedReader> {
    let encryption = source.manifest.as_ref().and_then(|manifest| manifest.encryption.as_ref());
    let written_for = encryption.map_or(&[][..], |encryption| &encryption.recipients);
    Ok(CheckedReader {
        text: codec::open_text(&source.path, &source.key, written_for)?,
        manifest: source.manifest.clone(),
        failure: None,
    })
}

/// Reads a dump to its end only to check it.
///
/// # Errors
/// As [`open_checked`]; damage is not an error but a failed check.
pub fn check_file(source: &Source) -> Result<CheckedFile> {
    Ok(open_checked(source)?.finish())
}

impl CheckedReader {
    /// Stored bytes read so far: what progress is measured by.
    pub fn bytes_read(&self) -> u64 {
        self.text.bytes_read()
    }

    /// Reads what the caller left, and judges.
    pub fn finish(mut self) -> CheckedFile {
        if self.failure.is_none() {
            self.failure = self.text.drain().err().map(|error| error.to_string());
        }
        // The hash covers the whole file also when its text could not be read.
        let facts = self.text.facts();
        let manifest = self.manifest.as_ref();
        let checks = match &facts {
            Ok(facts) => vec![
                size(facts, manifest),
                hash(facts, manifest),
                text(facts, manifest, self.failure.as_deref()),
                index(manifest, self.failure.is_none().then_some(facts)),
            ],
            Err(error) => {
                let why = format!("the file cannot be read ({error})");
                let unread = |name: &str| Check::failed(name, why.clone());
                vec![unread(SIZE), unread(HASH), unread(TEXT), index(manifest, None)]
            }
        };
        CheckedFile { facts: facts.ok(), checks }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failure.get_or_insert_with(|| error.to_string());
        }
        result
    }
}

fn size(facts: &ReadFacts, manifest: Option<&Manifest>) -> Check {
    match manifest {
        None => Check::not_run(SIZE, NO_MANIFEST),
        Some(m) if m.bytes == facts.bytes => Check::passed(SIZE, count(m.bytes, "byte")),
        Some(m) => Check::failed(
            SIZE,
            format!("{}, the manifest says {}", count(facts.bytes, "byte"), thousands(m.bytes)),
        ),
    }
}

fn hash(facts: &ReadFacts, manifest: Option<&Manifest>) -> Check {
    match manifest {
        None => Check::not_run(HASH, NO_MANIFEST),
        Some(m) if m.sha256 == facts.sha256 => Check::passed(HASH, m.sha256.clone()),
        Some(m) => Check::failed(HASH, format!("{}, the manifest says {}", facts.sha256, m.sha256)),
    }
}

fn text(facts: &ReadFacts, manifest: Option<&Manifest>, failure: Option<&str>) -> Check {
    let read = facts.text_bytes;
    match (failure, manifest) {
        (Some(why), _) => {
            Check::failed(TEXT, format!("after {} of text: {why}", count(read, "byte")))
        }
        (None, Some(m)) if m.text_bytes != read => Check::failed(
            TEXT,
            format!(
                "{} of text, the manifest says {}",
                count(read, "byte"),
                thousands(m.text_bytes)
            ),
        ),
        (None, _) => Check::passed(TEXT, format!("{} of text", count(read, "byte"))),
    }
}

/// Whether the index covers the file without gap or overlap. Of an encrypted file it
/// counts the bytes inside the encryption, which are known once all of them were read.
fn index(manifest: Option<&Manifest>, read: Option<&ReadFacts>) -> Check {
    let Some(manifest) = manifest else { return Check::not_run(INDEX, NO_MANIFEST) };
    let sections = &manifest.sections;
    if sections.is_empty() {
        return Check::not_run(INDEX, "the manifest has no index");
    }
    let mut end = Some(0_u64);
    for section in sections {
        if Some(section.offset) != end {
            let name = &section.name;
            return Check::failed(INDEX, format!("a gap or an overlap before `{name}`"));
        }
        end = section.offset.checked_add(section.length);
    }
    let covered = match (&manifest.encryption, read) {
        (None, _) => manifest.bytes,
        (Some(_), Some(facts)) => facts.stream_bytes,
        (Some(_), None) => {
            return Check::not_run(INDEX, "the encrypted file could not be read to its end");
        }
    };
    let text = |sum: Option<u64>, s: &Section| sum?.checked_add(s.text_length);
    let ok =
        end == Some(covered) && sections.iter().fold(Some(0), text) == Some(manifest.text_bytes);
    let says = if ok { "cover the file" } else { "do not cover the file" };
    Check::of(ok, INDEX, format!("{} {says}", count(sections.len() as u64, "section")))
}

impl Read for CheckedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.text.read(buf);
        self.note(result)
    }
}

impl BufRead for CheckedReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Asked twice because a borrow cannot be returned and looked at; the
        // second time the buffer is full and nothing is read.
        let result = self.text.fill_buf().map(|_| ());
        self.note(result)?;
        self.text.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.text.consume(length);
    }
}
