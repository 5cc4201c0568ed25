//! Progress on long work.

use std::sync::Arc;

use super::screen::Screen;

/// What is shown of one piece of work until it is done or dropped.
#[derive(Debug)]
pub struct Bar(pub(super) Option<(Arc<Screen>, u64)>);

impl Bar {
    /// Notes how far the work is, and at what.
    pub fn set(&mut self, bytes: u64, rows: u64, now_at: &str) {
        if let Some((screen, id)) = &self.0 {
            screen.advance(*id, (bytes, rows), now_at);
        }
    }

    /// Notes how far it is where bytes are all there is to count.
    pub fn at(&mut self, bytes: u64) {
        self.set(bytes, 0, "");
    }

    /// Takes it away; the command's own line says the result.
    pub fn done(&self) {
        if let Some((screen, id)) = &self.0 {
            screen.end(*id);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.done();
    }
}
