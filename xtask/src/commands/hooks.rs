//! `hooks`

use anyhow::Result;

use cli::hooks::{Action, Hook, Hooks};
use deploy::hooks;
use ops::{Ctx, Made};

/// Ends with 10 when hooks that are there would be lost, and with 20 when a push is refused.
pub(crate) fn run(ctx: &mut Ctx, args: &Hooks, made: &mut Made) -> Result<()> {
    match &args.action {
        Action::Install(args) => hooks::install(ctx, args.chain),
        Action::Uninstall => hooks::uninstall(ctx),
        Action::Status => hooks::status(ctx),
        Action::Run(args) => match args.hook {
            Hook::PrePush => hooks::pre_push(ctx, &args.remote, &args.url, made),
        },
    }
}
