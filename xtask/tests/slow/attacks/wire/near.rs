//! A server that is none at a container's address: what Docker says about an address is no
//! proof that it is on this machine.

use std::fs::Permissions;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;

use sys::env;
use sys::proc::Finished;

use super::certs::outside_address;
use super::peers::{Wish, fake_server, fake_server_at, logging_proxy_at};
use super::{CANARY, DEADLINE, address, filled};
use crate::support::{Sandbox, Server, TestServer, require};

/// Not an address of any machine: a gateway in a namespace that is not ours.
const ELSEWHERE: &str = "198.51.100.1";

/// A `docker` in front of PATH that tells of one container.
struct Shim<'a> {
    sandbox: &'a Sandbox,
    path: String,
}

impl<'a> Shim<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let told = sandbox.path().join("told.json");
        let script = format!(
            "#!/bin/sh\ncase \"$1 $2\" in\n\
            'version '*) echo 28.0.0 ;;\n\
            'context inspect') echo unix:///var/run/docker.sock ;;\n\
            'container inspect') cat '{}' ;;\n\
            *) exit 1 ;;\nesac\n",
            told.display()
        );
        sandbox.write("shim/docker", &script);
        let program = sandbox.path().join("shim/docker");
        std::fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let folder = program.parent().unwrap().display().to_string();
        Self { sandbox, path: format!("{folder}:{}", env::var("PATH").unwrap()) }
    }

    /// Where the container is, as `docker inspect` says.
    fn tell(&self, published: Option<SocketAddr>, own: IpAddr, gateway: &str) {
        let ports = published.map_or_else(String::new, |place| {
            let (host, port) = (place.ip(), place.port());
            format!(r#""3306/tcp":[{{"HostIp":"{host}","HostPort":"{port}"}}]"#)
        });
        let told = format!(
            r#"[{{"Id":"c0ffee","State":{{"Status":"running","Health":{{"Status":"healthy"}}}},
            "Config":{{"Image":"mysql:9.7","ExposedPorts":{{"3306/tcp":{{}}}}}},
            "NetworkSettings":{{"Ports":{{{ports}}},
            "Networks":{{"bridge":{{"IPAddress":"{own}","Gateway":"{gateway}"}}}}}}}}]"#
        );
        self.sandbox.write("told.json", &told);
    }

    fn run(&self, settings: &[(&str, &str)], args: &[&str]) -> Finished {
        let command = self.sandbox.command(args).env("PATH", self.path.clone());
        let command =
            settings.iter().fold(command, |command, (name, value)| command.env(name, *value));
        command.run(DEADLINE).unwrap()
    }

    #[track_caller]
    fn backs_up(&self) {
        let done = self.run(&[], &["db-backup", "--engine", "native"]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    }
}

/// Where a container says its server is.
fn container(last: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 3306))
}

/// The address that connections to there begin at, which a bridge's gateway would be.
fn source(place: SocketAddr) -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect(place).unwrap();
    socket.local_addr().unwrap().ip().to_string()
}

/// The server, told of as one in a container.
fn contained(flavour: Server) -> Option<TestServer> {
    Some(TestServer { container: Some("near_shim".to_owned()), ..require(flavour)? })
}

#[test]
fn a_container_that_is_not_on_this_machine_gets_no_password() {
    for (flavour, first) in [(Server::Mysql, 20), (Server::Mariadb, 30)] {
        let Some(server) = contained(flavour) else { continue };
        let sandbox = filled(&server, "wire_near");
        let shim = Shim::new(&sandbox);
        // The port is published, and behind the container's address is another server.
        let place = container(first);
        let fake = fake_server_at(place, Wish::FullLogin, None);
        shim.tell(Some(address(&server)), place.ip(), ELSEWHERE);
        shim.backs_up();
        assert_eq!((fake.visits(), fake.heard()), (0, vec![]), "{flavour}");
        // The same, with a network that looks like this machine's: it may prove that it knows
        // the account, and is given nothing else.
        shim.tell(Some(address(&server)), place.ip(), &source(place));
        shim.backs_up();
        assert!(fake.visits() > 0, "{flavour}");
        assert_eq!(fake.heard(), b"", "{flavour}");
        // The server itself there: rows come by the shorter way.
        let place = container(first + 1);
        let proxy = logging_proxy_at(place, address(&server));
        shim.tell(Some(address(&server)), place.ip(), &source(place));
        shim.backs_up();
        assert!(proxy.heard_text(CANARY), "{flavour}: the shorter way was not taken");
    }
}

#[test]
fn only_the_container_address_is_no_proof_either() {
    let Some(server) = contained(Server::Mariadb) else { return };
    let sandbox = filled(&server, "wire_near_only");
    let shim = Shim::new(&sandbox);
    let place = container(40);
    let fake = fake_server_at(place, Wish::FullLogin, None);
    shim.tell(None, place.ip(), ELSEWHERE);
    let outside = fake_server(outside_address(), Wish::FullLogin, None);
    for fake in [&fake, &outside] {
        for (mode, said) in [("", "offers no TLS"), ("off", "it was not sent")] {
            let refused = shim.run(&[("DB_TLS", mode)], &["db-backup"]);
            assert_eq!(refused.code, Some(11), "{mode}: {}", refused.stderr);
            assert!(refused.stderr.contains(said), "{mode}: {}", refused.stderr);
            // Root's password neither.
            let fixed = shim.run(&[("DB_TLS", mode)], &["doctor", "--fix"]);
            assert_ne!(fixed.code, Some(0), "{mode}: {}", fixed.stdout);
            assert!(fake.visits() > 0, "{mode}");
            assert_eq!(fake.heard(), b"", "{mode}");
        }
        // Then: a port published on an address that is not loopback.
        shim.tell(Some(outside.address), place.ip(), ELSEWHERE);
    }
}
