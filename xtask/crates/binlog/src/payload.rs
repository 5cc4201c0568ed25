//! TRANSACTION_PAYLOAD (MySQL): the events of one transaction, compressed together.
//!
//! They are unpacked one by one: memory holds one event, however large the transaction.

use std::io::{self, Read};

use crate::bytes::Bytes;
use crate::event::HEADER;
use crate::halt::Halt;

const END: u64 = 0;
const COMPRESSION: u64 = 2;

/// How it is compressed.
const ZSTD: u64 = 0;
const NONE: u64 = 255;

/// The largest window that the frame may demand: 128 MiB, zstd's own limit.
const WINDOW_LOG_MAX: u32 = 27;

/// What an event in a payload can be at first; it grows as bytes come.
const FIRST_ROOM: usize = 64 << 10;

/// Gives each event inside to `take`. They have no checksums: the one around them has.
pub(crate) fn each(
    body: &[u8],
    limit: usize,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut bytes = Bytes::new(body);
    let mut kind = None;
    loop {
        let field = bytes.number()?;
        if field == END {
            break;
        }
        let length = bytes.count()?;
        let value = bytes.take(length)?;
        match field {
            // Sizes, which the frame shows by itself.
            1 | 3 => {}
            COMPRESSION => kind = Some(Bytes::new(value).number()?),
            other => {
                return Err(Halt::unknown(format!("field {other} of a compressed transaction")));
            }
        }
    }
    let content = bytes.rest();
    match kind {
        Some(ZSTD) => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(content).map_err(broken)?;
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(broken)?;
            split(&mut decoder, limit, take)
        }
        Some(NONE) => split(&mut &content[..], limit, take),
        Some(other) => Err(Halt::unknown(format!("a transaction compressed in way {other}"))),
        None => Err(Halt::damaged("a compressed transaction does not say how")),
    }
}

fn broken(error: io::Error) -> Halt {
    Halt::damaged(format!("a compressed transaction: {error}"))
}

/// Cuts what comes into events.
fn split(
    source: &mut dyn Read,
    limit: usize,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut event = Vec::with_capacity(FIRST_ROOM);
    loop {
        event.clear();
        match Read::take(&mut *source, HEADER as u64).read_to_end(&mut event).map_err(broken)? {
            0 => return Ok(()),
            HEADER => {}
            _ => return Err(crate::bytes::cut_off()),
        }
        let size = Bytes::new(event.get(9..).unwrap_or_default()).u32()?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > limit {
            return Err(Halt::too_large(format!("an event of {size} bytes, compressed")));
        }
        let more = size.checked_sub(HEADER).ok_or_else(crate::bytes::cut_off)?;
        let read = Read::take(&mut *source, more as u64).read_to_end(&mut event).map_err(broken)?;
        if read != more {
            return Err(crate::bytes::cut_off());
        }
        take(&event)?;
        if event.capacity() > 16 * FIRST_ROOM {
            // A large event is over: give its memory back.
            event = Vec::with_capacity(FIRST_ROOM);
        }
    }
}
