//! The frame around each event: header, length, checksum.

use crate::bytes::Bytes;
use crate::halt::Halt;

pub(crate) const HEADER: usize = 19;
const CHECKSUM: usize = 4;

/// The server did not close this file (yet). The checksum was computed without it.
const IN_USE: u16 = 0x01;
/// Made for this connection; not in the file.
const ARTIFICIAL: u16 = 0x20;
/// A reader that does not know the event may pass over it.
const IGNORABLE: u16 = 0x80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) timestamp: u32,
    pub(crate) code: u8,
    pub(crate) server_id: u32,
    /// Where the next event begins, without what does not fit into 32 bits.
    pub(crate) next: u32,
    flags: u16,
}

impl Header {
    pub(crate) fn is_artificial(self) -> bool {
        self.flags & ARTIFICIAL != 0
    }

    pub(crate) fn is_ignorable(self) -> bool {
        self.flags & IGNORABLE != 0
    }
}

/// The header of an event that is complete, and its body; the body still has the checksum.
pub(crate) fn open(event: &[u8]) -> Result<(Header, &[u8]), Halt> {
    let mut bytes = Bytes::new(event);
    let timestamp = bytes.u32()?;
    let code = bytes.u8()?;
    let server_id = bytes.u32()?;
    let size = bytes.u32()?;
    let next = bytes.u32()?;
    let flags = bytes.u16()?;
    if usize::try_from(size) != Ok(event.len()) {
        return Err(Halt::damaged(format!(
            "an event of type {code} has {} bytes and says it has {size}",
            event.len()
        )));
    }
    Ok((Header { timestamp, code, server_id, next, flags }, bytes.rest()))
}

/// Verifies the checksum at an event's end.
pub(crate) fn verify(event: &[u8]) -> Result<(), Halt> {
    let at = event.len().checked_sub(CHECKSUM).filter(|at| *at >= HEADER);
    let at = at.ok_or_else(|| Halt::damaged("an event is too short for its checksum"))?;
    let (content, written) = event.split_at(at);
    let mut hasher = crc32fast::Hasher::new();
    // Flags are the last two bytes of the header.
    let (before, after) = content.split_at(HEADER - 2);
    let (flags, after) = after.split_at(2);
    let in_use = u8::try_from(IN_USE).unwrap_or(0);
    let is_format = event.get(4) == Some(&crate::kind::FORMAT);
    hasher.update(before);
    match flags {
        [low, high] if is_format => hasher.update(&[low & !in_use, *high]),
        _ => hasher.update(flags),
    }
    hasher.update(after);
    if written == hasher.finalize().to_le_bytes() {
        return Ok(());
    }
    let code = event.get(4).copied().unwrap_or_default();
    Err(Halt::damaged(format!("the checksum of an event of type {code} does not match")))
}

/// A verified event's body without the checksum.
pub(crate) fn without_checksum(body: &[u8]) -> Result<&[u8], Halt> {
    let at = body.len().checked_sub(CHECKSUM).ok_or_else(crate::bytes::cut_off)?;
    Ok(body.get(..at).unwrap_or_default())
}
