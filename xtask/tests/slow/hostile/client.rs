//! The ordinary clients, as a person without this tool uses them.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use sys::proc::Cmd;

use super::is_mysql;
use crate::support::Sandbox;

const DEADLINE: Duration = Duration::from_secs(120);

/// A client program of the server's own flavour, with a login in its environment.
/// `redirect` is what a shell would write behind the command; `$0` is `file`.
fn client(
    sandbox: &Sandbox,
    program: &str,
    user: &str,
    args: &[&str],
    redirect: &str,
    file: &Path,
) -> Cmd {
    let server = sandbox.server();
    let password = if user == "root" { server.root_password.clone() } else { sandbox.password() };
    let command = match (&server.container, is_mysql(sandbox)) {
        (Some(container), _) => format!("docker exec -i -e MYSQL_PWD {container} {program}"),
        (None, true) => {
            format!("{program} --no-defaults --host={} --port={}", server.host, server.port)
        }
        (None, false) => {
            let program = program.replace("mysqldump", "mariadb-dump").replace("mysql", "mariadb");
            format!(
                "{program} --no-defaults --protocol=tcp --host={} --port={}",
                server.host, server.port
            )
        }
    };
    Cmd::new("sh")
        .arg("-c")
        .arg(format!("exec {command} -u {user} \"$@\" {redirect}"))
        .arg(file)
        .args(args.iter().copied())
        .env("MYSQL_PWD", password.reveal())
}

/// `mysql --comments schema < file`; without it, MariaDB's client takes the
/// comments out of bodies (docs/limits.md).
pub fn load(sandbox: &Sandbox, schema: &str, file: &Path) {
    load_with(sandbox, schema, file, "--comments");
}

/// The same with another option.
pub fn load_with(sandbox: &Sandbox, schema: &str, file: &Path, option: &str) {
    let done = client(sandbox, "mysql", "root", &[option, schema], "< \"$0\"", file)
        .run(DEADLINE)
        .unwrap();
    assert!(done.ok(), "the ordinary client: {}", done.stderr);
}

/// The guide's way to make a dump: nothing but `--no-tablespaces` and what is given.
pub fn dump(sandbox: &Sandbox, args: &[&str]) -> Vec<u8> {
    let user = format!("backup_{}", sandbox.schema.trim_start_matches("t_"));
    let all: Vec<&str> = ["--no-tablespaces"].into_iter().chain(args.iter().copied()).collect();
    let mut stream = client(sandbox, "mysqldump", &user, &all, "", Path::new("sh"))
        .stream(DEADLINE, DEADLINE)
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let done = stream.finish().unwrap();
    assert!(done.ok(), "the guide's dump: {}", done.stderr);
    bytes
}
