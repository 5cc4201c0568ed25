//! What an item of a dump is, and which of them only the mysql client itself
//! would carry out.

use super::charset::Charset;
use super::lex::{LexMode, is_space, is_word};

/// Commands that the mysql client, not the server, would carry out.
const COMMANDS: &[&str] = &[
    "?",
    "charset",
    "clear",
    "connect",
    "costs",
    "edit",
    "ego",
    "exit",
    "go",
    "help",
    "nopager",
    "notee",
    "nowarning",
    "pager",
    "print",
    "prompt",
    "query_attributes",
    "quit",
    "rehash",
    "resetconnection",
    "sandbox",
    "source",
    "ssl_session_data_print",
    "status",
    "system",
    "tee",
    "use",
    "warnings",
];

/// What an item of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A statement for the server.
    Sql,
    /// A `DELIMITER x` line.
    Delimiter,
    /// MariaDB's first line, which only its own client understands.
    Sandbox,
    /// A command for the mysql client; never carried out.
    Command,
    /// What follows the last statement: only blanks and comments, all in `lead`.
    End,
}

/// One item, borrowed from the scanner until the next is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    pub form: Form,
    /// Blanks and comments before it.
    pub lead: &'a [u8],
    /// The statement without its delimiter.
    pub text: &'a [u8],
    /// The delimiter and the rest of its line where that is blank.
    pub tail: &'a [u8],
    /// Line of the file on which `text` begins, from 1.
    pub line: u64,
    /// Offset in the file at which `lead` begins.
    pub offset: u64,
    /// The lexer mode in which it was read.
    pub mode: LexMode,
    /// The character set that it is in.
    pub charset: Charset,
    /// The text with each character of several bytes hidden, for character sets in which
    /// such a byte can look like a mark; as long as the text.
    pub mask: Option<&'a [u8]>,
    /// A backslash stands outside strings: the client would take it for a command.
    pub stray_backslash: bool,
}

impl Statement<'_> {
    /// Length of all three parts in bytes.
    #[allow(clippy::len_without_is_empty)] // The scanner gives out no empty items.
    pub fn len(&self) -> usize {
        self.lead.len() + self.text.len() + self.tail.len()
    }
}

/// Whether a statement's start is a command of the mysql client. `USE` counts
/// only where no delimiter follows on its line; the caller looks for that.
pub(super) fn is_command(rest: &[u8]) -> bool {
    if rest[0] == b'\\' {
        return true;
    }
    let len = rest.iter().position(|&byte| !is_word(byte) && byte != b'?').unwrap_or(rest.len());
    let ends = rest.get(len).is_none_or(|&byte| is_space(byte) || byte == b';');
    ends && COMMANDS.iter().any(|word| rest[..len].eq_ignore_ascii_case(word.as_bytes()))
}

/// The first word after DELIMITER; the client refuses backslashes in it.
pub(super) fn delimiter_argument(text: &[u8]) -> Option<&[u8]> {
    let argument = text[9..].split(|&byte| is_space(byte)).find(|word| !word.is_empty())?;
    (!argument.contains(&b'\\')).then_some(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_commands_from_statements() {
        for line in ["\\! rm x", "source /etc/passwd", "USE", "quit;", "tee x"] {
            assert!(is_command(line.as_bytes()), "{line}");
        }
        for line in ["used x", "SELECT 1", "`source`", "sources"] {
            assert!(!is_command(line.as_bytes()), "{line}");
        }
        assert_eq!(delimiter_argument(b"DELIMITER  ;; x"), Some(&b";;"[..]));
        assert_eq!(delimiter_argument(b"delimiter \\x"), None);
        assert_eq!(delimiter_argument(b"delimiter "), None);
    }
}
