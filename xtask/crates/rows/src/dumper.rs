//! Runs the server's own dump program and streams its output through
//! `sql::copy`: no shell, no password in arguments or environment listings,
//! and no success unless every sign of success is there.

use std::io::{self, BufReader, Read};
use std::time::Duration;

use anyhow::{Context, Result};

use model::account::Account;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, Version};
use model::link::Link;
use model::sink::SectionSink;
use plan::dump_client::{DumpClient, Place};
use server::{Endpoint, Reach, Server};
use sql::{Progress, Seen, copy_dump};
use sys::proc::{self, Cmd};
use sys::signal;

const QUESTION: Duration = Duration::from_secs(30);

/// Finds a client that fits the server: one on this machine when the server is
/// reached directly (streaming out of `docker exec` is two to three times
/// slower), else the one inside the container.
///
/// # Errors
/// No client fits; the message lists those tried, and why not.
pub fn find_client(server: &Server, flavour: Flavour, version: Version) -> Result<DumpClient> {
    let mut looked = Vec::new();
    if !matches!(server.reach, Reach::DockerExec { .. }) {
        for program in ["mysqldump", "mariadb-dump"] {
            let Some(path) = proc::find(program) else { continue };
            let cmd = || Cmd::new(&path).arg("--no-defaults");
            match describe(program, Place::Host(path.clone()), cmd) {
                Ok(client) => match client.unfit(flavour, version) {
                    None => return Ok(client),
                    Some(reason) => looked.push(reason),
                },
                Err(error) => looked.push(format!("{program} on this machine: {error:#}")),
            }
        }
    }
    if let Some(container) = server.container() {
        for program in ["mysqldump", "mariadb-dump"] {
            let cmd = || Cmd::new("docker").args(["exec", container, program, "--no-defaults"]);
            match describe(program, Place::Container(container.to_owned()), cmd) {
                Ok(client) => match client.unfit(flavour, version) {
                    None => return Ok(client),
                    Some(reason) => looked.push(reason),
                },
                Err(error) => looked.push(format!("{program} in container {container}: {error:#}")),
            }
        }
    }
    Err(no_client(flavour, version, &looked))
}

fn no_client(flavour: Flavour, version: Version, looked: &[String]) -> anyhow::Error {
    let package = match flavour {
        Flavour::Mysql => "mysql-client (mysqldump)",
        Flavour::Mariadb => "mariadb-client (mariadb-dump)",
    };
    let mut stop =
        Stop::new(ExitCode::Configuration, format!("no dump program fits {} {}", flavour, version));
    for reason in looked {
        stop = stop.hint(format!("Not used: {reason}."));
    }
    stop.hint(format!("Install {package}, version {}.{} or newer.", version.0, version.1)).into()
}

/// Asks a client program what it is and which options it knows.
pub fn describe(program: &str, place: Place, cmd: impl Fn() -> Cmd) -> Result<DumpClient> {
    let text = cmd().arg("--version").read(QUESTION)?;
    let (flavour, version) = DumpClient::flavour_and_version(&text)
        .with_context(|| format!("cannot read a version in `{}`", text.trim()))?;
    let help = cmd().arg("--help").read(QUESTION)?;
    Ok(DumpClient {
        place,
        program: program.to_owned(),
        flavour,
        version,
        options: DumpClient::options_in(&help),
    })
}

/// Carries out an order: dumps a schema into `sink`.
///
/// # Errors
/// The program cannot be started, ends with another code than 0, writes an
/// error to stderr, or its output does not end with its own end line. Nothing
/// that was written may be used then.
pub fn dump(
    order: &Order<'_>,
    sink: &mut dyn SectionSink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Seen> {
    let Order { client, account, .. } = *order;
    let mut stream = command(order)?.stream(order.limits.stall, order.limits.deadline)?;
    let input = BufReader::with_capacity(1 << 18, UntilInterrupted(&mut stream));
    let copied = copy_dump(input, sink, progress);
    signal::check()?;
    if let Some(why) = stream.ended_because() {
        return Err(hung(client, &why).into());
    }
    let seen = match copied {
        Ok(seen) => seen,
        Err(error) => {
            // When the program broke off, what it says explains more than where
            // its output ends.
            return Err(match stream.settle(Duration::from_secs(2)) {
                Some(finished) if !finished.ok() => {
                    error.context(failed(client, account, &finished.why(), &finished.stderr))
                }
                _ => error,
            });
        }
    };
    let finished = stream.finish()?;
    if !finished.ok() {
        return Err(failed(client, account, &finished.why(), &finished.stderr).into());
    }
    if let Some(line) = error_line(&finished.stderr) {
        return Err(failed(
            client,
            account,
            &format!("ended with code 0 but said:\n  {line}"),
            &finished.stderr,
        )
        .into());
    }
    if !seen.completed {
        return Err(Stop::new(
            ExitCode::Unexpected,
            format!("{} ended without its end line; the dump is not complete", client.program),
        )
        .hint("Take the backup again; if it happens again, check the server's error log.")
        .into());
    }
    Ok(seen)
}

/// What is dumped, with what, as whom.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub client: &'a DumpClient,
    pub server: &'a Server,
    pub account: &'a Account,
    pub schema: &'a str,
    /// Lock all tables against writes, because some have no transactions.
    pub lock_all: bool,
    /// Views that cannot be read.
    pub left_out: &'a [String],
    /// How long it may take.
    pub limits: Limits,
}

/// How long a dump may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without a single byte.
    pub stall: Duration,
    pub deadline: Duration,
}

fn hung(client: &DumpClient, why: &str) -> Stop {
    let stop = Stop::new(
        ExitCode::Unexpected,
        format!("{} was stopped: {why}; no backup was made", client.program),
    );
    after_waiting(stop)
}

/// What to check when a dump got nothing.
pub fn after_waiting(stop: Stop) -> Stop {
    stop.hint("Another session may hold a table lock: run `SHOW PROCESSLIST` as root.")
        .hint("The limits are backup.stall_s and backup.deadline_minutes in xtask.toml.")
}

/// Breaks a read off after Ctrl-C: the dump program may ignore the signal.
struct UntilInterrupted<R>(R);

impl<R: Read> Read for UntilInterrupted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if signal::interrupted() {
            return Err(io::Error::other("interrupted"));
        }
        self.0.read(buf)
    }
}

/// The command that carries out an order, with the password where only it can read it.
///
/// # Errors
/// The account has no password.
pub fn command(order: &Order<'_>) -> Result<Cmd> {
    let Order { client, server, account, schema, lock_all, left_out, .. } = *order;
    let password = account.password.as_ref().context("the account has no password")?;
    let options = option_file(&account.user, password.reveal());
    let dump = client.arguments(schema, lock_all, left_out);
    let link = server.guard.link();
    match &client.place {
        Place::Container(container) => Ok(Cmd::new("docker")
            .args(["exec", "-i", container, &client.program, "--defaults-extra-file=/dev/stdin"])
            .args(["--protocol=tcp", "--host=127.0.0.1", "--port=3306"])
            .args(client.connection(true, &inside(&link))?)
            .args(dump)
            .stdin(options)),
        Place::Host(path) => {
            let cmd = Cmd::new(path);
            // The option file on standard input leaves nothing on disk and nothing in
            // the environment. Windows has no such file name; there the environment
            // variable is the way that leaves nothing behind.
            let cmd = if cfg!(unix) {
                cmd.arg("--defaults-extra-file=/dev/stdin").stdin(options)
            } else {
                cmd.arg("--no-defaults")
                    .arg(format!("--user={}", account.user))
                    .env("MYSQL_PWD", password.reveal())
            };
            let (address, over_tcp) = match &server.endpoint {
                Endpoint::Tcp { host, port } => (
                    vec![
                        "--protocol=tcp".to_owned(),
                        format!("--host={host}"),
                        format!("--port={port}"),
                    ],
                    true,
                ),
                Endpoint::Socket(path) => (
                    vec!["--protocol=socket".to_owned(), format!("--socket={}", path.display())],
                    false,
                ),
            };
            Ok(cmd.args(address).args(client.connection(over_tcp, &link)?).args(dump))
        }
    }
}

/// The way of a program that runs beside the server, in its container.
pub fn inside(link: &Link) -> Link {
    match link {
        Link::Plain => Link::Plain,
        // The server may refuse what is not encrypted; whose certificate it is, is no
        // question there. Files of this machine are not in the container.
        _ => Link::Encrypted { client: None },
    }
}

/// An option file's text. Values are quoted, and a backslash is an escape there.
fn option_file(user: &str, password: &str) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("[client]\nuser=\"{}\"\npassword=\"{}\"\n", quoted(user), quoted(password))
}

/// A line on stderr that says an error. Warnings are not errors.
fn error_line(stderr: &str) -> Option<&str> {
    stderr.lines().find(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("error") && !line.contains("[warning]")
    })
}

fn failed(client: &DumpClient, account: &Account, why: &str, stderr: &str) -> Stop {
    let why = account.password.as_ref().map_or_else(|| why.to_owned(), |p| p.redact(why));
    if stderr.contains("Access denied") && stderr.contains("1045") {
        return Stop::new(
            ExitCode::Server,
            format!("access denied for `{}`: {} {why}", account.user, client.program),
        )
        .hint(format!(
            "Compare {} in .env with the account's password on the server.",
            account.role.password_var()
        ));
    }
    let code = if stderr.contains("(1044)") || stderr.contains("denied") {
        ExitCode::Configuration
    } else if stderr.contains("(2013)")
        || stderr.contains("(2006)")
        || stderr.contains("(2002)")
        || stderr.contains("(2003)")
    {
        ExitCode::Server
    } else {
        ExitCode::Unexpected
    };
    let stop = Stop::new(code, format!("{} {why}", client.program));
    match code {
        ExitCode::Configuration => {
            stop.hint("`cargo xtask doctor` lists each missing privilege with its GRANT.")
        }
        ExitCode::Server => {
            stop.hint("The server went away during the dump; `cargo xtask db-up` starts it again.")
        }
        _ => stop.hint("No backup was made; the older ones are untouched."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_files_are_quoted() {
        assert_eq!(
            option_file("u", "a\"b\\c#'"),
            "[client]\nuser=\"u\"\npassword=\"a\\\"b\\\\c#'\"\n"
        );
    }

    #[test]
    fn errors_are_found_and_warnings_are_not() {
        let masking =
            "Error: 'SELECT command denied to user ... for table 'column_masking_policy''";
        assert_eq!(error_line(masking), Some(masking));
        assert_eq!(error_line("mysqldump: [Warning] an error was not made"), None);
        assert_eq!(error_line(""), None);
    }
}
