//! Words that the user picks one of, on the command line and in `xtask.toml`.

/// A closed set of words. Which of them there are, and what each does, is said here once:
/// the command line and the configuration file read the same words.
pub trait Choice: Copy + Sized + 'static {
    /// Every choice with its word and one line of help, in the order of `--help`.
    const ALL: &'static [(Self, &'static str, &'static str)];

    /// The choice of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(choice, ..)| *choice)
    }
}
