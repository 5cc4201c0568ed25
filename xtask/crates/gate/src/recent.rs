//! The proof in front of a deploy: a backup of the state of a moment ago that was
//! restored and compared. One that is there is used, else one is made.

use anyhow::{Context, Result};

use model::account::Role;
use model::exit::ExitCode;
use model::manifest::Reason;
use ops::backup::{self, Wish};
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::prove::{self, Proven};
use plan::proof;
use server::{Server, facts, inventory};
use sys::clock;

/// How it came to be known that the state can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recent {
    /// By a backup that was there.
    Found(Proven),
    /// By a backup that was taken for it.
    Taken(Proven),
    /// The schema holds no table: there is nothing to go back to.
    Empty,
}

impl Recent {
    /// The backup that proves it.
    pub fn proven(&self) -> Option<&Proven> {
        match self {
            Self::Found(proven) | Self::Taken(proven) => Some(proven),
            Self::Empty => None,
        }
    }
}

/// A proof that is recent enough: one that is there, or one that is made now.
///
/// # Errors
/// A backup cannot be taken, or it does not restore to what was backed up (20).
pub fn ensure(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<Recent> {
    let held = Held::take(ctx, server)?;
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    let uuid = facts::read(&mut session)?.uuid;
    let max_age = ctx.settings.policy.gate.proof_max_age_minutes;
    if let Some(found) = prove::newest(ctx, held.store(), Some(&uuid))?
        && let now = clock::now()
        && proof::is_fresh(found.created_utc(), max_age, now)
        && let Some(age) = found.age_minutes(now)
    {
        ctx.ui.say(format!(
            "{} is proven: it is {} old and was restored and compared",
            found.label(),
            minutes(age)
        ));
        return Ok(Recent::Found(found));
    }
    if let Some(why) = prove::discounted(ctx, held.store())? {
        ctx.ui.say(format!("{why}; it does not count for a push or a deploy"));
    }
    if inventory::read(&mut session, &ctx.settings.schema)?.tables.is_empty() {
        ctx.ui.say(format!("`{}` has no tables: there is nothing to back up", ctx.settings.schema));
        return Ok(Recent::Empty);
    }
    drop(session);
    ctx.ui.say(format!(
        "no backup of the last {} is proven by a restore: taking one",
        minutes(i64::from(max_age))
    ));
    let manifest = backup::take(&held, &Wish::because(Reason::Deploy), made)
        .context("take the backup before the deploy; the database was not touched")?;
    let (proven, _) = prove::demand(&held, &manifest.label, ExitCode::GateRefused)?;
    ctx.ui.say(format!("{} is proven: restored and compared", proven.label()));
    Ok(Recent::Taken(proven))
}

/// "1 minute", "60 minutes".
pub fn minutes(n: i64) -> String {
    if n == 1 { "1 minute".to_owned() } else { format!("{n} minutes") }
}
