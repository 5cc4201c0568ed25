//! The API's program: built by cargo, run as a child, met at the process only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use model::account::Role;
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use server::local::{self, Status};
use server::{Endpoint, Guard, Reach, Server};
use sys::package;
use sys::proc::{Cmd, Finished};
use ui::Total;

/// A first build compiles a web server and a database driver.
const BUILD: Duration = Duration::from_secs(1800);

/// The built program.
#[derive(Debug, Clone)]
pub struct Api {
    program: PathBuf,
}

impl Api {
    /// Builds it; cargo does nothing when it is current.
    ///
    /// # Errors
    /// It does not compile; the compiler's own words are shown.
    pub fn build(ctx: &Ctx) -> Result<Self> {
        ctx.ui.detail("building the API");
        let _bar = ctx.ui.bar("build the API", Total::Unknown);
        Self::build_in(ctx, "xtask")
    }

    /// Builds a release of it and shows how far that is.
    ///
    /// # Errors
    /// It does not compile, or takes longer than `deadline`.
    pub fn build_release(ctx: &Ctx, profile: &str, deadline: Duration) -> Result<Self> {
        let built = cargo(ctx, profile).run_shown_if(!ctx.ui.is_quiet(), deadline);
        built.map_err(|error| {
            let message = format!("the release does not build: {error:#}");
            Stop::new(ExitCode::Configuration, message)
                .hint("Cargo's output is above. Nothing was changed.")
        })?;
        // It is current now; this only says where it is.
        Self::build_in(ctx, profile)
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    fn build_in(ctx: &Ctx, profile: &str) -> Result<Self> {
        let finished = cargo(ctx, profile)
            .args(["--quiet", "--message-format=json-render-diagnostics"])
            .run(BUILD)?;
        if !finished.ok() {
            let message = format!("the API does not build: cargo {}", finished.why());
            return Err(Stop::new(ExitCode::Configuration, message).into());
        }
        let program =
            executable(&finished.stdout).context("cargo did not name the API's program")?;
        Ok(Self { program })
    }

    /// Runs it with `stdin` on its standard input, where that is given.
    ///
    /// # Errors
    /// It cannot be started or runs past `deadline`. How it ended is for the caller to judge.
    pub fn run(
        &self,
        ctx: &Ctx,
        server: &Server,
        who: &As<'_>,
        args: &[&str],
        stdin: Option<&str>,
        deadline: Duration,
    ) -> Result<Finished> {
        let policy = &ctx.settings.policy.gate;
        let mut cmd = command(&self.program, ctx, server, who)?
            .args(args.iter().copied())
            // Half a migration is worse than a late Ctrl-C.
            .undisturbed()
            .env("DB_LOCK_WAIT_SECONDS", policy.lock_wait_s.to_string())
            .env("DB_LOCK_RETRIES", policy.lock_retries.to_string());
        if let Some(text) = stdin {
            cmd = cmd.stdin(text);
        }
        cmd.run(deadline)
    }
}

/// Whom the API logs in as, and where it works.
#[derive(Debug, Clone, Copy)]
pub struct As<'a> {
    /// The account.
    pub role: Role,
    /// Whose place it takes: on a copy, which `app_user` cannot reach, another
    /// account plays its part.
    pub plays: Role,
    /// The schema.
    pub schema: &'a str,
}

impl<'a> As<'a> {
    /// An account in its own place.
    pub fn of(role: Role, schema: &'a str) -> Self {
        Self { role, plays: role, schema }
    }
}

fn cargo(ctx: &Ctx, profile: &str) -> Cmd {
    package::cargo()
        .args(["build", "--package", "api", "--profile", profile])
        .dir(&ctx.settings.root)
}

/// A program of the API with what it needs to log in, in its environment.
///
/// # Errors
/// The account has no password.
pub fn command(program: &Path, ctx: &Ctx, server: &Server, who: &As<'_>) -> Result<Cmd> {
    let As { role, plays, schema } = *who;
    let account = ctx.settings.account(role);
    let password =
        account.password.as_ref().with_context(|| format!("{} is not set", role.password_var()))?;
    let mut cmd = Cmd::new(program)
        .dir(&ctx.settings.root)
        .env("DB_NAME", schema)
        .env(plays.password_var(), password.reveal());
    if let Some(variable) = plays.user_var() {
        cmd = cmd.env(variable, &account.user);
    }
    // Only what is set here counts: the shell may hold another project's settings.
    for name in ["DB_HOST", "DB_PORT", "DB_SOCKET"].into_iter().chain(Guard::VARIABLES) {
        cmd = cmd.env_remove(name);
    }
    if let Some(trusts) = &ctx.settings.api_trusts_network {
        cmd = cmd.env("DB_TLS_TRUST_NETWORK", trusts);
    }
    for (name, value) in address(ctx, server)? {
        cmd = cmd.env(name, value);
    }
    Ok(cmd)
}

/// The address, and what protects the way there, as the API's variables. The private server
/// is reached over its port.
///
/// # Errors
/// The private server's state cannot be read.
pub fn address(ctx: &Ctx, server: &Server) -> Result<Vec<(&'static str, String)>> {
    let tcp =
        |host: &str, port: u16| vec![("DB_HOST", host.to_owned()), ("DB_PORT", port.to_string())];
    let mut variables = match &server.endpoint {
        Endpoint::Tcp { host, port } => tcp(host, *port),
        Endpoint::Socket(path) => match (&server.reach, local::status(&ctx.settings)?) {
            (Reach::Local, Status::Running(state)) => tcp("127.0.0.1", state.port),
            _ => vec![("DB_SOCKET", path.display().to_string())],
        },
    };
    variables.extend(server.guard.variables(&server.endpoint));
    Ok(variables)
}

/// The path in cargo's message about the program it built.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|name| name == "streamflix-api"))
}

/// The last lines of what the API said, without its log prefix noise.
pub fn said(finished: &Finished) -> String {
    let lines: Vec<&str> = finished.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join("\n  ")
}

/// Where the migrations are.
pub fn migrations_dir(root: &Path) -> PathBuf {
    root.join("api").join("migrations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_cargos_messages() {
        let text = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n{\"reason\":\"compiler-artifact\",\"executable\":\"/t/x/streamflix-api\"}\n";
        assert_eq!(executable(text), Some(PathBuf::from("/t/x/streamflix-api")));
        assert_eq!(executable(""), None);
    }
}
