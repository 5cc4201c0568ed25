//! Asking before something is overwritten.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};

use super::Ui;
use model::exit::{ExitCode, Stop};

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
        self.say(format!("{question}. Type {expected} to continue:"));
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
        self.say(format!("{question} [y/N]"));
        let answer = self.read_line()?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    fn read_line(&self) -> Result<String> {
        std::io::stderr().flush().ok();
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("read the answer")?;
        Ok(line)
    }
}
