//! Has a file's bytes written to the disk while more of them are still coming, so
//! that the sync at its end has little left to do.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// After this many bytes the disk is asked to begin.
const EVERY: usize = 32 << 20;

/// A file that is synced in the background.
#[derive(Debug)]
pub(super) struct SyncAhead {
    file: File,
    written: usize,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl SyncAhead {
    pub(super) fn start(file: File) -> io::Result<Self> {
        let same = file.try_clone()?;
        let (wake, woken) = sync_channel(1);
        let thread =
            std::thread::Builder::new().name("store-sync".to_owned()).spawn(move || {
                // The system reports a failed disk write once, on the next sync: it must not be
                // lost here.
                woken.iter().try_for_each(|()| same.sync_data())
            })?;
        Ok(Self { file, written: 0, wake: Some(wake), thread: Some(thread) })
    }

    /// Syncs the rest; what failed on the way fails here.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.join()?;
        self.file.sync_all()
    }

    fn join(&mut self) -> io::Result<()> {
        self.wake = None;
        match self.thread.take() {
            Some(thread) => {
                thread.join().map_err(|_| io::Error::other("the thread that syncs panicked"))?
            }
            None => Ok(()),
        }
    }
}

impl Write for SyncAhead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.written += length;
        if self.written >= EVERY {
            self.written = 0;
            // When it is still busy, it will be asked again.
            if let Some(wake) = &self.wake {
                wake.try_send(()).ok();
            }
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for SyncAhead {
    fn drop(&mut self) {
        // The file must be closed before anybody removes it.
        self.join().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sys::fs::create_private;

    #[test]
    fn every_byte_is_in_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("f");
        let mut ahead = SyncAhead::start(create_private(&path).expect("file")).expect("thread");
        let block = vec![7; 5 << 20];
        for _ in 0..14 {
            ahead.write_all(&block).expect("write");
        }
        ahead.finish().expect("sync");
        assert_eq!(std::fs::metadata(&path).expect("facts").len(), 70 << 20);
    }
}
