//! Connections that send nothing, or not enough, take no place from those who ask.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use api::{app::App, client::Proxies, serve};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(30);
const HALF: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half";
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

struct Service {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

// Without a database: these tests get no further than the routes.
async fn service(connections: usize, patience: Duration) -> Service {
    let pool = MySqlPoolOptions::new().connect_lazy_with(MySqlConnectOptions::new().port(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let limits = serve::Limits { connections, patience };
    let app = App::with(pool, limits, Proxies::default());
    let ended = tokio::spawn(serve::serve(listener, app, async { stopped.await.unwrap() }));
    Service { address, stop, ended }
}

fn open(address: SocketAddr, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    // Closed by the other side already? Then reading will tell.
    let _ = stream.write_all(sent);
    stream
}

// All that comes until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = vec![];
    match stream.read_to_end(&mut text) {
        // It closes with something unread, such as half a request.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        read => {
            read.expect("the connection is closed in time");
        }
    }
    String::from_utf8(text).unwrap()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn who_sends_nothing_is_let_go() {
    let service = service(100, Duration::from_millis(300)).await;
    let address = service.address;
    blocking(move || {
        let half: Vec<TcpStream> = (0..5).map(|_| open(address, HALF)).collect();
        let silent: Vec<TcpStream> = (0..5).map(|_| open(address, b"")).collect();
        let body = open(
            address,
            b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        );
        let idle = open(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        for stream in half.into_iter().chain(silent) {
            let text = rest(stream);
            assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
        }
        let text = rest(body);
        assert!(text.starts_with("HTTP/1.1 408") && text.contains("did not arrive in time"), "{text}");
        assert!(rest(idle).starts_with("HTTP/1.1 200"));
    })
    .await;
    service.stop.send(()).unwrap();
    service.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_house_makes_room_for_who_asks() {
    // Nobody is let go for being slow here.
    let service = service(8, LONG * 10).await;
    let address = service.address;
    blocking(move || {
        let mut held: Vec<TcpStream> = vec![];
        for _ in 0..10 {
            held.extend(
                (0..7).map(|number| open(address, if number % 2 == 0 { HALF } else { b"" })),
            );
            let text = rest(open(address, HEALTH));
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        }
        // Requests whose body never comes hold no place, either.
        let body = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
        held.extend((0..40).map(|_| open(address, body)));
        let text = rest(open(address, HEALTH));
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        // All but the last few were let go.
        for stream in held.drain(..60) {
            assert_eq!(rest(stream), "");
        }
    })
    .await;
    service.stop.send(()).unwrap();
    service.ended.await.unwrap().unwrap();
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn seventy_half_sent_requests_and_few_files() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" serve", env!("CARGO_BIN_EXE_streamflix-api")]);
    command.env("DB_APP_PASSWORD", "x").env("DB_HOST", "127.0.0.1").env("DB_PORT", "1");
    command.env("API_BIND", "127.0.0.1:0").env_remove("DB_SOCKET").env_remove("RUST_LOG");
    let mut child = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("listening")).unwrap();
    // The address is the last word, in colours or without.
    let digits = line.rsplit("127.0.0.1:").next().unwrap();
    let port: String = digits.chars().take_while(char::is_ascii_digit).collect();
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    // Somebody has to read what it says, or it would stop at a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let mut held: Vec<TcpStream> = (0..70).map(|_| open(address, HALF)).collect();
    held.extend((0..70).map(|_| open(address, b"")));
    for _ in 0..3 {
        let text = rest(open(address, HEALTH));
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    drop(held);
}
