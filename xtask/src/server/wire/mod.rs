//! The MySQL protocol as far as reading rows needs it, without a copy of them.
//!
//! [`super::Session`] is for everything else. It makes a value of each column of
//! each row; where millions of rows only pass through, that costs more than all
//! that is done with them. Here a row is lent out as the bytes in the receive
//! buffer. Packets: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

mod login;
mod stream;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;

use self::stream::Stream;
use super::endpoint::Server;
use super::session::shorten;
use crate::model::account::Account;

/// How long to wait for the server, and what ends the wait.
#[derive(Debug, Clone)]
pub struct Patience {
    /// To be connected.
    pub connect: Duration,
    /// Without a single byte, once connected.
    pub stall: Duration,
    /// Set by whoever wants all to end, for example after another reader's failure.
    pub stop: Arc<AtomicBool>,
}

impl Patience {
    /// Limits and a switch that is not set.
    pub fn new(connect: Duration, stall: Duration) -> Self {
        Self { connect, stall, stop: Arc::default() }
    }
}

/// One connection, with the settings under which digests are defined: utf8mb4, UTC,
/// `sql_mode=''`.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    id: u32,
}

/// One row of the text protocol, lent out of the receive buffer.
#[derive(Debug, Clone, Copy)]
pub struct RawRow<'a>(&'a [u8]);

impl Wire {
    /// Logs in.
    ///
    /// # Errors
    /// As [`super::Session::open`].
    pub fn open(
        server: &Server,
        account: &Account,
        schema: &str,
        patience: &Patience,
    ) -> Result<Self> {
        let mut stream = Stream::connect(&server.endpoint, patience)
            .with_context(|| format!("connect to {server}"))?;
        let id = login::log_in(&mut stream, account, schema)
            .with_context(|| format!("log in to {server} as `{}`", account.user))?;
        let mut wire = Self { stream, id };
        wire.run(
            "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', net_write_timeout = 1800, \
             net_read_timeout = 1800, wait_timeout = 86400",
        )?;
        Ok(wire)
    }

    /// The server's number of this connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Runs a statement and forgets its rows.
    ///
    /// # Errors
    /// The server's error, with the beginning of the statement.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.rows(sql, |_| Ok(()))
    }

    /// The first row's values of a query; `None` without a row.
    ///
    /// # Errors
    /// As [`Wire::run`].
    pub fn first(&mut self, sql: &str) -> Result<Option<Vec<Option<Vec<u8>>>>> {
        let mut first = None;
        self.rows(sql, |row| {
            if first.is_none() {
                first = Some(row.owned().context("a row is not whole")?);
            }
            Ok(())
        })?;
        Ok(first)
    }

    /// Gives every row of a query to `on`, as it comes.
    ///
    /// # Errors
    /// As [`Wire::run`], and whatever `on` refuses; the connection is of no use then.
    pub fn rows(&mut self, sql: &str, on: impl FnMut(RawRow<'_>) -> Result<()>) -> Result<()> {
        self.query(sql, on).with_context(|| format!("run `{}`", shorten(sql)))
    }

    fn query(&mut self, sql: &str, mut on: impl FnMut(RawRow<'_>) -> Result<()>) -> Result<()> {
        const COM_QUERY: u8 = 3;
        let mut command = Vec::with_capacity(1 + sql.len());
        command.push(COM_QUERY);
        command.extend_from_slice(sql.as_bytes());
        self.stream.begin();
        self.stream.send(&command)?;
        let answer = self.stream.packet()?;
        let columns = match answer.first() {
            Some(0) => return Ok(()),
            Some(0xff) => return Err(refusal(answer)),
            // The server asks for a file on this machine: nobody gives it one.
            Some(0xfb) | None => bail!("the server's answer is not one to a query"),
            Some(_) => RawRow(answer).number().context("the server's answer has no columns")?,
        };
        for _ in 0..columns {
            self.stream.packet()?;
        }
        if !is_end(self.stream.packet()?) {
            bail!("the server's answer does not go by the protocol: columns without an end");
        }
        loop {
            let packet = self.stream.packet()?;
            match packet.first() {
                Some(0xff) => return Err(refusal(packet)),
                Some(0xfe) if is_end(packet) => return Ok(()),
                _ => on(RawRow(packet))?,
            }
        }
    }
}

/// The packet that ends columns and rows; a value of 16 MiB begins with the same byte.
fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&0xfe) && packet.len() < 9
}

/// The server's error as the driver spells it, so that [`super::session::code`] knows it.
fn refusal(packet: &[u8]) -> anyhow::Error {
    use mysql_common::constants::CapabilityFlags;
    match ParseBuf(packet).parse::<ErrPacket<'_>>(CapabilityFlags::CLIENT_PROTOCOL_41) {
        Ok(ErrPacket::Error(error)) => mysql::Error::MySqlError(error.into()).into(),
        Ok(ErrPacket::Progress(_)) | Err(_) => {
            anyhow::anyhow!("the server sent an error that does not go by the protocol")
        }
    }
}

impl<'a> RawRow<'a> {
    /// For tests and for rows from elsewhere: a row's payload.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// The next value: `None` at a packet that ends within it, `Some(None)` for NULL.
    #[inline]
    #[allow(clippy::option_option)] // Broken, NULL and a value are three things.
    pub fn take(&mut self) -> Option<Option<&'a [u8]>> {
        let (&first, rest) = self.0.split_first()?;
        // Nearly all values are short.
        if first < 0xfb {
            let length = usize::from(first);
            if rest.len() < length {
                return None;
            }
            let (value, rest) = rest.split_at(length);
            self.0 = rest;
            return Some(Some(value));
        }
        if first == 0xfb {
            self.0 = rest;
            return Some(None);
        }
        let length = usize::try_from(self.number()?).ok()?;
        if self.0.len() < length {
            return None;
        }
        let (value, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(Some(value))
    }

    /// All values, copied; `None` at a packet that ends within one.
    pub fn owned(mut self) -> Option<Vec<Option<Vec<u8>>>> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(self.take()?.map(<[u8]>::to_vec));
        }
        Some(values)
    }

    /// Whether all values were taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the row as it was sent.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A length-encoded integer.
    fn number(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        let width = match first {
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return None,
            small => {
                self.0 = rest;
                return Some(u64::from(small));
            }
        };
        let bytes = rest.get(..width)?;
        self.0 = &rest[width..];
        Some(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::RawRow;

    fn all(payload: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
        RawRow::new(payload).owned()
    }

    #[test]
    fn values_have_lengths_of_every_width() {
        assert_eq!(all(b"\x01a\xfb\x00"), Some(vec![Some(b"a".to_vec()), None, Some(vec![])]));
        let long = vec![b'x'; 300];
        let payload = [&[0xfc, 44, 1][..], &long].concat();
        assert_eq!(all(&payload), Some(vec![Some(long)]));
        let longer = vec![b'y'; 70_000];
        let payload = [&[0xfd, 0x70, 0x11, 0x01][..], &longer].concat();
        assert_eq!(all(&payload), Some(vec![Some(longer)]));
        let payload = [0xfe, 1, 0, 0, 0, 0, 0, 0, 0, b'z'];
        assert_eq!(all(&payload), Some(vec![Some(b"z".to_vec())]));
    }

    #[test]
    fn a_row_that_ends_within_a_value_is_none() {
        for broken in
            [&b"\x02a"[..], b"\xfc\x01", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffab", b"\xff"]
        {
            assert_eq!(all(broken), None, "{broken:?}");
        }
    }
}
