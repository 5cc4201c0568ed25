//! A way into a container whose port is not published and whose address cannot
//! be reached: a local port whose connections run through `docker exec`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::endpoint::Tunnel;
use sys::docker;

/// Joins standard input and output with the server's port inside the container.
/// When either direction ends, the other is ended too, so that nothing is left
/// running in the container. It holds no secrets: the login travels through it.
const JOIN: &str = "exec 3<>/dev/tcp/127.0.0.1/3306 4<&0 || exit 1
cat <&3 3>&- 4<&- &
down=$!
cat <&4 >&3 4<&- &
up=$!
exec 3>&- 4<&-
wait -n
kill $down $up 2>/dev/null
exit 0";

/// Says whether the container has what [`JOIN`] needs and the port answers.
const TRY: &str = "command -v cat >/dev/null && exec 3<>/dev/tcp/127.0.0.1/3306";

/// How long a connection's child may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The tunnel. It works for as long as it lives; dropping it ends every
/// connection, thread and child.
#[derive(Debug)]
pub struct DockerExec {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    container: String,
    closing: AtomicBool,
    live: Mutex<Vec<Line>>,
}

#[derive(Debug)]
struct Line {
    socket: TcpStream,
    thread: JoinHandle<()>,
}

impl Tunnel for DockerExec {}

impl DockerExec {
    /// Opens a port on 127.0.0.1 that leads into the container.
    ///
    /// # Errors
    /// The container has no bash, nothing listens on its port 3306, or no local
    /// port can be opened.
    pub fn open(container: &str) -> Result<Self> {
        let tried =
            docker::docker(["exec", container, "bash", "-c", TRY]).run(Duration::from_secs(20))?;
        if !tried.ok() {
            bail!("docker exec {}", tried.why());
        }
        // Other users of this machine can connect to the port, as they can to a
        // published one; the server asks them for a login all the same.
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("open a local port")?;
        let port = listener.local_addr().context("read the local port")?.port();
        let shared = Arc::new(Shared {
            container: container.to_owned(),
            closing: AtomicBool::new(false),
            live: Mutex::new(Vec::new()),
        });
        let for_thread = Arc::clone(&shared);
        let acceptor = std::thread::Builder::new()
            .name("tunnel".to_owned())
            .spawn(move || accept(&listener, &for_thread))
            .context("start the tunnel's thread")?;
        Ok(Self { port, shared, acceptor: Some(acceptor) })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for DockerExec {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // `accept` has no deadline: a last connection wakes it.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
        let lines = std::mem::take(&mut *lock(&self.shared.live));
        for line in &lines {
            line.socket.shutdown(Shutdown::Both).ok();
        }
        for line in lines {
            line.thread.join().ok();
        }
    }
}

fn lock(live: &Mutex<Vec<Line>>) -> std::sync::MutexGuard<'_, Vec<Line>> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for socket in listener.incoming() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        let Ok(socket) = socket else { continue };
        let Ok(copy) = socket.try_clone() else { continue };
        let container = shared.container.clone();
        let thread = std::thread::Builder::new().name("tunnel-line".to_owned()).spawn(move || {
            // A line that cannot be opened shows as a closed connection.
            carry(&container, &copy).ok();
            copy.shutdown(Shutdown::Both).ok();
        });
        let mut live = lock(&shared.live);
        live.retain(|line| !line.thread.is_finished());
        if let Ok(thread) = thread {
            live.push(Line { socket, thread });
        }
    }
}

/// Carries one connection until either side ends it.
fn carry(container: &str, socket: &TcpStream) -> Result<()> {
    socket.set_nodelay(true).ok();
    let (mut child, input, mut output) =
        docker::docker(["exec", "-i", container, "bash", "-c", JOIN]).duplex()?;
    let mut from_client = socket.try_clone().context("share the connection")?;
    let mut to_client = socket;
    let up = std::thread::Builder::new().name("tunnel-up".to_owned()).spawn(move || {
        let mut input = input;
        pump(&mut from_client, &mut input);
        // The far end reads the end of its input and closes; a child that does
        // not is killed, which also ends the other direction.
        drop(input);
        child.wait(GRACE);
    })?;
    pump(&mut output, &mut to_client);
    // The reader is gone: let a child that still writes notice.
    drop(output);
    // The server is done: the client's half ends with it.
    socket.shutdown(Shutdown::Both).ok();
    up.join().ok();
    Ok(())
}

/// Copies until the source ends or the target goes away.
fn pump(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = vec![0_u8; 128 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                if to.write_all(&buffer[..n]).and_then(|()| to.flush()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
