//! What a push is about: git's lines for a pre-push hook, and which of them go to
//! a ref that is deployed.

use std::fmt;

use model::exit::{ExitCode, Stop};

/// The name of an object in git: 40 or 64 hex digits. Nothing else becomes one,
/// so it is safe as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oid(String);

impl Oid {
    /// Reads one; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (hex && matches!(text.len(), 40 | 64)).then(|| Self(text.to_owned()))
    }

    /// Whether it is all zeros: git's way to say "nothing".
    pub fn is_nothing(&self) -> bool {
        self.0.bytes().all(|b| b == b'0')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One ref of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What it becomes; nothing when the ref is deleted.
    pub local: Oid,
    /// The ref's full name at the remote.
    pub remote_ref: String,
    /// What it is there now; nothing when it is new.
    pub remote: Oid,
}

impl Pushed {
    /// The branch's or tag's name; the full name for other refs.
    pub fn name(&self) -> &str {
        short(&self.remote_ref)
    }
}

/// A ref without `refs/heads/` or `refs/tags/`.
pub fn short(full: &str) -> &str {
    let kinds = ["refs/heads/", "refs/tags/"];
    kinds.iter().find_map(|kind| full.strip_prefix(kind)).unwrap_or(full)
}

/// Reads what git writes to a pre-push hook.
///
/// # Errors
/// A line is not what git writes: then nothing is known about the push, and it is
/// refused.
pub fn read(lines: &str) -> Result<Vec<Pushed>, Stop> {
    lines.lines().filter(|line| !line.is_empty()).map(read_line).collect()
}

fn read_line(line: &str) -> Result<Pushed, Stop> {
    // Parsed from the end: the front is typed text and may contain spaces.
    let mut words = line.rsplitn(4, ' ');
    let remote = words.next().and_then(Oid::parse);
    let remote_ref = words.next().filter(|name| is_ref(name));
    let local = words.next().and_then(Oid::parse);
    match (local, remote_ref, remote, words.next()) {
        (Some(local), Some(remote_ref), Some(remote), Some(_)) => {
            Ok(Pushed { local, remote_ref: remote_ref.to_owned(), remote })
        }
        _ => Err(Stop::new(
            ExitCode::Usage,
            format!("git passed {line:?} to the hook, which is not a pushed ref"),
        )
        .hint("Each line is `<local ref> <local oid> <remote ref> <remote oid>`.")),
    }
}

fn is_ref(name: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    name.starts_with("refs/") && !name.contains(odd) && !name.contains("..")
}

/// Whether a name matches one of the patterns.
pub fn is_deployed(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// `*` matches any characters, including `/`: a false match costs a backup, a missed one costs the
/// proof.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        Some((first, rest)) => name.first() == Some(first) && matches(rest, &name[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn lines_are_read() {
        let text = format!(
            "refs/heads/x {A} refs/heads/main {ZERO}\n(delete) {ZERO} refs/tags/v1 {A}\n\
             HEAD@{{2 days ago}} {A} refs/heads/a/b {A}\n"
        );
        let read = read(&text).expect("lines of git");
        let names: Vec<&str> = read.iter().map(Pushed::name).collect();
        assert_eq!(names, ["main", "v1", "a/b"]);
        assert!(read[0].remote.is_nothing() && !read[0].local.is_nothing());
        assert!(read[1].local.is_nothing());
    }

    #[test]
    fn what_git_does_not_write_is_refused() {
        let sha = "a".repeat(64);
        for bad in [
            "refs/heads/x".to_owned(),
            format!("x {A} refs/heads/main --upload-pack=x"),
            format!("x --output=x refs/heads/main {A}"),
            format!("x {A} -main {A}"),
            format!("x {A} refs/heads/a..b {A}"),
            format!("x {} refs/heads/main {A}", A.to_uppercase()),
            format!("x {A}0 refs/heads/main {A}"),
            format!("{A} refs/heads/main {A}"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert!(read(&format!("x {sha} refs/heads/main {sha}")).is_ok());
        assert!(read("").expect("nothing is pushed").is_empty());
    }

    #[test]
    fn patterns_are_whole_names() {
        let patterns = ["main", "release/*", "v*"].map(str::to_owned);
        for name in ["main", "release/1", "release/1/x", "v1.2.3", "v"] {
            assert!(is_deployed(&patterns, name), "{name}");
        }
        for name in ["main2", "amain", "Main", "release", "feature/v1", "refs/notes/v1"] {
            assert!(!is_deployed(&patterns, name), "{name}");
        }
        assert!(is_deployed(&["*-prod-*".to_owned()], "x-prod-y"));
        assert!(!is_deployed(&[], "main"));
    }
}
