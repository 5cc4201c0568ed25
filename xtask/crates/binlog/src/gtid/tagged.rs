//! GTID_TAGGED_LOG_EVENT, in the encoding of MySQL's library `serialization`: each field has
//! its number in front; what is at its default may be absent.

use super::mysql::{Gtid, Source};
use crate::bytes::Bytes;
use crate::halt::Halt;

/// The fields, in the order in which they are written.
const UUID: u64 = 1;
const NUMBER: u64 = 2;
const TAG: u64 = 3;
const COMMITTED: u64 = 6;

/// The transaction, and when it was committed, in microseconds of Unix time.
pub(crate) fn read(body: &[u8]) -> Result<(Gtid, u64), Halt> {
    let size = body.len() as u64;
    let mut bytes = Bytes::new(body);
    let version = integer(&mut bytes)?;
    if version != 1 {
        return Err(Halt::unknown(format!("tagged GTIDs in format {version}")));
    }
    if integer(&mut bytes)? != size {
        return Err(Halt::damaged("a tagged GTID is not as long as it says"));
    }
    // The last field that a reader must know: it is one of those below.
    let demanded = integer(&mut bytes)?;
    let mut next = 0;
    let (mut uuid, mut number, mut tag, mut committed) = (None, None, "", 0);
    while !bytes.is_empty() {
        let field = integer(&mut bytes)?;
        if field < next {
            return Err(Halt::damaged("fields of a tagged GTID are out of order"));
        }
        next = field.saturating_add(1);
        match field {
            UUID => {
                let mut found = [0; 16];
                for byte in &mut found {
                    *byte = u8::try_from(integer(&mut bytes)?)
                        .map_err(|_| Halt::damaged("a uuid has a byte above 255"))?;
                }
                uuid = Some(found);
            }
            NUMBER => number = Some(signed(integer(&mut bytes)?)),
            TAG => tag = text(&mut bytes)?,
            COMMITTED => committed = integer(&mut bytes)?,
            0 | 4 | 5 | 7..=11 => drop(integer(&mut bytes)?),
            other if other <= demanded => {
                return Err(Halt::unknown(format!("field {other} of a tagged GTID")));
            }
            // Later fields may be of any shape; all that is needed was in front of them.
            _ => break,
        }
    }
    let (Some(uuid), Some(number)) = (uuid, number) else {
        return Err(Halt::damaged("a tagged GTID without its uuid or number"));
    };
    let number = u64::try_from(number).unwrap_or(0);
    Ok((Gtid::new(Source::new(uuid, tag)?, number)?, committed))
}

/// An integer whose first byte says, by the ones at its low end, how many bytes follow.
fn integer(bytes: &mut Bytes<'_>) -> Result<u64, Halt> {
    let first = bytes.u8()?;
    let more = first.trailing_ones() as usize;
    let rest = bytes.low_first(more)?;
    if more >= 7 {
        // Of nine bytes the first says nothing but that; of eight, too.
        return Ok(rest);
    }
    let own = u64::from(first) >> (more + 1);
    Ok(rest << (7 - more) | own)
}

/// Zigzag: the lowest bit is the sign.
fn signed(value: u64) -> i64 {
    let half = i64::try_from(value >> 1).unwrap_or(i64::MAX);
    if value & 1 == 0 { half } else { -1 - half }
}

/// A text with its length in front.
pub(crate) fn text<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, Halt> {
    let length = usize::try_from(integer(bytes)?).map_err(|_| crate::bytes::cut_off())?;
    std::str::from_utf8(bytes.take(length)?).map_err(|_| Halt::damaged("a tag is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn one_of_a_real_server_is_read() {
        let body = "0276000000020cc4f1024eb1036d0322c5031102780484b1022200040408060e6e\
                    696768746c79086c0a840c7f6aff32e880610610ed041283120b";
        let (gtid, committed) = read(&bytes(body)).unwrap();
        assert_eq!(gtid.to_string(), "0662bc27-ecdb-11f1-843c-0242ac110002:nightly:2");
        // 2026-11-30 16:28:59 UTC
        assert_eq!(committed / 1_000_000, 1_796_056_139);
        let body = bytes(body);
        for length in 0..body.len() {
            assert!(read(&body[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn integers_have_one_to_nine_bytes() {
        let read = |hex: &str| integer(&mut Bytes::new(&bytes(hex))).unwrap();
        assert_eq!(read("00"), 0);
        assert_eq!(read("fe"), 127);
        assert_eq!(read("f102"), 0xbc);
        assert_eq!(read("83120b"), 90_704);
        assert_eq!(read("ffffffffffffffffff"), u64::MAX);
        assert_eq!((signed(4), signed(3), signed(0)), (2, -2, 0));
    }
}
