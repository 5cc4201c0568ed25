//! The settings that a statement needs.

use std::sync::Arc;

use sql::state::State;
use sql::{Kind, Piece};

/// What the dump's SETs have asked for, and what that means for the statement at hand:
/// one whose text was put into UTF-8 is sent as such.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    dump: Arc<State>,
    /// The same for text in UTF-8, and for rows in UTF-8; made where they are needed.
    utf8: [Option<Arc<State>>; 2],
    now: Arc<State>,
}

impl Wanted {
    /// The dump has set something.
    pub(super) fn follow(&mut self, state: Arc<State>) {
        *self = Self { now: Arc::clone(&state), dump: state, utf8: [None, None] };
    }

    /// For the next statement.
    pub(super) fn next(&mut self, piece: &Piece<'_>) {
        let rows = matches!(piece.kind, Kind::Insert(_));
        // The load puts programs into UTF-8 itself.
        if !piece.utf8 || piece.kind.program().is_some() {
            self.now = Arc::clone(&self.dump);
            return;
        }
        let dump = &self.dump;
        let utf8 = self.utf8[usize::from(rows)].get_or_insert_with(|| Arc::new(dump.in_utf8(rows)));
        self.now = Arc::clone(utf8);
    }

    /// The settings of the statement at hand.
    pub(super) fn now(&self) -> &Arc<State> {
        &self.now
    }
}
