//! One row of the text protocol, lent out of the receive buffer.

/// The values of a row that were not taken yet.
#[derive(Debug, Clone, Copy)]
pub struct RawRow<'a>(&'a [u8]);

impl<'a> RawRow<'a> {
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// The next value: `None` at a packet that ends within it, `Some(None)` for NULL.
    #[inline]
    #[allow(clippy::option_option)] // Broken, NULL and a value are three things.
    pub fn take(&mut self) -> Option<Option<&'a [u8]>> {
        let (&first, rest) = self.0.split_first()?;
        // Nearly all values are short.
        if first < 0xfb {
            let (value, rest) = rest.split_at_checked(usize::from(first))?;
            self.0 = rest;
            return Some(Some(value));
        }
        if first == 0xfb {
            self.0 = rest;
            return Some(None);
        }
        let length = usize::try_from(self.number()?).ok()?;
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(value))
    }

    /// All values, copied; `None` at a packet that ends within one.
    pub fn owned(mut self) -> Option<Vec<Option<Vec<u8>>>> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(self.take()?.map(<[u8]>::to_vec));
        }
        Some(values)
    }

    /// Whether all values were taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn number(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        let width = match first {
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return None,
            small => {
                self.0 = rest;
                return Some(u64::from(small));
            }
        };
        let (bytes, rest) = rest.split_at_checked(width)?;
        self.0 = rest;
        Some(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::RawRow;

    fn all(payload: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
        RawRow::new(payload).owned()
    }

    #[test]
    fn values_have_lengths_of_every_width() {
        assert_eq!(all(b"\x01a\xfb\x00"), Some(vec![Some(b"a".to_vec()), None, Some(vec![])]));
        let long = vec![b'x'; 300];
        let payload = [&[0xfc, 44, 1][..], &long].concat();
        assert_eq!(all(&payload), Some(vec![Some(long)]));
        let longer = vec![b'y'; 70_000];
        let payload = [&[0xfd, 0x70, 0x11, 0x01][..], &longer].concat();
        assert_eq!(all(&payload), Some(vec![Some(longer)]));
        let payload = [0xfe, 1, 0, 0, 0, 0, 0, 0, 0, b'z'];
        assert_eq!(all(&payload), Some(vec![Some(b"z".to_vec())]));
    }

    #[test]
    fn a_row_that_ends_within_a_value_is_none() {
        let huge = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffab";
        for broken in [&b"\x02a"[..], b"\xfc\x01", huge, b"\xff"] {
            assert_eq!(all(broken), None, "{broken:?}");
        }
    }
}
