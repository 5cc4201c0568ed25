//! `deploy`

use anyhow::Result;
use serde_json::json;

use cli::deploy::Deploy;
use deploy::release::{self, Deployed};
use model::entry::DeployOutcome;
use model::label::Label;
use ops::{Ctx, Made};
use report::human;

/// Ends with 32 when the deploy failed and everything is as it was, and with 33 when it
/// is not.
pub(crate) fn run(ctx: &mut Ctx, args: &Deploy, made: &mut Made) -> Result<()> {
    let target = args.target.as_deref();
    if args.dry_run {
        let plan = release::plan(ctx, target)?;
        return ctx.show_plan(&plan.to_string());
    }
    let done = release::run(ctx, target, args.yes, made)?;
    show(ctx, &done);
    Ok(())
}

fn show(ctx: &Ctx, done: &Deployed) {
    let Deployed { target, url, release, migrations, backup, duration_ms } = done;
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "target": target,
            "url": url,
            "release": release,
            "outcome": DeployOutcome::Done.word(),
            "applied": migrations,
            "backup": backup,
            "duration_ms": duration_ms,
        });
        ctx.ui.outcome(document.to_string());
        return;
    }
    let backup =
        backup.as_ref().map_or_else(|| "none: there was no table".to_owned(), Label::to_string);
    ctx.ui.outcome(format!(
        "Deployed {release} to `{target}` in {}.\n  answers at  {url}\n  migrations  {} applied\n  way back    {backup}",
        human::duration(*duration_ms),
        migrations.len(),
    ));
}
