//! `hooks status`: what is installed, and what git would ask at the next push.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::install::{Installed, PRE_PUSH};
use super::push::demand;
use gate::recent;
use ops::ctx::Ctx;
use ops::prove::{self, Proven};
use plan::proof::is_fresh;
use plan::push::{self, Oid, Pushed};
use store::Store;
use sys::clock;
use sys::git::{self, Scope};

struct Status {
    installed: Installed,
    passed_over: Vec<String>,
    proof: Option<Proven>,
    unproven: Option<String>,
    fresh: Option<bool>,
    next: Next,
    now: DateTime<Utc>,
}

/// Looks and shows; no server is asked.
///
/// # Errors
/// git or the backups folder cannot be read.
pub fn status(ctx: &Ctx) -> Result<()> {
    let root = &ctx.settings.root;
    let installed = Installed::read(root)?;
    // Looking must not make a backups folder.
    let (proof, unproven) = if ctx.settings.backups.is_dir() {
        let store = Store::of(&ctx.settings)?;
        (prove::newest(ctx, &store, None)?, prove::discounted(ctx, &store)?)
    } else {
        (None, None)
    };
    let now = clock::now();
    let max_age = ctx.settings.policy.gate.proof_max_age_minutes;
    let status = Status {
        passed_over: installed.passed_over(root)?,
        next: next_push(ctx)?,
        fresh: proof.as_ref().map(|it| is_fresh(it.created_utc(), max_age, now)),
        installed,
        proof,
        unproven,
        now,
    };
    if ctx.ui.json() {
        ctx.ui.result(document(ctx, &status).to_string());
    } else {
        ctx.ui.result(text(ctx, &status));
    }
    Ok(())
}

fn document(ctx: &Ctx, status: &Status) -> serde_json::Value {
    let Status { installed, passed_over, proof, unproven, fresh, next, now } = status;
    let gate = &ctx.settings.policy.gate;
    json!({
        "version": 1,
        "installed": installed.active(),
        "hooks_path": installed.hooks_path,
        "previous": installed.previous,
        "displaced": installed.displaced,
        "passed_over": passed_over,
        "deploy_refs": gate.deploy_refs,
        "proof_max_age_minutes": gate.proof_max_age_minutes,
        "next_push": {
            "branch": next.branch,
            "remote": next.remote,
            "needs_proof": next.needs_proof,
            "why": next.why,
        },
        "newest_proof": proof.as_ref().map(|it| json!({
            "label": it.label(),
            "created_utc": it.created_utc(),
            "verified_utc": it.verified_utc(),
            "age_minutes": it.age_minutes(*now),
            "fresh": fresh,
        })),
        "unproven": unproven,
    })
}

fn text(ctx: &Ctx, status: &Status) -> String {
    let Status { installed, passed_over, proof, unproven, fresh, next, now } = status;
    let mut text = match (installed.active(), installed.ours) {
        (true, true) => "The pre-push hook is installed.".to_owned(),
        (true, false) => format!("{} calls this tool.", installed.folder.join(PRE_PUSH).display()),
        (false, _) => "The pre-push hook is NOT installed: `cargo xtask hooks install`.".to_owned(),
    };
    if installed.displaced {
        text.push_str(&format!("\n  changed      {}", installed.why_displaced()));
    }
    if let Some(hook) = installed.earlier_hook(&ctx.settings.root) {
        text.push_str(&format!("\n  runs first   {}", hook.display()));
    }
    if !passed_over.is_empty() {
        let names = passed_over.join(", ");
        text.push_str(&format!("\n  NOT run      {names}: git no longer uses their folder"));
    }
    let patterns = &ctx.settings.policy.gate.deploy_refs;
    text.push_str(&format!("\n  deploy refs  {}", patterns.join(", ")));
    let age = proof.as_ref().and_then(|it| it.age_minutes(*now)).filter(|_| *fresh == Some(true));
    let proof = match (proof, age) {
        (Some(proof), Some(age)) => format!("{}, {} old", proof.label(), recent::minutes(age)),
        (Some(proof), None) => format!("none recent enough; the newest is {}", proof.label()),
        (None, _) => match unproven {
            Some(why) => format!("none that counts: {why}"),
            None => "none".to_owned(),
        },
    };
    text.push_str(&format!("\n  proof        {proof}\n  next push    {}", next.why));
    text
}

struct Next {
    branch: Option<String>,
    remote: Option<String>,
    needs_proof: Option<bool>,
    why: String,
}

/// What a plain `git push` of this branch would push, as far as known.
fn next_push(ctx: &Ctx) -> Result<Next> {
    let root = &ctx.settings.root;
    let Some(branch) = git::branch(root)? else {
        let why = "unknown: no branch is checked out".to_owned();
        return Ok(Next { branch: None, remote: None, needs_proof: None, why });
    };
    let remote = push_remote(ctx, &branch)?;
    let oid = |text: Option<String>| text.as_deref().and_then(Oid::parse);
    let Some(local) = oid(git::resolve(root, "HEAD")?) else {
        let why = format!("unknown: `{branch}` has no commit");
        return Ok(Next { branch: Some(branch), remote: Some(remote), needs_proof: None, why });
    };
    let tracked = git::resolve(root, &format!("refs/remotes/{remote}/{branch}"))?;
    let nothing = Oid::parse(&"0".repeat(local.as_str().len()));
    let remote_ref = format!("refs/heads/{branch}");
    let demand = match oid(tracked).or(nothing) {
        Some(there) => demand(ctx, &remote, &Pushed { local, remote_ref, remote: there })?,
        None => None,
    };
    let deployed = push::is_deployed(&ctx.settings.policy.gate.deploy_refs, &branch);
    let why = match &demand {
        Some(demand) => format!("`{branch}` to {remote} needs a proof: {}", demand.why),
        None if deployed => format!(
            "`{branch}` to {remote} needs no proof: no migration changes since the last fetch"
        ),
        None => format!("`{branch}` to {remote} needs no proof: it is not a deploy ref"),
    };
    let needs_proof = Some(demand.is_some());
    Ok(Next { branch: Some(branch), remote: Some(remote), needs_proof, why })
}

/// Where git pushes a branch to by default.
fn push_remote(ctx: &Ctx, branch: &str) -> Result<String> {
    let keys = [
        format!("branch.{branch}.pushRemote"),
        "remote.pushDefault".to_owned(),
        format!("branch.{branch}.remote"),
    ];
    for key in keys {
        if let Some(named) = git::setting(&ctx.settings.root, Scope::Effective, &key)? {
            return Ok(named);
        }
    }
    Ok("origin".to_owned())
}
