//! MariaDB's compression of single events: a byte that says how, a length, and zlib.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::bytes::Bytes;
use crate::halt::Halt;

/// Unpacks at most `limit` bytes.
pub(crate) fn unpack(packed: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, Halt> {
    let mut bytes = Bytes::new(packed);
    let head = bytes.u8()?;
    if head & 0xf0 != 0x80 {
        return Err(Halt::unknown(format!("compression of kind 0x{head:02x}")));
    }
    let size = usize::from(head & 0x07);
    if size == 0 || size > 4 {
        return Err(Halt::damaged("a compressed event does not say how long it is"));
    }
    let length = usize::try_from(bytes.high_first(size)?).unwrap_or(usize::MAX);
    if length > limit {
        return Err(Halt::too_large(format!("an event of {length} bytes, compressed")));
    }
    let mut out = Vec::new();
    // One byte more than it should be shows that it is more.
    let most = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
    let read = ZlibDecoder::new(bytes.rest()).take(most).read_to_end(&mut out);
    match read {
        Ok(count) if count == length => Ok(Cow::Owned(out)),
        Ok(_) => Err(Halt::damaged("a compressed event is not as long as it says")),
        Err(error) => Err(Halt::damaged(format!("a compressed event: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_within_the_limit() {
        let text = [7_u8; 5000];
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let packed = [&[0x82, 0x13, 0x88][..], &zlib].concat();
        assert_eq!(unpack(&packed, 5000).unwrap().as_ref(), text);
        assert_eq!(unpack(&packed, 4999).unwrap_err().why, crate::Why::TooLarge);
        for claimed in [[0x82, 0x13, 0x87], [0x82, 0x13, 0x89]] {
            let lying = [&claimed[..], &zlib].concat();
            assert_eq!(unpack(&lying, 9000).unwrap_err().why, crate::Why::Damaged);
        }
        for length in 0..packed.len() - 4 {
            assert!(unpack(&packed[..length], 5000).is_err(), "{length}");
        }
        assert!(unpack(&[0x91, 1, 0], 9).is_err() && unpack(&[0x80, 1], 9).is_err());
    }
}
