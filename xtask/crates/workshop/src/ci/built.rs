//! The test programs. Cargo decides features by the packages that it is asked for, and what
//! is asked for in another way is compiled again; so all tests are built first, in few
//! groups, and then run as cargo would run them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;

use sys::proc::Cmd;

/// A test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestProgram {
    /// Its package.
    pub package: String,
    /// `lib`, `bin`, or `test` for the programs in `tests/`.
    pub kind: String,
    /// The target's name, such as `slow`.
    pub name: String,
    program: PathBuf,
    /// The package's folder, in which cargo runs it.
    folder: PathBuf,
}

impl TestProgram {
    /// It as a child, with cargo's environment.
    pub(crate) fn command(&self) -> Cmd {
        Cmd::new(&self.program)
            .dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", self.folder.to_string_lossy())
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// What is built together. The first group has the features of `cargo xtask` itself, whose
/// crates are there already; the API is built by itself in tests, too.
const GROUPS: [&[&str]; 3] = [
    &["--workspace", "--exclude", "api", "--exclude", "streamflix-offsite"],
    &["--package", "streamflix-offsite"],
    &["--package", "api"],
];

/// Builds everything in the workspace with `build`, which is a `cargo build`, and gives the
/// test programs.
///
/// # Errors
/// It does not compile.
pub(crate) fn all(build: &Cmd, deadline: Duration) -> Result<Vec<TestProgram>> {
    let mut programs = Vec::new();
    for group in GROUPS {
        let build = build.clone().args(group.iter().copied()).arg("--all-targets");
        build.run_shown(deadline)?;
        // All is built; this only says where it is.
        let said = build.args(["--quiet", "--message-format=json"]).read(deadline)?;
        programs.extend(said.lines().filter_map(test_program));
    }
    ensure!(!programs.is_empty(), "cargo named no test program");
    Ok(programs)
}

fn test_program(line: &str) -> Option<TestProgram> {
    let message: Message = serde_json::from_str(line).ok()?;
    if message.reason != "compiler-artifact" || !message.profile?.test {
        return None;
    }
    let folder = message.manifest_path?.parent()?.to_owned();
    let Target { name, kind } = message.target?;
    Some(TestProgram {
        package: package(&folder)?,
        kind: kind.into_iter().next()?,
        name,
        program: message.executable?,
        folder,
    })
}

/// Packages are named after their folders here, but for the copies' program.
fn package(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_told_from_the_rest() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///s/xtask#0.1.0",
                "manifest_path":"/s/xtask/Cargo.toml","profile":{{"test":{test},"opt_level":"0"}},
                "target":{{"kind":["test"],"name":"slow","src_path":"/s/xtask/tests/slow/main.rs"}},
                "features":[],"filenames":[],"executable":{executable},"fresh":true}}"#
            )
        };
        let found = test_program(&line(true, "\"/s/target/slow-1\"")).unwrap();
        assert_eq!((found.package.as_str(), found.kind.as_str()), ("xtask", "test"));
        assert_eq!(found.name, "slow");
        assert_eq!(found.folder, Path::new("/s/xtask"));
        for other in [&line(false, "\"/s/target/xtask\""), &line(true, "null"), "{}", "no JSON"] {
            assert_eq!(test_program(other), None);
        }
    }
}
