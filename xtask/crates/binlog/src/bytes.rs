//! A cursor over bytes that nothing is known of: each step says whether there was enough.

use crate::halt::Halt;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Halt> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Halt> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Halt> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Halt> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Halt> {
        self.array().map(u64::from_le_bytes)
    }

    /// An integer of at most eight bytes, the lowest first.
    pub(crate) fn low_first(&mut self, size: usize) -> Result<u64, Halt> {
        let bytes = self.take(size)?;
        Ok(bytes.iter().rev().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// An integer of at most eight bytes, the highest first.
    pub(crate) fn high_first(&mut self, size: usize) -> Result<u64, Halt> {
        let bytes = self.take(size)?;
        Ok(bytes.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// The protocol's integer with its own length.
    pub(crate) fn number(&mut self) -> Result<u64, Halt> {
        match self.u8()? {
            small @ 0..=0xfa => Ok(u64::from(small)),
            0xfc => self.low_first(2),
            0xfd => self.low_first(3),
            0xfe => self.u64(),
            other => Err(Halt::damaged(format!("0x{other:02x} begins no number"))),
        }
    }

    /// As [`Bytes::number`], as a count of things in memory.
    pub(crate) fn count(&mut self) -> Result<usize, Halt> {
        usize::try_from(self.number()?).map_err(|_| cut_off())
    }

    /// Text with its length in one byte and a zero byte behind it.
    pub(crate) fn name(&mut self) -> Result<&'a str, Halt> {
        let length = usize::from(self.u8()?);
        let name = self.take(length)?;
        if self.u8()? != 0 {
            return Err(Halt::damaged("a name without an end"));
        }
        std::str::from_utf8(name).map_err(|_| Halt::damaged("a name is not UTF-8"))
    }
}

pub(crate) fn cut_off() -> Halt {
    Halt::damaged("it ends too early")
}

/// Whether a bit of a bitmap is set; the lowest bit comes first.
pub(crate) fn bit(map: &[u8], at: usize) -> bool {
    map.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}
