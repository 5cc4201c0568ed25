//! How far the scanner has come within an item.

use super::client::Form;

/// Where an item is cut, relative to its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) form: Form,
    pub(super) text: usize,
    pub(super) tail: usize,
    pub(super) end: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Lead,
    Code,
    Quote(u8),
    Line {
        in_lead: bool,
    },
    Block {
        in_lead: bool,
    },
}

/// How far the item being read has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) state: State,
    pub(super) pos: usize,
    pub(super) text: usize,
    pub(super) version: bool,
    pub(super) stray_backslash: bool,
}

pub(super) enum Step {
    More,
    Cut(Cut),
}
