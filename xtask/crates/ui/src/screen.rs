//! The standard error of this process: lines that stay, and below them one line about what is
//! going on. Where that is no terminal, a line every ten seconds.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::layout::{Total, Work};
use super::steps::Steps;
use model::visible::visible;

/// How often the line is drawn.
const DRAWN: Duration = Duration::from_millis(125);
/// How often one is written where there is no terminal.
const SAID: Duration = Duration::from_secs(10);
/// Over which time the rate is taken.
const OF_LATE: Duration = Duration::from_secs(3);
/// Where the terminal does not say how wide it is.
const USUAL: usize = 80;

#[derive(Debug, Default)]
pub(crate) struct Screen {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    steps: Steps,
    /// What is going on, and inside it what is going on now: the last is shown.
    running: Vec<Running>,
    /// Numbers what runs.
    last: u64,
    /// Columns of the line that is drawn.
    drawn: usize,
}

#[derive(Debug)]
struct Running {
    id: u64,
    work: Work,
    began: Instant,
    moved: Instant,
    /// Bytes at two moments before: the rate is that since the earlier one.
    marks: [(Instant, u64); 2],
}

impl Running {
    fn seen(&mut self) -> &Work {
        let now = Instant::now();
        if now - self.marks[1].0 >= OF_LATE {
            self.marks = [self.marks[1], (now, self.work.bytes)];
        }
        let (then, bytes) = self.marks[0];
        let took = (now - then).as_secs_f64();
        let done = self.work.bytes.saturating_sub(bytes);
        self.work.rate = (took >= 1.0).then(|| (done as f64 / took) as u64);
        self.work.elapsed = now - self.began;
        self.work.still = now - self.moved;
        &self.work
    }
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn steps<T>(&self, with: impl FnOnce(&mut Steps) -> T) -> T {
        with(&mut self.lock().steps)
    }

    /// Lets `write` have the terminal, without the line that is drawn.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        let mut inner = self.lock();
        erase(&mut inner);
        write();
    }

    /// Begins to show work, until [`Self::end`] with the number that this gives.
    pub(crate) fn begin(self: &Arc<Self>, what: &str, total: Total, terminal: bool) -> u64 {
        let mut inner = self.lock();
        inner.last += 1;
        let (id, now) = (inner.last, Instant::now());
        let step = inner.steps.now();
        let work = Work { step, what: visible(what), total, ..Work::default() };
        let marks = [(now, 0); 2];
        inner.running.push(Running { id, work, began: now, moved: now, marks });
        drop(inner);
        let screen = Arc::clone(self);
        // Without it nothing is seen of the work; it goes on all the same.
        std::thread::Builder::new().spawn(move || screen.show(id, terminal)).ok();
        id
    }

    pub(crate) fn end(&self, id: u64) {
        let mut inner = self.lock();
        let all = inner.running.len();
        inner.running.retain(|it| it.id != id);
        if inner.running.len() < all {
            erase(&mut inner);
            drop(inner);
            self.changed.notify_all();
        }
    }

    pub(crate) fn advance(&self, id: u64, (bytes, rows): (u64, u64), at: &str) {
        let mut inner = self.lock();
        let running = inner.running.iter_mut().find(|it| it.id == id);
        let Some(running) = running else { return };
        let work = &mut running.work;
        if (work.bytes, work.rows) != (bytes, rows) {
            (work.bytes, work.rows) = (bytes, rows);
            running.moved = Instant::now();
        }
        // While something is waited for, nothing else was begun.
        if !at.is_empty() && work.at != at {
            work.at = visible(at);
        }
    }

    fn show(&self, id: u64, terminal: bool) {
        let mut inner = self.lock();
        let pause = if terminal { DRAWN } else { SAID };
        let mut due = if terminal { Instant::now() } else { Instant::now() + SAID };
        while let Some(at) = inner.running.iter().position(|it| it.id == id) {
            let now = Instant::now();
            if now < due || at + 1 < inner.running.len() {
                let pause = due.saturating_duration_since(now).max(DRAWN);
                let waited = self.changed.wait_timeout(inner, pause);
                inner = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            due = now + pause;
            let Some(running) = inner.running.get_mut(at) else { return };
            if terminal {
                running.work.turn += 1;
                let line = running.seen().line(columns());
                draw(&mut inner, &line);
            } else {
                let line = running.seen().said();
                let _ = writeln!(std::io::stderr().lock(), "{line}");
            }
        }
    }
}

fn columns() -> usize {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or(USUAL, |(width, _)| usize::from(width.0))
}

/// Draws over the line that is there. Blanks and a carriage return are all that this asks of
/// a terminal.
fn draw(inner: &mut Inner, line: &str) {
    let width = unicode_width::UnicodeWidthStr::width(line);
    let rest = " ".repeat(inner.drawn.saturating_sub(width));
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "\r{line}{rest}\r");
    let _ = err.flush();
    inner.drawn = width;
}

fn erase(inner: &mut Inner) {
    if inner.drawn > 0 {
        draw(inner, "");
    }
}
