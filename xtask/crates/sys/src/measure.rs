//! A child that is timed and whose memory is watched.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use duct::Handle;

use super::proc::{Cmd, End, describe, end};
use super::{machine, signal};

/// How often the memory is checked. The system keeps the highest value itself; only
/// what a child takes in its very last moment can be missed.
const LOOK: Duration = Duration::from_millis(10);
/// How long a child may take to clean up after it was asked to end.
const GRACE: Duration = Duration::from_secs(20);

/// What a timed child left behind.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output, where that did not go into a file.
    pub stdout: String,
    pub stderr: String,
    /// From the start to the end.
    pub elapsed: Duration,
    /// The most memory that one of the processes held; `None` where the system does not tell.
    pub peak_memory: Option<u64>,
}

impl Measured {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended, for a message: the code and the last lines of stderr.
    pub fn why(&self) -> String {
        describe(self.code, &self.stderr)
    }
}

impl Cmd {
    /// Runs it to its end, `then` reading what it writes where that is given, and the last
    /// of them writing into `output`. After Ctrl-C it is asked to end, and forced later.
    ///
    /// # Errors
    /// It cannot be started, is still running at the deadline, or someone pressed Ctrl-C.
    /// A non-zero exit code is not an error here.
    pub fn measured(
        &self,
        then: Option<&Cmd>,
        output: Option<File>,
        deadline: Duration,
    ) -> Result<Measured> {
        let mut expression = self.expression();
        if let Some(next) = then {
            expression = expression.pipe(next.clone().stdin_piped().expression());
        }
        expression = match output {
            Some(file) => expression.stdout_file(file),
            None => expression.stdout_capture(),
        };
        let start = Instant::now();
        let handle = expression
            .stderr_capture()
            .start()
            .with_context(|| format!("start `{}`", self.program.display()))?;
        let mut peak_memory = None;
        loop {
            if let Some(output) = handle.wait_timeout(LOOK)? {
                return Ok(Measured {
                    code: output.status.code(),
                    stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
                    elapsed: start.elapsed(),
                    peak_memory,
                });
            }
            peak_memory = handle
                .pids()
                .into_iter()
                .filter_map(machine::peak_memory)
                .fold(peak_memory, |most: Option<u64>, now| {
                    Some(most.map_or(now, |most| most.max(now)))
                });
            if let Err(stop) = signal::check() {
                let_end(&handle);
                return Err(stop.into());
            }
            if start.elapsed() > deadline {
                let_end(&handle);
                let (shown, limit) = (self.shown(), deadline.as_secs());
                bail!("`{shown}` was still running after {limit} s and was stopped");
            }
        }
    }
}

/// Asks first: a child of ours that is killed leaves its schemas to the next run.
fn let_end(handle: &Handle) {
    for pid in handle.pids() {
        end(pid, End::Asked).ok();
    }
    if !matches!(handle.wait_timeout(GRACE), Ok(Some(_))) {
        handle.kill().ok();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_pipe_is_timed_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let file = super::super::fs::create_private(&path).unwrap();
        let left = Cmd::new("printf").arg("b\na\n");
        let done = left.measured(Some(&Cmd::new("sort")), Some(file), LONG).unwrap();
        assert!(done.ok(), "{}", done.why());
        assert_eq!(super::super::fs::read_text(&path).unwrap(), "a\nb\n");
        // The left side's failure is the pipe's.
        let left = Cmd::new("sh").args(["-c", "echo no >&2; exit 3"]);
        let failed = left.measured(Some(&Cmd::new("cat")), None, LONG).unwrap();
        assert_eq!((failed.code, failed.stderr.trim()), (Some(3), "no"));
    }

    #[test]
    fn memory_is_seen_and_a_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        super::super::fs::write_durably(&path, b"text").unwrap();
        // It stays a moment, so that there is time to look at it.
        let cmd = Cmd::new("sh").args(["-c", "cat; exec sleep 0.3"]).stdin_from(&path);
        let done = cmd.measured(None, None, LONG).unwrap();
        assert_eq!(done.stdout, "text");
        assert!(done.elapsed >= Duration::from_millis(290));
        if cfg!(target_os = "linux") {
            assert!(done.peak_memory.is_some_and(|bytes| bytes > 100_000), "{done:?}");
        }
    }

    #[test]
    fn what_runs_too_long_is_ended() {
        let start = Instant::now();
        let error = Cmd::new("sleep").arg("60").measured(None, None, Duration::from_millis(50));
        assert!(error.unwrap_err().to_string().contains("still running"));
        assert!(start.elapsed() < GRACE);
    }
}
