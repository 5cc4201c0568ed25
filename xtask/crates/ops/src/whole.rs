//! Whether a file ends where its writer ended it.

use model::check::{Check, Outcome};
use model::number::{count, thousands};
use sql::Seen;
use store::source::{Origin, Source};

/// Name of the check of the file's end.
pub const END: &str = "end marker";

/// What a file without an end line needs.
const SAY_SO: &str = "If another program wrote it and you know that it is whole, say so with \
    --no-end-line. What is missing behind its last statement, this tool cannot know.";

/// Our own end marker where there is a manifest; else the dump program's end line, or a
/// person's word.
pub fn end(seen: &Seen, source: &Source) -> Check {
    match (&seen.end_marker, &source.manifest) {
        (Some(marker), _) if marker.agrees(seen) => {
            Check::passed(END, format!("says {}", count(marker.rows, "row")))
        }
        (Some(marker), _) => Check::failed(
            END,
            format!("says {}, the text has {}", count(marker.rows, "row"), thousands(seen.rows)),
        ),
        (None, Some(_)) => Check::failed(END, "is missing: the file is not complete"),
        (None, None) => foreign(seen, source.no_end_line),
    }
}

fn foreign(seen: &Seen, said: bool) -> Check {
    let Seen { heads, ends, last_line, .. } = *seen;
    if heads > 1 && heads > ends {
        return Check::failed(
            END,
            format!(
                "{heads} dumps are in this file, and {ends} end lines: at least one of them is \
                 cut off"
            ),
        );
    }
    if seen.completed {
        return Check::passed(END, "the dump program's end line is present");
    }
    if said {
        return Check::not_run(
            END,
            format!(
                "there is none, as --no-end-line says; the last statement, on line {last_line}, is \
                 whole; whether anything is missing behind it is unknown"
            ),
        );
    }
    if heads > 0 {
        return Check::failed(
            END,
            format!(
                "mysqldump or mariadb-dump wrote this file, and their end line is missing: it is \
                 most likely cut off behind line {last_line}"
            ),
        );
    }
    Check::failed(
        END,
        "there is none: the dump is cut off, or its program writes none, or it was made without \
         comments",
    )
}

/// The way on for a foreign file whose only fault is its end.
pub fn way_of(source: &Source, checks: &[Check]) -> Option<&'static str> {
    let foreign = source.origin == Origin::Foreign && !source.no_end_line;
    let mut failed = checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let only = failed.next().filter(|check| check.name == END && failed.next().is_none());
    (foreign && only.is_some()).then_some(SAY_SO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(heads: u64, ends: u64, completed: bool) -> Seen {
        Seen { heads, ends, completed, last_line: 9, ..Seen::default() }
    }

    #[test]
    fn a_file_ends_by_its_line_or_by_a_persons_word() {
        let outcome = |seen: &Seen, said| {
            let check = foreign(seen, said);
            (check.outcome, check.detail)
        };
        assert_eq!(outcome(&seen(1, 1, true), false).0, Outcome::Passed);
        assert_eq!(outcome(&seen(2, 2, true), false).0, Outcome::Passed);
        let (found, detail) = outcome(&seen(1, 0, false), false);
        assert!(found == Outcome::Failed && detail.contains("most likely cut off"), "{detail}");
        let (found, detail) = outcome(&seen(0, 0, false), false);
        assert!(found == Outcome::Failed && detail.contains("its program writes none"), "{detail}");
        let (found, detail) = outcome(&seen(0, 0, false), true);
        assert!(found == Outcome::NotRun && detail.contains("line 9"), "{detail}");
        for said in [false, true] {
            let (found, detail) = outcome(&seen(2, 1, true), said);
            assert!(found == Outcome::Failed && detail.contains("2 dumps"), "{detail}");
        }
    }
}
