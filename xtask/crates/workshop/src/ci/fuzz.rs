//! The stage `fuzz`: a short search for input that breaks what has to hold for any
//! bytes (`sql::properties`, `binlog::properties`). xtask/fuzz/README.md says how to search longer.
//!
//! It needs neither nightly nor cargo-fuzz. `xtask/fuzz/instrument` has the compiler count
//! branches in the tool and the targets; all other crates are built already.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::provision::compiler;
use model::exit::{ExitCode, Stop};
use server::install::Say;
use sys::proc::{Cmd, Finished};
use sys::{env, fs};

/// The programs in `xtask/fuzz/fuzz_targets/`.
const TARGETS: [&str; 4] = ["splitter", "escaper", "packets", "transactions"];
/// How long each searches; they run side by side.
const SECONDS: u64 = 15;
const BUILD_DEADLINE: Duration = Duration::from_secs(20 * 60);
/// Searching, and as long again for an input that hangs.
const RUN_DEADLINE: Duration = Duration::from_secs(SECONDS * 4 + 60);

/// Builds the targets with `build` and runs them.
pub(crate) fn run(root: &Path, build: Cmd, say: &mut Say<'_>) -> Result<()> {
    if !cfg!(unix) {
        say("not run: libFuzzer works on Linux and macOS only");
        return Ok(());
    }
    compiler::ensure(say)?;
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), Into::into);
    // A relative folder is seen from where the command was typed.
    let target_dir = if target_dir.is_absolute() { target_dir } else { root.join(target_dir) };
    let built = build
        .args(["--target-dir".into(), target_dir.clone().into_os_string()])
        .env("RUSTC_WRAPPER", root.join("xtask/fuzz/instrument").to_string_lossy())
        .run(BUILD_DEADLINE)?;
    if !built.ok() {
        say(built.stderr.trim_end());
        return Err(Stop::new(ExitCode::Unexpected, "the fuzz targets cannot be built")
            .hint(
                "They need what `cargo xtask` needs, a C++ compiler, and the crate libfuzzer-sys.",
            )
            .into());
    }
    let scratch = target_dir.join("fuzz");
    for target in TARGETS {
        // What an earlier run kept would make this one another search.
        fs::remove_dir_if_exists(&scratch.join(target))?;
        fs::create_private_dir(&scratch.join(target))?;
    }
    let search = |target: &'static str| {
        let program = target_dir.join("xtask").join(target);
        (target, searcher(root, &program, &scratch.join(target), target).run(RUN_DEADLINE))
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads = TARGETS.map(|target| scope.spawn(move || search(target)));
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for joined in all {
        let (target, finished) = joined.map_err(|_| anyhow::anyhow!("a search panicked"))?;
        judge(target, &finished?, say)?;
    }
    Ok(())
}

fn searcher(root: &Path, program: &Path, scratch: &Path, target: &str) -> Cmd {
    let shown = |path: &Path| path.display().to_string();
    Cmd::new(program)
        .arg("-seed=1")
        .arg(format!("-max_total_time={SECONDS}"))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096", "-verbosity=1"])
        .arg(format!("-dict={}", shown(&root.join("xtask/fuzz/sql.dict"))))
        .arg(format!("-artifact_prefix={}/found-", shown(scratch)))
        // What is new goes into the first folder.
        .arg(scratch)
        .arg(root.join("xtask/fuzz/corpus").join(target))
        .dir(root)
}

fn judge(target: &str, finished: &Finished, say: &mut Say<'_>) -> Result<()> {
    // libFuzzer's last line: `Done 201392 runs in 16 second(s)`.
    let runs = finished.stderr.lines().rev().find_map(|line| line.strip_prefix("Done "));
    if let (true, Some(runs)) = (finished.ok(), runs) {
        say(&format!("{target}: {runs}"));
        return Ok(());
    }
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let last = lines.len().saturating_sub(40);
    lines[last..].iter().for_each(|line| say(line));
    Err(Stop::new(ExitCode::Unexpected, format!("the fuzz target `{target}` found an input"))
        .hint("Its file is named above; xtask/fuzz/README.md shows how to turn it into a test.")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(code: i32, stderr: &str) -> Finished {
        Finished { code: Some(code), stdout: String::new(), stderr: stderr.to_owned() }
    }

    #[test]
    fn a_search_passed_only_when_it_says_what_it_did() {
        let mut said = Vec::new();
        let mut say = |line: &str| said.push(line.to_owned());
        judge("splitter", &finished(0, "INFO\nDone 12 runs in 3 second(s)\n"), &mut say).unwrap();
        assert!(judge("splitter", &finished(0, "nothing\n"), &mut say).is_err());
        assert!(judge("splitter", &finished(77, "Done 1 runs in 1 second(s)"), &mut say).is_err());
        assert_eq!(said[0], "splitter: 12 runs in 3 second(s)");
    }
}
