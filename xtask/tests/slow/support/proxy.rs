//! A TCP proxy on this machine that breaks things: cuts connections after so many bytes, spoils
//! or swallows what comes, or answers 503 for a while.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What it does to whoever connects.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// Cuts the connection when `after` more bytes went to the server, `times` times.
    Cut { after: u64, times: u64 },
    /// Cuts the connection when `after` more bytes came from the server, `times` times.
    CutAnswers { after: u64, times: u64 },
    /// Changes one bit of what comes from the server, behind so many bytes.
    Flip { after: u64 },
    /// Passes on nothing of what comes from the server once [`Proxy::arm`] said so, and stays
    /// open.
    Swallow,
    /// Answers 503 this many times.
    Busy { times: u64 },
}

/// A running proxy; closes when dropped.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    trouble: Trouble,
    made: AtomicU64,
    passed: AtomicU64,
    closed: AtomicBool,
    armed: AtomicBool,
    server: u16,
}

impl Proxy {
    /// In front of a port of this machine.
    pub fn start(server: u16, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            trouble,
            made: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            armed: AtomicBool::new(false),
            server,
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if own.closed.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, Ok(client)) = (Arc::clone(&own), client) else { continue };
                std::thread::spawn(move || serve(&shared, client));
            }
        });
        Self { port, shared }
    }

    /// Begins the trouble that waits for it.
    pub fn arm(&self) {
        self.shared.armed.store(true, Ordering::SeqCst);
    }

    /// How often it made trouble.
    pub fn made(&self) -> u64 {
        self.shared.made.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then goes.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

impl Shared {
    /// Changes what comes from the server; whether it goes no further.
    fn spoil(&self, block: &mut [u8], seen: &mut u64) -> bool {
        let first = *seen;
        *seen += block.len() as u64;
        match self.trouble {
            Trouble::Flip { after } if (first..*seen).contains(&after) => {
                block[usize::try_from(after - first).unwrap()] ^= 0x10;
                self.made.fetch_add(1, Ordering::SeqCst);
                false
            }
            Trouble::Swallow if self.armed.load(Ordering::SeqCst) && !block.is_empty() => {
                self.made.fetch_add(1, Ordering::SeqCst);
                true
            }
            _ => false,
        }
    }
}

fn serve(shared: &Arc<Shared>, mut client: TcpStream) {
    if let Trouble::Busy { times } = shared.trouble
        && once_more(&shared.made, times)
    {
        refuse(&mut client);
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)) else { return };
    let (Ok(client_2), Ok(server_2)) = (client.try_clone(), server.try_clone()) else { return };
    let other = Arc::clone(shared);
    let back = std::thread::spawn(move || pass(&other, server_2, client_2, false));
    pass(shared, client, server, true);
    back.join().ok();
}

/// Counts up to `times`.
fn once_more(made: &AtomicU64, times: u64) -> bool {
    let next = |n: u64| (n < times).then_some(n + 1);
    made.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
}

fn refuse(client: &mut TcpStream) {
    let mut block = [0; 4096];
    if !client.read(&mut block).is_ok_and(|length| length > 0) {
        return;
    }
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    client.write_all(answer.as_bytes()).ok();
    client.shutdown(Shutdown::Write).ok();
    client.set_read_timeout(Some(Duration::from_secs(5))).ok();
    // Closed with bytes unread, the answer would be lost.
    while client.read(&mut block).is_ok_and(|length| length > 0) {}
}

fn pass(shared: &Shared, mut from: TcpStream, mut to: TcpStream, requests: bool) {
    let cut = match (shared.trouble, requests) {
        (Trouble::Cut { after, times }, true) => Some((after, times)),
        (Trouble::CutAnswers { after, times }, false) => Some((after, times)),
        _ => None,
    };
    let mut block = vec![0; 32 << 10];
    let mut seen = 0;
    while let Ok(length) = from.read(&mut block) {
        if !requests && shared.spoil(&mut block[..length], &mut seen) {
            continue;
        }
        if length == 0 || to.write_all(&block[..length]).is_err() {
            break;
        }
        let Some((after, times)) = cut else { continue };
        let passed = shared.passed.fetch_add(length as u64, Ordering::SeqCst) + length as u64;
        if passed >= after && once_more(&shared.made, times) {
            shared.passed.store(0, Ordering::SeqCst);
            from.shutdown(Shutdown::Both).ok();
            to.shutdown(Shutdown::Both).ok();
            return;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
