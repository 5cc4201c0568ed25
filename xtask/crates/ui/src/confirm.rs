//! Asking before something is overwritten.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result};

use super::Ui;
use model::exit::{ExitCode, Stop};
use sys::{clock, signal};

impl Ui {
    /// Asks a person to type `expected` (the name of what will be overwritten).
    /// With `yes` there is no question; the plan was already shown.
    pub fn confirm_by_name(&self, question: &str, expected: &str, yes: bool) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !self.can_ask() {
            return Err(Stop::new(
                ExitCode::Usage,
                format!("{question}, and there is no terminal to confirm it"),
            )
            .hint("Add --yes to confirm it on the command line.")
            .into());
        }
        self.question(format!("{question}. Type {expected} to continue:"));
        if self.read_line()?.trim() == expected {
            return Ok(());
        }
        Err(Stop::new(ExitCode::Usage, "not confirmed; nothing was changed").into())
    }

    /// Asks a yes/no question whose default is no.
    pub fn ask(&self, question: &str, yes: bool) -> Result<bool> {
        if yes || !self.can_ask() {
            return Ok(yes);
        }
        self.question(format!("{question} [y/N]"));
        let answer = self.read_line()?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// With `--quiet`, too: it waits for an answer.
    fn question(&self, text: String) {
        self.before_asking(text, false);
    }

    /// Reads an answer in a thread of its own, so that Ctrl-C ends the question at once.
    fn read_line(&self) -> Result<String> {
        io::stderr().flush().ok();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            // The other end is gone after Ctrl-C.
            sender.send(read.map(|_| line)).ok();
        });
        clock::while_asking(|| answer(&lines, &signal::interrupted))
    }
}

/// How often it is asked for Ctrl-C: a person takes it for at once.
const LOOK: Duration = Duration::from_millis(50);

fn answer(lines: &Receiver<io::Result<String>>, interrupted: &dyn Fn() -> bool) -> Result<String> {
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => return line.context("read the answer"),
            Err(RecvTimeoutError::Timeout) if !interrupted() => {}
            Err(_) => {
                let message = "interrupted at a question; nothing was changed";
                return Err(Stop::new(ExitCode::Interrupted, message).into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_ends_a_question_at_once() {
        let (sender, lines) = channel();
        let stop = answer(&lines, &|| true).unwrap_err().downcast::<Stop>().unwrap();
        assert_eq!(stop.code, ExitCode::Interrupted);
        assert!(stop.message.contains("nothing was changed"));
        sender.send(Ok("mydb\n".to_owned())).unwrap();
        assert_eq!(answer(&lines, &|| false).unwrap(), "mydb\n");
    }
}
