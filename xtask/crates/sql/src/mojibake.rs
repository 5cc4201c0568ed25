//! Whether a text was read in the wrong character set on its way: UTF-8 taken for a code
//! page, as PowerShell's `>` does (`größe` becomes `gr├╢├ƒe` or `grÃ¶ÃŸe`).
//!
//! Put back into the code page, such text is UTF-8 again. Single words of honest text can
//! be that by chance (`Ã“` is `Ó`), so all of the file's words above ASCII decide, or
//! nearly all of many.

use super::codepage::{CP437, CP850, byte_of};

/// Of honest words, one in so many may be there by chance.
const NEARLY_ALL: u64 = 20;

/// Longer stretches above ASCII are cut: a text in Chinese has no blanks.
const LONGEST: usize = 4096;

/// A code page that UTF-8 can have been taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Cp437,
    Cp850,
    Cp1252,
}

impl Page {
    const ALL: [Self; 3] = [Self::Cp437, Self::Cp850, Self::Cp1252];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cp437 => "code page 437",
            Self::Cp850 => "code page 850",
            Self::Cp1252 => "code page 1252",
        }
    }

    fn byte(self, character: char) -> Option<u8> {
        match self {
            Self::Cp437 => byte_of(CP437, character),
            Self::Cp850 => byte_of(CP850, character),
            Self::Cp1252 => {
                match encoding_rs::WINDOWS_1252.encode(character.encode_utf8(&mut [0; 4])) {
                    (bytes, _, false) if bytes.len() == 1 => Some(bytes[0]),
                    _ => None,
                }
            }
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) page: Page,
    /// A piece of the text as the file has it, letters above ASCII only.
    pub(super) shown: String,
    /// The same as it once was.
    pub(super) meant: String,
    /// Line of the file on which the statement with it begins.
    pub(super) line: u64,
    /// Words above ASCII that are so, and all of them.
    pub(super) words: (u64, u64),
}

#[derive(Debug, Default, Clone)]
struct Tally {
    reverted: u64,
    /// Of those, the ones that are no pair which could be there by chance.
    certain: u64,
    honest: u64,
    example: Option<(String, String, u64)>,
}

impl Tally {
    /// Too many honest words for any doubt.
    fn decided(&self) -> bool {
        self.honest > 2 * NEARLY_ALL && self.honest > self.reverted
    }
}

/// Looks at a file's text as it passes.
#[derive(Debug, Default)]
pub(super) struct Suspicion([Tally; 3]);

impl Suspicion {
    /// Takes note of a statement.
    pub(super) fn look(&mut self, text: &[u8], line: u64) {
        if text.is_ascii() || self.0.iter().all(Tally::decided) {
            return;
        }
        for run in text.split(u8::is_ascii).filter(|run| !run.is_empty()) {
            // What is not UTF-8 is no text, but the bytes of a BLOB.
            let Ok(run) = std::str::from_utf8(run) else { continue };
            for (page, tally) in Page::ALL.into_iter().zip(&mut self.0) {
                if !tally.decided() {
                    tally.word(page, run, line);
                }
            }
        }
    }

    /// What the whole file says.
    pub(super) fn found(&self) -> Option<Found> {
        let sure = |tally: &&(Page, &Tally)| {
            let Tally { reverted, certain, honest, .. } = tally.1;
            let all = *honest == 0 && (*certain > 0 || *reverted > 2);
            all || *certain > NEARLY_ALL && honest * NEARLY_ALL <= *reverted
        };
        let each = Page::ALL.into_iter().zip(&self.0);
        let (page, tally) = each.filter(|it| sure(&it)).max_by_key(|(_, tally)| tally.reverted)?;
        let (shown, meant, line) = tally.example.clone()?;
        let words = (tally.reverted, tally.reverted + tally.honest);
        Some(Found { page, shown, meant, line, words })
    }
}

impl Tally {
    fn word(&mut self, page: Page, run: &str, line: u64) {
        let bytes: Option<Vec<u8>> =
            run.chars().take(LONGEST).map(|character| page.byte(character)).collect();
        let meant = bytes.as_deref().and_then(|bytes| {
            // A long run is cut, perhaps within a character.
            let cut = run.chars().count() > LONGEST;
            match std::str::from_utf8(bytes) {
                Ok(text) => Some(text),
                Err(error) if cut && error.valid_up_to() + 4 > bytes.len() => {
                    std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
                }
                Err(_) => None,
            }
        });
        let Some(meant) = meant.filter(|text| text.chars().all(plausible)) else {
            self.honest += 1;
            return;
        };
        self.reverted += 1;
        // Letters of Western Europe, what takes three bytes or more, several letters in a row. Boxes beside
        // accents are none of any language.
        let usual = |it: char| matches!(it, '\u{A0}'..='\u{FF}') || it > '\u{7FF}';
        let long = meant.chars().nth(2).is_some();
        let certain = page != Page::Cp1252 || long || meant.chars().any(usual);
        self.certain += u64::from(certain);
        if certain && self.example.is_none() || self.reverted == 1 {
            let few = |text: &str, many| text.chars().take(many).collect::<String>();
            let first: String = few(meant, 2);
            self.example = Some((few(run, first.len()), first, line));
        }
    }
}

/// Letters, marks and signs of languages in use, and emoji.
fn plausible(character: char) -> bool {
    matches!(u32::from(character),
        0xA0..=0x24F | 0x370..=0x52F | 0x5D0..=0x6FF | 0x900..=0xE7F | 0x1E00..=0x1FFF
        | 0x2000..=0x206F | 0x20A0..=0x20BF | 0x2100..=0x27BF | 0x2E80..=0x9FFF
        | 0xAC00..=0xD7AF | 0xF900..=0xFFEF | 0x1_F000..=0x1_FAFF | 0x2_0000..=0x2_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Found> {
        let mut suspicion = Suspicion::default();
        suspicion.look(text.as_bytes(), 7);
        suspicion.found()
    }

    fn misread(text: &str, page: Page) -> String {
        let character = |byte: u8| match (page, byte) {
            (_, 0..=127) => char::from(byte),
            (Page::Cp437, _) => CP437.chars().nth(usize::from(byte) - 128).unwrap(),
            (Page::Cp850, _) => CP850.chars().nth(usize::from(byte) - 128).unwrap(),
            (Page::Cp1252, _) => {
                encoding_rs::WINDOWS_1252.decode(&[byte]).0.chars().next().unwrap()
            }
        };
        text.bytes().map(character).collect()
    }

    const HONEST: [&str; 14] = [
        "größe",
        "plain ASCII, 'quoted' and nothing more",
        "Der „MENÜ“ zu 5 €, «CAFÉ», BLÅ”, IRMÃ – “NÃO”…",
        "l’été, naïveté, « œuvre », ça",
        "┌──┬──┐\n│  │  │\n├──┼──┤\n└──┴──┘ ░▒▓ ═╬═ ╔═╗",
        "灯 電気 ｱｲｳ 表示",
        "Привет, мир! Ёлка",
        "שלום עולם مرحبا",
        "Γειά σου Κόσμε ΩΑ",
        "🙂🎬👩‍👩‍👧 ✓ → ∞",
        "ÇÜRÜK ŞİŞLİ ığdır",
        "Ã alone, Â alone, ├ alone",
        "±5° ½ ¼ ¿qué? ¡ñandú! º ª",
        "BLÅ”",
    ];

    #[test]
    fn honest_text_is_honest() {
        for text in HONEST {
            assert_eq!(found(text), None, "{text}");
        }
        // A page about the subject, with honest words beside it.
        let page = format!("{} größe", misread("größe", Page::Cp437));
        assert_eq!(found(&page), None);
    }

    #[test]
    fn text_that_was_misread_is_found() {
        for page in Page::ALL {
            for text in ["größe", "l’été naïve", "灯 電気", "Привет", "5 €", "🙂"]
            {
                let seen = found(&misread(text, page));
                assert!(seen.is_some(), "{text} {page:?}: {}", misread(text, page));
                assert!(seen.unwrap().meant.chars().all(|it| text.contains(it)), "{text}");
            }
        }
        let seen = found(&misread("größe", Page::Cp437)).unwrap();
        assert_eq!((seen.page, seen.line, seen.words), (Page::Cp437, 7, (1, 1)));
        assert_eq!((seen.shown.as_str(), seen.meant.as_str()), ("├╢├ƒ", "öß"));
    }

    #[test]
    fn a_few_lost_characters_change_nothing() {
        let many = format!("{} Ã? ", misread("größe ", Page::Cp1252)).repeat(1);
        assert_eq!(found(&many), None, "one of two");
        let many = misread("größe ", Page::Cp1252).repeat(60) + " Ã? Ã?";
        assert!(found(&many).is_some());
    }

    #[test]
    fn a_long_run_is_cut_between_characters() {
        let text = misread(&"電気".repeat(3000), Page::Cp850);
        assert!(found(&text).is_some());
    }
}
