//! `db-up` and `db-down`

use anyhow::Result;
use serde_json::json;

use cli::server::DbUp;
use config::place::Where;
use ops::{Ctx, up as servers};
use server::Reach;
use server::find::Found;

/// Starts the database and says where it answers.
pub(crate) fn up(ctx: &mut Ctx, args: &DbUp) -> Result<()> {
    let (found, started) = servers::up(ctx, args.place, args.yes)?;
    let Found { server, greeting } = &found;
    let (flavour, version) = (greeting.flavour, &greeting.version_text);
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "reach": reach_name(&server.reach),
            "endpoint": server.endpoint.to_string(),
            "flavour": flavour,
            "server_version": version,
            "started": started,
        });
        ctx.ui.outcome(document.to_string());
    } else {
        let how = if started { "started" } else { "was already running" };
        ctx.ui.outcome(format!("{flavour} {version} {how}: {server}"));
    }
    if args.place != Where::Auto {
        servers::warn_of_another(ctx, server);
    }
    Ok(())
}

/// A stable word for JSON.
fn reach_name(reach: &Reach) -> &'static str {
    match reach {
        Reach::Explicit => "explicit",
        Reach::Published { .. } => "published",
        Reach::ContainerAddress { .. } => "container_address",
        Reach::DockerExec { .. } => "docker_exec",
        Reach::Local => "local",
    }
}

/// Stops what `db-up` started.
pub(crate) fn down(ctx: &Ctx) -> Result<()> {
    let stopped = servers::down(ctx)?;
    if ctx.ui.json() {
        ctx.ui.outcome(json!({ "version": 1, "stopped": stopped }).to_string());
    } else if stopped.is_empty() {
        ctx.ui.outcome("Nothing to stop: db-up started nothing that is still running");
    } else {
        ctx.ui.outcome(format!("Stopped {}; its data is kept", stopped.join(" and ")));
    }
    Ok(())
}
