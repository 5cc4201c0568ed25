//! `hooks`

use anyhow::Result;

use cli::hooks::{Action, Hook, Hooks};
use deploy::hooks;
use ops::{Ctx, Made};

/// Ends with 20 when a push is refused.
pub(crate) fn run(ctx: &mut Ctx, args: &Hooks, made: &mut Made) -> Result<()> {
    match &args.action {
        // `--chain` is what it does anyway.
        Action::Install(_) => hooks::install(ctx),
        Action::Uninstall => hooks::uninstall(ctx),
        Action::Status => hooks::status(ctx),
        Action::Run(args) => match args.hook {
            Hook::PrePush => hooks::pre_push(ctx, &args.remote, &args.url, made),
        },
    }
}
