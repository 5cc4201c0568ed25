//! The workshop's commands (`ci`, `bench`, `db-seed`, `docs`) are a program of their own,
//! built when one of them is first typed: no user of the others waits for it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use cli::Global;
use config::find_root;
use model::exit::{ExitCode, Stop};
use ops::frame;
use sys::package;
use sys::proc::Cmd;

const PACKAGE: &str = "workshop";

/// Runs the workshop with what was typed, and gives its exit code.
pub(crate) fn hand_over(global: &Global) -> u8 {
    let ended = find_root().and_then(|root| {
        let typed = std::env::args_os().skip(1);
        Cmd::new(program(&root, !global.quiet)?).args(typed).hand_over()
    });
    match ended {
        Ok(code) => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(error) => frame::failed(&super::flags(global), &error) as u8,
    }
}

/// The workshop's program for the workspace at `root`; `shown`: with what a build says.
///
/// # Errors
/// It does not build ([`ExitCode::Configuration`]).
pub(crate) fn program(root: &Path, shown: bool) -> Result<PathBuf> {
    let beside = package::beside(PACKAGE)?;
    // A program that was built elsewhere, and is used in another checkout or without one,
    // goes with the workshop that was built beside it.
    let own = Path::new(env!("CARGO_MANIFEST_DIR")) == root.join("xtask");
    if !own && beside.exists() {
        return Ok(beside);
    }
    package::build(root, PACKAGE, shown).map_err(|error| {
        let message = format!("the workshop does not build: {error:#}");
        let hint = format!("Run `cargo build --profile xtask --package {PACKAGE}` to see why.");
        Stop::new(ExitCode::Configuration, message).hint(hint).into()
    })
}
