//! One line about work that is going on: from its state and the width of the terminal to the
//! text. No line is wider than the terminal.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use model::number::{bytes, seconds, thousands};

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// It is not known: time is all there is to show.
    #[default]
    Unknown,
    /// So many bytes, by an estimate.
    About(u64),
    /// So many bytes.
    Bytes(u64),
    /// So many rows.
    Rows(u64),
}

/// The state of the work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// The number of the step, and how many there are.
    pub step: Option<(usize, usize)>,
    /// What is done: "load".
    pub what: String,
    pub total: Total,
    pub bytes: u64,
    pub rows: u64,
    /// What it is working on: a table.
    pub at: String,
    pub elapsed: Duration,
    /// How long nothing has moved.
    pub still: Duration,
    /// Bytes a second, of late.
    pub rate: Option<u64>,
    /// Which picture of the spinner.
    pub turn: usize,
}

/// Before this nothing is said about the time left.
const SOON: Duration = Duration::from_secs(2);
/// Nor with less of the work done.
const LEAST: f64 = 0.03;
/// Without progress for so long, the rate so far says nothing about the rest.
const STALLED: Duration = Duration::from_secs(3);
/// From here on the rest is not what was counted: keys are built, an end is written.
const NEARLY: f64 = 0.999;
/// Of the name of a table.
const NAME: std::ops::RangeInclusive<usize> = 8..=40;
const GAP: usize = 2;

impl Work {
    /// The share that is done; `None`: it cannot be said, or an estimate was too low.
    fn share(&self) -> Option<f64> {
        let (done, all) = match self.total {
            Total::Unknown => return None,
            Total::About(all) | Total::Bytes(all) => (self.bytes, all),
            Total::Rows(all) => (self.rows, all),
        };
        let share = done as f64 / all as f64;
        (done > 0 && share < NEARLY).then_some(share)
    }

    /// The time left, once it means something.
    pub(crate) fn eta(&self) -> Option<Duration> {
        let share = self.share()?;
        if self.elapsed < SOON || share < LEAST || self.still >= STALLED {
            return None;
        }
        let left = self.elapsed.mul_f64((1.0 - share) / share);
        (left >= Duration::from_secs(1)).then_some(left)
    }

    fn lead(&self) -> String {
        match self.step {
            Some((step, of)) => format!("  {step}/{of} {}", self.what),
            None => format!("  {}", self.what),
        }
    }

    fn amounts(&self, measured: bool) -> String {
        let rows = || match self.rows {
            1 => "1 row".to_owned(),
            n => format!("{} rows", thousands(n)),
        };
        match self.total {
            Total::About(all) if measured => format!("{} of ~{}", bytes(self.bytes), bytes(all)),
            Total::Bytes(all) if measured => format!("{} of {}", bytes(self.bytes), bytes(all)),
            Total::Rows(all) if measured => {
                format!("{} of {} rows", thousands(self.rows), thousands(all))
            }
            _ if self.bytes > 0 => bytes(self.bytes),
            _ if self.rows > 0 => rows(),
            _ => String::new(),
        }
    }

    /// "eta 4 s", else how long it has taken.
    fn time(&self) -> String {
        match (self.eta(), self.elapsed.as_secs()) {
            (Some(left), _) => format!("eta {}", seconds(left.as_secs())),
            (None, 0) => String::new(),
            (None, passed) => seconds(passed),
        }
    }

    fn rate(&self) -> String {
        // Behind the last byte, it would only fall.
        let sent = self.total != Total::Unknown && self.share().is_none();
        let moves = self.bytes > 0 && self.still < STALLED && !sent;
        let rate = self.rate.filter(|rate| *rate > 0 && moves);
        rate.map_or_else(String::new, |rate| format!("{}/s", bytes(rate)))
    }

    /// Rows, where the amounts are bytes.
    fn rows(&self) -> String {
        if self.bytes == 0 || self.rows < 2 {
            return String::new();
        }
        format!("{} rows", thousands(self.rows))
    }

    /// The line for a terminal of `width` columns.
    pub(crate) fn line(&self, width: usize) -> String {
        // In the last column some terminals go on to the next line.
        let room = width.saturating_sub(1);
        let share = self.share();
        // The same at every moment: what moves is inside.
        let length = match width {
            ..70 => 8,
            70..100 => 10,
            _ => 24,
        };
        let mut line = Line { room, used: 0 };
        let lead = line.must(self.lead());
        let spin = match share {
            None => line.fits(["|", "/", "-", "\\"][self.turn % 4].to_owned()),
            Some(_) => String::new(),
        };
        let amounts = line.fits(self.amounts(share.is_some()));
        let time = line.fits(self.time());
        let bar = share.filter(|_| line.take(length + 2));
        let rate = line.fits(self.rate());
        let mut at = String::new();
        if !self.at.is_empty() && line.has(*NAME.start()) {
            let most = (*NAME.end()).min(line.room - line.used - GAP);
            at = line.fits(cut(&self.at, most));
        }
        let rows = line.fits(self.rows());
        let bar = bar.map_or_else(String::new, |share| drawn(share, length));
        let parts = [lead, bar, spin, amounts, rate, time, rows, at];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        cut(&parts.join("  "), room)
    }

    /// The line where there is no terminal.
    pub(crate) fn said(&self) -> String {
        let amounts = self.amounts(self.share().is_some());
        let all = [amounts, self.rows(), seconds(self.elapsed.as_secs()), self.at.clone()];
        let all: Vec<String> = all.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{}: {} so far", self.lead(), all[..all.len().min(3)].join(", "))
    }
}

/// What fits on a line.
struct Line {
    room: usize,
    used: usize,
}

impl Line {
    fn has(&self, width: usize) -> bool {
        self.used + GAP + width <= self.room
    }

    fn take(&mut self, width: usize) -> bool {
        let has = self.has(width);
        if has {
            self.used += GAP + width;
        }
        has
    }

    fn must(&mut self, part: String) -> String {
        self.used += part.width();
        part
    }

    /// The part, or nothing.
    fn fits(&mut self, part: String) -> String {
        if part.is_empty() || !self.take(part.width()) { String::new() } else { part }
    }
}

fn drawn(share: f64, length: usize) -> String {
    // One that has begun shows it, and one that has not ended, too.
    let full = ((share * length as f64) as usize).clamp(1, length.saturating_sub(1).max(1));
    format!("[{}>{}]", "=".repeat(full - 1), " ".repeat(length - full))
}

/// At most so many columns of a text; an ellipsis says that it was longer.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let mut cut = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        cut.push(c);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
