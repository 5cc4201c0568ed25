//! The program that speaks to object stores, `streamflix-offsite`: where it is, and how it
//! comes to be there. It is a package of its own, built when it is first needed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::config::Settings;
use crate::model::exit::{ExitCode, Stop};
use crate::sys::proc::Cmd;
use crate::sys::{env, fs};
use crate::ui::{Loudness, Ui};

const PACKAGE: &str = "streamflix-offsite";
const BUILD: Duration = Duration::from_secs(1800);

/// The program. It lies beside the running one; when it is missing, or older than its
/// source, cargo builds it, and shows how far that is.
///
/// # Errors
/// It is not there and does not build ([`ExitCode::Configuration`]).
pub fn program(settings: &Settings) -> Result<PathBuf> {
    let beside = beside(&env::this_program()?);
    let built = modified(&beside);
    let source = newest_source(&settings.root);
    match (built, source) {
        // Nothing to build it from: an installed tool, or a test's folder.
        (Some(_), None) => return Ok(beside),
        (Some(built), Some(source)) if built >= source => return Ok(beside),
        _ => {}
    }
    Ui::new(Loudness::Normal, false)
        .say("building the program that speaks to object stores and webhooks (once)");
    match build(&settings.root) {
        Ok(program) => Ok(program),
        // A scheduler's environment may have no cargo; what was built works as it did.
        Err(_) if built.is_some() => Ok(beside),
        Err(error) => {
            let message = format!("{PACKAGE} does not build: {error:#}");
            let hint =
                format!("See `cargo build --profile xtask -p {PACKAGE}`. Nothing was changed.");
            Err(Stop::new(ExitCode::Configuration, message).hint(hint).into())
        }
    }
}

/// It as a child. An address on this machine is spoken to directly; for others the
/// environment's `HTTPS_PROXY` and its like hold, because a network may have no other way
/// out, and TLS protects what goes through.
pub fn child(program: &Path) -> Cmd {
    let theirs = ["no_proxy", "NO_PROXY"].iter().find_map(|name| env::var(name));
    let direct = ["localhost", "127.0.0.0/8", "::1"].map(str::to_owned);
    let direct = direct.into_iter().chain(theirs).collect::<Vec<_>>().join(",");
    Cmd::new(program).env("NO_PROXY", direct.clone()).env("no_proxy", direct)
}

fn beside(this: &Path) -> PathBuf {
    let folder = this.parent().unwrap_or(Path::new("."));
    // Cargo puts test programs one folder deeper.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.join(format!("{PACKAGE}{}", std::env::consts::EXE_SUFFIX))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn newest_source(root: &Path) -> Option<SystemTime> {
    let package = root.join("xtask").join("offsite");
    let source = package.join("src");
    let files = fs::names(&source).unwrap_or_default().into_iter().map(|name| source.join(name));
    files.chain([package.join("Cargo.toml")]).filter_map(|path| modified(&path)).max()
}

fn build(root: &Path) -> Result<PathBuf> {
    let cargo = env::var("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let command =
        Cmd::new(cargo).args(["build", "--profile", "xtask", "--package", PACKAGE]).dir(root);
    command.run_shown(BUILD)?;
    // It is current now; this only says where it is.
    let said = command.args(["--quiet", "--message-format=json"]).read(BUILD)?;
    said.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|name| name == PACKAGE))
        .ok_or_else(|| anyhow::anyhow!("cargo did not name the program"))
}
