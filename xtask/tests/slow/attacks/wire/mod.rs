//! On the wire: who is listened to, who gets a password, and what can be read in between.

mod certs;
#[cfg(target_os = "linux")]
mod near;
mod peers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use model::account::{Account, Role};
use model::secret::Secret;
use mysql::Conn;
use mysql::prelude::Queryable as _;
use server::{Endpoint, Reach, Session};
use sys::docker::{self, docker};
use sys::proc::Finished;
use sys::{clock, fs};

use crate::support::{Sandbox, Server, TestServer, own_mariadb_with, require};
use certs::{Authority, outside_address};
use peers::{Peer, Wish, fake_server, logging_proxy, stripping_proxy};

const DEADLINE: Duration = Duration::from_secs(180);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// A row that must not be read on the way.
const CANARY: &str = "a-row-that-is-nobodys-business";

/// While this lives, the server refuses connections without TLS.
struct Demanding(Conn);

impl Demanding {
    fn start(server: &TestServer) -> Self {
        let mut root = server.root();
        root.query_drop("SET GLOBAL require_secure_transport = ON").unwrap();
        Self(root)
    }
}

impl Drop for Demanding {
    fn drop(&mut self) {
        self.0.query_drop("SET GLOBAL require_secure_transport = OFF").ok();
    }
}

fn filled(server: &TestServer, name: &str) -> Sandbox {
    let sandbox = Sandbox::new(server, name);
    sandbox.sql(&format!(
        "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(60)); \
         INSERT INTO film VALUES (1, '{CANARY}'), (2, 'x')"
    ));
    sandbox
}

/// Runs the tool with settings of TLS.
fn with(sandbox: &Sandbox, settings: &[(&str, &str)], args: &[&str]) -> Finished {
    let command = sandbox.command(args);
    let command = settings.iter().fold(command, |command, (name, value)| command.env(name, *value));
    command.run(DEADLINE).unwrap()
}

#[track_caller]
fn works(sandbox: &Sandbox, settings: &[(&str, &str)]) {
    let dumped = with(sandbox, settings, &["db-backup", "--engine", "native"]);
    assert_eq!(dumped.code, Some(0), "{settings:?}: {}", dumped.stderr);
    let proven = with(sandbox, settings, &["db-verify", "latest"]);
    assert_eq!(proven.code, Some(0), "{settings:?}: {}", proven.stderr);
}

#[track_caller]
fn refuses(sandbox: &Sandbox, settings: &[(&str, &str)], words: &[&str]) {
    let refused = with(sandbox, settings, &["db-backup"]);
    assert_eq!(refused.code, Some(11), "{settings:?}: {}", refused.stderr);
    for word in words {
        assert!(refused.stderr.contains(word), "{settings:?}: no `{word}` in {}", refused.stderr);
    }
    let wrong = ["password on the server", "access denied"];
    assert!(!wrong.iter().any(|word| refused.stderr.contains(word)), "{}", refused.stderr);
}

#[test]
fn mariadb_is_verified_or_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let own = outside_address();
    let authority = Authority::new(folder.path(), "our-authority");
    let other = Authority::new(folder.path(), "another-authority");
    let shown = authority.sign("server", &[&own.to_string(), "db.test"], false);
    let options = [
        "--bind-address=0.0.0.0".to_owned(),
        format!("--ssl-ca={}", authority.ca.display()),
        format!("--ssl-cert={}", shown.cert.display()),
        format!("--ssl-key={}", shown.key.display()),
    ];
    let Some(running) = own_mariadb_with(&options) else { return };
    let server = TestServer { host: own.to_string(), ..running.server.clone() };
    let sandbox = filled(&server, "wire_maria");
    let mut demanding = Demanding::start(&server);
    let (ours, theirs) = (authority.ca.to_str().unwrap(), other.ca.to_str().unwrap());
    // By default: the system's authorities, which know nothing of this one.
    refuses(&sandbox, &[], &["is not from an authority of this system", "DB_TLS_CA"]);
    // MariaDB refuses what is without TLS in the words of a wrong password.
    let open = with(&sandbox, &[("DB_TLS", "off")], &["db-backup"]);
    assert_eq!(open.code, Some(11), "{}", open.stderr);
    assert!(open.stderr.contains("the server may require TLS"), "{}", open.stderr);
    let told = with(&sandbox, &[("DB_TLS", "off")], &["doctor"]);
    assert!(told.stdout.contains("the server may require TLS"), "{}", told.stdout);
    assert!(!told.stdout.contains("fixes it"), "{}", told.stdout);
    let wrong = [("DB_TLS", "verify-ca"), ("DB_TLS_CA", theirs)];
    refuses(&sandbox, &wrong, &["is not from an authority of", "another-authority"]);
    let other_print = "00".repeat(32);
    let print = shown.fingerprint.to_uppercase();
    let seen = format!("{}:{}:", &print[..2], &print[2..4]);
    let mismatch = [("DB_TLS_FINGERPRINT", other_print.as_str())];
    refuses(&sandbox, &mismatch, &["does not match DB_TLS_FINGERPRINT", &seen]);
    // Another name for the same server.
    let loopback = [("DB_HOST", "127.0.0.1"), ("DB_TLS", "verify-identity"), ("DB_TLS_CA", ours)];
    refuses(&sandbox, &loopback, &["is not for 127.0.0.1", "db.test"]);
    let by_authority = [("DB_HOST", "127.0.0.1"), ("DB_TLS", "verify-ca"), ("DB_TLS_CA", ours)];
    works(&sandbox, &by_authority);
    works(&sandbox, &[("DB_TLS_CA", ours)]);
    works(&sandbox, &[("DB_TLS_FINGERPRINT", &shown.fingerprint)]);
    // On this machine no setting is needed, though the server demands TLS.
    works(&sandbox, &[("DB_HOST", "127.0.0.1")]);
    // The dump program verifies the same, or is not used.
    let program = ["db-backup", "--engine", "mysqldump"];
    let done = with(&sandbox, &[("DB_TLS_CA", ours)], &program);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let pinned = [("DB_TLS_FINGERPRINT", shown.fingerprint.as_str())];
    let refused = with(&sandbox, &pinned, &program);
    assert_eq!(refused.code, Some(10), "{}", refused.stderr);
    assert!(refused.stderr.contains("--engine native"), "{}", refused.stderr);
    let label = with(&sandbox, &[("DB_TLS_CA", ours)], &["db-restore", "latest", "--yes"]);
    assert_eq!(label.code, Some(0), "{}", label.stderr);
    let told = with(&sandbox, &[("DB_TLS_CA", ours)], &["doctor"]);
    assert!(told.stdout.contains("TLS 1.3, verified by"), "{}", told.stdout);
    // The same files, expired.
    authority.sign("server", &[&own.to_string(), "db.test"], true);
    demanding.0.query_drop("FLUSH SSL").unwrap();
    refuses(&sandbox, &[("DB_TLS_CA", ours)], &["expired on 2002-02-03"]);
}

/// A container of this test, removed when dropped.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        docker(["rm", "--force", "--volumes", &self.0]).run(DEADLINE).ok();
    }
}

/// A MySQL of this test's own, at its container's address.
fn own_mysql(shared: &TestServer) -> (TestServer, Container) {
    let image = docker::inspect(shared.container.as_ref().unwrap()).unwrap().unwrap().image;
    let password = Secret::new("of-a-server-of-this-test");
    let name = format!("streamflix-test-wire-{}", std::process::id());
    let container = Container(name.clone());
    docker(["run", "--detach", "--name", &name, "--env", "MYSQL_ROOT_PASSWORD", &image, "mysqld"])
        .arg("--log-bin-trust-function-creators=ON")
        .env("MYSQL_ROOT_PASSWORD", password.reveal())
        .read(DEADLINE)
        .unwrap();
    let server: anyhow::Result<_> = clock::poll(DEADLINE, || {
        let Some(host) = docker::inspect(&name)?.and_then(|it| it.address) else { return Ok(None) };
        let server = TestServer {
            flavour: Server::Mysql,
            host,
            port: 3306,
            socket: None,
            root_password: password.clone(),
            container: None,
        };
        Ok(server.answers().then_some(server))
    });
    (server.unwrap().unwrap(), container)
}

#[test]
fn mysqls_own_certificates_are_verified_or_pinned() {
    let Some(shared) = require(Server::Mysql) else { return };
    let (server, container) = own_mysql(&shared);
    let sandbox = filled(&server, "wire_mysql");
    let _demanding = Demanding::start(&server);
    let ca = sandbox.path().join("ca.pem");
    let read = |file: &str| {
        let path = format!("/var/lib/mysql/{file}");
        docker(["exec", &container.0, "cat", &path]).read(DEADLINE).unwrap()
    };
    fs::write_durably(&ca, read("ca.pem").as_bytes()).unwrap();
    let ca = ca.to_str().unwrap();
    let fingerprint = {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        use sha2::Digest as _;
        let pem = read("server-cert.pem");
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let hash = sha2::Sha256::digest(&certificate);
        hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    };
    // They have no name that could be checked.
    refuses(&sandbox, &[("DB_TLS_CA", ca)], &["it has no name at all", "verify-ca"]);
    // Nobody's password goes to a server that was not verified.
    let required = [("DB_TLS", "required")];
    refuses(
        &sandbox,
        &required,
        &["asks for the clear-text password of", "it was not sent", &fingerprint],
    );
    works(&sandbox, &[("DB_TLS", "verify-ca"), ("DB_TLS_CA", ca)]);
    works(&sandbox, &[("DB_TLS_FINGERPRINT", &fingerprint)]);
    // The challenge alone is enough now: the server remembers the account.
    let known = with(&sandbox, &required, &["db-backup"]);
    assert_eq!(known.code, Some(0), "{}", known.stderr);
    // It says that it demands TLS only after a login that was right.
    refuses(&sandbox, &[("DB_TLS", "off")], &["refuses connections without TLS"]);
}

fn address(server: &TestServer) -> SocketAddr {
    SocketAddr::new(server.host.parse().unwrap(), server.port)
}

/// The settings that lead to a peer.
fn at(peer: &Peer) -> [(&'static str, String); 2] {
    [("DB_HOST", peer.address.ip().to_string()), ("DB_PORT", peer.address.port().to_string())]
}

/// Runs `db-backup` against a peer, with more settings.
fn backup_at(sandbox: &Sandbox, peer: &Peer, settings: &[(&str, &str)]) -> Finished {
    let place = at(peer);
    let mut all: Vec<(&str, &str)> =
        place.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(settings);
    with(sandbox, &all, &["db-backup", "--engine", "native"])
}

#[test]
fn nothing_is_sent_where_tls_was_taken_out() {
    for flavour in Server::ALL {
        let Some(server) = require(flavour) else { continue };
        let sandbox = filled(&server, "wire_strip");
        let proxy = stripping_proxy(outside_address(), address(&server));
        let fingerprint = "00".repeat(32);
        let demands = [
            &[][..],
            &[("DB_TLS", "preferred")],
            &[("DB_TLS", "required")],
            &[("DB_TLS", "verify-ca")],
            &[("DB_TLS_FINGERPRINT", fingerprint.as_str())],
        ];
        for settings in demands {
            let refused = backup_at(&sandbox, &proxy, settings);
            assert_eq!(refused.code, Some(11), "{settings:?}: {}", refused.stderr);
            assert!(refused.stderr.contains("offers no TLS"), "{}", refused.stderr);
        }
        assert_eq!(String::from_utf8_lossy(&proxy.heard()), "", "{flavour}");
    }
}

#[test]
fn a_listener_reads_neither_rows_nor_statements() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "our-authority");
    let shown = authority.sign("server", &["db.test"], false);
    let options = [
        format!("--ssl-cert={}", shown.cert.display()),
        format!("--ssl-key={}", shown.key.display()),
    ];
    let Some(running) = own_mariadb_with(&options) else { return };
    let server = &running.server;
    let sandbox = filled(server, "wire_listen");
    let proxy = logging_proxy(outside_address(), address(server));
    let pinned = [("DB_TLS_FINGERPRINT", shown.fingerprint.as_str())];
    let done = backup_at(&sandbox, &proxy, &pinned);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!proxy.heard().is_empty());
    for secret in [CANARY, "SELECT", "CREATE TABLE", &sandbox.schema] {
        assert!(!proxy.heard_text(secret), "`{secret}` can be read on the way");
    }
    // The same without TLS, as somebody wrote down that it may be: the test can see.
    let open = backup_at(&sandbox, &proxy, &[("DB_TLS", "off")]);
    assert_eq!(open.code, Some(0), "{}", open.stderr);
    assert!(proxy.heard_text(CANARY), "the listener does not listen");
}

#[test]
fn a_server_that_is_none_gets_no_password() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = filled(&server, "wire_fake");
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "an-authority");
    let shown = authority.sign("fake", &["db.test"], false);
    let outside = outside_address();
    for wish in [Wish::FullLogin, Wish::ClearPassword] {
        for (certificate, mode) in [(None, "off"), (Some(&shown), "required")] {
            let fake = fake_server(outside, wish, certificate);
            let refused = backup_at(&sandbox, &fake, &[("DB_TLS", mode)]);
            assert_eq!(refused.code, Some(11), "{wish:?} {mode}: {}", refused.stderr);
            let said = if wish == Wish::FullLogin { "it was not sent" } else { "no password was" };
            assert!(refused.stderr.contains(said), "{}", refused.stderr);
            assert_eq!(fake.heard(), b"", "{wish:?} {mode}");
        }
    }
    // Nor does the machine's own loopback address make a clear password right.
    let fake = fake_server(LOOPBACK, Wish::ClearPassword, None);
    let refused = backup_at(&sandbox, &fake, &[]);
    assert_eq!(refused.code, Some(11), "{}", refused.stderr);
    assert!(refused.stderr.contains("mysql_clear_password"), "{}", refused.stderr);
    assert_eq!(fake.heard(), b"");
}

#[test]
fn a_server_that_asks_for_a_file_gets_none() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = filled(&server, "wire_file");
    let fake = fake_server(LOOPBACK, Wish::File, None);
    let refused = backup_at(&sandbox, &fake, &[]);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    // Packets without a payload: the file has nothing in it.
    let heard = fake.heard();
    assert!(!heard.is_empty(), "{}", refused.stderr);
    assert!(heard.chunks(4).all(|packet| packet == [0, 0, 0, 2]), "{heard:?}");
}

/// A session as the tool opens it, of root.
fn root_session(server: &TestServer, schema: &str) -> Session {
    let endpoint = Endpoint::Tcp { host: server.host.clone(), port: server.port };
    let place = server::Server::new(endpoint, Reach::Explicit);
    let root = Account {
        role: Role::Root,
        user: "root".to_owned(),
        password: Some(server.root_password.clone()),
    };
    Session::open(&place, &root, Some(schema)).unwrap()
}

#[test]
fn only_one_statement_fits_into_a_packet() {
    for flavour in Server::ALL {
        let Some(server) = require(flavour) else { continue };
        let sandbox = filled(&server, "wire_single");
        let mut session = root_session(&server, &sandbox.schema);
        let two = "SELECT 1; DELETE FROM film";
        assert!(session.run(two).is_err(), "{flavour}");
        let mut sibling = session.sibling().unwrap();
        assert!(sibling.run(two).is_err(), "{flavour}");
        // What needs several in one packet gets it once, also where one of them fails.
        let rows = |session: &mut Session| session.value::<u64>("SELECT COUNT(*) FROM film");
        assert_eq!(rows(&mut session).unwrap(), 2, "{flavour}");
        let all = ["SELECT 1", "DELETE FROM film WHERE id = 1"].map(str::to_owned);
        session.run_all(&all).unwrap();
        assert_eq!(rows(&mut session).unwrap(), 1, "{flavour}");
        assert!(session.run(two).is_err(), "{flavour}");
        let failing = ["SELECT 1", "SELECT nothing FROM nowhere"].map(str::to_owned);
        assert!(session.run_all(&failing).is_err(), "{flavour}");
        assert!(session.run(two).is_err(), "{flavour}");
        assert_eq!(rows(&mut session).unwrap(), 1, "{flavour}");
    }
}

#[test]
fn large_values_go_both_ways() {
    for flavour in Server::ALL {
        let Some(server) = require(flavour) else { continue };
        let sandbox = filled(&server, "wire_large");
        let mut session = root_session(&server, &sandbox.schema);
        let most: usize = session.value("SELECT @@max_allowed_packet").unwrap();
        // At and around the length of a packet that goes on in the next.
        for length in [0xff_ffff - 20, 0xff_ffff - 9, 0xff_ffff, 0x100_0000, 0x1ff_ffff] {
            if length + 64 > most {
                continue;
            }
            let text = "x".repeat(length);
            let back: String = session.value(&format!("SELECT '{text}'")).unwrap();
            assert!(back == text, "{flavour}: {length}");
        }
    }
}
