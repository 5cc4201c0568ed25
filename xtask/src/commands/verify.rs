//! `db-verify`

use anyhow::Result;

use cli::verify::DbVerify;
use ops::verify::{self, Request, Verdict};
use ops::{Ctx, live};
use store::source::TextSaid;

/// Shows each check. Where one failed it ends with 21.
pub(crate) fn run(ctx: &mut Ctx, args: &DbVerify) -> Result<()> {
    let Verdict { document, refusal } = if args.live {
        live::run(ctx, args.require_api)?
    } else {
        let DbVerify { source, from, level, threads, no_end_line, charset, keep_text, .. } = args;
        let (source, from) = (source.as_deref(), from.as_deref());
        let (level, threads, no_end_line) = (*level, *threads, *no_end_line);
        let text = TextSaid { charset: charset.clone(), keep_text: *keep_text };
        verify::run(ctx, Request { source, from, level, threads, no_end_line, text })?
    };
    if ctx.ui.json() {
        ctx.ui.outcome(report::json::render(&document)?);
    } else {
        let text = report::text::verify(&document);
        if refusal.is_some() { ctx.ui.result(text) } else { ctx.ui.outcome(text) }
    }
    refusal.map_or(Ok(()), |stop| Err(stop.into()))
}
