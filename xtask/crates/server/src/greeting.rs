//! The first packet of the protocol: proof that a MySQL or MariaDB server, and
//! not only a port forwarder, answers; and its version before any login.

use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::endpoint::Endpoint;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, Version};

/// What a server says about itself before anybody logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    pub flavour: Flavour,
    pub version: Version,
    /// The version as the server prints it.
    pub version_text: String,
}

/// What came back from an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A server that takes logins.
    Greets(Greeting),
    /// A server that refuses this client before the login: its error number and text.
    Refuses(u16, String),
    /// Something answers and it does not speak the protocol.
    NotMysql(String),
    /// Nothing answers; why.
    Silent(String),
}

/// Connects and reads the greeting.
pub fn ask(endpoint: &Endpoint, connect: Duration, read: Duration) -> Answer {
    match endpoint {
        Endpoint::Tcp { host, port } => match connect_tcp(host, *port, connect) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(read)).ok();
                listen(&mut stream)
            }
            Err(why) => Answer::Silent(why),
        },
        #[cfg(unix)]
        Endpoint::Socket(path) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(read)).ok();
                listen(&mut stream)
            }
            Err(error) => Answer::Silent(error.to_string()),
        },
        #[cfg(not(unix))]
        Endpoint::Socket(_) => Answer::Silent("sockets are not supported here".to_owned()),
    }
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, String> {
    let addresses =
        (host, port).to_socket_addrs().map_err(|error| format!("look up {host}: {error}"))?;
    let mut why = format!("{host} has no address");
    // `localhost` is often ::1 first, where a forwarded port does not listen.
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

fn listen(stream: &mut impl Read) -> Answer {
    let mut header = [0_u8; 4];
    if let Err(error) = stream.read_exact(&mut header) {
        return match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => {
                Answer::Silent("the connection was closed before a greeting arrived".to_owned())
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Answer::Silent("connected, but no greeting arrived in time".to_owned())
            }
            _ => Answer::Silent(error.to_string()),
        };
    }
    let length =
        usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    // A greeting is some 80 bytes; anything long is another protocol's text.
    if header[3] != 0 || length == 0 || length > 1024 {
        return not_mysql(&header);
    }
    let mut packet = vec![0_u8; length];
    match stream.read_exact(&mut packet) {
        Ok(()) => parse(&packet),
        Err(_) => not_mysql(&header),
    }
}

fn not_mysql(bytes: &[u8]) -> Answer {
    let shown: String =
        bytes.iter().flat_map(|b| std::ascii::escape_default(*b)).map(char::from).collect();
    Answer::NotMysql(format!("it starts with \"{shown}\""))
}

fn parse(packet: &[u8]) -> Answer {
    match packet {
        [0xff, low, high, message @ ..] => {
            let message = String::from_utf8_lossy(message);
            // With a SQL state (`#08004`) before the text, or without.
            let text = match message.strip_prefix('#') {
                Some(rest) => rest.get(5..).unwrap_or(rest).to_owned(),
                None => message.into_owned(),
            };
            Answer::Refuses(u16::from_le_bytes([*low, *high]), text)
        }
        [10, rest @ ..] => {
            let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
            let text = String::from_utf8_lossy(&rest[..end]).into_owned();
            match Version::parse(&text) {
                Some(version) => Answer::Greets(Greeting {
                    flavour: flavour_of(&text),
                    version,
                    version_text: text.strip_prefix("5.5.5-").unwrap_or(&text).to_owned(),
                }),
                None => not_mysql(packet.get(..16).unwrap_or(packet)),
            }
        }
        _ => not_mysql(packet.get(..16).unwrap_or(packet)),
    }
}

/// MySQL or MariaDB, by a server's version text.
pub fn flavour_of(version_text: &str) -> Flavour {
    if version_text.contains("MariaDB") || version_text.starts_with("5.5.5-") {
        Flavour::Mariadb
    } else {
        Flavour::Mysql
    }
}

/// The oldest version that this tool was made for.
pub fn oldest(flavour: Flavour) -> Version {
    match flavour {
        Flavour::Mysql => Version(8, 0, 0),
        Flavour::Mariadb => Version(10, 5, 0),
    }
}

impl Greeting {
    /// Refuses servers whose behaviour this tool does not know.
    ///
    /// # Errors
    /// A [`Stop`] with exit code 11.
    pub fn new_enough(&self, place: &str) -> Result<(), Stop> {
        let oldest = oldest(self.flavour);
        if self.version >= oldest {
            return Ok(());
        }
        let Self { flavour, version_text, .. } = self;
        Err(Stop::new(
            ExitCode::Server,
            format!("the server at {place} is too old: {flavour} {version_text}"),
        )
        .hint(format!(
            "{flavour} {}.{} or newer is needed; the team's image is in compose.yaml.",
            oldest.0, oldest.1
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(payload.len()).expect("short"), 0, 0, 0];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn both_flavours_greet() {
        let mysql = framed(b"\x0a9.7.4\x00\x08\x00\x00\x00salt");
        let Answer::Greets(greeting) = listen(&mut mysql.as_slice()) else { panic!("no greeting") };
        assert_eq!((greeting.flavour, greeting.version), (Flavour::Mysql, Version(9, 7, 4)));
        assert!(greeting.new_enough("x").is_ok());
        let maria = framed(b"\x0a5.5.5-10.4.34-MariaDB-log\x00rest");
        let Answer::Greets(greeting) = listen(&mut maria.as_slice()) else { panic!("no greeting") };
        assert_eq!(greeting.flavour, Flavour::Mariadb);
        assert_eq!(greeting.version_text, "10.4.34-MariaDB-log");
        let stop = greeting.new_enough("127.0.0.1:3306").expect_err("too old");
        assert!(stop.message.contains("10.4.34") && stop.code == ExitCode::Server, "{stop}");
    }

    #[test]
    fn other_answers_are_told_apart() {
        let blocked = framed(b"\xff\x69\x04Host '172.17.0.1' is blocked");
        let expected = Answer::Refuses(1129, "Host '172.17.0.1' is blocked".to_owned());
        assert_eq!(listen(&mut blocked.as_slice()), expected);
        let full = framed(b"\xff\x10\x04#08004Too many connections");
        assert_eq!(
            listen(&mut full.as_slice()),
            Answer::Refuses(1040, "Too many connections".to_owned())
        );
        assert!(matches!(listen(&mut b"SSH-2.0-OpenSSH".as_slice()), Answer::NotMysql(_)));
        assert!(matches!(listen(&mut b"".as_slice()), Answer::Silent(_)));
    }
}
