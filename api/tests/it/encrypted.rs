//! The connection to the database: who is believed, who is not, and what each gets to hear.
//! The servers here speak just enough of the protocol to ask for a password.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Output,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use api::{
    Secret,
    config::Database,
    db,
    tls::{Mode, Tls},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use sqlx::{ConnectOptions as _, Row as _};

use crate::{permits::random_hex, support::with_schema};

const PASSWORD: &str = "hunter2-and-more";
const TLS: u32 = 0x800;
/// An RSA key of somebody's own, as a server sends it.
const KEY: &[u8] = b"\x01-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKkz5t1qvYyiSVG9wqMfGKSZ1kCPwFdb
dKXGQMhJw8p6rXT0kn7Xa5xWVuI4xgQF3qv4nO0vQzCTVbYp4yqTz6sCAwEAAQ==
-----END PUBLIC KEY-----
";

/// An authority, and its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Drop for Authority {
    #[expect(clippy::disallowed_methods, reason = "a scratch file of a test")]
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

#[expect(clippy::disallowed_methods, reason = "a scratch file of a test")]
fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new(vec![]).unwrap();
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = wanted.self_signed(&key).unwrap();
    let file = std::env::temp_dir().join(format!("apitest-{}.pem", random_hex(6)));
    std::fs::write(&file, certificate.pem()).unwrap();
    Authority { issuer: Issuer::new(wanted, key), file }
}

impl Authority {
    /// A server's certificate for `name`, valid until the end of `until`.
    fn server(&self, name: &str, until: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut wanted = CertificateParams::new(vec![name.to_owned()]).unwrap();
        wanted.not_after = date_time_ymd(until, 12, 31);
        let certificate = wanted.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&length[..3], &[sequence], payload].concat()
}

fn greeting(plugin: &str, tls: bool) -> Vec<u8> {
    let capabilities = 0x0138_8209_u32 | if tls { TLS } else { 0 };
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut text = b"\x0a9.7.4\0\x01\0\0\0saltsalt\0".to_vec();
    text.extend([a, b, 45, 2, 0, c, d, 21]);
    text.extend([0; 10]);
    text.extend(b"saltsaltsalt\0");
    text.extend(plugin.as_bytes());
    text.push(0);
    packet(0, &text)
}

/// What a server does after it got the login.
#[derive(Clone, Copy)]
enum Then {
    /// It asks for the clear-text password.
    AskForPassword,
    /// It accepts encrypted connections only.
    RefuseClearText,
}

// Reads one packet; nothing when the client is gone.
fn hear(stream: &mut impl Read, heard: &Mutex<Vec<u8>>) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).ok()?;
    heard.lock().unwrap().extend(&payload);
    Some(payload)
}

fn talk(
    mut stream: impl Read + Write,
    first: u8,
    then: Then,
    heard: &Mutex<Vec<u8>>,
) -> Option<()> {
    hear(&mut stream, heard)?;
    let refusal = |code: u16, why: &str| {
        [&[0xff][..], &code.to_le_bytes(), b"#HY000", why.as_bytes()].concat()
    };
    match then {
        Then::AskForPassword => {
            stream.write_all(&packet(first, &[1, 4])).ok()?;
            if hear(&mut stream, heard)? == [2] {
                // It wants a key to encrypt the password with.
                stream.write_all(&packet(first + 2, KEY)).ok()?;
                return hear(&mut stream, heard).map(drop);
            }
            stream.write_all(&packet(first + 2, &refusal(1045, "the fake says no"))).ok()
        }
        Then::RefuseClearText => {
            stream.write_all(&packet(first, &refusal(3159, "insecure transport"))).ok()
        }
    }
}

fn answer(
    mut stream: TcpStream,
    certificate: Option<Arc<ServerConfig>>,
    then: Then,
    heard: &Mutex<Vec<u8>>,
) -> Option<()> {
    stream.write_all(&greeting("caching_sha2_password", certificate.is_some())).ok()?;
    match certificate {
        None => talk(stream, 2, then, heard),
        Some(config) => hear(&mut stream, heard).and_then(|_| {
            let connection = ServerConnection::new(config).unwrap();
            talk(StreamOwned::new(connection, stream), 3, then, heard)
        }),
    }
}

/// A server, and all that it heard.
struct Fake {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

fn fake(certificate: Option<Arc<ServerConfig>>, then: Then) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, ended) = (Arc::new(Mutex::new(vec![])), Arc::new(AtomicBool::new(false)));
    let (ears, over) = (heard.clone(), ended.clone());
    let thread = thread::spawn(move || {
        loop {
            // Some only look whether somebody listens, and say nothing.
            let (stream, _) = listener.accept().unwrap();
            if over.load(Ordering::SeqCst) {
                return;
            }
            answer(stream, certificate.clone(), then, &ears);
        }
    });
    Fake { port, heard, ended, thread }
}

impl Fake {
    /// Connects as the service does; gives the error and whether the password was heard.
    async fn meet(self, mode: Mode, ca: Option<&Authority>) -> (String, bool) {
        let database = Database {
            host: "localhost".into(),
            port: self.port,
            socket: None,
            name: "mydb".into(),
            user: "app_user".into(),
            password: Secret::new(PASSWORD),
            tls: Tls { mode, ca: ca.map(|ca| ca.file.clone()), identity: None },
        };
        let error = db::connect(&database).await.expect_err("no such server lets anybody in");
        let text = format!("{error:#}");
        assert!(!text.contains(PASSWORD), "{text}");
        (text, self.knows_the_password())
    }

    fn knows_the_password(self) -> bool {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes it. The server speaks first, so no client has sent anything on a connection
        // that was not accepted yet.
        TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        self.thread.join().unwrap();
        let heard = self.heard.lock().unwrap();
        heard.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes())
    }
}

#[tokio::test]
async fn only_a_verified_server_gets_the_password() {
    let (ours, theirs, same_name) = (authority("ours"), authority("theirs"), authority("ours"));
    let verified = [Mode::VerifyCa, Mode::VerifyIdentity];

    for mode in verified {
        let server = fake(Some(ours.server("localhost", 2999)), Then::AskForPassword);
        let (said, knows) = server.meet(mode, Some(&ours)).await;
        assert!(said.contains("the fake says no") && knows, "{said}");

        for other in [&theirs, &same_name] {
            let server = fake(Some(other.server("localhost", 2999)), Then::AskForPassword);
            let (said, knows) = server.meet(mode, Some(&ours)).await;
            assert!(said.contains("unknown authority") && said.contains("DB_TLS_CA"), "{said}");
            assert!(!knows);
        }

        let server = fake(Some(ours.server("localhost", 2020)), Then::AskForPassword);
        let (said, knows) = server.meet(mode, Some(&ours)).await;
        assert!(said.contains("has expired") && !knows, "{said}");
    }
    let server = fake(Some(ours.server("db.example.org", 2999)), Then::AskForPassword);
    let (said, knows) = server.meet(Mode::VerifyIdentity, Some(&ours)).await;
    assert!(said.contains("another name than DB_HOST") && !knows, "{said}");
    let server = fake(Some(ours.server("db.example.org", 2999)), Then::AskForPassword);
    let (said, knows) = server.meet(Mode::VerifyCa, Some(&ours)).await;
    assert!(said.contains("the fake says no") && knows, "{said}");
}

#[tokio::test]
async fn no_tls_where_it_is_demanded() {
    let ours = authority("ours");
    for mode in [Mode::Required, Mode::VerifyCa, Mode::VerifyIdentity] {
        // Also what a proxy leaves of a good server's greeting.
        let server = fake(None, Then::AskForPassword);
        let (said, knows) = server.meet(mode, Some(&ours)).await;
        assert!(said.contains("requires TLS, but the server offers none") && !knows, "{said}");
    }
}

#[tokio::test]
async fn clear_text_carries_no_password_that_is_asked_for() {
    for mode in [Mode::Off, Mode::Preferred] {
        let (said, knows) = fake(None, Then::AskForPassword).meet(mode, None).await;
        assert!(said.contains("asks for the clear-text password") && !knows, "{said}");
    }
    let (said, knows) = fake(None, Then::RefuseClearText).meet(Mode::Off, None).await;
    assert!(said.contains("encrypted connections only") && !knows, "{said}");
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn program(arguments: &[&str], port: u16, variables: &[(&str, &str)]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_streamflix-api"))
        .args(arguments)
        .env_clear()
        .env("DB_APP_PASSWORD", PASSWORD)
        .env("DB_MIGRATE_PASSWORD", PASSWORD)
        .env("DB_HOST", "localhost")
        .env("DB_PORT", port.to_string())
        .env("API_BIND", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn unverified_off_this_machine_is_refused_at_the_start() {
    for arguments in [["serve", ""].as_slice(), &["migrate", "status"], &["migrate", "up"]] {
        let arguments: Vec<&str> = arguments.iter().copied().filter(|a| !a.is_empty()).collect();
        for word in ["off", "preferred", "required"] {
            let variables = [("DB_HOST", "192.0.2.1"), ("DB_TLS", word)];
            let refused = program(&arguments, 3306, &variables);
            let said = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(1), "{said}");
            assert!(said.contains("192.0.2.1 is not this machine"), "{said}");
            assert!(said.contains("DB_TLS_CA") && said.contains("DB_TLS_TRUST_NETWORK"), "{said}");
        }
    }
}

#[test]
fn the_named_authority_is_the_only_one() {
    let (named, systems) = (authority("named"), authority("the system's"));
    let run = |server: Fake, mode: &str| {
        let variables = [
            ("DB_TLS", mode),
            ("DB_TLS_CA", named.file.to_str().unwrap()),
            // As good as any authority of the system.
            ("SSL_CERT_FILE", systems.file.to_str().unwrap()),
        ];
        let ended = program(&["migrate", "status"], server.port, &variables);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        (said, server.knows_the_password())
    };
    for mode in ["verify-ca", "verify-identity"] {
        let server = fake(Some(systems.server("localhost", 2999)), Then::AskForPassword);
        let (said, knows) = run(server, mode);
        assert!(said.contains("unknown authority") && !knows, "{said}");
        let server = fake(Some(named.server("localhost", 2999)), Then::AskForPassword);
        let (said, knows) = run(server, mode);
        assert!(said.contains("the fake says no") && knows, "{said}");
    }
    // Without DB_TLS_CA the system's count.
    let server = fake(Some(systems.server("localhost", 2999)), Then::AskForPassword);
    let path = systems.file.to_str().unwrap();
    let variables = [("DB_TLS", "verify-identity"), ("SSL_CERT_FILE", path)];
    let ended = program(&["migrate", "status"], server.port, &variables);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the fake says no"), "{ended:?}");
}

#[tokio::test]
async fn a_real_server_is_spoken_to_over_tls_when_it_offers_that() {
    with_schema(async |schema| {
        let mut database = schema.database.clone();
        let cipher = async |database: &Database| {
            let mut conn = db::options(database).connect().await?;
            let row =
                sqlx::query("SHOW SESSION STATUS LIKE 'Ssl_cipher'").fetch_one(&mut conn).await?;
            row.try_get::<String, _>(1)
        };
        database.tls = Tls::PREFERRED;
        let preferred = cipher(&database).await.unwrap();
        database.tls.mode = Mode::Required;
        match cipher(&database).await {
            Ok(required) => assert!(!required.is_empty() && !preferred.is_empty()),
            Err(error) => {
                assert!(
                    db::cause(&error).is_some_and(|said| said.contains("the server offers none"))
                );
                assert_eq!(preferred, "");
            }
        }
    })
    .await;
}
