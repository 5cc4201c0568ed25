//! Somebody who goes on writing while a test runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mysql::Conn;
use mysql::prelude::Queryable as _;

/// A thread that writes until it is stopped.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<u64>,
    done: Arc<AtomicBool>,
}

impl Writer {
    /// Starts; `statement` makes the insert of a number.
    pub fn start(mut conn: Conn, statement: fn(u64) -> String) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                conn.query_drop(statement(written)).unwrap();
                written += 1;
            }
            written
        });
        Self { thread, done }
    }

    /// Stops it; gives how many rows it wrote.
    pub fn end(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
