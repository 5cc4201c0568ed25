//! Events of a restored schema begin to run after its entry was written, so that nothing
//! which came with a file acts before it is known that the file was restored.

use anyhow::{Context, Result};

use crate::held::HeldFolder;
use crate::swap::play;
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use server::Session;
use sys::fault::point;

/// Enables those that may run and do not yet; gives their names. One that is gone by now is
/// left out.
///
/// # Errors
/// The server refuses; what is left stays written down for the next run.
pub fn enable(held: &HeldFolder<'_>, session: &mut Session) -> Result<Vec<String>> {
    let store = held.store();
    let Some(state) = store.read_events()? else { return Ok(Vec::new()) };
    let there: Vec<String> = session.rows(&format!(
        "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {}",
        literal(&state.target)
    ))?;
    let (now, gone): (Vec<_>, Vec<_>) =
        state.enable.into_iter().partition(|it| there.contains(&it.event));
    let names: Vec<String> = now.iter().map(|it| it.event.clone()).collect();
    let statements: Vec<_> = now.into_iter().map(|it| it.statement).collect();
    play(held.ctx(), session, &state.target, &statements).with_context(|| {
        Stop::new(
            ExitCode::Store,
            format!(
                "{} is restored into `{}`; only its events could not be enabled: {}",
                state.source,
                state.target,
                names.join(", ")
            ),
        )
        .hint("Do not restore again: `cargo xtask doctor --fix` enables them.")
    })?;
    point("restore.enabled")?;
    if !gone.is_empty() {
        let gone: Vec<String> = gone.into_iter().map(|it| it.event).collect();
        held.ctx()
            .ui
            .warn(format!("these events are gone and were not enabled: {}", gone.join(", ")));
    }
    store.remove_events(held.lock())?;
    Ok(names)
}
