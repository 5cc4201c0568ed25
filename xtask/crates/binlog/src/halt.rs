//! Why reading cannot go on.

use std::fmt;

/// What kind of reason it is; decides what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The bytes are not those that the server wrote, or not all of them.
    Damaged,
    /// Something that this reader does not know.
    Unknown,
    /// Known, and nothing that this reader can work with.
    Unsupported,
    /// The server says that its log lacks something.
    Lost,
    /// Beyond a limit.
    TooLarge,
    /// A table is not as the caller describes it.
    Changed,
    /// Events in an order in which no server writes them.
    Disorder,
}

/// The end of reading, with what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    pub why: Why,
    /// A lower-case fragment that names the event, table or column.
    pub what: String,
}

impl Halt {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self { why: Why::Damaged, what: what.into() }
    }

    pub(crate) fn unknown(what: impl Into<String>) -> Self {
        Self { why: Why::Unknown, what: what.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self { why: Why::Unsupported, what: what.into() }
    }

    pub(crate) fn too_large(what: impl Into<String>) -> Self {
        Self { why: Why::TooLarge, what: what.into() }
    }

    pub(crate) fn changed(what: impl Into<String>) -> Self {
        Self { why: Why::Changed, what: what.into() }
    }

    pub(crate) fn disorder(what: impl Into<String>) -> Self {
        Self { why: Why::Disorder, what: what.into() }
    }

    /// The same, with what was being read in front.
    #[must_use]
    pub(crate) fn of(mut self, what: &str) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Halt {}
