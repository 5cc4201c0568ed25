//! A MariaDB server of our own for the tests: its own folder, socket and port,
//! stopped when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use model::account::{Account, Role};
use model::secret::Secret;
use server::{Endpoint, Reach, Server, Session};
use sys::proc::{self, Cmd, End};
use sys::{clock, fs};

const INSTALL_DEADLINE: Duration = Duration::from_secs(120);
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// The longest path that fits a socket's address, with some room.
const SOCKET_PATH_MAX: usize = 100;

/// A running server; dropping it stops it. The folder stays with the caller.
#[derive(Debug)]
pub struct PrivateMariadb {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Where it listens on this machine's file system.
    pub socket: PathBuf,
    pid: u32,
}

/// Starts a server in `folder`, which must be new, with this password for root.
pub fn start(folder: &Path, password: &Secret) -> Result<PrivateMariadb> {
    start_with(folder, password, &[])
}

/// As [`start`], with more options.
pub fn start_with(folder: &Path, password: &Secret, more: &[String]) -> Result<PrivateMariadb> {
    let data = folder.join("data");
    let socket = folder.join("mariadb.sock");
    if socket.as_os_str().len() > SOCKET_PATH_MAX {
        bail!("the path {} is too long for a socket", socket.display());
    }
    // In a shared one it would remove the temporary tables of other servers as it starts.
    let temporary = folder.join("tmp");
    fs::create_private_dir(&data)?;
    fs::create_private_dir(&temporary)?;
    let user = Cmd::new("id").arg("-un").read(STOP_DEADLINE)?.trim().to_owned();
    Cmd::new(program("mariadb-install-db")?)
        .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
        .arg(format!("--user={user}"))
        .arg(format!("--datadir={}", data.display()))
        .env("TMPDIR", temporary.display().to_string())
        .read(INSTALL_DEADLINE)?;
    let accounts = folder.join("accounts.sql");
    fs::write_durably(&accounts, accounts_sql(password).as_bytes())?;
    let port = free_port()?;
    let log = folder.join("mariadb.log");
    let pid = Cmd::new(program("mariadbd")?)
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"])
        .arg(format!("--user={user}"))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", temporary.display()))
        .arg(format!("--socket={}", socket.display()))
        .arg(format!("--pid-file={}", folder.join("mariadb.pid").display()))
        .arg(format!("--port={port}"))
        .arg(format!("--init-file={}", accounts.display()))
        .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"])
        .args(more.iter().cloned())
        .daemon(fs::create_private(&log)?)?;
    // From here on dropping it stops it, whatever goes wrong.
    let server = PrivateMariadb { port, socket, pid };
    let ready = clock::poll(START_DEADLINE, || {
        if !proc::alive(pid) {
            bail!("mariadbd stopped:\n{}", tail(&fs::read_text(&log).unwrap_or_default()));
        }
        Ok(usable(port, password).then_some(()))
    })?;
    if ready.is_none() {
        let log = fs::read_text(&log).unwrap_or_default();
        bail!("mariadbd was not usable before the deadline:\n{}", tail(&log));
    }
    Ok(server)
}

fn program(name: &str) -> Result<PathBuf> {
    proc::find(name).with_context(|| format!("{name} is not installed"))
}

/// Run by the server as it starts: one statement a line. A new data folder has
/// more accounts called root, one for each name of the machine and all without
/// a password; they go first.
fn accounts_sql(password: &Secret) -> String {
    let password = password.reveal().replace('\\', "\\\\").replace('\'', "\\'");
    format!(
        "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\n\
         FLUSH PRIVILEGES;\n\
         ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n\
         CREATE OR REPLACE USER 'root'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
    )
}

fn usable(port: u16, password: &Secret) -> bool {
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".to_owned(), port };
    let server = Server::new(endpoint, Reach::Local);
    let role = Role::Root;
    let root =
        Account { role, user: role.default_user().to_owned(), password: Some(password.clone()) };
    Session::open_within(&server, &root, None, Duration::from_secs(2)).is_ok()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// A port that nothing listens on now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("look for a free port")?;
    Ok(listener.local_addr()?.port())
}

impl Drop for PrivateMariadb {
    fn drop(&mut self) {
        proc::end(self.pid, End::Asked).ok();
        let gone = clock::poll(STOP_DEADLINE, || {
            Ok::<_, std::convert::Infallible>((!proc::alive(self.pid)).then_some(()))
        });
        if !matches!(gone, Ok(Some(()))) {
            // Its data is thrown away: nothing is lost by force.
            proc::end(self.pid, End::Forced).ok();
        }
    }
}
