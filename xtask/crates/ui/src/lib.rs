//! All output. People read standard error; standard output carries
//! only results (text or one JSON document). Nothing here needs colour to be understood.
//!
//! Most lines hold text from elsewhere: names, messages of a server, words of a child. Control
//! characters are escaped here in every line, so that no terminal obeys them.

mod confirm;
mod progress;

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

pub use progress::Bar;

use serde_json::json;

use model::exit::Stop;
use model::visible::{set_in, visible_json, visible_lines};

/// Whether standard output, of which a process has one, has a document.
static PRINTED: AtomicBool = AtomicBool::new(false);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors only.
    Quiet,
    Normal,
    /// Also how things were decided.
    Verbose,
}

/// The terminal, or the pipe that stands in for it.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    loudness: Loudness,
    json: bool,
    terminal: bool,
    color: bool,
}

impl Ui {
    /// Looks at the terminal once.
    pub fn new(loudness: Loudness, json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let color = terminal
            && sys::env::var("NO_COLOR").is_none()
            && sys::env::var("TERM").as_deref() != Some("dumb");
        Self { loudness, json, terminal, color }
    }

    pub fn json(&self) -> bool {
        self.json
    }

    /// How many columns the reader of a result has: by COLUMNS, else by the terminal; `None`: it
    /// goes to a pipe or a file, and is as wide as it is.
    pub fn width(&self) -> Option<usize> {
        let said = sys::env::var("COLUMNS").and_then(|text| text.trim().parse::<usize>().ok());
        let terminal = || {
            let size = terminal_size::terminal_size_of(std::io::stdout());
            size.map(|(width, _)| usize::from(width.0))
        };
        said.or_else(terminal).filter(|width| *width > 0)
    }

    /// Whether the user can be asked.
    pub fn can_ask(&self) -> bool {
        self.terminal && std::io::stdin().is_terminal()
    }

    /// One line about what is going on.
    pub fn say(&self, line: impl AsRef<str>) {
        if self.loudness >= Loudness::Normal {
            self.line(&set_in(&visible_lines(line.as_ref())));
        }
    }

    /// A line for those who asked for more.
    pub fn detail(&self, line: impl AsRef<str>) {
        if self.loudness >= Loudness::Verbose {
            self.line(&self.paint("2", &visible_lines(line.as_ref())));
        }
    }

    /// Something that the user should know although the command goes on.
    pub fn warn(&self, line: impl AsRef<str>) {
        let line = set_in(&visible_lines(line.as_ref()));
        self.line(&format!("{} {line}", self.paint("33", "warning:")));
    }

    /// A refusal: what failed, and what to do next.
    pub fn stop(&self, stop: &Stop) {
        self.error(&stop.message, &stop.hints);
    }

    /// An unexpected failure, with its context chain.
    pub fn error(&self, message: &str, hints: &[String]) {
        let message = set_in(&visible_lines(message));
        self.line(&format!("{} {message}", self.paint("31;1", "error:")));
        if !hints.is_empty() {
            self.line("");
        }
        for hint in hints {
            let hint = set_in(&visible_lines(hint));
            self.line(&format!("{} {hint}", self.paint("36", "hint:")));
        }
    }

    /// The result, on standard output. A reader that went away is not an error.
    pub fn result(&self, text: &str) {
        PRINTED.store(true, Ordering::Relaxed);
        let text = if self.json { visible_json(text) } else { visible_lines(text) };
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Under `--json`, the failure as a document on standard output, if the command gave no
    /// other: a reader always gets one.
    pub fn failure(&self, code: u8, message: &str, hints: &[String]) {
        if !self.json || PRINTED.load(Ordering::Relaxed) {
            return;
        }
        let error = json!({"code": code, "message": message, "hints": hints});
        self.result(&json!({"version": 1, "error": error}).to_string());
    }

    /// A progress bar; silent without a terminal.
    pub fn bar(&self, what: &str, total_bytes: u64) -> Bar {
        let shown = self.loudness >= Loudness::Normal && !self.json;
        Bar::new(what, total_bytes, shown, self.terminal)
    }

    /// Writes a line whose foreign parts are visible already: colours are ours.
    fn line(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{line}");
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
