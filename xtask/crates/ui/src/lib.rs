//! All output. People read standard error; standard output carries
//! only results (text or one JSON document). Nothing here needs colour to be understood.
//!
//! Under `--quiet` a success says nothing but what the command was run to print, and warnings.
//!
//! Most lines hold text from elsewhere: names, messages of a server, words of a child. Control
//! characters are escaped here in every line, so that no terminal obeys them.

mod colour;
mod confirm;
mod layout;
mod progress;
mod screen;
mod steps;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use layout::Total;
pub use progress::Bar;
pub use steps::Step;

use colour::{Wishes, paint, painted};
use screen::Screen;

use serde_json::json;

use model::exit::Stop;
use model::toned::Toned;
use model::visible::{set_in, visible_json, visible_lines};

/// Whether standard output, of which a process has one, has a document.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Whether this run was asked to be quiet.
static QUIET: AtomicBool = AtomicBool::new(false);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors, warnings and what was asked for.
    Quiet,
    Normal,
    /// Also how things were decided.
    Verbose,
}

/// The terminal, or the pipe that stands in for it.
#[derive(Debug, Clone)]
pub struct Ui {
    loudness: Loudness,
    json: bool,
    /// Whether lines go to a terminal.
    terminal: bool,
    /// Whether they have colour.
    color: bool,
    /// Whether results have it.
    color_of_results: bool,
    screen: Arc<Screen>,
}

impl Ui {
    /// Looks at the terminal once.
    pub fn new(loudness: Loudness, json: bool) -> Self {
        QUIET.store(loudness == Loudness::Quiet, Ordering::Relaxed);
        let wishes = Wishes::read();
        let terminal = std::io::stderr().is_terminal();
        let color = wishes.allow(terminal);
        let color_of_results = !json && wishes.allow(std::io::stdout().is_terminal());
        let terminal = terminal && !wishes.dumb;
        Self { loudness, json, terminal, color, color_of_results, screen: Arc::default() }
    }

    /// For what has no other at hand: as loud as the run was asked to be.
    pub fn of_this_run() -> Self {
        let quiet = QUIET.load(Ordering::Relaxed);
        Self::new(if quiet { Loudness::Quiet } else { Loudness::Normal }, false)
    }

    /// Whether a success is to say nothing; also for what children say.
    pub fn is_quiet(&self) -> bool {
        self.loudness == Loudness::Quiet
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
        std::io::stderr().is_terminal() && std::io::stdin().is_terminal()
    }

    /// Declares the steps of this command, without those that it will skip. What runs inside
    /// another command may declare its own: the outer one's count.
    pub fn steps(&self, all: &[Step]) {
        self.screen.steps(|steps| steps.declare(all));
    }

    /// Goes on to a step: its line, with its number in front.
    pub fn step(&self, step: Step, line: impl AsRef<str>) {
        let line = line.as_ref();
        match self.screen.steps(|steps| steps.enter(step)) {
            Some((step, of)) => self.say(format!("{step}/{of} {line}")),
            None => self.say(line),
        }
    }

    /// As [`Self::step`], for what comes behind every command: where it was not declared, it
    /// is no part of the last step either.
    pub fn last_step(&self, step: Step, line: impl AsRef<str>) {
        self.screen.steps(|steps| steps.end_unless(step));
        self.step(step, line);
    }

    /// What has to have been read before a question: with `--quiet`, too, where it is asked.
    pub fn before_asking(&self, text: impl AsRef<str>, yes: bool) {
        if self.loudness >= Loudness::Normal || (!yes && self.can_ask()) {
            self.line(&set_in(&visible_lines(text.as_ref())));
        }
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

    /// Something that is good to know and puts nothing at risk.
    pub fn note(&self, line: impl AsRef<str>) {
        if self.loudness >= Loudness::Normal {
            let line = set_in(&visible_lines(line.as_ref()));
            self.line(&format!("{} {line}", self.paint("36", "note:")));
        }
    }

    /// Something that the user should know although the command goes on: data, a secret or
    /// the next run may be at risk. `--quiet` does not silence it.
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

    /// What the command was run to print, on standard output. A reader that went away is not
    /// an error.
    pub fn result(&self, text: impl Into<Toned>) {
        PRINTED.store(true, Ordering::Relaxed);
        let text = text.into();
        let text = match self.json {
            true => visible_json(&text),
            false => painted(self.color_of_results, &text),
        };
        self.screen.aside(|| {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes());
            if !text.ends_with('\n') {
                let _ = out.write_all(b"\n");
            }
            let _ = out.flush();
        });
    }

    /// What a command that was run to do something says about its success: nothing under
    /// `--quiet`, where the exit code says it. A document of `--json` was asked for.
    pub fn outcome(&self, text: impl Into<Toned>) {
        if self.json || self.loudness >= Loudness::Normal {
            self.result(text);
        }
    }

    /// Under `--json`, the failure as a document on standard output, if the command gave no
    /// other: a reader always gets one.
    pub fn failure(&self, code: u8, message: &str, hints: &[String]) {
        if !self.json || PRINTED.load(Ordering::Relaxed) {
            return;
        }
        let error = json!({"code": code, "message": message, "hints": hints});
        self.result(json!({"version": 1, "error": error}).to_string());
    }

    /// Shows work while it goes on: on a terminal a line that moves, elsewhere a line every
    /// ten seconds.
    pub fn bar(&self, what: &str, total: Total) -> Bar {
        let shown = self.loudness >= Loudness::Normal && !self.json;
        Bar(shown.then(|| {
            let id = self.screen.begin(what, total, self.terminal);
            (Arc::clone(&self.screen), id)
        }))
    }

    /// Writes a line whose foreign parts are visible already: colours are ours.
    fn line(&self, line: &str) {
        self.screen.aside(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }

    fn paint(&self, code: &str, text: &str) -> String {
        paint(self.color, code, text)
    }
}
