//! Keeps a dump below a rate, for servers that others use meanwhile.

use std::time::{Duration, Instant};

use anyhow::Result;

use sys::clock;

/// Waits after each piece until it is due.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    since: Instant,
    bytes: f64,
}

impl Rate {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        #[allow(clippy::cast_precision_loss)] // A rate need not be exact.
        let per_second = bytes_per_second.max(1) as f64;
        Self { per_second, since: Instant::now(), bytes: 0.0 }
    }

    /// Call it after `bytes` were written. Readers wait while this waits, and the
    /// server waits for them.
    pub(super) fn after(&mut self, bytes: usize) -> Result<()> {
        #[allow(clippy::cast_precision_loss)]
        let written = bytes as f64;
        self.bytes += written;
        let due = Duration::from_secs_f64(self.bytes / self.per_second);
        Ok(clock::until(self.since, due)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_not_done_before_it_is_due() {
        let start = Instant::now();
        let mut rate = Rate::new(1_000_000);
        rate.after(20_000).expect("not interrupted");
        rate.after(30_000).expect("not interrupted");
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
}
