//! `hooks`: git asks for a proven backup before a migration is pushed to a ref
//! that is deployed.

mod install;
mod push;
mod status;

use anyhow::Result;

use cli::hooks::{Action, Hook, Hooks};
use ops::ctx::Ctx;

/// Runs the command.
///
/// # Errors
/// Exit code 10 when hooks that are there would be lost, 20 when a push is refused.
pub fn run(ctx: &mut Ctx, args: &Hooks) -> Result<()> {
    match &args.action {
        Action::Install(args) => install::install(ctx, args.chain),
        Action::Uninstall => install::uninstall(ctx),
        Action::Status => status::status(ctx),
        Action::Run(args) => match args.hook {
            Hook::PrePush => push::run(ctx, &args.remote, &args.url),
        },
    }
}
