//! `db-copy`

use anyhow::Result;

use cli::copy::DbCopy;
use ops::Ctx;
use ops::copy::{self, Request};
use report::copies::{CopyDocument, CopyLine};

/// Shows each copy. Where one failed it ends with 41; the others were made all the same.
pub(crate) fn run(ctx: &Ctx, args: &DbCopy) -> Result<()> {
    let DbCopy { label, to, check } = args;
    let request = Request { label: label.as_deref(), to, check: *check };
    let done = copy::run(ctx, &request)?;
    let lines: Vec<CopyLine> = done.iter().map(|it| it.line.clone()).collect();
    if ctx.ui.json() {
        ctx.ui.outcome(report::json::render(&CopyDocument::new(lines))?);
    } else {
        ctx.ui.outcome(report::copies::text(&lines));
    }
    copy::demand_all(&done)
}
