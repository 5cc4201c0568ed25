//! What a run of the checks shows: one line a stage, more only where there is
//! something to see, and a summary at the end. All of it is for people, so all
//! of it goes to standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use model::visible::visible_lines;

/// The lines of one run.
#[derive(Debug)]
pub(crate) struct Output {
    stage_start: Instant,
    /// Whether the current stage's line still waits for its result.
    waiting: bool,
    done: Vec<(String, bool, Duration)>,
}

impl Default for Output {
    fn default() -> Self {
        Self { stage_start: Instant::now(), waiting: false, done: Vec::new() }
    }
}

impl Output {
    pub(crate) fn begin(&mut self, name: &str) {
        self.stage_start = Instant::now();
        self.waiting = true;
        put(&format!("ci: {name} … "));
    }

    /// A stage has something to say.
    pub(crate) fn note(&mut self, line: &str) {
        self.open_line();
        put(&format!("    {line}\n"));
    }

    /// A program's output follows: it begins on a line of its own.
    pub(crate) fn open_line(&mut self) {
        if std::mem::take(&mut self.waiting) {
            put("\n");
        }
    }

    /// A program's output, after it has ended.
    pub(crate) fn show(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.open_line();
        put(visible_lines(text).trim_end());
        put("\n");
    }

    pub(crate) fn end(&mut self, name: &str, ok: bool) {
        let took = self.stage_start.elapsed();
        let result = if ok { "ok" } else { "FAILED" };
        let time = seconds(took);
        if std::mem::take(&mut self.waiting) {
            put(&format!("{result} ({time})\n"));
        } else {
            put(&format!("ci: {name} … {result} ({time})\n"));
        }
        self.done.push((name.to_owned(), ok, took));
    }

    /// All stages with their results and times; what did not run says so.
    pub(crate) fn summary<'a>(&self, chosen: impl Iterator<Item = &'a str>, whole: Duration) {
        put("\nci: summary\n");
        for name in chosen {
            let line = match self.done.iter().find(|(done, ..)| done == name) {
                Some((_, ok, took)) => {
                    let result = if *ok { "ok" } else { "FAILED" };
                    format!("    {name:<12} {result:<8} {:>9}", seconds(*took))
                }
                None => format!("    {name:<12} not run"),
            };
            put(&line);
            put("\n");
        }
        put(&format!("    {:<12} {:<8} {:>9}\n", "all", "", seconds(whole)));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Whoever closed our standard error does not want to hear that it failed.
fn put(text: &str) {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes()).ok();
    if stderr.is_terminal() || !text.ends_with('\n') {
        stderr.flush().ok();
    }
}
