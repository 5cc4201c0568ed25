//! Version comments that one server runs and another skips.
//!
//! `/*!50699 …*/` and everything older runs on every server this tool meets.
//! Newer ones depend on it: MySQL skips what is newer than itself and all of
//! `/*M!`; MariaDB skips 50700 to 99999. Whoever edits a dump could hide a
//! statement's true meaning there, so the guard looks at every reading.

use std::ops::Range;

use super::lex::{LexMode, Tokens, version_mark};

/// The newest number that MySQL 5.7 and later and every MariaDB run.
const EVERYWHERE: u32 = 50_699;

/// More different conditions than a dump ever has in one statement.
const MANY: usize = 6;

#[derive(Debug)]
struct Conditional {
    maria: bool,
    number: u32,
    range: Range<usize>,
}

/// The readings of a statement in which some conditional comments are skipped;
/// none when there are no such comments.
pub(super) fn readings(text: &[u8], mode: LexMode) -> Result<Vec<Vec<u8>>, String> {
    let found = conditionals(text, mode)?;
    let mut numbers: Vec<u32> = found.iter().map(|comment| comment.number).collect();
    numbers.push(EVERYWHERE);
    numbers.sort_unstable();
    numbers.dedup();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    if numbers.len() > MANY {
        return Err("it has too many different version comments".to_owned());
    }
    let mut all = Vec::new();
    for &server in &numbers {
        for maria in [false, true] {
            let mut reading = text.to_vec();
            for comment in &found {
                let runs = if maria {
                    comment.number <= server && (comment.maria || comment.number >= 100_000)
                } else {
                    comment.number <= server && !comment.maria
                };
                if !runs {
                    reading[comment.range.clone()].fill(b' ');
                }
            }
            if !all.contains(&reading) {
                all.push(reading);
            }
        }
    }
    Ok(all)
}

fn conditionals(text: &[u8], mode: LexMode) -> Result<Vec<Conditional>, String> {
    let mut all: Vec<Conditional> = Vec::new();
    // Most statements have no version comment at all.
    if memchr::memmem::find(text, b"/*").is_none() {
        return Ok(all);
    }
    let comments = Tokens::version_comments(text, mode).ok_or("a version comment does not end")?;
    for (version, close) in comments {
        if version.number <= EVERYWHERE && !version.maria {
            continue;
        }
        let (open, mark) = (version.open, version_mark(&text[version.open..]).unwrap_or(3));
        // A server that skips it looks for the first `*/`, even inside a string
        // or behind `--`; and some count comments inside, some do not.
        let inside = &text[open + mark..close - 2];
        let ends_early = memchr::memmem::find(inside, b"*/").is_some();
        if ends_early || memchr::memmem::find(inside, b"/*").is_some() {
            return Err("a version comment ends in different places".to_owned());
        }
        let range = open..close;
        all.push(Conditional { maria: version.maria, number: version.number, range });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Vec<String>, String> {
        let all = readings(text.as_bytes(), LexMode::default())?;
        Ok(all.into_iter().map(|r| String::from_utf8(r).unwrap()).collect())
    }

    #[test]
    fn conditional_comments_are_read_both_ways() {
        assert!(run("/*!50003 CREATE*/ /*!50017 x*/").unwrap().is_empty());
        let all = run("a /*!80023 b */ c").unwrap();
        assert!(all.contains(&"a               c".to_owned()));
        assert!(all.contains(&"a /*!80023 b */ c".to_owned()));
        assert!(run("a /*!99999 '*/ DROP DATABASE x -- ' */").is_err());
        assert!(run("a /*!99999 b /* c */ DROP DATABASE x */").is_err());
        assert!(run("a /*!99999 b").is_err());
        assert!(run("SET @a=1 /*!99999 -- */ , GLOBAL x=1 \n */").is_err());
        assert_eq!(run("/*M!100616 SET a=1 */").unwrap().len(), 2);
    }
}
