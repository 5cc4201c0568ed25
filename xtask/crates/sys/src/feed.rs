//! A child that takes bytes on its standard input while it runs.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::proc::{Cmd, Finished, own_group};
use super::{clock, signal};

/// How long a child that is broken off may take to tidy up.
const GRACE: Duration = Duration::from_secs(25);

/// A running child with an open standard input. Dropped, its input ends where it is; it
/// has a moment to tidy up, and is ended then.
#[derive(Debug)]
pub struct Feed {
    child: Child,
    input: Option<ChildStdin>,
    said: Option<JoinHandle<String>>,
    shown: String,
}

impl Cmd {
    /// Starts it in a process group of its own: after Ctrl-C it is for us to break off.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn feed(&self) -> Result<Feed> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        for name in &self.env_removed {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value.reveal())));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        own_group(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("start `{}`", self.program.display()))?;
        let input = child.stdin.take();
        let mut errors = child.stderr.take().context("the child has no standard error")?;
        let said = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What came until it broke is all there is to say.
            errors.read_to_end(&mut bytes).ok();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Feed { child, input, said: Some(said), shown: self.shown() })
    }
}

impl Feed {
    /// Ends its input and waits for its end. A non-zero exit code is no error here.
    pub fn finish(mut self, deadline: Duration) -> Result<Finished> {
        self.input = None;
        let ended = clock::poll(deadline, || self.child.try_wait())
            .with_context(|| format!("wait for `{}`", self.shown))?;
        let Some(status) = ended else {
            signal::check()?;
            bail!("`{}` did not end within {} s", self.shown, deadline.as_secs());
        };
        let said = self.said.take().and_then(|said| said.join().ok());
        Ok(Finished {
            code: status.code(),
            stdout: String::new(),
            stderr: said.unwrap_or_default(),
        })
    }
}

impl Write for Feed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.flush()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.input = None;
        // A signal has been heeded by coming here; another one ends the process.
        let _wait = signal::defer();
        let ended = clock::poll(GRACE, || self.child.try_wait());
        if !matches!(ended, Ok(Some(_))) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_it_is_given_and_says_how_it_ended() {
        let script = "test \"$(wc -c)\" -eq 300000 && echo enough >&2 && exit 3";
        let mut feed = Cmd::new("sh").args(["-c", script]).feed().unwrap();
        feed.write_all(&vec![b'x'; 300_000]).unwrap();
        let finished = feed.finish(Duration::from_secs(20)).unwrap();
        assert_eq!((finished.code, finished.stderr.trim()), (Some(3), "enough"));
    }

    #[test]
    fn a_child_that_goes_away_breaks_the_pipe() {
        let mut feed = Cmd::new("true").feed().unwrap();
        let block = vec![0; 1 << 20];
        let broken = (0..64).find_map(|_| feed.write_all(&block).err()).unwrap();
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
        assert!(feed.finish(Duration::from_secs(20)).unwrap().ok());
    }
}
