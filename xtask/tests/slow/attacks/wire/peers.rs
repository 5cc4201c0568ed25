//! What may stand between the tool and its server, or in the server's place.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certs::Shown;

/// Something that listens; everything that clients sent, and what servers answered.
pub struct Peer {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
    visits: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Peer {
    /// Serves each connection in a thread of its own.
    fn start(
        place: SocketAddr,
        serve: impl Fn(TcpStream, &Mutex<Vec<u8>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(place).unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, closed) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicBool>::default());
        let (own, gone, serve) = (Arc::clone(&heard), Arc::clone(&closed), Arc::new(serve));
        let visits = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&visits);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if gone.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let (own, serve) = (Arc::clone(&own), Arc::clone(&serve));
                std::thread::spawn(move || serve(client, &own));
            }
        });
        Self { address, heard, visits, closed }
    }

    /// Everything that went over it.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    /// How often it was connected to.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    /// Whether these bytes went over it.
    pub fn heard_text(&self, text: &str) -> bool {
        self.heard().windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then goes.
        TcpStream::connect(self.address).ok();
    }
}

/// A proxy that writes down what it carries, in both directions.
pub fn logging_proxy(host: IpAddr, server: SocketAddr) -> Peer {
    logging_proxy_at(SocketAddr::new(host, 0), server)
}

/// The same at this port.
pub fn logging_proxy_at(place: SocketAddr, server: SocketAddr) -> Peer {
    Peer::start(place, move |client, heard| carry(client, server, heard, false))
}

/// A proxy that takes TLS out of the server's greeting, and writes down what clients send.
pub fn stripping_proxy(host: IpAddr, server: SocketAddr) -> Peer {
    let place = SocketAddr::new(host, 0);
    Peer::start(place, move |client, heard| carry(client, server, heard, true))
}

fn carry(client: TcpStream, server: SocketAddr, heard: &Mutex<Vec<u8>>, strip: bool) {
    let Ok(mut up) = TcpStream::connect(server) else { return };
    let mut down = client.try_clone().unwrap();
    let mut greeting = packet(&mut up);
    if strip {
        without_tls(&mut greeting);
    }
    if down.write_all(&greeting).is_err() {
        return;
    }
    std::thread::scope(|scope| {
        let (mut from, mut to) = (client.try_clone().unwrap(), up.try_clone().unwrap());
        scope.spawn(move || pump(&mut from, &mut to, Some(heard)));
        pump(&mut up, &mut down, (!strip).then_some(heard));
    });
}

fn pump(from: &mut TcpStream, to: &mut TcpStream, heard: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(heard) = heard {
            heard.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// A packet with its header; empty at the end.
fn packet(from: &mut impl Read) -> Vec<u8> {
    let mut header = [0; 4];
    if from.read_exact(&mut header).is_err() {
        return Vec::new();
    }
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut packet = header.to_vec();
    packet.resize(4 + length as usize, 0);
    if from.read_exact(&mut packet[4..]).is_err() { Vec::new() } else { packet }
}

/// Clears CLIENT_SSL (0x0800) in a greeting: version byte, version text, id, eight bytes
/// of the challenge and a zero come before the flags.
fn without_tls(greeting: &mut [u8]) {
    let text = greeting[5..].iter().position(|byte| *byte == 0).unwrap();
    greeting[5 + text + 1 + 4 + 8 + 1 + 1] &= !0x08;
}

/// What a server that is none asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// caching_sha2_password's full exchange, with a key of its own.
    FullLogin,
    /// mysql_clear_password.
    ClearPassword,
    /// Nothing; then a file of the client's machine as the answer to its first statement.
    File,
}

/// A server that is none. With a certificate it speaks TLS.
pub fn fake_server(host: IpAddr, wish: Wish, shown: Option<&Shown>) -> Peer {
    fake_server_at(SocketAddr::new(host, 0), wish, shown)
}

/// The same at this port.
pub fn fake_server_at(place: SocketAddr, wish: Wish, shown: Option<&Shown>) -> Peer {
    let tls = shown.map(|shown| {
        let certificate = CertificateDer::from_pem_file(&shown.cert).unwrap();
        let key = PrivateKeyDer::from_pem_file(&shown.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(config)
    });
    Peer::start(place, move |mut client, heard| {
        if client.write_all(&greeting(tls.is_some())).is_err() {
            return;
        }
        let Some(config) = &tls else {
            drop(pretend(&mut client, 1, wish, heard));
            return;
        };
        if packet(&mut client).is_empty() {
            return;
        }
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut secured = StreamOwned::new(connection, client);
        drop(pretend(&mut secured, 2, wish, heard));
    })
}

fn greeting(with_tls: bool) -> Vec<u8> {
    // Protocol 4.1, transactions, secure connection, plugin authentication; and TLS.
    let low: u16 = 0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000 | if with_tls { 0x0800 } else { 0 };
    let high: u16 = 0x0008;
    let mut payload = b"\x0a9.7.4\0\x07\0\0\0challeng\0".to_vec();
    payload.extend_from_slice(&low.to_le_bytes());
    payload.extend_from_slice(&[45, 2, 0]);
    payload.extend_from_slice(&high.to_le_bytes());
    payload.push(21);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(b"e of a fake!\0caching_sha2_password\0");
    framed(0, &payload)
}

fn framed(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[length[0], length[1], length[2], sequence][..], payload].concat()
}

/// A key whose other half the fake would have.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf\n\
    9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==\n\
    -----END PUBLIC KEY-----\n";

/// Writes down everything that comes after the first answer of the client, which holds a
/// challenge's response.
fn pretend(
    client: &mut (impl Read + Write),
    sequence: u8,
    wish: Wish,
    heard: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    let answer = packet(client);
    if answer.is_empty() || answer[3] != sequence {
        return Ok(());
    }
    let next = sequence + 1;
    match wish {
        Wish::FullLogin => client.write_all(&framed(next, &[1, 4]))?,
        Wish::ClearPassword => client.write_all(&framed(next, b"\xfemysql_clear_password\0x\0"))?,
        Wish::File => {
            client.write_all(&framed(next, &[0, 0, 0, 2, 0, 0, 0]))?;
            packet(client);
            client.write_all(&framed(1, b"\xfb/etc/hostname"))?;
        }
    }
    client.flush()?;
    let said = packet(client);
    heard.lock().unwrap().extend_from_slice(&said);
    if wish == Wish::FullLogin && said.get(4) == Some(&2) {
        let key = [b"\x01", KEY.as_bytes()].concat();
        client.write_all(&framed(next + 2, &key))?;
        client.flush()?;
        heard.lock().unwrap().extend_from_slice(&packet(client));
    }
    Ok(())
}
