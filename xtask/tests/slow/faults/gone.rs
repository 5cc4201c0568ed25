//! The server goes away in the middle of a dump, and comes back. On servers of
//! the test's own: a private MariaDB and a container.

use std::path::PathBuf;
use std::time::Duration;

use model::secret::Secret;
use mysql::prelude::Queryable as _;
use sys::docker::docker;
use sys::fs;
use sys::proc::Cmd;
use workshop::provision::{mysql_image, private_mariadb};

use super::live::{self, Live};
use super::running::Running;
use super::world::{World, demand_stop, system, until};
use crate::support::{Server, TestServer, require};

const ROOT: &str = "root-of-a-server-of-one-test";

fn own_server(flavour: Server, port: u16, container: Option<String>) -> TestServer {
    TestServer {
        flavour,
        host: "127.0.0.1".to_owned(),
        port,
        socket: None,
        root_password: Secret::new(ROOT),
        container,
    }
}

fn wait_usable(server: &TestServer) {
    let options = || {
        mysql::OptsBuilder::new()
            .ip_or_hostname(Some("127.0.0.1"))
            .tcp_port(server.port)
            .prefer_socket(false)
            .user(Some("root"))
            .pass(Some(ROOT))
            .read_timeout(Some(Duration::from_secs(2)))
    };
    until("the server takes logins", || {
        mysql::Conn::new(options()).and_then(|mut root| root.query_drop("SELECT 1")).is_ok()
    });
}

/// A server that crashed counts on from its last row: numbers it had reserved are free again.
fn counted_again(live: Live) -> Live {
    let without = |text: String| match text.split_once(" AUTO_INCREMENT=") {
        Some((head, tail)) => format!("{head}{}", tail.trim_start_matches(char::is_numeric)),
        None => text,
    };
    live.into_iter().map(|(key, text)| (key, without(text))).collect()
}

fn goes_and_comes_back(server: &TestServer, name: &str, kill: impl FnOnce(), start: impl FnOnce()) {
    let world = World::on(server, name);
    world.backup();
    let (live, files) = (counted_again(world.live()), world.files());
    let holder = world.hold("zz_last", "WRITE");
    let run = Running::start(&world, &["db-backup"]);
    world.wait_until_held("backup");
    kill();
    demand_stop(&run.join(), 11, &["went away during the dump", "db-up"]);
    drop(holder);
    world.demand_files(&files);
    demand_stop(&world.sandbox.xtask(&["db-backup"]), 11, &[]);
    world.demand_files(&files);
    start();
    wait_usable(server);
    let now = counted_again(world.live());
    assert!(live == now, "after the crash:\n{}", live::differences(&live, &now));
    let next = world.sandbox.xtask(&["db-backup"]);
    assert_eq!(next.code, Some(0), "{}", next.stderr);
    world.demand_files(&files);
    world.demand_clean();
}

/// Kills a process when dropped.
struct Process(u32);

impl Drop for Process {
    fn drop(&mut self) {
        system("kill", &["-KILL", &self.0.to_string()]);
    }
}

#[test]
fn a_mariadb_that_is_killed() {
    if require(Server::Mariadb).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let own = private_mariadb::start(folder.path(), &Secret::new(ROOT)).unwrap();
    let pid = fs::read_text(&folder.path().join("mariadb.pid")).unwrap().trim().to_owned();
    let line = fs::read_text(&PathBuf::from(format!("/proc/{pid}/cmdline"))).unwrap();
    let words: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
    let mut again = None;
    goes_and_comes_back(
        &own_server(Server::Mariadb, own.port, None),
        "gone_mariadb",
        || {
            system("kill", &["-KILL", &pid]);
        },
        || {
            let log = fs::append_private(&folder.path().join("mariadb.log")).unwrap();
            let command = Cmd::new(words[0]).args(words[1..].iter().copied());
            again = Some(Process(command.daemon(log).unwrap()));
        },
    );
    drop(again);
}

/// A container that is removed with its data when dropped.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        docker(["rm", "--force", "--volumes", &self.0]).run(Duration::from_secs(60)).ok();
    }
}

#[test]
fn a_container_that_is_killed() {
    if require(Server::Mysql).is_none() {
        return;
    }
    let port = private_mariadb::free_port().unwrap();
    let container = Container(format!("streamflix-faults-{}", std::process::id()));
    let name = container.0.as_str();
    docker(["run", "--detach", "--name", name, "--env", "MYSQL_ROOT_PASSWORD"])
        .args(["--env", "MYSQL_ROOT_HOST=%", "--publish", &format!("127.0.0.1:{port}:3306")])
        .args([mysql_image::name().as_str(), "--log-bin-trust-function-creators=ON"])
        .env("MYSQL_ROOT_PASSWORD", ROOT)
        .read(Duration::from_secs(120))
        .unwrap();
    let server = own_server(Server::Mysql, port, Some(name.to_owned()));
    wait_usable(&server);
    goes_and_comes_back(
        &server,
        "gone_container",
        || {
            system("docker", &["kill", name]);
        },
        || {
            system("docker", &["start", name]);
        },
    );
}
