//! Several readers, one file: ranges are read side by side and written in order.
//!
//! Whoever is free takes the next range, in the file's order, and fills a short
//! queue of its own with blocks of text. The writer empties the queues one after the
//! other. The range that the writer waits for was taken before all later ones, so
//! somebody is at work on it: nothing can wait in a circle. A reader that is ahead
//! waits when its queue is full, which keeps memory flat, whatever a range holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rowtext::{Sum, TextRows};

use super::columns::Columns;
use crate::model::digest::ContentDigest;
use crate::server::wire::Wire;
use crate::sys::signal;

/// Text goes to the writer in blocks of about this size.
const BLOCK: usize = 256 << 10;
/// Blocks that may wait for the writer, per reader: as much text as a range should hold.
const WAITING: usize = 24;
/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(200);

/// One range of one table.
#[derive(Debug)]
pub(super) struct Range<'a> {
    pub(super) columns: &'a Columns,
    /// What stands behind `SELECT … FROM t`.
    pub(super) condition: String,
}

enum Message {
    Text(Vec<u8>),
    /// The range is whole.
    Done(ContentDigest),
}

/// What the readers and the writer share.
pub(super) struct Lanes<'a> {
    waiting: Mutex<VecDeque<(Range<'a>, SyncSender<Message>)>>,
    /// Blocks that were written and can be filled again.
    spare: Mutex<Vec<Vec<u8>>>,
    failure: Mutex<Option<anyhow::Error>>,
    stop: Arc<AtomicBool>,
}

/// A range's place in the file.
pub(super) struct Lane(Receiver<Message>);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole at any moment, also when a thread panicked beside it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Lanes<'a> {
    /// All ranges in the file's order, and where each one's text will come out. `stop`
    /// is set when one fails, so that a reader's wait for the server ends, too.
    pub(super) fn new(ranges: Vec<Range<'a>>, stop: Arc<AtomicBool>) -> (Self, VecDeque<Lane>) {
        let mut waiting = VecDeque::with_capacity(ranges.len());
        let mut lanes = VecDeque::with_capacity(ranges.len());
        for range in ranges {
            let (sender, receiver) = sync_channel(WAITING);
            waiting.push_back((range, sender));
            lanes.push_back(Lane(receiver));
        }
        let waiting = Mutex::new(waiting);
        let (spare, failure) = (Mutex::default(), Mutex::default());
        (Self { waiting, spare, failure, stop }, lanes)
    }

    /// A reader's whole life.
    pub(super) fn read(&self, wire: &mut Wire) {
        if let Err(error) = self.read_all(wire) {
            held(&self.failure).get_or_insert(error);
            self.stop();
        }
    }

    /// Makes every reader end soon.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        held(&self.waiting).clear();
    }

    fn read_all(&self, wire: &mut Wire) -> Result<()> {
        loop {
            let next = held(&self.waiting).pop_front();
            let Some((range, sender)) = next else { return Ok(()) };
            self.range(wire, &range, &sender)?;
        }
    }

    fn range(&self, wire: &mut Wire, range: &Range<'_>, out: &SyncSender<Message>) -> Result<()> {
        let Columns { kinds, insert, select } = range.columns;
        let mut rows = TextRows::new(kinds.clone(), insert.clone(), BLOCK, self.block());
        wire.query(&format!("{select}{}", range.condition))?;
        while !wire.feed(&mut rows)? {
            let full = rows.take(self.block());
            self.send(out, Message::Text(full))?;
        }
        let (rest, sum) = rows.finish();
        self.send(out, Message::Text(rest))?;
        let Sum { rows, sum } = sum;
        self.send(out, Message::Done(ContentDigest { rows, sum }))
    }

    fn block(&self) -> Vec<u8> {
        held(&self.spare).pop().unwrap_or_else(|| Vec::with_capacity(BLOCK + (64 << 10)))
    }

    fn send(&self, out: &SyncSender<Message>, message: Message) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(anyhow!("ended because another connection failed"));
        }
        // The writer hangs up only when it failed, and tells why itself.
        out.send(message).map_err(|_| anyhow!("the writer has ended"))
    }

    /// Writes one range's text; gives its rows.
    pub(super) fn write(
        &self,
        lane: &Lane,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<ContentDigest> {
        loop {
            match lane.0.recv_timeout(TICK) {
                Ok(Message::Text(mut text)) => {
                    write(&text)?;
                    text.clear();
                    // A block that grew for a large value is not kept.
                    if text.capacity() < 2 * BLOCK {
                        held(&self.spare).push(text);
                    }
                }
                Ok(Message::Done(digest)) => return Ok(digest),
                Err(RecvTimeoutError::Timeout) => {
                    signal::check()?;
                    self.failed()?;
                }
                // Without its last message a range is not whole.
                Err(RecvTimeoutError::Disconnected) => {
                    self.failed()?;
                    return Err(anyhow!("a reader ended without a word"));
                }
            }
        }
    }

    fn failed(&self) -> Result<()> {
        match held(&self.failure).take() {
            Some(error) => Err(error).context("read the rows"),
            None => Ok(()),
        }
    }
}
