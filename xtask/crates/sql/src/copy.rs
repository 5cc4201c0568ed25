//! From the dumping client to the store: every statement made portable, put
//! into its section and counted on the way.

use std::io::BufRead;

use anyhow::Result;

use super::client::{Form, Statement};
use super::guard::Guard;
use super::marker;
use super::read::{Piece, unnamed};
use super::rewrite::portable;
use super::scan::Scanner;
use super::sections::{Sections, is_replication};
use super::seen::{Observer, Seen};
use super::statement::Kind;
use model::sink::SectionSink;

/// How far a dump or a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Bytes of the input that were dealt with.
    pub bytes: u64,
    /// Rows so far.
    pub rows: u64,
    /// The table being read; empty outside of tables.
    pub object: &'a str,
}

/// How many bytes pass between two reports of progress.
const REPORT_EVERY: u64 = 1 << 20;

/// What a restore's guard would refuse, noted: nothing of it may become a backup.
fn judge(
    guard: &mut Guard,
    observer: &mut Observer,
    kind: &Kind,
    item: &Statement<'_>,
    text: &[u8],
) {
    let kind = &*unnamed(kind);
    let line = item.line;
    let piece = Piece {
        kind,
        text: text.trim_ascii_end(),
        line,
        bytes: 0,
        mode: item.mode,
        charset: item.charset,
        utf8: false,
        layout: None,
    };
    if let Err(why) = guard.judge(&piece)
        && observer.seen.refused.is_none()
    {
        let what = match kind {
            Kind::CreateTable { name, .. } => format!("the table `{name}`"),
            kind => kind.program().map_or_else(
                || format!("line {line}"),
                |(kind, name)| format!("the {} `{name}`", kind.keyword().to_lowercase()),
            ),
        };
        observer.seen.refused = Some((what, why));
    }
}

/// Copies a dump to `sink`. The end marker is the caller's to write
/// ([`marker::write_end_marker`]), once it knows that the client ended well.
///
/// Ends well on a dump without the client's last line: [`Seen::completed`] says
/// whether it was there.
pub fn copy_dump(
    input: impl BufRead,
    sink: &mut dyn SectionSink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Seen> {
    let mut scanner = Scanner::new(input);
    let mut observer = Observer::default();
    let mut guard = Guard::new();
    let mut out = Sections::new(sink)?;
    let mut reported = 0;
    loop {
        let Some(item) = scanner.next()? else { break };
        let kind = observer.take(&item)?;
        match item.form {
            Form::Sandbox => out.follow(&[item.lead])?,
            Form::End => out.end(&marker::without(item.lead))?,
            Form::Sql if *kind == Kind::Set && is_replication(item.text, item.mode) => {
                out.follow(&[item.lead])?;
            }
            Form::Sql => {
                let found = portable(&kind, item.text, item.mode);
                judge(&mut guard, &mut observer, &kind, &item, &found.text);
                let parts = [item.lead, &found.text, item.tail];
                out.statement(&kind, item.mode, item.text, parts)?;
                observer.definer(&kind, found.definer);
            }
            Form::Delimiter | Form::Command => {
                out.follow(&[item.lead, item.text, item.tail])?;
            }
        }
        let bytes = scanner.consumed();
        if bytes - reported >= REPORT_EVERY {
            reported = bytes;
            progress(Progress { bytes, rows: observer.seen.rows, object: out.object() });
        }
    }
    // A file without anything behind its last statement has no end item.
    out.end(b"")?;
    observer.seen.text_bytes = out.bytes();
    let rows = observer.seen.rows;
    progress(Progress { bytes: scanner.consumed(), rows, object: "" });
    Ok(observer.seen)
}
