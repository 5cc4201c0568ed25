//! Progress on long work: a bar on a terminal, a line every ten seconds elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use model::visible::visible;

/// Bytes done of bytes expected, and what is being worked on.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    lines: Option<Lines>,
}

#[derive(Debug)]
struct Lines {
    what: String,
    said: Instant,
}

const PAUSE: Duration = Duration::from_secs(10);

impl Bar {
    pub(super) fn new(what: &str, total_bytes: u64, shown: bool, terminal: bool) -> Self {
        let bar = if shown && terminal {
            ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr_with_hz(8))
        } else {
            ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::hidden())
        };
        let style = ProgressStyle::with_template(
            "  {prefix} [{bar:28}] {bytes}/~{total_bytes} {bytes_per_sec} eta {eta} {msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.to_owned());
        let lines =
            (shown && !terminal).then(|| Lines { what: what.to_owned(), said: Instant::now() });
        Self { bar, lines }
    }

    /// Notes how far the work is.
    pub fn set(&mut self, bytes: u64, rows: u64, now_at: &str) {
        self.advance(bytes, || format!(", {rows} rows"));
        if !self.bar.is_hidden() {
            let name: String = visible(now_at).chars().take(40).collect();
            self.bar.set_message(format!("{rows} rows, {name}"));
        }
    }

    /// Notes how far it is where bytes are all there is to count.
    pub fn at(&mut self, bytes: u64) {
        self.advance(bytes, String::new);
    }

    fn advance(&mut self, bytes: u64, more: impl FnOnce() -> String) {
        // The total is an estimate of the server's; never show more than 100 %.
        if self.bar.length().is_some_and(|length| length < bytes) {
            self.bar.set_length(bytes);
        }
        self.bar.set_position(bytes);
        if let Some(lines) = &mut self.lines
            && lines.said.elapsed() >= PAUSE
        {
            lines.said = Instant::now();
            let (mib, more) = (bytes / (1 << 20), more());
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr().lock(),
                format_args!("  {}: {mib} MiB{more} so far\n", lines.what),
            );
        }
    }

    /// Takes the bar away; the command's own line says the result.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
