//! Columns as the log describes them: how long a value is, and what the value of a key says.

use crate::bytes::Bytes;
use crate::halt::Halt;
use crate::key::KeyValue;
use crate::temporal;

/// A column's type with what its length depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Integer {
        size: usize,
    },
    Year,
    /// FLOAT, DOUBLE: no key of theirs is ever exact.
    Real {
        size: usize,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    Time {
        digits: u8,
    },
    Datetime {
        digits: u8,
    },
    Timestamp {
        digits: u8,
    },
    /// CHAR and BINARY, whose padding is not in the log.
    Fixed {
        max: u16,
    },
    /// VARCHAR and VARBINARY.
    Varying {
        max: u16,
    },
    /// The number of a value of ENUM, or the bits of a SET.
    Index {
        size: usize,
    },
    Bit {
        size: usize,
    },
    /// A length of so many bytes, then the value.
    Long {
        size: usize,
        character: bool,
        name: &'static str,
    },
    /// VARCHAR and BLOB that MariaDB keeps compressed.
    Packed {
        size: usize,
    },
}

const BLOB: u8 = 252;
const STRING: u8 = 254;

impl Shape {
    /// Reads a type and takes its description from `meta`.
    pub(crate) fn read(code: u8, meta: &mut Bytes<'_>) -> Result<Self, Halt> {
        Ok(match code {
            1 => Self::Integer { size: 1 },
            2 => Self::Integer { size: 2 },
            9 => Self::Integer { size: 3 },
            3 => Self::Integer { size: 4 },
            8 => Self::Integer { size: 8 },
            4 | 5 => Self::Real { size: size(meta, 4..=8)? },
            10 | 14 => Self::Date,
            13 => Self::Year,
            15 | 253 => Self::Varying { max: meta.u16()? },
            16 => {
                let (bits, bytes) = (meta.u8()?, meta.u8()?);
                Self::Bit { size: usize::from(bytes) + usize::from(bits > 0) }
            }
            17 => Self::Timestamp { digits: digits(meta)? },
            18 => Self::Datetime { digits: digits(meta)? },
            19 => Self::Time { digits: digits(meta)? },
            140 => Self::Packed { size: size(meta, 1..=4)? },
            141 => Self::Packed { size: if meta.u16()? < 256 { 1 } else { 2 } },
            242 => Self::long(meta, "VECTOR")?,
            245 => Self::long(meta, "JSON")?,
            246 => decimal(meta)?,
            BLOB => Self::long(meta, "BLOB or TEXT")?,
            STRING => string(meta)?,
            255 => Self::long(meta, "GEOMETRY")?,
            7 | 11 | 12 => {
                let name = match code {
                    7 => "TIMESTAMP",
                    11 => "TIME",
                    _ => "DATETIME",
                };
                return Err(Halt::unsupported(format!(
                    "{name} in the format of servers before 5.6"
                )));
            }
            0 => return Err(Halt::unsupported("DECIMAL in the format of servers before 5.0")),
            20 => return Err(Halt::unsupported("an array")),
            other => return Err(Halt::unknown(format!("columns of type {other}"))),
        })
    }

    fn long(meta: &mut Bytes<'_>, name: &'static str) -> Result<Self, Halt> {
        Ok(Self::Long { size: size(meta, 1..=4)?, character: name.starts_with("BLOB"), name })
    }

    /// Whether the log may say if it is unsigned. YEAR counts: it always is.
    pub(crate) fn may_be_unsigned(self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Real { .. } | Self::Decimal { .. } | Self::Year)
    }

    /// Whether the log may say which character set it has.
    pub(crate) fn has_characters(self) -> bool {
        matches!(
            self,
            Self::Fixed { .. } | Self::Varying { .. } | Self::Long { character: true, .. }
        )
    }

    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Long { name: "JSON", .. })
    }

    /// Passes over a value.
    pub(crate) fn skip(self, bytes: &mut Bytes<'_>) -> Result<(), Halt> {
        let length = match self {
            Self::Integer { size }
            | Self::Real { size }
            | Self::Index { size }
            | Self::Bit { size } => size,
            Self::Year => 1,
            Self::Date => 3,
            Self::Time { digits } => 3 + temporal::fraction(digits),
            Self::Datetime { digits } => 5 + temporal::fraction(digits),
            Self::Timestamp { digits } => 4 + temporal::fraction(digits),
            Self::Decimal { precision, scale } => Decimal::of(precision, scale).size(),
            Self::Fixed { max } | Self::Varying { max } => text_length(max, bytes)?,
            Self::Long { size, .. } | Self::Packed { size } => {
                usize::try_from(bytes.low_first(size)?).unwrap_or(usize::MAX)
            }
        };
        bytes.take(length).map(drop)
    }

    /// Refuses what this reader does not decode, or what is not the same bytes each time.
    pub(crate) fn demand_key(self) -> Result<(), Halt> {
        let what = match self {
            Self::Real { .. } => "FLOAT or DOUBLE",
            Self::Bit { .. } => "BIT",
            Self::Long { name, .. } => name,
            Self::Packed { .. } => "a compressed type",
            _ => return Ok(()),
        };
        Err(Halt::unsupported(format!("a key of {what}")))
    }

    /// Reads the value of a key's column.
    pub(crate) fn value(
        self,
        bytes: &mut Bytes<'_>,
        unsigned: Option<bool>,
        binary: Option<bool>,
    ) -> Result<KeyValue, Halt> {
        Ok(match self {
            Self::Integer { size } => {
                let value = bytes.low_first(size)?;
                match unsigned {
                    Some(true) => KeyValue::Unsigned(value),
                    Some(false) => KeyValue::Signed(with_sign(value, size)),
                    None => return Err(Halt::unsupported("nothing says whether it is unsigned")),
                }
            }
            Self::Year => match bytes.u8()? {
                0 => KeyValue::Unsigned(0),
                since => KeyValue::Unsigned(1900 + u64::from(since)),
            },
            Self::Index { size } => KeyValue::Index(bytes.low_first(size)?),
            Self::Date => KeyValue::Moment(temporal::date(bytes)?),
            Self::Time { digits } => KeyValue::Moment(temporal::time(bytes, digits)?),
            Self::Datetime { digits } => KeyValue::Moment(temporal::datetime(bytes, digits)?),
            Self::Timestamp { digits } => KeyValue::Moment(temporal::timestamp(bytes, digits)?),
            Self::Decimal { precision, scale } => {
                KeyValue::Decimal(Decimal::of(precision, scale).read(bytes)?)
            }
            Self::Varying { max } => {
                let length = text_length(max, bytes)?;
                KeyValue::Bytes(bytes.take(length)?.to_vec())
            }
            Self::Fixed { max } => {
                let length = text_length(max, bytes)?;
                let mut value = bytes.take(length)?.to_vec();
                match binary {
                    // Zero bytes at the end are part of a BINARY value, and not in the log.
                    Some(true) => value.resize(usize::from(max).max(length), 0),
                    // Spaces at the end of a CHAR are not part of it.
                    Some(false) => {}
                    None => {
                        return Err(Halt::unsupported("nothing says whether it is CHAR or BINARY"));
                    }
                }
                KeyValue::Bytes(value)
            }
            Self::Real { .. } | Self::Bit { .. } | Self::Long { .. } | Self::Packed { .. } => {
                self.demand_key()?;
                return Err(Halt::unsupported("such a key"));
            }
        })
    }
}

fn size(meta: &mut Bytes<'_>, range: std::ops::RangeInclusive<u8>) -> Result<usize, Halt> {
    let size = meta.u8()?;
    if range.contains(&size) {
        Ok(usize::from(size))
    } else {
        Err(Halt::damaged(format!("a column of length {size}")))
    }
}

fn digits(meta: &mut Bytes<'_>) -> Result<u8, Halt> {
    let digits = meta.u8()?;
    if digits <= 6 { Ok(digits) } else { Err(Halt::damaged("a time with more than six digits")) }
}

fn decimal(meta: &mut Bytes<'_>) -> Result<Shape, Halt> {
    let (precision, scale) = (meta.u8()?, meta.u8()?);
    if precision > 65 || scale > precision {
        return Err(Halt::damaged(format!("DECIMAL({precision}, {scale})")));
    }
    Ok(Shape::Decimal { precision, scale })
}

/// CHAR, BINARY, ENUM and SET share a type. Of a length above 255 the highest two bits are
/// in the real type's, inverted.
fn string(meta: &mut Bytes<'_>) -> Result<Shape, Halt> {
    let (real, low) = (meta.u8()?, meta.u8()?);
    match (real | 0x30, low) {
        (0xf7, 1 | 2) if real == 0xf7 => Ok(Shape::Index { size: usize::from(low) }),
        (0xf8, 1..=8) if real == 0xf8 => Ok(Shape::Index { size: usize::from(low) }),
        (STRING, _) => {
            let high = u16::from(real & 0x30 ^ 0x30) << 4;
            Ok(Shape::Fixed { max: high | u16::from(low) })
        }
        _ => Err(Halt::unknown(format!("text of type 0x{real:02x}"))),
    }
}

fn text_length(max: u16, bytes: &mut Bytes<'_>) -> Result<usize, Halt> {
    let length = if max < 256 { u16::from(bytes.u8()?) } else { bytes.u16()? };
    if length > max {
        return Err(Halt::damaged(format!("text of {length} bytes where {max} fit")));
    }
    Ok(usize::from(length))
}

fn with_sign(value: u64, size: usize) -> i64 {
    let shift = 64_usize.saturating_sub(8 * size);
    (value << shift).cast_signed() >> shift
}

/// DECIMAL: groups of nine digits in four bytes, shorter ones at the outer ends.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    whole: usize,
    scale: usize,
}

const BYTES_OF: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

impl Decimal {
    fn of(precision: u8, scale: u8) -> Self {
        Self { whole: usize::from(precision.saturating_sub(scale)), scale: usize::from(scale) }
    }

    fn size(self) -> usize {
        let of = |digits: usize| digits / 9 * 4 + BYTES_OF.get(digits % 9).copied().unwrap_or(0);
        of(self.whole) + of(self.scale)
    }

    fn read(self, bytes: &mut Bytes<'_>) -> Result<String, Halt> {
        let mut raw = bytes.take(self.size())?.to_vec();
        let negative = raw.first().is_some_and(|byte| byte & 0x80 == 0);
        if let Some(first) = raw.first_mut() {
            *first ^= 0x80;
        }
        if negative {
            raw.iter_mut().for_each(|byte| *byte = !*byte);
        }
        let mut raw = Bytes::new(&raw);
        let mut groups = |counts: &[usize]| -> Result<String, Halt> {
            let mut all = String::new();
            for &count in counts.iter().filter(|count| **count > 0) {
                let value = raw.high_first(BYTES_OF.get(count).copied().unwrap_or(4))?;
                let text = format!("{value:0count$}");
                if text.len() > count {
                    return Err(Halt::damaged("a DECIMAL has too many digits"));
                }
                all.push_str(&text);
            }
            Ok(all)
        };
        let nines = |digits: usize| std::iter::repeat_n(9, digits / 9);
        let counts: Vec<usize> = std::iter::once(self.whole % 9).chain(nines(self.whole)).collect();
        let whole = groups(&counts)?;
        let counts: Vec<usize> = nines(self.scale).chain(std::iter::once(self.scale % 9)).collect();
        let part = groups(&counts)?;
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        let sign = if negative { "-" } else { "" };
        let point = if part.is_empty() { "" } else { "." };
        Ok(format!("{sign}{whole}{point}{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(code: u8, meta: &[u8]) -> Shape {
        Shape::read(code, &mut Bytes::new(meta)).unwrap()
    }

    #[test]
    fn a_decimal_of_each_shape() {
        let read = |precision, scale, raw: &[u8]| {
            Decimal::of(precision, scale).read(&mut Bytes::new(raw)).unwrap()
        };
        // DECIMAL(14,4) of 1234567890.1234 from the server's own documentation.
        let raw = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        assert_eq!(read(14, 4, &raw), "1234567890.1234");
        let minus: Vec<u8> = raw.iter().map(|byte| !byte).collect();
        assert_eq!(read(14, 4, &minus), "-1234567890.1234");
        assert_eq!(read(2, 2, &[0x80 | 7]), "0.07");
        assert_eq!(read(3, 0, &[0x80, 0]), "0");
        assert_eq!(Decimal::of(65, 30).size(), 30);
        assert!(Decimal::of(2, 2).read(&mut Bytes::new(&[0xff])).is_err());
    }

    #[test]
    fn a_char_of_more_than_255_bytes_has_its_length_split() {
        assert_eq!(shape(254, &[0xfe, 20]), Shape::Fixed { max: 20 });
        assert_eq!(shape(254, &[0xee, 0xfc]), Shape::Fixed { max: 0x1fc });
        assert_eq!(shape(254, &[0xf7, 1]), Shape::Index { size: 1 });
        assert_eq!(shape(254, &[0xf8, 8]), Shape::Index { size: 8 });
        assert!(Shape::read(254, &mut Bytes::new(&[0xf8, 9])).is_err());
        assert!(Shape::read(254, &mut Bytes::new(&[0x01, 9])).is_err());
    }

    #[test]
    fn keys_that_need_more_knowledge_ask_for_it() {
        let value = |shape: Shape, raw: &[u8], unsigned, binary| {
            shape.value(&mut Bytes::new(raw), unsigned, binary)
        };
        let tiny = shape(1, &[]);
        assert_eq!(value(tiny, &[0xff], Some(true), None), Ok(KeyValue::Unsigned(255)));
        assert_eq!(value(tiny, &[0xff], Some(false), None), Ok(KeyValue::Signed(-1)));
        assert!(value(tiny, &[0xff], None, None).is_err());
        let fixed = shape(254, &[0xfe, 4]);
        let bytes = |bytes: &[u8]| Ok(KeyValue::Bytes(bytes.to_vec()));
        assert_eq!(value(fixed, b"\x02ab", None, Some(true)), bytes(b"ab\0\0"));
        assert_eq!(value(fixed, b"\x02ab", None, Some(false)), bytes(b"ab"));
        assert!(value(fixed, b"\x02ab", None, None).is_err());
        assert!(value(fixed, b"\x05abcde", None, Some(true)).is_err());
        assert!(value(shape(252, &[2]), b"\x01\0a", None, None).is_err());
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (code, meta) in [(7, &[][..]), (11, &[]), (12, &[]), (0, &[]), (20, &[1]), (200, &[])] {
            assert!(Shape::read(code, &mut Bytes::new(meta)).is_err(), "{code}");
        }
        for (code, meta) in [(252, &[5][..]), (252, &[]), (17, &[7]), (246, &[66, 0]), (15, &[1])] {
            assert!(Shape::read(code, &mut Bytes::new(meta)).is_err(), "{code}");
        }
    }
}
