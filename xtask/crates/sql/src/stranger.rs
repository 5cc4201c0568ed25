//! What is looked for in a file that this tool has no manifest of: what transfers and
//! shells do to text.

use super::charset::{Charset, Class};
use super::client::Statement;
use super::lex::newlines;
use super::mojibake::{Found, Suspicion};
use super::recode::Reading;
use model::exit::{ExitCode, Stop};

/// Looks at one file, item by item.
#[derive(Debug)]
pub(super) struct Stranger {
    suspicion: Option<Suspicion>,
    /// Lines so far that end in LF alone, and in CR LF.
    plain: u64,
    crlf: u64,
    /// The last byte so far.
    last: u8,
    /// A character set other than UTF-8 that text was in.
    other: Option<&'static str>,
}

impl Stranger {
    /// `None` for a file that is compared with its manifest.
    pub(super) fn of(reading: Reading) -> Option<Self> {
        let suspicion = (!reading.keep_text).then(Suspicion::default);
        reading.stranger.then_some(Self { suspicion, plain: 0, crlf: 0, last: 0, other: None })
    }

    /// Takes note of an item as the file has it.
    ///
    /// # Errors
    /// The native engine wrote the file, and a transfer changed its line ends.
    pub(super) fn item(&mut self, item: &Statement<'_>, native: bool) -> Result<(), Stop> {
        for part in [item.lead, item.text, item.tail] {
            let Some(last) = part.last() else { continue };
            // A line's end can be in two parts.
            let torn = part[0] == b'\n' && self.last == b'\r';
            let whole = memchr::memmem::find_iter(part, b"\r\n").count() as u64;
            let crlf = whole + u64::from(torn);
            self.crlf += crlf;
            self.plain += newlines(part) - crlf;
            self.last = *last;
        }
        let written = |part: &[u8]| memchr::memchr(b'\r', part).is_some();
        // Names and bodies can hold a CR of their own.
        if native && (written(item.lead) || written(item.tail)) {
            return Err(transferred(item.line));
        }
        Ok(())
    }

    /// Takes note of a statement's text in UTF-8.
    pub(super) fn text(&mut self, text: &[u8], line: u64, charset: Charset) {
        if charset.class != Class::Utf8 && !text.is_ascii() {
            self.other = Some(charset.name);
        }
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.look(text, line);
        }
    }

    /// A program's text with LF, where every line of the file so far ends in CR LF: then
    /// its author did not write them.
    pub(super) fn body(&self, text: &[u8]) -> Option<Vec<u8>> {
        let transferred = self.plain == 0 && self.crlf > 0;
        if !transferred || memchr::memchr(b'\r', text).is_none() {
            return None;
        }
        let mut out = Vec::with_capacity(text.len());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\r\n") {
                Some(line) => {
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                None => out.extend_from_slice(line),
            }
        }
        Some(out)
    }

    /// The last word, after all of the file.
    ///
    /// # Errors
    /// Its text was read in the wrong character set on its way.
    pub(super) fn end(&self) -> Result<(), Stop> {
        let found = self.suspicion.as_ref().and_then(Suspicion::found);
        found.map_or(Ok(()), |found| Err(misread(&found, self.other)))
    }
}

fn transferred(line: u64) -> Stop {
    let message = format!(
        "line {line}: a line ends in CR LF, and this tool writes LF alone: the file was changed \
         on its way"
    );
    Stop::new(ExitCode::Store, message)
        .hint("A transfer in text mode (FTP) or an editor did that, and may have changed values.")
        .hint("Transfer the file again in binary mode.")
}

fn misread(found: &Found, other: Option<&str>) -> Stop {
    let Found { page, shown, meant, line, words: (wrong, all) } = found;
    let page = page.name();
    let message = format!(
        "the file's text was converted on its way: UTF-8 was read as {page}. `{shown}` at line \
         {line} was `{meant}`, and so it is with {wrong} of {all} words above ASCII"
    );
    let stop = Stop::new(ExitCode::Store, message);
    let stop = match other {
        Some(name) => stop.hint(format!(
            "If the file says that it is in {name} and is in UTF-8: `--charset utf8mb4`."
        )),
        None => stop,
    };
    stop.hint(
        "PowerShell's `>` before version 7.4 does that, or a client with the wrong character \
             set. Make the dump again with `--result-file=FILE`.",
    )
    .hint("If the database itself holds this text, `--keep-text` takes it as it is.")
}

#[cfg(test)]
mod tests {
    use super::super::{Reading, read_dump_as};
    use super::*;

    fn read(text: &str, keep_text: bool) -> anyhow::Result<(Vec<String>, u64)> {
        let reading = Reading { stranger: true, keep_text, ..Reading::default() };
        let mut all = Vec::new();
        let seen = read_dump_as(text.as_bytes(), reading, &mut |piece, _| {
            all.push(String::from_utf8(piece.text.to_vec()).unwrap());
            Ok(())
        })?;
        Ok((all, seen.unix_bodies))
    }

    const PROGRAM: &str = "-- MySQL dump\nDELIMITER ;;\nCREATE PROCEDURE p()\nBEGIN\n SELECT \
                           1;\nEND ;;\nDELIMITER ;\n";

    #[test]
    fn bodies_get_lf_where_every_line_has_cr_lf() {
        let windows = PROGRAM.replace('\n', "\r\n");
        let (all, changed) = read(&windows, false).unwrap();
        assert_eq!((all[0].as_str(), changed), ("CREATE PROCEDURE p()\nBEGIN\n SELECT 1;\nEND", 1));
        // One more CR is the author's.
        let (all, _) = read(&PROGRAM.replace('\n', "\r\r\n"), false).unwrap();
        assert!(all[0].contains("p()\r\nBEGIN"), "{all:?}");
        // One line with LF, and no transfer did it.
        let (all, changed) = read(&format!("-- x\n{windows}"), false).unwrap();
        assert!(all[0].contains("p()\r\nBEGIN") && changed == 0, "{all:?}");
        assert_eq!(read(PROGRAM, false).unwrap().1, 0);
    }

    #[test]
    fn a_native_file_holds_no_cr_between_statements() {
        let own = "-- Backup of x\n-- Engine: native 1\n\nSET NAMES utf8mb4;\nDROP TABLE IF EXISTS \
                   `t`;\n";
        assert!(read(own, false).is_ok());
        let error = read(&own.replace('\n', "\r\n"), false).unwrap_err();
        assert!(error.to_string().contains("CR LF"), "{error}");
        let body = format!("{own}CREATE VIEW v AS SELECT '\r\n';\n");
        assert!(read(&body, false).is_ok());
    }

    #[test]
    fn misread_text_is_refused_unless_it_is_to_be_kept() {
        let text = "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('gr├╢├ƒe');\n";
        let error = read(text, false).unwrap_err();
        assert!(error.to_string().contains("code page 437"), "{error}");
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(read(text, true).is_ok());
        // UTF-8 that calls itself latin1.
        let text = "CREATE TABLE t (a text);\nSET NAMES latin1;\nINSERT INTO t VALUES ('größe');\n";
        let error = read(text, false).unwrap_err();
        let stop = error.downcast_ref::<Stop>().unwrap();
        assert!(stop.hints[0].contains("--charset utf8mb4"), "{stop:?}");
    }
}
