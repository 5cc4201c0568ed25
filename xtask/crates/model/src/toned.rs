//! A text whose words are good or bad news: what a terminal may show in colour. The words
//! say it all without.

use std::fmt;
use std::ops::{Deref, Range};

/// What a word means for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It is as it should be.
    Good,
    /// It is not.
    Bad,
    /// It was not found out, or a person should look.
    Unsure,
}

/// A text, and the tone of some of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toned {
    text: String,
    /// In order, and apart from each other.
    tones: Vec<(Range<usize>, Tone)>,
}

impl Toned {
    /// Adds a part without a tone.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a part with its tone.
    pub fn push_as(&mut self, tone: impl Into<Option<Tone>>, text: &str) {
        let from = self.text.len();
        self.text.push_str(text);
        if let Some(tone) = tone.into() {
            self.tones.push((from..self.text.len(), tone));
        }
    }

    /// Adds another text behind.
    pub fn append(&mut self, other: Self) {
        let from = self.text.len();
        self.text.push_str(&other.text);
        let moved = other.tones.into_iter();
        self.tones.extend(moved.map(|(at, tone)| (at.start + from..at.end + from, tone)));
    }

    /// Every part, in order.
    pub fn pieces(&self) -> impl Iterator<Item = (Option<Tone>, &str)> {
        let mut pieces = Vec::new();
        let mut at = 0;
        let piece = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        for (range, tone) in &self.tones {
            pieces.push((None, piece(at..range.start)));
            pieces.push((Some(*tone), piece(range.clone())));
            at = range.end;
        }
        pieces.push((None, piece(at..self.text.len())));
        pieces.into_iter().filter(|(_, text)| !text.is_empty())
    }
}

/// Without the tones.
impl Deref for Toned {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Toned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<&str> for Toned {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), tones: Vec::new() }
    }
}

impl From<String> for Toned {
    fn from(text: String) -> Self {
        Self { text, tones: Vec::new() }
    }
}

impl From<&String> for Toned {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl PartialEq<&str> for Toned {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_tone() {
        let mut text = Toned::from("a ");
        text.push_as(Tone::Good, "passed");
        let mut more = Toned::default();
        more.push_as(Tone::Bad, "failed");
        more.push_as(None, ".");
        text.append(more);
        assert_eq!(text, "a passedfailed.");
        let pieces: Vec<_> = text.pieces().collect();
        let all =
            [(None, "a "), (Some(Tone::Good), "passed"), (Some(Tone::Bad), "failed"), (None, ".")];
        assert_eq!(pieces, all);
    }
}
