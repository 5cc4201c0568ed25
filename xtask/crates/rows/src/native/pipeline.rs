//! Several readers, one file: ranges are read side by side and written in order.
//!
//! A free reader takes the next range, in the file's order, and fills a queue of its
//! own with blocks of text. The writer empties the queues one after the other. All
//! queues together hold so many bytes; a reader that is ahead waits when they are full.
//! Only the range that the writer waits for has its own room, and a reader is working on it,
//! because it was taken before all later ones: no deadlock is possible, and memory stays flat.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rowtext::{Sum, TextRows};

use super::columns::Columns;
use model::digest::ContentDigest;
use server::wire::Wire;
use sys::signal;

/// Text goes to the writer in blocks of about this size.
const BLOCK: usize = 256 << 10;
/// Bytes of text that may wait for the writer, in all.
const WAITING: usize = 24 << 20;
/// So much of the range that is being written may wait, whatever else does.
const CURRENT: usize = 4 << 20;
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
    /// The range is whole: its rows, and bytes of the longest one's text.
    Done(ContentDigest, usize),
}

/// Where a range's text goes in.
struct Queue {
    number: usize,
    sender: Sender<Message>,
}

/// What waits for the writer.
#[derive(Debug, Default)]
struct Waiting {
    /// The range that is being written.
    current: usize,
    /// Bytes of each range that has any.
    bytes: BTreeMap<usize, usize>,
    all: usize,
}

impl Waiting {
    fn has_room(&self, number: usize) -> bool {
        self.all < WAITING
            || number == self.current && self.bytes.get(&number).is_none_or(|n| *n < CURRENT)
    }

    fn put(&mut self, number: usize, bytes: usize) {
        *self.bytes.entry(number).or_default() += bytes;
        self.all += bytes;
    }

    fn took(&mut self, number: usize, bytes: usize) {
        if let Some(left) = self.bytes.get_mut(&number) {
            *left -= bytes;
        }
        self.all -= bytes;
    }
}

/// What the readers and the writer share.
pub(super) struct Lanes<'a> {
    ranges: Mutex<VecDeque<(Range<'a>, Queue)>>,
    waiting: Mutex<Waiting>,
    taken: Condvar,
    /// Blocks that were written and can be filled again.
    spare: Mutex<Vec<Vec<u8>>>,
    failure: Mutex<Option<anyhow::Error>>,
    stop: Arc<AtomicBool>,
}

/// A range's place in the file.
pub(super) struct Lane(usize, Receiver<Message>);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole at any moment, also when a thread panicked beside it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Lanes<'a> {
    /// All ranges in the file's order, and where each one's text will come out. `stop`
    /// is set when one fails, so that a reader's wait for the server ends, too.
    pub(super) fn new(ranges: Vec<Range<'a>>, stop: Arc<AtomicBool>) -> (Self, VecDeque<Lane>) {
        let mut all = VecDeque::with_capacity(ranges.len());
        let mut lanes = VecDeque::with_capacity(ranges.len());
        for (number, range) in ranges.into_iter().enumerate() {
            let (sender, receiver) = channel();
            all.push_back((range, Queue { number, sender }));
            lanes.push_back(Lane(number, receiver));
        }
        let (waiting, taken) = (Mutex::default(), Condvar::new());
        let (spare, failure) = (Mutex::default(), Mutex::default());
        (Self { ranges: Mutex::new(all), waiting, taken, spare, failure, stop }, lanes)
    }

    pub(super) fn read(&self, wire: &mut Wire) {
        if let Err(error) = self.read_all(wire) {
            held(&self.failure).get_or_insert(error);
            self.stop();
        }
    }

    /// Makes every reader end soon.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        held(&self.ranges).clear();
        self.taken.notify_all();
    }

    fn read_all(&self, wire: &mut Wire) -> Result<()> {
        loop {
            let next = held(&self.ranges).pop_front();
            let Some((range, queue)) = next else { return Ok(()) };
            self.range(wire, &range, &queue)?;
        }
    }

    fn range(&self, wire: &mut Wire, range: &Range<'_>, out: &Queue) -> Result<()> {
        let Columns { kinds, insert, select } = range.columns;
        let mut rows = TextRows::new(kinds.clone(), insert.clone(), BLOCK, self.block());
        wire.query(&format!("{select}{}", range.condition))?;
        while !wire.feed(&mut rows)? {
            let full = rows.take(self.block());
            self.send(out, Message::Text(full))?;
        }
        let longest = rows.longest();
        let (rest, sum) = rows.finish();
        self.send(out, Message::Text(rest))?;
        let Sum { rows, sum } = sum;
        self.send(out, Message::Done(ContentDigest { rows, sum }, longest))
    }

    fn block(&self) -> Vec<u8> {
        held(&self.spare).pop().unwrap_or_else(|| Vec::with_capacity(BLOCK + (64 << 10)))
    }

    /// Waits until there is room.
    fn send(&self, out: &Queue, message: Message) -> Result<()> {
        if let Message::Text(text) = &message {
            let mut waiting = held(&self.waiting);
            while !waiting.has_room(out.number) && !self.stop.load(Ordering::Relaxed) {
                let woken = self.taken.wait_timeout(waiting, TICK);
                waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            waiting.put(out.number, text.len());
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(anyhow!("ended because another connection failed"));
        }
        // The writer hangs up only when it failed, and tells why itself.
        out.sender.send(message).map_err(|_| anyhow!("the writer has ended"))
    }

    /// Writes one range's text; gives its rows, and bytes of the longest one's text.
    pub(super) fn write(
        &self,
        lane: &Lane,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<(ContentDigest, usize)> {
        let Lane(number, receiver) = lane;
        held(&self.waiting).current = *number;
        self.taken.notify_all();
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(Message::Text(mut text)) => {
                    held(&self.waiting).took(*number, text.len());
                    self.taken.notify_all();
                    write(&text)?;
                    text.clear();
                    // A block that grew for a large value is not kept.
                    if text.capacity() < 2 * BLOCK {
                        held(&self.spare).push(text);
                    }
                }
                Ok(Message::Done(digest, longest)) => {
                    held(&self.waiting).bytes.remove(number);
                    return Ok((digest, longest));
                }
                Err(RecvTimeoutError::Timeout) => {
                    signal::check()?;
                    self.failed()?;
                }
                // Without its last message a range is not whole.
                Err(RecvTimeoutError::Disconnected) => {
                    self.failed()?;
                    return Err(anyhow!("a reader ended without a result"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_range_that_is_written_has_room_of_its_own() {
        let mut waiting = Waiting { current: 3, ..Waiting::default() };
        assert!(waiting.has_room(9));
        waiting.put(9, WAITING);
        assert!(!waiting.has_room(9) && !waiting.has_room(4));
        assert!(waiting.has_room(3));
        waiting.put(3, CURRENT);
        assert!(!waiting.has_room(3));
        waiting.took(3, 1);
        assert!(waiting.has_room(3));
        waiting.current = 9;
        assert!(!waiting.has_room(9));
    }
}
