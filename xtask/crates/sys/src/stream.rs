//! A child's standard output as a reader, watched: a child that hangs is ended.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use duct::ReaderHandle;

use super::proc::Finished;
use super::{clock, signal};

/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(200);

/// A child's standard output. Reading to the end is not success: ask
/// [`Stream::finish`]. Dropping it ends the child.
#[derive(Debug)]
pub struct Stream {
    reader: Arc<ReaderHandle>,
    shown: String,
    bytes: Arc<AtomicU64>,
    ended: Arc<Mutex<Option<String>>>,
    /// Dropped with the stream: that ends the watch.
    _watch: Sender<()>,
}

impl Stream {
    pub(super) fn new(
        reader: ReaderHandle,
        shown: String,
        stall: Duration,
        deadline: Duration,
    ) -> Self {
        let reader = Arc::new(reader);
        let bytes = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(Mutex::new(None));
        let (sender, receiver) = channel::<()>();
        let watched =
            Watched { reader: Arc::clone(&reader), bytes: Arc::clone(&bytes), stall, deadline };
        let reason = Arc::clone(&ended);
        std::thread::spawn(move || {
            let mut last = (0, Instant::now());
            let start = Instant::now();
            while receiver.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(why) = watched.overdue(&mut last, start) {
                    if let Ok(mut slot) = reason.lock() {
                        *slot = Some(why);
                    }
                    watched.reader.kill().ok();
                    return;
                }
            }
        });
        Self { reader, shown, bytes, ended, _watch: sender }
    }

    /// Why the watch ended the child, when it did.
    pub fn ended_because(&self) -> Option<String> {
        self.ended.lock().ok()?.clone()
    }

    /// How the child ended; call it after the last byte was read.
    pub fn finish(self) -> Result<Finished> {
        let output =
            self.reader.try_wait().with_context(|| format!("wait for `{}`", self.shown))?;
        let output = output.with_context(|| format!("`{}` has not ended", self.shown))?;
        Ok(Finished {
            code: output.status.code(),
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// How the child ended, when it ends by itself within `grace`; otherwise it
    /// is ended here and `None` comes back: then it was not the cause.
    pub fn settle(self, grace: Duration) -> Option<Finished> {
        let ended = clock::poll(grace, || self.reader.try_wait().map(|o| o.map(|_| ())));
        match ended {
            Ok(Some(())) => self.finish().ok(),
            _ => None,
        }
    }
}

struct Watched {
    reader: Arc<ReaderHandle>,
    bytes: Arc<AtomicU64>,
    stall: Duration,
    deadline: Duration,
}

impl Watched {
    /// `last`: how many bytes had come, and since when it is that many.
    fn overdue(&self, last: &mut (u64, Instant), start: Instant) -> Option<String> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes != last.0 {
            *last = (bytes, Instant::now());
        }
        if signal::interrupted() {
            return Some("interrupted".to_owned());
        }
        if start.elapsed() > self.deadline {
            return Some(format!("it ran longer than {} minutes", self.deadline.as_secs() / 60));
        }
        (last.1.elapsed() > self.stall)
            .then(|| format!("nothing came from it for {} s", self.stall.as_secs()))
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = (&*self.reader).read(buf)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if matches!(self.reader.try_wait(), Ok(None)) {
            self.reader.kill().ok();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::proc::Cmd;
    use super::*;

    #[test]
    fn a_child_that_says_nothing_is_ended() {
        let start = Instant::now();
        let cmd = Cmd::new("sleep").arg("60");
        let mut stream = cmd.stream(Duration::from_millis(300), Duration::from_secs(50)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        assert!(stream.ended_because().unwrap().contains("nothing came"));
        assert_eq!(stream.finish().unwrap().code, None);
    }

    #[test]
    fn what_a_child_says_is_read_to_its_end() {
        let cmd = Cmd::new("printf").arg("a b");
        let mut stream = cmd.stream(Duration::from_secs(9), Duration::from_secs(9)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a b");
        assert_eq!(stream.finish().unwrap().code, Some(0));
    }
}

/// A file name that no other run of this machine has.
pub(super) fn scratch_file() -> std::path::PathBuf {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::env::temp_dir().join(format!("streamflix-xtask-{}-{number}", std::process::id()))
}
