//! How far following is.

/// What a person wants to know meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Transactions that were gathered.
    pub transactions: u64,
    /// Rows that were made equal, each time they were.
    pub rows: u64,
    /// Transactions that were read and are not applied.
    pub behind: u64,
    /// Whether a transaction of tables that are followed was among them.
    pub seen: bool,
    /// When the last transaction that was read was committed, in microseconds of Unix time; 0:
    /// none was read.
    pub committed: u64,
}
