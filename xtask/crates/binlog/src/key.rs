//! Primary keys: which columns, and the values that rows had in them.

use std::fmt;

/// What the caller wants of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Nothing; its events are not even read.
    Nothing,
    /// Only whether it was written to: it has no key that this reader could use.
    Presence,
    Keys(KeySpec),
}

/// A table's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    /// How many columns the table has in the log: all but those of functional indexes.
    pub columns: usize,
    /// In the key's order; they need not be in the table's.
    pub key: Vec<KeyColumn>,
}

/// One column of a key. What is known here is compared with the log, and counts where the log
/// does not say it (MariaDB, by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its place in the table, from 0.
    pub at: usize,
    pub unsigned: Option<bool>,
    /// BINARY or VARBINARY instead of CHAR or VARCHAR.
    pub binary: Option<bool>,
}

impl KeyColumn {
    /// A column of which only the place is known.
    pub fn at(at: usize) -> Self {
        Self { at, unsigned: None, binary: None }
    }
}

/// The value of one column of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    Signed(i64),
    /// An unsigned integer, or a YEAR.
    Unsigned(u64),
    /// Text in the column's own character set, or binary. CHAR has no spaces at its end.
    Bytes(Vec<u8>),
    /// A date or a time, as SQL writes it; TIMESTAMP in UTC.
    Moment(String),
    Decimal(String),
    /// The number of an ENUM's value, or the bits of a SET.
    Index(u64),
}

/// The values of a key, in the order of [`KeySpec::key`].
pub type Key = Box<[KeyValue]>;

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) | Self::Index(value) => value.fmt(f),
            Self::Moment(text) | Self::Decimal(text) => f.write_str(text),
            Self::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
