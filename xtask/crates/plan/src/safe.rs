//! "Safe" in one line: against what, and against what not.

use model::status::{Facts, span};

/// The summary of a status in which no rule is broken.
pub(crate) fn line(facts: &Facts) -> String {
    let age = facts.rpo.age_s.known().map_or_else(String::new, |age| span(*age));
    let n = facts.copies.copies;
    let places = if n == 1 { "place" } else { "places" };
    let what = if facts.copies.off_site {
        "Safe against mistakes and against losing this machine, not for what was written since"
    } else {
        "Safe against mistakes, NOT against losing this machine, nor for what was written since"
    };
    format!("{what}: the newest verified backup is {age} old and in {n} {places}.")
}
