//! A text as a terminal shows it, as a picture for the pages.

use std::fmt::Write as _;

use expect_test::expect_file;
use model::toned::{Tone, Toned};

/// A letter's width and a line's height.
const CELL: (f64, f64) = (8.0, 20.0);
const EDGE: f64 = 16.0;

/// Compares with the picture in `docs/images`; `UPDATE_EXPECT=1` writes it.
pub(super) fn check(name: &str, command: &str, text: &Toned, columns: usize) {
    let path = format!("../../../../../docs/images/{name}");
    expect_file![path].assert_eq(&picture(command, text, columns));
}

fn picture(command: &str, text: &Toned, columns: usize) -> String {
    let mut lines = vec![format!("$ {command}")];
    let mut line = String::new();
    for (tone, piece) in text.pieces() {
        for (at, part) in piece.split('\n').enumerate() {
            if at > 0 {
                lines.push(std::mem::take(&mut line));
            }
            let part = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            match tone {
                Some(tone) if !part.is_empty() => {
                    let colour = colour(tone);
                    let _ = write!(line, "<tspan fill=\"{colour}\">{part}</tspan>");
                }
                _ => line += &part,
            }
        }
    }
    let (width, height) =
        (columns as f64 * CELL.0 + 2.0 * EDGE, lines.len() as f64 * CELL.1 + 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{command}, {columns} columns\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1e1e2e\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"13.3\" fill=\"#d9e0ee\">\n"
    );
    for (at, line) in lines.iter().enumerate() {
        let y = EDGE + CELL.1 * (at as f64 + 0.75);
        let _ = writeln!(svg, "<text xml:space=\"preserve\" x=\"{EDGE}\" y=\"{y}\">{line}</text>");
    }
    svg + "</g>\n</svg>\n"
}

fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "#8bd5a0",
        Tone::Bad => "#f38ba8",
        Tone::Unsure => "#f9e2af",
    }
}
