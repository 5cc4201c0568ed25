//! What the user says of a file that this tool did not make.

/// What the user says of the text of a file that has no manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextSaid {
    /// The character set that the whole file is in.
    pub charset: Option<String>,
    /// Text that looks as if it was read in the wrong character set is meant so.
    pub keep_text: bool,
}
