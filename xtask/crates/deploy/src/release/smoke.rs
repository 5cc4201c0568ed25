//! The smoke test: does the release that was just started answer as it must?

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use model::check::{Check, Outcome};
use ops::ctx::Ctx;
use ops::live;
use sys::http::{self, Probe};
use sys::{clock, signal};

/// Ready, and with the schema that it needs.
pub(super) const READY: &str = "/readyz";
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Asks until the release is ready, then for every path, all within the deadline.
/// `running` fails when the program has ended: then it stops waiting, so that another program's
/// answer does not count.
pub(super) fn test(
    ctx: &Ctx,
    url: &str,
    paths: &[String],
    deadline: Duration,
    running: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    for path in self::paths(paths) {
        let mut last = Probe::Unreachable("no request was sent yet".to_owned());
        let left = deadline.saturating_sub(start.elapsed());
        let answered = clock::poll(left, || {
            running()?;
            let patience = ANSWER.min(deadline.saturating_sub(start.elapsed()));
            last = http::get(&format!("{url}{path}"), patience.max(Duration::from_secs(1)));
            Ok::<_, anyhow::Error>(is_final(path, &last).then_some(()))
        })?;
        if answered.is_none() {
            signal::check()?;
        }
        let check = judge(url, path, last);
        if check.outcome != Outcome::Passed {
            let seconds = start.elapsed().as_secs();
            bail!("{} {}, after {seconds} s", check.name, check.detail);
        }
        ctx.ui.detail(format!("{}: {}", check.name, check.detail));
    }
    running()
}

/// What is asked, in its order: first whether it is ready.
pub(super) fn paths(wanted: &[String]) -> Vec<&str> {
    let others = wanted.iter().map(String::as_str).filter(|path| *path != READY);
    std::iter::once(READY).chain(others).collect()
}

/// Whether asking again could not bring another answer. A program that is starting
/// is not reachable or has an error of its own; anything else it means.
fn is_final(path: &str, probe: &Probe) -> bool {
    match probe {
        Probe::Unreachable(_) => false,
        Probe::Answer { status: 200, .. } => true,
        Probe::Answer { status, .. } => path != READY && *status < 500,
    }
}

fn judge(url: &str, path: &str, probe: Probe) -> Check {
    match probe {
        Probe::Answer { status: 200, .. } if path == READY => {
            Check::passed(format!("GET {path}"), "answered 200")
        }
        Probe::Answer { status, body } if path == READY => Check::failed(
            format!("GET {path}"),
            format!("answered {status}: {}", body.chars().take(200).collect::<String>()),
        ),
        probe => live::judge(url, path, probe, true),
    }
}

#[cfg(test)]
mod tests {
    use crate::release::smoke::*;

    #[test]
    fn what_can_still_change_is_asked_again() {
        let answer = |status: u16| Probe::Answer { status, body: "[1]".to_owned() };
        assert!(!is_final(READY, &Probe::Unreachable(String::new())));
        assert!(!is_final(READY, &answer(404)) && !is_final(READY, &answer(503)));
        assert!(is_final(READY, &answer(200)) && is_final("/x", &answer(404)));
        assert!(!is_final("/x", &answer(500)));
        assert_eq!(judge("u", READY, answer(503)).outcome, Outcome::Failed);
        assert_eq!(judge("u", "/x", answer(200)).outcome, Outcome::Passed);
        let empty = Probe::Answer { status: 200, body: "{\"items\":[]}".to_owned() };
        assert_eq!(judge("u", "/x", empty).outcome, Outcome::Failed);
    }
}
