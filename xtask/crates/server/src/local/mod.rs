//! The private local server: a MySQL or MariaDB of this machine with its own
//! data folder, socket and port under `.local/server/`, for work without Docker.

mod program;
mod state;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use self::state::Place;
pub use self::state::{State, Status};
use super::endpoint::{Reach, Server};
use super::greeting::{self, Answer};
use super::session::Session;
use super::{accounts, install};
use config::Settings;
use model::account::{Account, Role};
use model::exit::{ExitCode, Stop};
use model::ident;
use model::secret::Secret;
use ui::Ui;

/// Whether there is one and whether it runs.
pub fn status(settings: &Settings) -> Result<Status> {
    let place = Place::new(&settings.local);
    let Some(state) = place.read()? else { return Ok(Status::Absent) };
    // A start that was killed before root had a password left nothing to keep,
    // even where its server still runs.
    if !place.data().is_dir() {
        return Ok(Status::Absent);
    }
    Ok(match place.running_pid(Some(&state)) {
        Some(pid) => Status::Running(State { pid: Some(pid), ..state }),
        None => Status::Stopped(State { pid: None, ..state }),
    })
}

/// Starts it, making its data folder first where there is none, and waits until
/// it takes logins. `consent` allows to install MariaDB when the machine has no
/// server at all.
pub fn start(settings: &mut Settings, ui: &Ui, consent: bool) -> Result<Server> {
    sys::fs::create_private_dir(&settings.local)?;
    let place = Place::new(&settings.local);
    sys::fs::create_private_dir(&place.dir)?;
    sys::fs::make_private_dir(&place.dir)?;
    sys::fs::create_private_dir(&place.temporary())?;
    let deadline = Duration::from_secs(settings.policy.server.start_deadline_s);
    let _only_one = alone(&place, deadline)?;
    let last = place.read()?;
    if let Some(pid) = place.running_pid(last.as_ref()) {
        if let (true, Some(state)) = (place.data().is_dir(), last.clone()) {
            wait_usable(&place, &state, pid, deadline)?;
            return Ok(Server::guarded(state.endpoint(), Reach::Local, &settings.tls));
        }
        // It serves the unfinished data folder of a run that was killed.
        end_by_signal(&place, pid)?;
    }
    let kept = last.filter(|_| place.data().is_dir());
    let program = match program::choose(&program::installed(), kept.as_ref())? {
        Some(program) => program,
        None => {
            install_local_server(ui, consent)?;
            let found = program::choose(&program::installed(), None)?;
            found.context("the server was installed, but its binary was not found")?
        }
    };
    let wanted = kept.as_ref().map(|state| state.port).or(settings.port);
    let mut state = State {
        flavour: program.flavour,
        version: program.version.to_string(),
        program: program.path.clone(),
        port: program::free_port(wanted)?,
        socket: state::socket_path(&place.dir)?,
        pid: None,
    };
    if let Some(port) = wanted.filter(|port| *port != state.port) {
        ui.note(format!("port {port} is taken; the private server uses {} instead", state.port));
    }
    let root = sys::disk::is_root();
    if kept.is_none() {
        ui.say(format!(
            "Creating a private {} {} in .local/server …",
            program.flavour, program.version
        ));
        prepare(settings, &place, &program, &mut state, root)?;
    }
    let args = program::arguments(&state, &place, &place.data(), false, root);
    launch(&place, &mut state, args, deadline)?;
    Ok(Server::guarded(state.endpoint(), Reach::Local, &settings.tls))
}

/// Stops it and keeps its data; says whether it was running.
pub fn stop(settings: &Settings, ui: &Ui) -> Result<bool> {
    let place = Place::new(&settings.local);
    if !place.dir.is_dir() {
        return Ok(false);
    }
    let deadline = Duration::from_secs(settings.policy.server.start_deadline_s);
    let _only_one = alone(&place, deadline)?;
    let state = place.read()?;
    let Some(pid) = place.running_pid(state.as_ref()) else { return Ok(false) };
    let asked = state.as_ref().map(|state| shut_down(state, settings.account(Role::Root)));
    match asked {
        Some(Ok(())) if place.wait_gone(pid, deadline) => {}
        other => {
            if let Some(Err(error)) = other {
                ui.detail(format!("SHUTDOWN failed ({error:#}); sending a signal"));
            }
            end_by_signal(&place, pid)?;
        }
    }
    if let Some(state) = state {
        place.write(&State { pid: None, ..state })?;
    }
    Ok(true)
}

/// Keeps a second `db-up` or `db-down` out while this one changes things. The
/// system releases it when the process ends, however it ends.
fn alone(place: &Place, deadline: Duration) -> Result<std::fs::File> {
    let got = sys::fs::lock_private(&place.dir.join("lock"), deadline)?;
    got.ok_or_else(|| {
        Stop::new(ExitCode::Locked, "another run is starting or stopping the private server")
            .hint("Wait for it to end, then try again.")
            .into()
    })
}

/// Makes the data folder under another name, gives root its password before
/// there is a port, and only then gives the folder its name: a run that is
/// killed on the way leaves nothing that looks finished.
fn prepare(
    settings: &mut Settings,
    place: &Place,
    program: &program::Program,
    state: &mut State,
    root: bool,
) -> Result<()> {
    accounts::password_for(settings, Role::Root)?;
    let data = place.partial_data();
    sys::fs::remove_dir_if_exists(&data)?;
    sys::fs::create_private_dir(&data)?;
    program::initialise(program, &data, root)?;
    let deadline = Duration::from_secs(settings.policy.server.start_deadline_s);
    let args = program::arguments(state, place, &data, true, root);
    let pid = launch(place, state, args, deadline)?;
    secure(state, settings.account(Role::Root))?;
    shut_down(state, settings.account(Role::Root))?;
    if !place.wait_gone(pid, deadline) {
        return Err(failed(place, state, "did not stop after its first start"));
    }
    state.pid = None;
    sys::fs::rename_durably(&data, &place.data())
}

/// Gives root its password and removes every other way in.
fn secure(state: &State, root: &Account) -> Result<()> {
    let password = root.password.clone().context("root already has a password")?;
    let server = Server::new(state.endpoint(), Reach::Local);
    let open = Account { password: Some(Secret::new("")), ..root.clone() };
    let mut session = Session::open(&server, &open, None)?;
    // None of this belongs into the log of changes.
    session.run("SET SESSION sql_log_bin = 0")?;
    let users: Vec<(String, String)> =
        session.rows("SELECT User, Host FROM mysql.user WHERE User IN ('', 'root')")?;
    for (user, host) in users {
        if (user.as_str(), host.as_str()) != ("root", "localhost") {
            session.run(&format!(
                "DROP USER {}@{}",
                ident::literal(&user),
                ident::literal(&host)
            ))?;
        }
    }
    session.run("DROP DATABASE IF EXISTS test")?;
    // Over TCP the server looks up no names, so 127.0.0.1 is another host than localhost.
    accounts::set_password(&mut session, "CREATE USER", "root", "127.0.0.1", &password)?;
    session.run("GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION")?;
    accounts::set_password(&mut session, "ALTER USER", "root", "localhost", &password)
}

fn shut_down(state: &State, root: &Account) -> Result<()> {
    let server = Server::new(state.endpoint(), Reach::Local);
    Session::open(&server, root, None)?.run("SHUTDOWN")
}

/// Ends our server by a signal, which it takes as a request to shut down cleanly.
fn end_by_signal(place: &Place, pid: u32) -> Result<()> {
    // Asked again right before the signal: the id may have a new owner by now.
    if place.is_ours(pid) {
        sys::proc::end(pid, sys::proc::End::Asked)?;
    }
    if place.wait_gone(pid, Duration::from_secs(120)) {
        return Ok(());
    }
    Err(Stop::new(ExitCode::Server, format!("the private server (process {pid}) does not stop"))
        .hint(
            "It may still be writing its data; check again in a minute with `cargo xtask \
        doctor`.",
        )
        .into())
}

/// Starts the program, notes its process id and waits until it is usable.
fn launch(place: &Place, state: &mut State, args: Vec<String>, deadline: Duration) -> Result<u32> {
    let pid = program::spawn(&state.program, args, place)?;
    state.pid = Some(pid);
    place.write(state)?;
    wait_usable(place, state, pid, deadline)?;
    Ok(pid)
}

fn wait_usable(place: &Place, state: &State, pid: u32, deadline: Duration) -> Result<()> {
    let second = Duration::from_secs(1);
    let ready = sys::clock::poll(deadline, || {
        if let Answer::Greets(_) = greeting::ask(&state.endpoint(), second, second) {
            return Ok(Some(()));
        }
        if sys::proc::alive(pid) { Ok(None) } else { Err(failed(place, state, "exited at once")) }
    })?;
    sys::signal::check()?;
    ready.ok_or_else(|| {
        let seconds = deadline.as_secs();
        failed(place, state, &format!("is not ready after {seconds} s"))
    })
}

fn failed(place: &Place, state: &State, how: &str) -> anyhow::Error {
    let State { flavour, version, .. } = state;
    let mut message = format!("the private {flavour} {version} {how}");
    let end = place.log_end();
    if !end.is_empty() {
        message = format!("{message}; its log ends with\n  {end}");
    }
    let stop = Stop::new(ExitCode::Server, message)
        .hint(format!("The whole log is {}.", shown(&place.log())))
        .hint("docs/runbooks/server-does-not-start.md leads from here to a restored database.");
    program::confined(stop, &state.program).into()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Installs MariaDB's programs where that is possible and wanted.
fn install_local_server(ui: &Ui, consent: bool) -> Result<()> {
    let question = "No MySQL or MariaDB server is installed. Install MariaDB from this system's \
                    packages (no service is started)?";
    let possible = install::apt::check_possible(&["mariadb-server-core"]).is_ok();
    if possible && ui.ask(question, consent)? {
        return install::mariadb::ensure(&mut |line| ui.say(line));
    }
    let stop = Stop::new(ExitCode::Server, "neither a MySQL nor a MariaDB server is installed");
    let stop = if possible {
        stop.hint("Add --yes to install MariaDB from this system's packages.")
    } else {
        stop.hint("Debian, Ubuntu: `sudo apt-get install mariadb-server-core mariadb-client`.")
            .hint("Fedora: `sudo dnf install mariadb-server`. macOS: `brew install mariadb`.")
    };
    Err(stop.hint("Or install Docker and run `cargo xtask db-up --on docker`.").into())
}
