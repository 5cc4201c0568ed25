//! Bytes to packets: one receive buffer, out of which packets are lent.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rowtext::{Fed, Sink};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::tls::{Facts, Secured};
use crate::endpoint::Endpoint;
use sys::signal;

/// Room for many packets, so that a read from the socket brings as much as is there.
const ROOM: usize = 256 << 10;

/// A packet's payload is at most this long; one of exactly this length goes on in the next.
const LONGEST: usize = 0xff_ffff;

/// What several packets may hold together: as much as the server sends at most.
const JOINED_MAX: usize = (1 << 30) + LONGEST;

/// A socket's read wakes up this often to look whether it should end.
const TICK: Duration = Duration::from_millis(250);

enum Socket {
    Tcp(TcpStream),
    Tls(Box<Secured>),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

/// Why a sink got no more rows.
pub(super) enum Rows {
    Full,
    End,
    /// The server refused; its error's payload.
    Refused(Vec<u8>),
}

/// How long a read may wait.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    /// Without a single byte.
    pub(super) stall: Duration,
    /// Ends the wait, as Ctrl-C then does, too; without it only time does.
    pub(super) stop: Option<Arc<AtomicBool>>,
}

/// A connection that gives and takes packets.
pub(super) struct Stream {
    socket: Socket,
    /// `None` waits for as long as it takes.
    wait: Option<Wait>,
    buf: Vec<u8>,
    /// What of `buf` was received and not lent out yet.
    start: usize,
    end: usize,
    /// A payload that came in several packets.
    joined: Vec<u8>,
    sequence: u8,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Stream {
    /// Connects within `limit`; reads then wait as `wait` says.
    pub(super) fn connect(endpoint: &Endpoint, limit: Duration, wait: Wait) -> io::Result<Self> {
        let socket = match endpoint {
            Endpoint::Tcp { host, port } => {
                let socket = tcp(host, *port, limit)?;
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(TICK))?;
                Socket::Tcp(socket)
            }
            #[cfg(unix)]
            Endpoint::Socket(path) => {
                let socket = std::os::unix::net::UnixStream::connect(path)?;
                socket.set_read_timeout(Some(TICK))?;
                Socket::Unix(socket)
            }
            #[cfg(not(unix))]
            Endpoint::Socket(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let (buf, joined) = (vec![0; ROOM], Vec::new());
        let wait = Some(wait);
        Ok(Self { socket, wait, buf, start: 0, end: 0, joined, sequence: 0 })
    }

    /// From now on reads wait for as long as it takes: a statement can take hours.
    pub(super) fn wait_for_ever(&mut self) -> io::Result<()> {
        self.wait = None;
        match &self.socket {
            Socket::Tcp(socket) => socket.set_read_timeout(None),
            Socket::Tls(secured) => secured.socket().set_read_timeout(None),
            #[cfg(unix)]
            Socket::Unix(socket) => socket.set_read_timeout(None),
        }
    }

    /// This machine's address that the connection begins at; `None` for a Unix socket.
    pub(super) fn own_address(&self) -> Option<IpAddr> {
        let address = match &self.socket {
            Socket::Tcp(socket) => socket.local_addr(),
            Socket::Tls(secured) => secured.socket().local_addr(),
            #[cfg(unix)]
            Socket::Unix(_) => return None,
        };
        address.ok().map(|address| address.ip())
    }

    /// Whether what is sent cannot be overheard on the way.
    pub(super) fn is_private(&self) -> bool {
        !matches!(self.socket, Socket::Tcp(_))
    }

    /// What is known of TLS; `None` without it.
    pub(super) fn tls(&self) -> Option<Facts> {
        match &self.socket {
            Socket::Tls(secured) => Some(secured.facts()),
            _ => None,
        }
    }

    /// Whether unrequested bytes were received.
    pub(super) fn has_more(&self) -> bool {
        self.start < self.end
    }

    /// Begins TLS. Whatever comes from here on comes through it.
    pub(super) fn secure(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let Socket::Tcp(socket) = &self.socket else {
            return Err(broken("TLS can start only once, and only over TCP"));
        };
        let mut secured = Secured::new(socket.try_clone()?, config, name)?;
        let since = Instant::now();
        loop {
            match secured.shake_hands() {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if is_early(&error) => self.patient(since)?,
                Err(error) => return Err(error),
            }
        }
        self.socket = Socket::Tls(Box::new(secured));
        Ok(())
    }

    pub(super) fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Sends a command as a new exchange.
    pub(super) fn command(&mut self, command: u8, payload: &[u8]) -> io::Result<()> {
        self.begin();
        self.send_both(&[command], payload)
    }

    pub(super) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send_both(&[], payload)
    }

    /// Sends `head` and `rest` as one payload.
    fn send_both(&mut self, mut head: &[u8], mut rest: &[u8]) -> io::Result<()> {
        loop {
            let (now, later) = rest.split_at(rest.len().min(LONGEST - head.len()));
            let size = head.len() + now.len();
            let length = u32::try_from(size).map_err(io::Error::other)?.to_le_bytes();
            let mut packet = Vec::with_capacity(size + 4);
            packet.extend_from_slice(&[length[0], length[1], length[2], self.sequence]);
            packet.extend_from_slice(head);
            packet.extend_from_slice(now);
            self.sequence = self.sequence.wrapping_add(1);
            match &mut self.socket {
                Socket::Tcp(socket) => socket.write_all(&packet)?,
                Socket::Tls(secured) => {
                    secured.write_all(&packet)?;
                    secured.flush()?;
                }
                #[cfg(unix)]
                Socket::Unix(socket) => socket.write_all(&packet)?,
            }
            (head, rest) = (&[], later);
            if size < LONGEST {
                return Ok(());
            }
        }
    }

    /// Gives rows to `sink` until it is full or the result ends.
    pub(super) fn feed(&mut self, sink: &mut dyn Sink) -> io::Result<Rows> {
        loop {
            let received = &self.buf[self.start..self.end];
            let (used, fed) = rowtext::feed(received, &mut self.sequence, sink);
            self.start += used;
            match fed {
                Fed::More(length) => self.need(length)?,
                Fed::Full => return Ok(Rows::Full),
                Fed::End => return Ok(Rows::End),
                Fed::Refused(length) => {
                    return Ok(Rows::Refused(self.buf[self.start - length..self.start].to_vec()));
                }
                Fed::Long => {
                    if !sink.row(self.packet()?) {
                        return Err(broken("a row is incomplete"));
                    }
                    if sink.is_full() {
                        return Ok(Rows::Full);
                    }
                }
                Fed::Broken(why) => return Err(broken(why)),
            }
        }
    }

    pub(super) fn packet(&mut self) -> io::Result<&[u8]> {
        let length = self.header()?;
        if length == LONGEST {
            return self.long_packet();
        }
        // A large value is over: give its memory back.
        self.joined = Vec::new();
        self.need(length)?;
        let at = self.start;
        self.start += length;
        Ok(&self.buf[at..at + length])
    }

    fn long_packet(&mut self) -> io::Result<&[u8]> {
        self.joined.clear();
        let mut length = LONGEST;
        loop {
            self.need(length)?;
            if self.joined.len() + length > JOINED_MAX {
                return Err(broken("a packet exceeds the protocol's limit"));
            }
            self.joined.extend_from_slice(&self.buf[self.start..self.start + length]);
            self.start += length;
            if length < LONGEST {
                return Ok(&self.joined);
            }
            length = self.header()?;
        }
    }

    fn header(&mut self) -> io::Result<usize> {
        self.need(4)?;
        let header = &self.buf[self.start..self.start + 4];
        let length =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if header[3] != self.sequence {
            return Err(broken("packets are out of order"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.start += 4;
        Ok(length)
    }

    /// Receives until that many bytes are there.
    fn need(&mut self, length: usize) -> io::Result<()> {
        if self.end - self.start >= length { Ok(()) } else { self.receive(length) }
    }

    fn receive(&mut self, length: usize) -> io::Result<()> {
        self.buf.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buf.len() < length {
            self.buf.resize(length, 0);
        } else if self.buf.len() > ROOM && length <= ROOM && self.end <= ROOM {
            // A large value is over: give its memory back.
            self.buf.truncate(ROOM);
            self.buf.shrink_to_fit();
        }
        let mut since = Instant::now();
        while self.end < length {
            let free = &mut self.buf[self.end..];
            let read = match &mut self.socket {
                Socket::Tcp(socket) => socket.read(free),
                Socket::Tls(secured) => secured.read(free),
                #[cfg(unix)]
                Socket::Unix(socket) => socket.read(free),
            };
            match read {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed the connection",
                    ));
                }
                Ok(count) => {
                    self.end += count;
                    since = Instant::now();
                }
                Err(error) if is_early(&error) => self.patient(since)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether to go on waiting.
    fn patient(&self, since: Instant) -> io::Result<()> {
        let Some(Wait { stall, stop }) = &self.wait else { return Ok(()) };
        if let Some(stop) = stop
            && (signal::interrupted() || stop.load(Ordering::Relaxed))
        {
            return Err(io::Error::other("interrupted"));
        }
        if since.elapsed() > *stall {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the server sent nothing for {} s", stall.as_secs()),
            ));
        }
        Ok(())
    }
}

/// Whether nothing came yet, and nothing is lost by asking again.
fn is_early(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn tcp(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    let by_name = host.eq_ignore_ascii_case("localhost");
    for address in (host, port).to_socket_addrs()? {
        // What counts as this machine must be this machine, whatever names it.
        if by_name && !address.ip().is_loopback() {
            continue;
        }
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
