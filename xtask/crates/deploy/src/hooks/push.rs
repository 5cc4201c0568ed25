//! What git asks before a push.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::install::{Installed, PRE_PUSH};
use gate::recent::{self, Recent};
use model::exit::{ExitCode, Stop};
use ops::ctx::{Ctx, Made};
use ops::kept;
use plan::push::{self, Pushed};
use sys::proc::Cmd;
use sys::{env, git};

/// Where the migrations are in the repository.
const MIGRATIONS: &str = "api/migrations/";
/// Set for the earlier hook.
const ASKED: &str = "XTASK_EARLIER_HOOK";
/// A hook may run a whole test suite.
const EARLIER: Duration = Duration::from_secs(6 * 3600);

/// A deployed ref of a push, and why it needs a proof.
pub(super) struct Demand {
    pub name: String,
    pub why: String,
}

/// Looks at what is pushed; returns when it may go on. The refs come on standard input.
///
/// # Errors
/// Exit code 20: a ref needs a proven backup, and none could be made.
pub fn run(ctx: &mut Ctx, remote: &str, url: &str, made: &mut Made) -> Result<()> {
    let mut lines = String::new();
    std::io::stdin().lock().read_to_string(&mut lines).context("read the pushed refs")?;
    earlier(ctx, remote, url, &lines)?;
    let pushed = push::read(&lines)?;
    let mut demands = Vec::new();
    for one in &pushed {
        demands.extend(demand(ctx, remote, one)?);
    }
    // Cargo built this one because the kept one was of other sources: the next push need not wait.
    if let Err(error) = kept::renew(&ctx.settings) {
        ctx.ui.warn(format!("the copy of this program was not renewed: {error:#}"));
    }
    let proof = if demands.is_empty() { None } else { Some(ensure(ctx, &demands, made)?) };
    if ctx.ui.json() {
        let refs: Vec<Value> =
            demands.iter().map(|it| json!({"ref": it.name, "why": it.why})).collect();
        let label = proof.as_ref().and_then(Recent::proven).map(|proven| proven.label());
        let taken = matches!(proof, Some(Recent::Taken(_)));
        let document = json!({"version": 1, "allowed": true, "needed_proof": refs, "proof": label, "taken": taken});
        ctx.ui.outcome(document.to_string());
    }
    Ok(())
}

/// The hook that was there before ours: the same arguments, the same input.
fn earlier(ctx: &Ctx, remote: &str, url: &str, lines: &str) -> Result<()> {
    let root = &ctx.settings.root;
    // It may call this tool itself: it runs once.
    if env::var(ASKED).is_some() {
        return Ok(());
    }
    let Some(hook) = Installed::read(root)?.earlier_hook(root) else { return Ok(()) };
    // Windows starts no scripts; git brings the shell that runs them there.
    let command = if cfg!(windows) { Cmd::new("sh").arg(&hook) } else { Cmd::new(&hook) };
    let command = command.args([remote, url]).env(ASKED, "1");
    let code = command.dir(root).stdin(lines).run_shown_to_end(EARLIER)?;
    if code == Some(0) {
        return Ok(());
    }
    let how = code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
    Err(Stop::new(
        ExitCode::Unexpected,
        format!("the existing {PRE_PUSH} hook refused the push: it exited with {how}"),
    )
    .hint(format!("It is {}. Nothing was pushed.", hook.display()))
    .into())
}

/// Whether a ref needs a proof; if unknown, it does.
pub(super) fn demand(ctx: &Ctx, remote: &str, pushed: &Pushed) -> Result<Option<Demand>> {
    let policy = &ctx.settings.policy.gate;
    let name = pushed.name();
    if pushed.local.is_nothing() || !push::is_deployed(&policy.deploy_refs, name) {
        return Ok(None);
    }
    let why = match changes(ctx, remote, pushed) {
        Ok(Changes::Files(files)) if files.is_empty() => return Ok(None),
        Ok(Changes::Files(files)) => {
            let more = files.len().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("it changes {}{more}", files[0].escape_debug())
        }
        Ok(Changes::Unknown(why)) => why,
        Err(error) => format!("git could not tell whether it changes {MIGRATIONS}: {error:#}"),
    };
    Ok(Some(Demand { name: name.to_owned(), why }))
}

enum Changes {
    Files(Vec<String>),
    Unknown(String),
}

fn changes(ctx: &Ctx, remote: &str, pushed: &Pushed) -> Result<Changes> {
    let root = &ctx.settings.root;
    let to = pushed.local.as_str();
    if !pushed.remote.is_nothing() {
        if !git::has_object(root, pushed.remote.as_str())? {
            let why = "the remote's state was not fetched, so the changes are unknown";
            return Ok(Changes::Unknown(why.to_owned()));
        }
        let from = Some(pushed.remote.as_str());
        return Ok(Changes::Files(git::changed_files(root, from, to, MIGRATIONS)?));
    }
    // A new ref: what does it add to what is deployed already? Branches that are not
    // deployed do not count, because nothing was asked when they were pushed.
    let patterns = &ctx.settings.policy.gate.deploy_refs;
    let mut least: Option<Vec<String>> = None;
    for (name, oid) in git::remote_branches(root, remote)? {
        if !push::is_deployed(patterns, &name) {
            continue;
        }
        let Some(base) = git::merge_base(root, to, &oid)? else { continue };
        let files = git::changed_files(root, Some(&base), to, MIGRATIONS)?;
        if least.as_ref().is_none_or(|least| files.len() < least.len()) {
            least = Some(files);
        }
    }
    Ok(Changes::Files(match least {
        Some(files) => files,
        None => git::changed_files(root, None, to, MIGRATIONS)?,
    }))
}

fn ensure(ctx: &mut Ctx, demands: &[Demand], made: &mut Made) -> Result<Recent> {
    for Demand { name, why } in demands {
        ctx.ui.say(format!("`{name}` is deployed, and {why}: a proven backup is needed"));
    }
    let refused = |error: anyhow::Error| {
        let stop = model::exit::find_stop(&error);
        // These say what to do by themselves.
        if stop.is_some_and(|stop| matches!(stop.code, ExitCode::Locked | ExitCode::GateRefused)) {
            return error;
        }
        let cause = server::session::said(&error);
        let cause = stop.map_or(cause, |stop| stop.message.clone());
        let mut refusal = Stop::new(
            ExitCode::GateRefused,
            format!("no proven backup exists, and none can be taken now: {cause}"),
        )
        .hint(
            "Nothing was pushed. Start the database with `cargo xtask db-up`, then push again: \
        the push takes and proves a backup.",
        )
        .hint("`cargo xtask doctor` shows what is wrong.");
        if let Some(stop) = stop {
            refusal.hints.extend(stop.hints.iter().cloned());
        }
        refusal.into()
    };
    let server = ctx.server(false).map_err(refused)?;
    recent::ensure(ctx, &server, made).map_err(refused)
}
