//! A backup that lost something is said to be suspect, or the loss is accepted.

use anyhow::Result;

use super::Wish;
use crate::ctx::Ctx;
use crate::held::Held;
use model::loss::Loss;
use model::manifest::{Manifest, Reason};
use plan::loss::Holdings;

/// What a backup that is not in the ledger yet lost against the last good one.
pub(super) fn of(held: &Held<'_>, manifest: &Manifest) -> Result<Option<Loss>> {
    let now = Holdings::of(manifest);
    let server = (manifest.server.flavour, manifest.server.uuid.as_str());
    held.store().loss_of(&manifest.schema, server, &now)
}

/// Says so, unless the loss was meant, or is what a restore is about to put right.
pub(super) fn tell(ctx: &Ctx, manifest: &Manifest, loss: Option<&Loss>, wish: &Wish) {
    let Some(loss) = loss else { return };
    let (label, against) = (&manifest.label, &loss.against);
    if wish.accept_loss {
        ctx.ui.say(format!("accepted since {against}: {loss}"));
    } else if wish.reason != Reason::Safety {
        ctx.ui.warn(format!("{label} is suspect: since {against}, {loss}"));
        ctx.ui.say(format!(
            "if this is not what you meant, `cargo xtask db-restore {against}` brings it back; if \
            it is, `cargo xtask db-backup --accept-loss` takes a backup that counts as good"
        ));
    }
}
