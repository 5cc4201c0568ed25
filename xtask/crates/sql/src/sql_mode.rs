//! `sql_mode` as a set of known words.
//!
//! A word that is not here is refused: it could change where a string or a name
//! ends, as `MSSQL` does (`[a']` is a quoted name there).

use super::lex::LexMode;

/// Every word that MySQL 5.7 to 9 and MariaDB 10 and 11 know, apart from those
/// that stand for several others.
const WORDS: [&str; 27] = [
    "REAL_AS_FLOAT",
    "PIPES_AS_CONCAT",
    "ANSI_QUOTES",
    "IGNORE_SPACE",
    "IGNORE_BAD_TABLE_OPTIONS",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_DIR_IN_CREATE",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_FIELD_OPTIONS",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_AUTO_CREATE_USER",
    "HIGH_NOT_PRECEDENCE",
    "NO_ENGINE_SUBSTITUTION",
    "PAD_CHAR_TO_FULL_LENGTH",
    "EMPTY_STRING_IS_NULL",
    "SIMULTANEOUS_ASSIGNMENT",
    "TIME_ROUND_FRACTIONAL",
    "TIME_TRUNCATE_FRACTIONAL",
];

/// Words that stand for others, and those of them that matter to the lexer. What
/// else a server adds differs between servers.
const COMBINED: [(&str, &[&str]); 8] = [
    ("ANSI", &["REAL_AS_FLOAT", "PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"]),
    ("ORACLE", &["PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"]),
    ("DB2", &["PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"]),
    ("MAXDB", &["PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"]),
    ("POSTGRESQL", &["PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"]),
    ("MYSQL323", &[]),
    ("MYSQL40", &[]),
    ("TRADITIONAL", &["STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"]),
];

/// A set of known words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SqlMode(u64);

impl SqlMode {
    /// Reads a list with commas, as a string value spells it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            found.add(word).ok_or_else(|| word.chars().take(64).collect::<String>())?;
        }
        Ok(found)
    }

    fn add(&mut self, word: &str) -> Option<()> {
        if let Some(at) = WORDS.iter().position(|known| known.eq_ignore_ascii_case(word)) {
            self.0 |= 1 << at;
            return Some(());
        }
        let at = COMBINED.iter().position(|(known, _)| known.eq_ignore_ascii_case(word))?;
        self.0 |= 1 << (WORDS.len() + at);
        COMBINED[at].1.iter().try_for_each(|word| self.add(word))
    }

    /// Whether a word is in it.
    pub fn has(self, word: &str) -> bool {
        WORDS.iter().position(|known| *known == word).is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// The set without a word; one that stands for several is not taken apart.
    #[must_use]
    pub fn without(self, word: &str) -> Self {
        let at = WORDS.iter().position(|known| *known == word);
        Self(at.map_or(self.0, |at| self.0 & !(1 << at)))
    }

    /// The list with commas, always in the same order.
    pub fn text(self) -> String {
        let all = WORDS.iter().copied().chain(COMBINED.iter().map(|(word, _)| *word));
        let own: Vec<&str> =
            all.enumerate().filter(|(at, _)| self.0 & (1 << at) != 0).map(|(_, w)| w).collect();
        own.join(",")
    }

    /// What of it matters to the lexer.
    pub fn lex(self) -> LexMode {
        LexMode {
            ansi_quotes: self.has("ANSI_QUOTES"),
            no_backslash_escapes: self.has("NO_BACKSLASH_ESCAPES"),
        }
    }

    /// Whether a server that was given this set has it: exactly, or with what it adds
    /// for a word that stands for several.
    pub fn is_met_by(self, server: Self) -> bool {
        let combined = self.0 >> WORDS.len() != 0;
        server == self || combined && server.0 & self.0 == self.0 && server.lex() == self.lex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_taken() {
        let mode = SqlMode::parse("no_backslash_escapes,,ANSI_QUOTES").unwrap();
        assert_eq!(mode.text(), "ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
        assert!(mode.lex().ansi_quotes && mode.lex().no_backslash_escapes);
        assert_eq!(SqlMode::parse("").unwrap(), SqlMode::default());
        for bad in ["MSSQL", "1048576", "ANSI_QUOTES, ANSI", "ANSI_QUOTES'", "ANSI_QUOTES\0"] {
            assert!(SqlMode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_can_be_left_out() {
        let mode = SqlMode::parse("ANSI_QUOTES,NO_AUTO_CREATE_USER").unwrap();
        assert_eq!(mode.without("NO_AUTO_CREATE_USER").text(), "ANSI_QUOTES");
        assert_eq!(mode.without("no such").text(), mode.text());
    }

    #[test]
    fn a_server_may_add_only_to_what_stands_for_several() {
        let ansi = SqlMode::parse("ANSI").unwrap();
        assert!(ansi.lex().ansi_quotes);
        let server = SqlMode::parse(&format!("{},ONLY_FULL_GROUP_BY", ansi.text())).unwrap();
        assert!(ansi.is_met_by(server));
        let worse = SqlMode::parse(&format!("{},NO_BACKSLASH_ESCAPES", ansi.text())).unwrap();
        assert!(!ansi.is_met_by(worse));
        let strict = SqlMode::parse("STRICT_ALL_TABLES").unwrap();
        assert!(strict.is_met_by(strict) && !strict.is_met_by(SqlMode::default()));
        assert!(!strict.is_met_by(SqlMode::parse("STRICT_ALL_TABLES,ANSI_QUOTES").unwrap()));
    }
}
