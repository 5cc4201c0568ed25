//! The guide's three checks against the running database.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ctx::Ctx;
use crate::held::Entries;
use crate::identity;
use crate::verify::Verdict;
use config::policy::VerifyPolicy;
use model::account::Role;
use model::check::{self, Check};
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::ident::{literal, qualified};
use model::loss::Loss;
use model::manifest::{Manifest, Reason, TableEntry};
use plan::loss::Holdings;
use report::human;
use report::json::VerifyDocument;
use server::{Session, facts};
use sys::{clock, http};

/// Checks the running database and the API; with `require_api` one that does not answer
/// is a failure.
///
/// # Errors
/// The server cannot be reached. What is wrong is in the verdict.
pub fn run(ctx: &mut Ctx, require_api: bool) -> Result<Verdict> {
    let start = Instant::now();
    let store = ctx.store()?;
    let reached = ctx.server(false)?;
    let schema = ctx.settings.schema.clone();
    let mut session = ctx.session(&reached, Role::Backup, Some(&schema))?.read_only()?;
    let server = facts::read(&mut session)?;
    identity::say(ctx, &reached, &server)?;
    let policy = &ctx.settings.policy.verify;
    let newest = good(&store, &schema)?;
    let counts = counts(&mut session, &schema)?;
    let mut checks = vec![tables(&counts, policy)];
    checks.extend(policy.core_tables.iter().map(|table| core(&counts, table)));
    let holdings = Holdings {
        tables: counts.iter().map(|(name, rows)| (name.as_str(), *rows)).collect(),
        programs: None,
    };
    let loss = store.loss_of(&schema, (server.flavour, &server.uuid), &holdings)?;
    checks.push(against_backup(&counts, newest.as_ref(), loss.as_ref()));
    checks
        .extend(policy.api_paths.iter().map(|path| api(&ctx.settings.api_url, path, require_api)));
    let duration_ms = clock::elapsed_ms(start);
    let passed = check::all_passed(&checks);
    let event = Event::Live { passed, checks: checks.clone(), duration_ms };
    Entries::open(ctx)?.append(&server.uuid, &schema, event)?;
    let document = VerifyDocument::new(&schema, "live", checks, duration_ms);
    let refusal = (!passed).then(|| {
        Stop::new(ExitCode::VerificationFailed, format!("`{schema}` failed the live verification"))
            .hint(
                "`cargo xtask db-restore latest` restores the last backup, after a safety \
            backup of the current state.",
            )
    });
    Ok(Verdict { document, refusal })
}

/// The newest backup that is a measure for what is there now: what a restore replaced is not,
/// and neither is one that lost something itself.
fn good(store: &store::Store, schema: &str) -> Result<Option<Manifest>> {
    let entries = store.list()?;
    let suspects = store.suspects(&entries, &store.read()?);
    let own = entries.iter().filter(|e| e.label.schema() == schema);
    let mut usable = own.filter_map(|e| e.manifest()).filter(|m| m.reason != Reason::Safety);
    Ok(usable.find(|m| !suspects.contains_key(&m.label)).cloned())
}

fn counts(session: &mut Session, schema: &str) -> Result<BTreeMap<String, u64>> {
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = {} AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1",
        literal(schema)
    );
    let names: Vec<String> = session.rows(&sql)?;
    let mut counts = BTreeMap::new();
    for name in names {
        let rows = session.value(&format!("SELECT COUNT(*) FROM {}", qualified(schema, &name)))?;
        counts.insert(name, rows);
    }
    Ok(counts)
}

fn tables(counts: &BTreeMap<String, u64>, policy: &VerifyPolicy) -> Check {
    let found = counts.len();
    let detail =
        format!("{}, expected at least {}", human::count(found as u64, "table"), policy.min_tables);
    Check::of(found >= policy.min_tables, "tables", detail)
}

fn core(counts: &BTreeMap<String, u64>, table: &str) -> Check {
    let name = format!("rows of {table}");
    match counts.get(table) {
        None => Check::failed(name, "the table does not exist"),
        Some(0) => Check::failed(name, "the table is empty"),
        Some(rows) => Check::passed(name, human::count(*rows, "row")),
    }
}

/// Nothing that the last good backup has is lost, by the policy or by what the gate did since.
/// Counts that merely differ are shown and do not fail: the database is in use.
fn against_backup(
    counts: &BTreeMap<String, u64>,
    good: Option<&Manifest>,
    loss: Option<&Loss>,
) -> Check {
    const NAME: &str = "counts against the last good backup";
    let Some(manifest) = good else { return Check::not_run(NAME, "there is no backup") };
    if let Some(loss) = loss {
        return Check::failed(NAME, format!("since {}, {loss}", loss.against));
    }
    let moved = |table: &TableEntry| match counts.get(&table.name) {
        Some(rows) if *rows == table.rows => None,
        Some(rows) => {
            let (before, now) = (human::thousands(table.rows), human::thousands(*rows));
            Some(format!("{} {before} -> {now}", table.name))
        }
        None => Some(format!("{} is gone", table.name)),
    };
    let moved: Vec<String> = manifest.tables.iter().filter_map(moved).collect();
    let moved = if moved.is_empty() {
        "equal".to_owned()
    } else {
        format!("changed since: {}", moved.join(", "))
    };
    Check::passed(
        NAME,
        format!(
            "{} ({}): {moved}",
            manifest.label,
            human::count(manifest.tables.len() as u64, "table")
        ),
    )
}

fn api(base: &str, path: &str, required: bool) -> Check {
    let url = format!("{}{path}", base.trim_end_matches('/'));
    judge(base, path, http::get(&url, Duration::from_secs(10)), required)
}

/// What an answer of the API is worth: it must be a list with something in it.
pub fn judge(base: &str, path: &str, probe: http::Probe, required: bool) -> Check {
    let name = format!("GET {path}");
    match probe {
        http::Probe::Unreachable(why) if required => {
            Check::failed(name, format!("{}{path}: {why}", base.trim_end_matches('/')))
        }
        http::Probe::Unreachable(why) => {
            Check::not_run(name, format!("the API does not answer at {base} ({why})"))
        }
        http::Probe::Answer { status: 200, body } => match items(&body) {
            Some(0) => Check::failed(name, "answered 200 with no data"),
            Some(n) => Check::passed(name, format!("answered 200 with {n} items")),
            None => Check::failed(name, "answered 200, but not with a list"),
        },
        http::Probe::Answer { status, .. } => Check::failed(name, format!("answered {status}")),
    }
}

/// How many items a list holds: a JSON array, or an object with `items`.
fn items(body: &str) -> Option<usize> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    let list = json.as_array().or_else(|| json.get("items")?.as_array())?;
    Some(list.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_counted() {
        assert_eq!(items("[1,2]"), Some(2));
        assert_eq!(items("{\"items\":[1],\"total\":9}"), Some(1));
        assert_eq!(items("{\"items\":[]}"), Some(0));
        assert_eq!(items("<html>"), None);
    }

    #[test]
    fn a_missing_core_table_fails() {
        let counts = BTreeMap::from([("movie".to_owned(), 3), ("series".to_owned(), 0)]);
        use model::check::Outcome;
        assert_eq!(core(&counts, "movie").outcome, Outcome::Passed);
        assert_eq!(core(&counts, "series").outcome, Outcome::Failed);
        assert_eq!(core(&counts, "account").outcome, Outcome::Failed);
    }
}
