//! The programs that are measured beside this tool: which are there, and which fit.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use model::account::Account;
use plan::dump_client::{DumpClient, Place};
use rows::dumper;
use server::{Endpoint, Server};
use sys::proc::{self, Cmd};

/// A program, or why there is none.
pub(super) type Found<T> = Result<T, String>;

pub(super) struct Tools {
    /// The dump program inside the server's container.
    pub(super) guide: Found<DumpClient>,
    /// A dump program on this machine.
    pub(super) dump: Found<DumpClient>,
    /// zstd, and what it says it is.
    pub(super) zstd: Found<Program>,
    pub(super) mydumper: Found<Program>,
    pub(super) myloader: Found<Program>,
    pub(super) mysql: Found<DumpClient>,
}

/// A program on this machine.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// The first line of its `--version`.
    pub(super) version: String,
}

impl Tools {
    pub(super) fn find(bench: &Bench<'_>) -> Self {
        let dumps = ["mysqldump", "mariadb-dump"];
        let clients = ["mysql", "mariadb"];
        Self {
            guide: in_container(bench, &dumps),
            dump: on_machine(bench, &dumps),
            zstd: program("zstd"),
            mydumper: program("mydumper"),
            myloader: program("myloader"),
            mysql: on_machine(bench, &clients).or_else(|why| {
                in_container(bench, &clients).map_err(|also| format!("{why}; {also}"))
            }),
        }
    }
}

fn program(name: &str) -> Found<Program> {
    let path = proc::find(name).ok_or_else(|| format!("{name} is not installed"))?;
    let said = Cmd::new(&path).arg("--version").read(Duration::from_secs(15));
    let said = said.map_err(|error| format!("{error:#}"))?;
    let version = said.lines().next().unwrap_or(name).trim_matches(['*', ' ']).to_owned();
    Ok(Program { path, version })
}

/// One that fits the server, else any: on plain tables the other flavour's works as well,
/// and the table says which it was.
fn on_machine(bench: &Bench<'_>, programs: &[&str]) -> Found<DumpClient> {
    let mut looked = Vec::new();
    let mut spare = None;
    for program in programs {
        let Some(path) = proc::find(program) else { continue };
        let cmd = || Cmd::new(&path).arg("--no-defaults");
        match dumper::describe(program, Place::Host(path.clone()), cmd) {
            Ok(client) if client.unfit(bench.facts.flavour, bench.facts.version).is_none() => {
                return Ok(client);
            }
            Ok(client) => spare = spare.or(Some(client)),
            Err(error) => looked.push(format!("{program}: {error:#}")),
        }
    }
    let none = format!("no {} on this machine", programs[0]);
    spare.ok_or_else(|| looked.into_iter().next().unwrap_or(none))
}

fn in_container(bench: &Bench<'_>, programs: &[&str]) -> Found<DumpClient> {
    let container = bench.server.container().ok_or("the server is in no container")?;
    let mut why = String::new();
    for program in programs {
        let cmd = || Cmd::new("docker").args(["exec", container, program, "--no-defaults"]);
        match dumper::describe(program, Place::Container(container.to_owned()), cmd) {
            Ok(client) => return Ok(client),
            Err(error) if why.is_empty() => why = format!("{error:#}"),
            Err(_) => {}
        }
    }
    Err(why)
}

/// How mydumper and myloader are told the server.
pub(super) fn short_address(endpoint: &Endpoint) -> Vec<String> {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match endpoint {
        Endpoint::Tcp { host, port } => text(&["-h", host, "-P", &port.to_string()]),
        Endpoint::Socket(path) => text(&["-S", &path.display().to_string()]),
    }
}

/// The mysql client, reading a file into a schema. The password is in the environment,
/// because standard input is taken.
pub(super) fn mysql(
    client: &DumpClient,
    server: &Server,
    account: &Account,
    schema: &str,
) -> Result<Cmd> {
    let password = account.password.as_ref().map_or("", |password| password.reveal());
    let link = server.guard.link();
    let (cmd, address, link, over_tcp) = match &client.place {
        Place::Container(container) => (
            Cmd::new("docker")
                .args(["exec", "-i", "-e", "MYSQL_PWD", container, &client.program])
                .arg("--no-defaults"),
            ["--protocol=tcp", "--host=127.0.0.1", "--port=3306"].map(str::to_owned).to_vec(),
            dumper::inside(&link),
            true,
        ),
        Place::Host(path) => {
            let (address, over_tcp) = match &server.endpoint {
                Endpoint::Tcp { host, port } => {
                    let words = vec![
                        "--protocol=tcp".to_owned(),
                        format!("--host={host}"),
                        format!("--port={port}"),
                    ];
                    (words, true)
                }
                Endpoint::Socket(path) => {
                    let words = vec![
                        "--protocol=socket".to_owned(),
                        format!("--socket={}", path.display()),
                    ];
                    (words, false)
                }
            };
            (Cmd::new(path).arg("--no-defaults"), address, link, over_tcp)
        }
    };
    let cmd = cmd
        .args(address)
        .args(client.connection(over_tcp, &link)?)
        .arg(format!("--user={}", account.user))
        .arg("--default-character-set=utf8mb4")
        .arg(schema)
        .env("MYSQL_PWD", password);
    Ok(cmd)
}
