//! How the text of a file is read: as a backup of this tool, or as what the user says of it.

use anyhow::Result;

use crate::ctx::Ctx;
use model::exit::{ExitCode, Stop, find_stop};
use sql::charset::Charset;
use sql::{DumpText, Reading, Seen, decode, not_a_dump};
use store::check::CheckedReader;
use store::source::Source;

/// By so many bytes a file is recognised that is no dump.
const FRONT: u64 = 4096;

/// How it is to be read.
///
/// # Errors
/// The user names a character set that is not known here ([`ExitCode::Usage`]).
pub fn of(source: &Source) -> Result<Reading, Stop> {
    let charset = source.text.charset.as_deref().map(named).transpose()?;
    let stranger = source.manifest.is_none();
    Ok(Reading { charset, stranger, keep_text: source.text.keep_text })
}

fn named(name: &str) -> Result<Charset, Stop> {
    Charset::named(name).ok_or_else(|| {
        Stop::new(ExitCode::Usage, format!("--charset {name}: this tool cannot read text in it"))
            .hint(
                "Names are those of the server: latin1, latin2, cp850, cp1250, cp1251, koi8r, \
                 greek, gbk, gb18030, big5, sjis, cp932, euckr, ujis, utf8mb4 and others.",
            )
            .hint("A file in UTF-16 is recognised by itself.")
    })
}

/// The text, in UTF-8 if it was UTF-16.
///
/// # Errors
/// It cannot be read, or it is no dump at all.
pub fn open<'r>(
    ctx: &Ctx,
    source: &Source,
    reader: &'r mut CheckedReader,
) -> Result<DumpText<&'r mut CheckedReader>> {
    let mut text = decode(reader)?;
    if let Some(note) = text.encoding().note() {
        ctx.ui.warn(note);
    }
    // What cannot be read is reported with the line, by the one who reads it.
    if source.manifest.is_none()
        && let Ok(front) = text.front(FRONT)
        && let Some(stop) = not_a_dump(front, &source.name)
    {
        return Err(stop.into());
    }
    Ok(text)
}

/// What was done about line ends, if anything was.
pub fn bodies(seen: &Seen) -> Option<String> {
    let programs = seen.unix_bodies;
    (programs > 0).then(|| {
        format!(
            "every line ends in CR LF, as a transfer in text mode or a dump program on Windows \
             leaves it: {programs} views, triggers, routines or events are read with LF; values of \
             rows stay as they are"
        )
    })
}

/// A refusal, with what to do about a file that this tool did not make.
#[must_use]
pub fn with_hints(stop: Stop, source: &Source, hints: &[String]) -> Stop {
    if source.manifest.is_some() || hints.is_empty() {
        return stop;
    }
    Stop { hints: hints.to_vec(), ..stop }
}

/// What the refusal of a file says to do next.
pub fn hints(error: &anyhow::Error) -> Vec<String> {
    find_stop(error).map(|stop| stop.hints.clone()).unwrap_or_default()
}
