//! Shows a file to the person at this machine, with the program that they have chosen
//! for its kind.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::clock::poll;
use super::proc::{self, Cmd, own_group};

/// An opener that has not failed by then shows the file, or has handed it on.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens a file in the program of its kind, which may stay open when this process has
/// ended. No shell sees the file's name.
pub fn show(file: &Path) -> Result<()> {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        // What `start` does, without the shell that it is a part of.
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    if proc::find(program).is_none() {
        bail!("there is no {program} on this machine");
    }
    hand_over(&Cmd::new(program).args(arguments.iter().copied()).arg(file))
}

/// Starts it without waiting for its end.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn hand_over(opener: &Cmd) -> Result<()> {
    let mut command = std::process::Command::new(&opener.program);
    command.args(&opener.args);
    for name in &opener.env_removed {
        command.env_remove(name);
    }
    own_group(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child =
        command.spawn().with_context(|| format!("start `{}`", opener.program.display()))?;
    match poll(PATIENCE, || child.try_wait())? {
        Some(status) if !status.success() => {
            bail!("`{}` ended with {status}", opener.shown())
        }
        _ => Ok(()),
    }
}
