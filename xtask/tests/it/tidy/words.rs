//! Words that a reader stumbles over, with the better ones. The list holds only
//! words whose every use was wrong.

use super::{assert_none, files};

const ODD: &[(&str, &str)] = &[
    ("as it has to", "as it must, as expected"),
    ("cannot be looked at", "cannot be accessed"),
    ("comes into being", "appears, is created"),
    ("came into being", "appeared, was created"),
    ("in vain", "say what failed"),
    ("is no way back", "cannot be restored, cannot be undone"),
    ("is to be found", "is"),
    ("mend", "fix, repair"),
    ("mends", "fixes, repairs"),
    ("nobody has to", "nothing has to, or name who"),
    ("none of its kind", "not one of them"),
    ("not to be found", "was not found"),
    ("time to come", "in the future"),
    ("to be had", "available"),
];

#[test]
fn odd_words_do_not_come_back() {
    let mut findings = Vec::new();
    for file in files() {
        let read = [".rs", ".md"].iter().any(|ending| file.path.ends_with(ending));
        if !read || file.path.ends_with("tidy/words.rs") || file.path == "CHANGELOG.md" {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let line = line.to_lowercase();
            for (odd, better) in ODD.iter().filter(|(odd, _)| stands_alone(&line, odd)) {
                findings.push(format!("{}:{}: `{odd}`: {better}", file.path, number + 1));
            }
        }
    }
    assert_none(&findings, "say these in plain English");
}

/// Whether `words` are in `line` without being part of a longer word or a name.
fn stands_alone(line: &str, words: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(words).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + words.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

#[test]
fn words_are_told_from_parts_of_words() {
    assert!(stands_alone("mend it", "mend") && stands_alone("to be had.", "to be had"));
    assert!(!stands_alone("amendment", "mend") && !stands_alone("fn mend_all", "mend"));
}
