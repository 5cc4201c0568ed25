//! Programs of this workspace beside the running one: built when they are first needed, so
//! that what most commands do without costs no build before the first command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::env;
use super::proc::Cmd;

const DEADLINE: Duration = Duration::from_secs(1800);

/// Where the program of a package lies, whether or not it is there yet.
pub fn beside(package: &str) -> Result<PathBuf> {
    Ok(beside_of(&env::this_program()?, package))
}

fn beside_of(this: &Path, package: &str) -> PathBuf {
    let folder = this.parent().unwrap_or(Path::new("."));
    // Cargo puts test programs one folder deeper.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.join(format!("{package}{}", std::env::consts::EXE_SUFFIX))
}

/// Cargo, as it started this run, so that the toolchain is the same one. `cargo run` tells
/// its program which package it is; build scripts that ask for that (ring's does) must not
/// hear it from us, or everything above them is compiled again each time.
pub fn cargo() -> Cmd {
    let cargo = env::var("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let of_the_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    let names = of_the_package.into_iter().flat_map(env::names_with);
    names.fold(Cmd::new(cargo), |command, name| command.env_remove(&name))
}

/// Has cargo bring the program of a package up to date; `shown`: and how far that is.
pub fn build(root: &Path, package: &str, shown: bool) -> Result<PathBuf> {
    let command = cargo().args(["build", "--profile", "xtask", "--package", package]).dir(root);
    command.run_shown_if(shown, DEADLINE)?;
    // It is current now; this only says where it is.
    let said = command.args(["--quiet", "--message-format=json"]).read(DEADLINE)?;
    said.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|name| name == package))
        .ok_or_else(|| anyhow::anyhow!("cargo did not name the program"))
}
