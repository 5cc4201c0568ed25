//! A child that is spoken to in both directions while it runs.

use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::proc::{Cmd, own_group};

/// A running child with open pipes. Dropping it kills the child and waits for it.
#[derive(Debug)]
pub struct Duplex {
    child: Child,
}

impl Cmd {
    /// Starts it with its standard input and output as pipes, in a process group
    /// of its own: Ctrl-C must not cut a connection that a step in progress
    /// still needs to end cleanly. Its standard error is thrown away.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn duplex(&self) -> Result<(Duplex, ChildStdin, ChildStdout)> {
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
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child =
            command.spawn().with_context(|| format!("start `{}`", self.program.display()))?;
        let mut duplex = Duplex { child };
        let input = duplex.child.stdin.take().context("the child has no standard input")?;
        let output = duplex.child.stdout.take().context("the child has no standard output")?;
        Ok((duplex, input, output))
    }
}

impl Duplex {
    /// Gives the child this long to end by itself; whether it did.
    pub fn wait(&mut self, deadline: Duration) -> bool {
        let ended = super::clock::poll(deadline, || self.child.try_wait());
        matches!(ended, Ok(Some(_)))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_go_both_ways_and_the_child_ends() {
        let (mut child, mut input, mut output) = Cmd::new("cat").duplex().expect("start cat");
        input.write_all(b"there and back").expect("write");
        drop(input);
        let mut text = String::new();
        output.read_to_string(&mut text).expect("read");
        assert_eq!(text, "there and back");
        assert!(child.wait(Duration::from_secs(5)));
    }
}
