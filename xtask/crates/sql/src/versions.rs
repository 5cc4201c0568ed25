//! Version comments that one server runs and another skips.
//!
//! `/*!50699 …*/` and everything older runs on every server this tool meets.
//! Newer ones depend on it: MySQL skips what is newer than itself and all of
//! `/*M!`; MariaDB skips 50700 to 99999. An edited dump could hide a statement's true meaning
//! there, so the guard checks every reading.

use std::ops::Range;

use super::lex::{LexMode, Tokens, is_space, version_mark};

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

/// Whether a SET stands in a version comment as a whole, and some server skips it.
pub(super) fn skipped(text: &[u8], mode: LexMode) -> Result<bool, String> {
    let found = conditionals(text, mode)?;
    let [one] = &found[..] else {
        let what = "part of a SET is in a version comment that some servers skip";
        return if found.is_empty() { Ok(false) } else { Err(what.to_owned()) };
    };
    let whole = Tokens::new(text, mode).all(|token| one.range.contains(&token.at));
    whole
        .then_some(true)
        .ok_or_else(|| "part of a SET is in a version comment that some servers skip".to_owned())
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
    let comments = Tokens::version_comments(text, mode)
        .ok_or("a version comment does not end, or is inside another one")?;
    for (version, close) in comments {
        well_formed(text, version.open)?;
        if version.number <= EVERYWHERE && !version.maria {
            continue;
        }
        let (open, mark) = (version.open, version_mark(&text[version.open..]).unwrap_or(3));
        // A server that skips it looks for the first `*/`, even inside a string
        // or behind `--`; and some count comments inside, some do not.
        let inside = &text[open + mark..close - 2];
        let ends_early = memchr::memmem::find(inside, b"*/").is_some();
        if ends_early || memchr::memmem::find(inside, b"/*").is_some() {
            return Err("a version comment ends at different places on different \
            servers"
                .to_owned());
        }
        let range = open..close;
        all.push(Conditional { maria: version.maria, number: version.number, range });
    }
    Ok(all)
}

/// Servers read a number of five or six digits, and some six only with a blank behind
/// it; fewer digits are code to them, and more are cut.
fn well_formed(text: &[u8], open: usize) -> Result<(), String> {
    let rest = text.get(open..).unwrap_or_default();
    let rest = &rest[version_mark(rest).unwrap_or_default()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, rest.get(digits)) {
        (0, _) => Ok(()),
        (5 | 6, Some(next)) if is_space(*next) => Ok(()),
        _ => Err("servers disagree on the number of a version comment".to_owned()),
    }
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
        assert!(run("a /*!50001 b /*!50002 c */ d */").is_err());
        assert!(run("a /*!50001 b /* c */ d */").unwrap().is_empty());
        for bad in ["1 b", "401 b", "5000 b", "50001b", "50001'b'", "500011b", "5000112 b"] {
            assert!(run(&format!("a /*!{bad} */")).is_err(), "{bad}");
        }
        for good in [" b", "b", "50001 b", "050001 b", "50001\nb"] {
            assert!(run(&format!("a /*!{good} */")).unwrap().is_empty(), "{good}");
        }
        assert!(run("SET @a=1 /*!99999 -- */ , GLOBAL x=1 \n */").is_err());
        assert_eq!(run("/*M!100616 SET a=1 */").unwrap().len(), 2);
    }

    #[test]
    fn a_set_is_in_such_a_comment_as_a_whole_or_not_at_all() {
        let run = |text: &str| skipped(text.as_bytes(), LexMode::default());
        assert_eq!(run("/*!40101 SET a=1 */"), Ok(false));
        assert_eq!(run("SET /*!40101 a=1 */ , b = 2"), Ok(false));
        assert_eq!(run("/*!80000 SET a=1 */"), Ok(true));
        assert_eq!(run("/*M!100616 SET a=1 */ -- x"), Ok(true));
        for bad in
            ["SET a=1 /*!80000 , b=2 */", "/*!80000 SET */ a=1", "/*!80000 SET */ /*!80000 a=1 */"]
        {
            assert!(run(bad).is_err(), "{bad}");
        }
    }
}
