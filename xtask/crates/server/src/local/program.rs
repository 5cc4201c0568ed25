//! The server programs on this machine and how they are called.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::state::{Place, State, datadir_arg};
use crate::greeting;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, Version};
use sys::proc::{self, Cmd};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub path: PathBuf,
    pub flavour: Flavour,
    pub version: Version,
}

/// Making a data folder takes seconds; on a slow disk, minutes.
const INITIALISE: Duration = Duration::from_secs(300);

/// Every usable server program, MySQL first: it is what the team runs.
pub(super) fn installed() -> Vec<Program> {
    let mut found: Vec<Program> = ["mysqld", "mariadbd"]
        .iter()
        .filter_map(|name| proc::find(name))
        // `mysqld` is often another name of MariaDB's server.
        .map(|path| path.canonicalize().unwrap_or(path))
        .filter_map(|path| {
            let said = Cmd::new(&path)
                .args(["--no-defaults", "--version"])
                .read(Duration::from_secs(20))
                .ok()?;
            let (flavour, version) = read_version(&said)?;
            Some(Program { path, flavour, version })
        })
        .filter(|program| program.version >= greeting::oldest(program.flavour))
        .collect();
    found.dedup();
    found
}

/// `/usr/sbin/mysqld  Ver 9.7.4 for Linux on x86_64 ((Debian))`
fn read_version(said: &str) -> Option<(Flavour, Version)> {
    let (_, version) = said.split_once(" Ver ")?;
    let flavour = if said.contains("MariaDB") { Flavour::Mariadb } else { Flavour::Mysql };
    Some((flavour, Version::parse(version)?))
}

/// The program for a data folder: of its flavour, and not older than what last ran on it.
pub(super) fn choose(installed: &[Program], last: Option<&State>) -> Result<Option<Program>, Stop> {
    let Some(last) = last else { return Ok(installed.first().cloned()) };
    let found = installed.iter().find(|program| program.flavour == last.flavour);
    let Some(found) = found else {
        return Err(Stop::new(
            ExitCode::Server,
            format!(
                "the private server's data was made by {} {}, which is no longer installed",
                last.flavour, last.version
            ),
        )
        .hint("Install it again; the other flavour cannot read this data."));
    };
    if Version::parse(&last.version).is_some_and(|version| found.version < version) {
        return Err(Stop::new(
            ExitCode::Server,
            format!(
                "the private server's data was last used by {} {}, but {} is installed",
                last.flavour, last.version, found.version
            ),
        )
        .hint("An older server would damage newer data: reinstall the newer version."));
    }
    Ok(Some(found.clone()))
}

/// Fills an empty data folder: system tables, a root without a password.
pub(super) fn initialise(program: &Program, data: &Path, root: bool) -> Result<()> {
    let command = match program.flavour {
        Flavour::Mysql => Cmd::new(&program.path).args([
            "--no-defaults",
            "--initialize-insecure",
            "--secure-file-priv=NULL",
        ]),
        Flavour::Mariadb => Cmd::new(installer(&program.path)?).args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]),
    };
    // Servers remove what looks like old temporary tables in it, those of others too.
    let temporary = data.with_file_name("tmp");
    let command = command.arg(datadir_arg(data)).env("TMPDIR", temporary.display().to_string());
    // MariaDB's script lets root go on unasked; told --user, it calls chown with
    // a path that it does not quote.
    let ask = root && program.flavour == Flavour::Mysql;
    let command = if ask { command.arg("--user=root") } else { command };
    let finished = command.run(INITIALISE)?;
    if finished.ok() {
        return Ok(());
    }
    let stop = Stop::new(
        ExitCode::Server,
        format!("{} could not prepare its data folder: {}", program.flavour, finished.why()),
    );
    Err(confined(stop, &program.path).into())
}

fn installer(server: &Path) -> Result<PathBuf> {
    let names = ["mariadb-install-db", "mysql_install_db"];
    let beside = server.parent().map(|dir| dir.join(names[0])).filter(|path| path.is_file());
    beside.or_else(|| names.iter().find_map(|name| proc::find(name))).context(Stop::new(
        ExitCode::Server,
        "MariaDB's server is installed, but mariadb-install-db is not",
    ))
}

/// Adds the reason that the server's own log cannot name.
pub(super) fn confined(stop: Stop, program: &Path) -> Stop {
    let profile = program.strip_prefix("/").map(|path| path.to_string_lossy().replace('/', "."));
    let profile = Path::new("/etc/apparmor.d").join(profile.unwrap_or_default());
    if profile.is_file() {
        return stop.hint(format!(
            "If the log says \"Permission denied\": AppArmor confines this program ({}) to its \
            usual folders; `sudo aa-disable {}` turns that off.",
            profile.display(),
            program.display()
        ));
    }
    stop
}

/// The arguments of a start. `first` is the start before root has a password: only the owner of the
/// socket may connect.
pub(super) fn arguments(
    state: &State,
    place: &Place,
    data: &Path,
    first: bool,
    root: bool,
) -> Vec<String> {
    let mut args: Vec<String> = [
        "--no-defaults",
        "--bind-address=127.0.0.1",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--server-id=1",
        // In the data folder, and without the machine's name in it.
        "--log-bin=binlog",
        // Accounts without SUPER create triggers and routines, as in the container.
        "--log-bin-trust-function-creators=ON",
        // Rows of a restore come as a stream of text: half the time of statements.
        "--local-infile=ON",
        "--loose-binlog-expire-logs-seconds=604800",
    ]
    .map(str::to_owned)
    .to_vec();
    args.push(datadir_arg(data));
    // In a shared one it would remove the temporary tables of other servers as it starts.
    args.push(format!("--tmpdir={}", place.temporary().display()));
    args.push(format!("--pid-file={}", place.pid_file().display()));
    args.push(format!("--port={}", state.port));
    if let Some(socket) = &state.socket {
        args.push(format!("--socket={}", socket.display()));
    }
    if state.flavour == Flavour::Mariadb {
        // MySQL's default. MariaDB's is MIXED, which logs some changes as statements: from
        // those nobody can tell which rows they touched.
        args.push("--binlog-format=ROW".to_owned());
    }
    if state.flavour == Flavour::Mysql {
        // An unwanted second port, and a folder that packages configure but that may not exist.
        args.extend(["--mysqlx=OFF", "--secure-file-priv=NULL"].map(str::to_owned));
    }
    match (first, state.socket.is_some()) {
        (true, true) => args.push("--skip-networking".to_owned()),
        // Without a socket (Windows) root@localhost must be able to come over
        // TCP, which needs names; it lasts for the second until root has a password.
        (true, false) => {}
        (false, _) => args.push("--skip-name-resolve".to_owned()),
    }
    if root {
        args.push("--user=root".to_owned());
    }
    args
}

/// A port on 127.0.0.1 for the server: the wanted one when it is free, else any.
pub(super) fn free_port(wanted: Option<u16>) -> Result<u16> {
    let bind = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port));
    if let Some(port) = wanted.filter(|port| bind(*port).is_ok()) {
        return Ok(port);
    }
    let listener = bind(0).context("find a free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("read the free port")?.port())
}

/// Starts the server, its output going to its log.
pub(super) fn spawn(program: &Path, args: Vec<String>, place: &Place) -> Result<u32> {
    // Each start begins a new log, so that its end belongs to this start.
    sys::fs::remove_if_exists(&place.log())?;
    let log = sys::fs::append_private(&place.log())?;
    // The folder the command was typed in must not be held by the server.
    Cmd::new(program).args(args).dir(&place.dir).daemon(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(flavour: Flavour, version: &str) -> State {
        State {
            flavour,
            version: version.to_owned(),
            program: PathBuf::from("/usr/sbin/mysqld"),
            port: 4000,
            socket: Some(PathBuf::from("/w/s.sock")),
            pid: None,
        }
    }

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        let mysql = "/usr/sbin/mysqld  Ver 9.7.4-1 for debian-linux-gnu on x86_64 ((Debian))";
        assert_eq!(read_version(mysql), Some((Flavour::Mysql, Version(9, 7, 4))));
        let maria = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64";
        assert_eq!(read_version(maria), Some((Flavour::Mariadb, Version(10, 11, 19))));
    }

    #[test]
    fn data_stays_with_its_flavour_and_never_goes_back() {
        let mysql = Program {
            path: PathBuf::from("/usr/sbin/mysqld"),
            flavour: Flavour::Mysql,
            version: Version(9, 7, 4),
        };
        let maria =
            Program { flavour: Flavour::Mariadb, version: Version(10, 11, 4), ..mysql.clone() };
        let both = [mysql.clone(), maria.clone()];
        let chosen = |last: Option<&State>| choose(&both, last);
        assert_eq!(chosen(None), Ok(Some(mysql)));
        assert_eq!(chosen(Some(&state(Flavour::Mariadb, "10.11.4"))), Ok(Some(maria.clone())));
        let older = chosen(Some(&state(Flavour::Mariadb, "11.4.2"))).expect_err("a downgrade");
        assert!(older.message.contains("11.4.2"), "{older}");
        let gone = choose(&[maria], Some(&state(Flavour::Mysql, "9.7.4"))).expect_err("gone");
        assert!(gone.message.contains("no longer installed"), "{gone}");
    }

    #[test]
    fn the_first_start_has_no_port_and_defaults_are_never_read() {
        let place = Place::new(Path::new("/w/.local"));
        let data = place.partial_data();
        let args = |first| arguments(&state(Flavour::Mysql, "9.7.4"), &place, &data, first, true);
        assert_eq!(args(true)[0], "--no-defaults");
        assert!(args(true).contains(&"--skip-networking".to_owned()));
        assert!(!args(false).contains(&"--skip-networking".to_owned()));
        assert!(args(false).contains(&"--mysqlx=OFF".to_owned()));
        assert!(args(false).contains(&"--user=root".to_owned()));
        let maria = arguments(&state(Flavour::Mariadb, "10.11.4"), &place, &data, false, false);
        assert!(maria.contains(&"--binlog-format=ROW".to_owned()));
    }
}
