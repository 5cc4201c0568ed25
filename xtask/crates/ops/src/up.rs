//! Starting a database and stopping it again.

use anyhow::Result;

use crate::Ctx;
use config::ReachChoice;
use config::place::Where;
use model::exit::{ExitCode, Stop};
use server::container;
use server::endpoint::Server;
use server::find::{self, Found};
use server::local::{self, Status};
use sys::docker::{self, Engine};

/// Brings a server up where it is wanted and waits until it takes logins; says whether
/// it had to be started.
///
/// # Errors
/// A [`Stop`] that says what is in the way.
pub fn up(ctx: &mut Ctx, place: Where, yes: bool) -> Result<(Found, bool)> {
    match place {
        Where::Docker => up_in_docker(ctx),
        Where::Local => up_locally(ctx, yes),
        Where::Auto => up_anywhere(ctx, yes),
    }
}

fn up_in_docker(ctx: &mut Ctx) -> Result<(Found, bool)> {
    let (server, started) = ctx.learn(|settings, ui| {
        if !matches!(settings.reach, ReachChoice::Docker | ReachChoice::DockerExec) {
            // `--on docker` means the container, whatever else runs or is named.
            settings.reach = ReachChoice::Docker;
        }
        container::start(settings, ui)
    })?;
    with_greeting(ctx, server, started)
}

fn up_locally(ctx: &mut Ctx, yes: bool) -> Result<(Found, bool)> {
    let running = matches!(local::status(&ctx.settings)?, Status::Running(_));
    let server = ctx.learn(|settings, ui| local::start(settings, ui, yes))?;
    with_greeting(ctx, server, !running)
}

fn up_anywhere(ctx: &mut Ctx, yes: bool) -> Result<(Found, bool)> {
    match find::greeted(&ctx.settings, &ctx.ui) {
        Ok(found) => return Ok((found, false)),
        Err(error) => {
            let settings = &ctx.settings;
            let named = settings.host.is_some() || settings.socket.is_some();
            // A server that the settings name is not ours to start.
            if named || settings.reach == ReachChoice::Tcp {
                return Err(error);
            }
            ctx.ui.detail(format!("nothing runs yet: {error:#}"));
        }
    }
    match ctx.settings.reach {
        ReachChoice::Local => return up_locally(ctx, yes),
        ReachChoice::Docker | ReachChoice::DockerExec => return up_in_docker(ctx),
        ReachChoice::Auto | ReachChoice::Tcp => {}
    }
    match docker::engine() {
        Engine::Running(_) => {
            let there = docker::inspect(&ctx.settings.container)?.is_some();
            let used = matches!(local::status(&ctx.settings)?, Status::Stopped(_));
            // The one that holds data already is the one that is meant.
            if used && !there { up_locally(ctx, yes) } else { up_in_docker(ctx) }
        }
        Engine::NotInstalled => up_locally(ctx, yes),
        Engine::NotRunning(_) => {
            let question = "Docker's engine is not running. Use a private local server, with its \
                            own data, instead?";
            if ctx.ui.ask(question, yes)? {
                return up_locally(ctx, yes);
            }
            // Finding explains how to start the engine on this system.
            let found = find::greeted(&ctx.settings, &ctx.ui)?;
            Ok((found, false))
        }
    }
}

fn with_greeting(ctx: &Ctx, server: Server, started: bool) -> Result<(Found, bool)> {
    use server::greeting::{Answer, ask};
    let limit = std::time::Duration::from_secs(ctx.settings.policy.server.connect_timeout_s);
    match ask(&server.endpoint, limit, limit) {
        Answer::Greets(greeting) => Ok((Found { server, greeting }, started)),
        other => {
            let message = format!("the server at {server} went away again: {other:?}");
            Err(Stop::new(ExitCode::Server, message).into())
        }
    }
}

/// The other commands take the first server that answers, or the one that `DB_REACH` says; when
/// that is not the one just started, the user has to know.
pub fn warn_of_another(ctx: &Ctx, started: &Server) {
    match find::find(&ctx.settings, &ctx.ui) {
        Ok(found)
            if found.endpoint == started.endpoint || found.container() == started.container() =>
        {
            return;
        }
        Ok(found) => ctx.ui.warn(format!("the other commands use {found}, not this server")),
        Err(_) => ctx.ui.warn("the other commands do not look for this server"),
    }
    ctx.ui.say("hint: DB_REACH=local (or docker) in .env decides which one they use.");
}

/// Stops what [`up`] started, and names it. Data stays.
///
/// # Errors
/// The server does not end, or Docker refuses.
pub fn down(ctx: &Ctx) -> Result<Vec<String>> {
    let mut stopped = Vec::new();
    if local::stop(&ctx.settings, &ctx.ui)? {
        stopped.push("the private local server".to_owned());
    }
    if let Some(name) = container::stop(&ctx.settings)? {
        stopped.push(format!("container {name}"));
    }
    Ok(stopped)
}
