//! The program that speaks to object stores, `streamflix-offsite`: where it is, and how it
//! comes to be there. It is a package of its own, built when it is first needed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;

use config::Settings;
use model::exit::{ExitCode, Stop};
use sys::proc::Cmd;
use sys::{env, fs, package};
use ui::Ui;

const PACKAGE: &str = "streamflix-offsite";

/// The program. It lies beside the running one; when it is missing, or older than its
/// source, cargo builds it, and shows how far that is.
///
/// # Errors
/// It is not there and does not build ([`ExitCode::Configuration`]).
pub fn program(settings: &Settings) -> Result<PathBuf> {
    let beside = package::beside(PACKAGE)?;
    let built = modified(&beside);
    let source = newest_source(&settings.root);
    match (built, source) {
        // Nothing to build it from: an installed tool, or a test's folder.
        (Some(_), None) => return Ok(beside),
        (Some(built), Some(source)) if built >= source => return Ok(beside),
        _ => {}
    }
    let ui = Ui::of_this_run();
    ui.say("building the program that speaks to object stores and webhooks (once)");
    match package::build(&settings.root, PACKAGE, !ui.is_quiet()) {
        Ok(program) => Ok(program),
        // A scheduler's environment may have no cargo; what was built works as it did.
        Err(_) if built.is_some() => Ok(beside),
        Err(error) => {
            let message = format!("{PACKAGE} does not build: {error:#}");
            let hint = format!(
                "Run `cargo build --profile xtask -p {PACKAGE}` to see why. Nothing was \
                changed."
            );
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

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn newest_source(root: &Path) -> Option<SystemTime> {
    let package = root.join("xtask").join("crates").join("offsite");
    let source = package.join("src");
    let files = fs::names(&source).unwrap_or_default().into_iter().map(|name| source.join(name));
    files.chain([package.join("Cargo.toml")]).filter_map(|path| modified(&path)).max()
}
