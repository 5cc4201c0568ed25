//! The names of XA transactions.

use std::fmt;

use crate::bytes::Bytes;
use crate::halt::Halt;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid {
    format: i32,
    global: Vec<u8>,
    branch: Vec<u8>,
}

/// Either part is at most this long.
const PART_MAX: usize = 64;

impl Xid {
    /// XA_PREPARE: whether it commits at once (`ONE PHASE`), and the name.
    pub(crate) fn prepared(body: &[u8]) -> Result<(bool, Self), Halt> {
        let mut bytes = Bytes::new(body);
        let one_phase = bytes.u8()? != 0;
        let format = bytes.array().map(i32::from_le_bytes)?;
        let length = |bytes: &mut Bytes<'_>| -> Result<usize, Halt> {
            let length = usize::try_from(bytes.u32()?).unwrap_or(usize::MAX);
            if length > PART_MAX {
                Err(Halt::damaged("an XA name is too long"))
            } else {
                Ok(length)
            }
        };
        let (global, branch) = (length(&mut bytes)?, length(&mut bytes)?);
        let global = bytes.take(global)?.to_vec();
        let branch = bytes.take(branch)?.to_vec();
        Ok((one_phase, Self { format, global, branch }))
    }

    /// The name in `XA COMMIT X'6f6e65',X'',1`, after the verb.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',').map(str::trim);
        let mut part = || {
            let digits = parts.next()?.strip_prefix(['X', 'x'])?;
            unhex(digits.strip_prefix('\'')?.strip_suffix('\'')?)
        };
        let (global, branch) = (part()?, part()?);
        let format = parts.next()?.split_whitespace().next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { format, global, branch })
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        write!(f, "X'{}',X'{}',{}", hex(&self.global), hex(&self.branch), self.format)
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || digits.len() > 2 * PART_MAX {
        return None;
    }
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_and_the_statement_name_the_same() {
        let body = b"\0\x01\0\0\0\x03\0\0\0\0\0\0\0one";
        let (one_phase, xid) = Xid::prepared(body).unwrap();
        assert!(!one_phase);
        assert_eq!(xid.to_string(), "X'6f6e65',X'',1");
        assert_eq!(Xid::parse("X'6f6e65',X'',1"), Some(xid.clone()));
        assert_eq!(Xid::parse(" X'6F6E65', X'' ,1 ONE PHASE"), Some(xid));
        for bad in ["", "X'6',X'',1", "X'6f',1", "'one','',1", "X'6f',X'',1,2"] {
            assert_eq!(Xid::parse(bad), None, "{bad}");
        }
        for length in 0..body.len() {
            assert!(Xid::prepared(&body[..length]).is_err());
        }
    }
}
