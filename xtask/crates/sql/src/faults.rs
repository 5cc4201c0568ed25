//! What is said of a file that cannot be taken apart, or not be put into UTF-8.

use super::charset::{Charset, Class};
use super::client::Statement;
use super::lex::newlines;
use model::exit::{ExitCode, Stop};

pub(super) fn no_delimiter(line: u64) -> Stop {
    Stop::new(ExitCode::Store, format!("line {line}: DELIMITER lacks a delimiter"))
        .hint("mysqldump and mariadb-dump do not write such a file.")
}

pub(super) fn too_long(line: u64) -> anyhow::Error {
    Stop::new(ExitCode::Store, format!("line {line}: a statement is longer than 1 GiB"))
        .hint("No server accepts it; the file probably lacks a quote.")
        .into()
}

/// A foreseen refusal of the layer below keeps its exit code and hints.
pub(super) fn unreadable(error: std::io::Error, line: u64) -> anyhow::Error {
    match error.downcast::<Stop>() {
        Ok(stop) => stop.into(),
        Err(error) => {
            anyhow::Error::from(error).context(format!("read the dump after line {line}"))
        }
    }
}

/// `text` is the statement's, as far as it goes.
pub(super) fn truncated(inside: &str, line: u64, text: &[u8], charset: Charset) -> anyhow::Error {
    let message = format!("the dump ends inside {inside} that starts on line {line}");
    let stop = Stop::new(ExitCode::Store, message)
        .hint("The file is truncated or damaged: use another backup or a fresh copy of it.");
    let other = std::str::from_utf8(text).is_err_and(|error| error.error_len().is_some());
    match charset.class {
        Class::Wide => stop.hint(format!(
            "The file is read as {}. Where it holds raw bytes, its quotes cannot be found: make \
             the dump again with `--default-character-set=utf8mb4 --hex-blob`.",
            charset.name
        )),
        Class::Utf8 if other => stop.hint(
            "Text in it is not UTF-8. If the whole file is in another character set, name it: \
             `--charset gbk`, for example.",
        ),
        Class::Utf8 | Class::Single => stop,
    }
    .into()
}

fn line(item: &Statement<'_>, at: usize) -> u64 {
    item.line + newlines(&item.text[..at.min(item.text.len())])
}

/// Of a file that says it is UTF-8.
pub(super) fn not_utf8(item: &Statement<'_>, at: usize) -> anyhow::Error {
    let message = format!(
        "line {}: the file is read as {}, but text in it is not UTF-8",
        line(item, at),
        item.charset.name
    );
    Stop::new(ExitCode::Store, message)
        .hint(
            "A shell, an editor or a transfer converted the file, and may have lost characters \
             (look for `?`). Make the dump again with `--result-file=FILE`.",
        )
        .hint("If nothing is lost, name the character set of the whole file: `--charset latin1`.")
        .into()
}

/// A statement that cannot be put into UTF-8 for certain.
pub(super) fn unclear(item: &Statement<'_>, at: usize, what: &str) -> anyhow::Error {
    let name = item.charset.name;
    let message = format!("line {}: the file is read as {name}, but {}", line(item, at), what);
    Stop::new(ExitCode::Store, message)
        .hint(
            "Make the dump again with `--default-character-set=utf8mb4 --hex-blob \
             --result-file=FILE`: then no byte can be taken for another.",
        )
        .hint("If the whole file is in another character set, name it: `--charset NAME`.")
        .into()
}

/// A character set whose characters are not known here.
pub(super) fn unknown(item: &Statement<'_>) -> anyhow::Error {
    let message = format!(
        "line {}: the file is read as {}, and this tool cannot convert text in that character set",
        item.line, item.charset.name
    );
    Stop::new(ExitCode::Store, message)
        .hint("Make the dump again with `--default-character-set=utf8mb4 --hex-blob`.")
        .into()
}
