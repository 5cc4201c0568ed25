//! `doctor`: everything that the other commands need, each with its fix.

mod checks;
mod fix;
mod machine;

use anyhow::Result;
use serde_json::json;

use cli::doctor::Doctor;
use model::check::{Check, Outcome};
use model::exit::{ExitCode, Stop};
use model::toned::Toned;
use ops::{Ctx, recover};

/// A check, how to fix what it found, and the exit code that it stands for.
#[derive(Debug)]
pub(super) struct Finding {
    check: Check,
    fix: Option<String>,
    code: ExitCode,
}

/// The findings of a run, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

const FIX: &str = "`cargo xtask doctor --fix` fixes it";

impl Findings {
    fn add(&mut self, code: ExitCode, check: Check, fix: impl Into<String>) {
        let fix = (check.outcome == Outcome::Failed).then(|| fix.into());
        self.0.push(Finding { check, fix, code });
    }

    /// About `.env`, `xtask.toml`, folders and programs.
    pub(super) fn configuration(&mut self, check: Check, fix: impl Into<String>) {
        self.add(ExitCode::Configuration, check, fix);
    }

    /// About the server, its accounts and their rights.
    pub(super) fn server(&mut self, check: Check, fix: impl Into<String>) {
        self.add(ExitCode::Server, check, fix);
    }

    /// About what is in the backups folder.
    pub(super) fn store(&mut self, check: Check, fix: impl Into<String>) {
        self.add(ExitCode::Store, check, fix);
    }

    /// Something that could not be checked, or need not be.
    pub(super) fn not_run(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.add(ExitCode::Done, Check::not_run(name, why), "");
    }
}

/// Looks at everything; with `--fix` fixes first what can be fixed.
///
/// # Errors
/// A [`Stop`] with the exit code of the first check that failed: 10, 11 or 40.
pub(crate) fn run(ctx: &mut Ctx, args: &Doctor) -> Result<()> {
    if args.forget_restore {
        recover::forget(ctx)?;
    }
    let mended = if args.fix { fix::apply(ctx)? } else { Vec::new() };
    let mut findings = Findings::default();
    machine::look(&ctx.settings, &mut findings);
    checks::look(&ctx.settings, &ctx.ui, &mut findings)?;
    show(ctx, &findings, &mended);
    let failed: Vec<&Finding> =
        findings.0.iter().filter(|finding| finding.check.outcome == Outcome::Failed).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    let message = format!("{} of {} checks failed", failed.len(), findings.0.len());
    let mut stop = Stop::new(first.code, message);
    if let Some(fix) = &first.fix {
        stop = stop.hint(format!("First: {fix}."));
    }
    Err(stop.into())
}

fn show(ctx: &Ctx, findings: &Findings, mended: &[String]) {
    if ctx.ui.json() {
        ctx.ui.result(document(findings, mended).to_string());
        return;
    }
    for line in mended {
        ctx.ui.say(format!("fixed: {line}"));
    }
    let width = findings.0.iter().map(|finding| finding.check.name.len()).max().unwrap_or(0);
    let mut text = Toned::default();
    for Finding { check, fix, .. } in &findings.0 {
        let mark = match check.outcome {
            Outcome::Passed => "ok     ",
            Outcome::Failed => "FAILED ",
            Outcome::NotRun => "not run",
        };
        text.push_as(report::text::tone(check.outcome), mark);
        text.push(&format!("  {:width$}  {}\n", check.name, check.detail));
        if let Some(fix) = fix {
            text.push(&format!("         {:width$}  fix: {fix}\n", ""));
        }
    }
    ctx.ui.result(text);
}

fn document(findings: &Findings, mended: &[String]) -> serde_json::Value {
    let checks: Vec<serde_json::Value> = findings
        .0
        .iter()
        .map(|Finding { check, fix, .. }| {
            json!({
                "name": check.name,
                "outcome": check.outcome,
                "detail": check.detail,
                "fix": fix,
            })
        })
        .collect();
    let passed = findings.0.iter().all(|finding| finding.check.outcome != Outcome::Failed);
    json!({ "version": 1, "checks": checks, "passed": passed, "mended": mended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_run_neither_fails_nor_passes() {
        let mut findings = Findings::default();
        findings.configuration(Check::passed("a", "x"), "never shown");
        findings.not_run("b", "no server");
        findings.server(Check::failed("c", "denied"), "do this");
        let shown = document(&findings, &[]);
        assert_eq!(shown["passed"], false);
        assert_eq!(shown["checks"][0]["fix"], serde_json::Value::Null);
        assert_eq!(shown["checks"][1]["outcome"], "not_run");
        assert_eq!(shown["checks"][2]["fix"], "do this");
        assert_eq!(findings.0[2].code, ExitCode::Server);
    }
}
