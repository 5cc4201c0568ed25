//! `import`

use anyhow::Result;
use serde_json::{Value, json};

use cli::import::Import;
use gate::import::{self, Imported};
use ops::ctx::{Ctx, Made};
use report::human;

/// Ends with 20 when a row is bad or the gate refuses, and with 30 when the import failed on
/// the live schema; nothing was changed either way.
pub(crate) fn run(ctx: &mut Ctx, args: &Import, made: &mut Made) -> Result<()> {
    let server = ctx.server(false)?;
    if args.dry_run {
        return ctx.show_plan(&import::plan(ctx, &server, &args.files)?);
    }
    show(ctx, &import::apply(ctx, &server, &args.files, made)?);
    Ok(())
}

fn show(ctx: &Ctx, imported: &Imported) {
    if ctx.ui.json() {
        let tables: Vec<Value> = imported
            .tables
            .iter()
            .map(|c| json!({"table": c.table, "rows": c.rows, "inserted": c.inserted, "updated": c.updated}))
            .collect();
        let document = json!({
            "version": 1,
            "tables": tables,
            "backup": imported.backup,
            "times": imported.times,
        });
        ctx.ui.outcome(document.to_string());
        return;
    }
    let mut text = format!("Imported in {}.", human::duration(imported.times.total_ms));
    for count in imported.tables.iter().filter(|count| count.rows > 0) {
        text += &format!(
            "\n  {:<18} {}: {} new, {} changed",
            count.table,
            human::count(count.rows, "row"),
            human::thousands(count.inserted),
            human::thousands(count.updated)
        );
    }
    if let Some(label) = &imported.backup {
        text += &format!("\n  backup             {label}, proven before");
    }
    ctx.ui.outcome(text);
}
