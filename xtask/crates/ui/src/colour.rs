//! Whether a stream has colour, and the text with it. Words are enough without.

use model::toned::{Tone, Toned};
use model::visible::visible_lines;

/// What the environment says about colour.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wishes {
    /// `NO_COLOR` is set: <https://no-color.org>.
    pub none: bool,
    /// `CLICOLOR_FORCE` or `FORCE_COLOR` is set, to something else than 0.
    pub forced: bool,
    /// `CLICOLOR` is 0.
    pub off: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
}

impl Wishes {
    pub(crate) fn read() -> Self {
        let var = |name: &str| sys::env::var(name);
        let forced = |name: &str| var(name).is_some_and(|value| value != "0");
        Self {
            none: var("NO_COLOR").is_some(),
            forced: forced("CLICOLOR_FORCE") || forced("FORCE_COLOR"),
            off: var("CLICOLOR").as_deref() == Some("0"),
            dumb: var("TERM").as_deref() == Some("dumb"),
        }
    }

    /// Whether a stream that is a terminal, or is not, gets colour. The order is the one that
    /// other programs of the field have.
    pub(crate) fn allow(self, terminal: bool) -> bool {
        match self {
            Self { none: true, .. } => false,
            Self { forced: true, .. } => true,
            Self { off: true, .. } | Self { dumb: true, .. } => false,
            _ => terminal,
        }
    }
}

/// The text of a code of ANSI terminals.
pub(crate) fn paint(on: bool, code: &str, text: &str) -> String {
    if on && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A text for a stream: foreign characters are made visible first, so every escape in it is
/// ours.
pub(crate) fn painted(on: bool, text: &Toned) -> String {
    let one = |(tone, piece): (Option<Tone>, &str)| {
        let piece = visible_lines(piece);
        match tone {
            Some(tone) => paint(on, code(tone), &piece),
            None => piece,
        }
    };
    text.pieces().map(one).collect()
}

fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "32",
        Tone::Bad => "31;1",
        Tone::Unsure => "33",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_decides_and_the_user_has_the_last_word() {
        let plain = Wishes::default();
        assert!(plain.allow(true));
        assert!(!plain.allow(false), "a pipe has no colour");
        for without in [
            Wishes { none: true, ..plain },
            Wishes { off: true, ..plain },
            Wishes { dumb: true, ..plain },
            Wishes { none: true, forced: true, ..plain },
        ] {
            assert!(!without.allow(true), "{without:?}");
        }
        for forced in
            [Wishes { forced: true, ..plain }, Wishes { forced: true, dumb: true, ..plain }]
        {
            assert!(forced.allow(false), "{forced:?}");
        }
    }

    #[test]
    fn colour_comes_after_what_is_foreign_was_escaped() {
        let mut text = Toned::from("a\u{1b}[31m ");
        text.push_as(Tone::Bad, "failed\u{1b}[0m");
        text.push("\n");
        assert_eq!(painted(false, &text), "a⟨U+001B⟩[31m failed⟨U+001B⟩[0m\n");
        assert_eq!(painted(true, &text), "a⟨U+001B⟩[31m \u{1b}[31;1mfailed⟨U+001B⟩[0m\u{1b}[0m\n");
    }
}
