//! The safety backup in front of a restore: whole where that can be, else as much as can be
//! saved, else none. What is in no backup is agreed to first, and stays beside.

use anyhow::{Context, Result};

use crate::backup::{self, Failed, Wish};
use crate::ctx::Made;
use crate::held::Held;
use crate::unsaved;
use model::account::Role;
use model::label::Label;
use model::left_out::LeftOut;
use model::manifest::Reason;
use plan::restore::{RestorePlan, Scope};
use plan::unsaved::{Of, Said, demand_agreed, everything, lines};
use server::inventory;

/// What was saved.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// The backup; `None`: nothing could be saved, or there was nothing.
    pub label: Option<Label>,
    /// What is in no backup.
    pub unsaved: Vec<LeftOut>,
}

/// Takes it.
///
/// # Errors
/// It fails for a reason that passes, or what it cannot hold is not agreed to. Nothing was
/// changed then.
pub(super) fn take(
    held: &Held<'_>,
    plan: &RestorePlan,
    said: Said,
    made: &mut Made,
) -> Result<Saved> {
    if !plan.safety_backup {
        return Ok(Saved::default());
    }
    let run = Run { held, plan, said };
    // Again: the plan was made without the lock, perhaps of what a dead run had left.
    let unsaved = unsaved::look(held.ctx(), held.server())?;
    let shown =
        |it: &LeftOut| plan.unsaved.iter().any(|one| (one.kind, &one.name) == (it.kind, &it.name));
    if !unsaved.iter().all(shown) {
        run.agree(&unsaved)?;
    }
    match run.attempt(&unsaved, made)? {
        Attempt::Made(label) => Ok(Saved { label: Some(label), unsaved }),
        Attempt::Refused(why) => run.nothing(&why),
    }
}

enum Attempt {
    Made(Label),
    /// Another attempt would end the same way.
    Refused(String),
}

struct Run<'a> {
    held: &'a Held<'a>,
    plan: &'a RestorePlan,
    said: Said,
}

impl Run<'_> {
    fn attempt(&self, left_out: &[LeftOut], made: &mut Made) -> Result<Attempt> {
        let wish = Wish { left_out: left_out.to_vec(), ..Wish::because(Reason::Safety) };
        match backup::attempt(self.held, &wish, made) {
            Ok(manifest) => Ok(Attempt::Made(manifest.label)),
            Err(Failed::OfSchema(error)) => {
                let why = model::exit::find_stop(&error)
                    .map_or_else(|| server::session::said(&error), |stop| stop.message.clone());
                Ok(Attempt::Refused(why))
            }
            Err(Failed::Other(error)) => {
                Err(error).context("take the safety backup; nothing was changed")
            }
        }
    }

    /// No backup of the present state can be made at all.
    fn nothing(&self, why: &str) -> Result<Saved> {
        let ctx = self.held.ctx();
        let mut session = ctx.session(self.held.server(), Role::Restore, None)?.read_only()?;
        let live = inventory::survey(&mut session, &self.plan.target)?.everything();
        let unsaved = everything(&live, &format!("no safety backup could be made: {why}"));
        self.agree(&unsaved)?;
        Ok(Saved { label: None, unsaved })
    }

    /// Asks for what the plan could not show.
    fn agree(&self, unsaved: &[LeftOut]) -> Result<()> {
        let RestorePlan { source, target, .. } = self.plan;
        demand_agreed(unsaved, self.said, of(self.plan))?;
        let ui = &self.held.ctx().ui;
        for line in lines(unsaved) {
            ui.warn(format!("the safety backup cannot hold {line}"));
        }
        let question = format!("{source} replaces it, and no backup will hold it");
        ui.confirm_by_name(&question, target, self.said.yes)
    }
}

/// The restore that is agreed to.
pub(super) fn of(plan: &RestorePlan) -> Of<'_> {
    let tables: &[String] = match &plan.scope {
        Scope::Tables(tables) => tables,
        Scope::Replace | Scope::Beside => &[],
    };
    Of { source: &plan.source, target: &plan.target, tables }
}
