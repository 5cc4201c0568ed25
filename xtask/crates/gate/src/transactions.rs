//! Who is in the middle of something long: shown before a lock is asked for, because
//! the lock waits for them, and everybody else then waits for the lock.

use anyhow::Result;

use ops::ctx::Ctx;
use ops::locks;
use server::Server;

/// Shows transactions that are open for longer than the policy says.
///
/// # Errors
/// The server cannot be asked.
pub fn show(ctx: &Ctx, server: &Server) -> Result<()> {
    let Some(open) = locks::open(ctx, server, ctx.settings.policy.gate.long_transaction_s)? else {
        ctx.ui.detail(
            "long transactions are not visible: `cargo xtask doctor --fix` grants \
            the privilege for it (PROCESS)",
        );
        return Ok(());
    };
    for one in open {
        ctx.ui.warn(format!("{one}; a lock has to wait for it"));
    }
    Ok(())
}
