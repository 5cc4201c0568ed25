//! Choices on the command line and in `xtask.toml`.

/// A closed set of words with their descriptions, shared by the command line and the configuration
/// file.
pub trait Choice: Copy + Sized + 'static {
    /// Every choice with its word and one line of help, in the order of `--help`.
    const ALL: &'static [(Self, &'static str, &'static str)];

    /// The choice of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(choice, ..)| *choice)
    }
}
