//! The backup in front of a change, restored and compared: a new one, or the newest that was
//! proven, where the server's log says that nothing was written since.

use std::time::Instant;

use anyhow::{Context, Result};

use model::manifest::{Manifest, Reason};
use ops::backup::{self, Wish};
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::prove::{self, ProvenCopy};
use ops::sessions::Pair;
use ops::staging;
use report::human;
use server::Session;
use sys::clock;
use ui::Step;

/// A proven backup with its copy on the server, and how it came about.
#[derive(Debug)]
pub struct Proof {
    /// The backup and its copy.
    pub copy: ProvenCopy,
    /// Whether the backup was there already.
    pub reused: bool,
    /// The GTIDs of what earlier runs did on the server since the backup.
    pub earlier: Vec<String>,
    /// How long the dump took, in milliseconds.
    pub backup_ms: u64,
    /// How long restoring and comparing took, in milliseconds.
    pub proof_ms: u64,
}

impl Proof {
    /// The backup.
    pub fn manifest(&self) -> &Manifest {
        self.copy.manifest()
    }
}

/// What a change does around its proof.
#[derive(Debug)]
pub struct Around<'a> {
    /// Before a new backup.
    pub before: &'a [Step],
    /// Behind the proof.
    pub after: &'a [Step],
}

impl Around<'_> {
    /// The steps of the whole change.
    fn declare(&self, ctx: &Ctx, new: bool, copied: bool) {
        let own = [(Step::Dump, new), (Step::Load, !copied), (Step::Compare, !copied)];
        let own = own.into_iter().filter_map(|(step, comes)| comes.then_some(step));
        let before = self.before.iter().copied().filter(|_| new);
        let all = before.chain(own).chain(self.after.iter().copied());
        let last = (new && ctx.copies_follow()).then_some(Step::Copy);
        ctx.ui.steps(&all.chain(last).collect::<Vec<_>>());
    }
}

/// Takes and proves a backup. The copy stays on the server. `first` runs before a new backup.
///
/// # Errors
/// Exit code 20 when the backup does not restore to what it should; then the copy
/// is removed.
pub fn take(
    held: &Held<'_>,
    pair: &mut Pair,
    reason: Reason,
    made: &mut Made,
    around: &Around<'_>,
    first: &mut dyn FnMut(&mut Session) -> Result<()>,
) -> Result<Proof> {
    let start = Instant::now();
    let ctx = held.ctx();
    let still = prove::still(ctx, held.store(), pair.live())?;
    staging::drop_kept(ctx, pair.copy(), still.as_ref().and_then(|still| still.kept()))?;
    let Some(still) = still else {
        around.declare(ctx, true, false);
        first(pair.copy())?;
        let manifest = backup::take(held, &Wish::because(reason), made)
            .context("take the backup before the change; the database was not touched")?;
        let backup_ms = clock::elapsed_ms(start);
        let (copy, proof_ms) = restored(held, pair, &manifest)?;
        return Ok(Proof { copy, reused: false, earlier: Vec::new(), backup_ms, proof_ms });
    };
    let label = still.proven().label();
    let kept = still.copy(pair.copy())?;
    around.declare(ctx, false, kept.is_some());
    let (copy, proof_ms) = match kept {
        Some(copy) => {
            let schema = &copy.staged().schema;
            ctx.ui.say(format!(
                "using {label} and its restored copy `{schema}`: nothing was written to the server \
                 since"
            ));
            (copy, clock::elapsed_ms(start))
        }
        None => {
            ctx.ui.say(format!(
                "using {label}: nothing was written to the server since it was taken"
            ));
            restored(held, pair, still.proven().manifest())?
        }
    };
    Ok(Proof { copy, reused: true, earlier: still.earlier().to_vec(), backup_ms: 0, proof_ms })
}

fn restored(held: &Held<'_>, pair: &mut Pair, backup: &Manifest) -> Result<(ProvenCopy, u64)> {
    let begun = Instant::now();
    let copy = prove::with_copy(held, pair, &backup.label)?;
    let proof_ms = clock::elapsed_ms(begun);
    held.ctx().ui.say(format!(
        "the backup is proven: {} restored and equal, in {}",
        human::count(copy.staged().rows, "row"),
        human::duration(proof_ms)
    ));
    Ok((copy, proof_ms))
}
