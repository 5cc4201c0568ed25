//! One connection for statements: one at a time, each with one result.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::session_state_change::SessionStateChange;
use mysql_common::packets::{
    Column, CommonOkPacket, OkPacket, OkPacketDeserializer, OldEofPacket, ResultSetTerminator,
};
use rowtext::{RawRow, is_end};

use super::login::Login;
use super::stream::{Stream, Wait};
use super::{Access, connected, refusal};

const COM_QUIT: u8 = 1;
pub(super) const COM_QUERY: u8 = 3;
const COM_SET_OPTION: u8 = 0x1b;

/// How much of a file goes into one packet: less than any server's limit.
const FILE_PACKET: usize = 256 << 10;

/// The longest wait for a byte during login; after that, this is not a server.
const LOGIN_STALL: Duration = Duration::from_secs(60);

/// What a connection may be used for beyond statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Statements,
    /// Also to answer `LOAD DATA LOCAL` with data that the caller has.
    Data,
}

/// What the server said at the end of a statement.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Rows that the statement touched.
    pub(crate) affected: u64,
    /// How many warnings there are.
    pub(crate) warnings: u16,
    /// The GTIDs of what was committed, where the session has them tracked.
    pub(crate) gtids: Vec<String>,
}

/// The columns of a result.
pub(crate) type Columns = Arc<[Column]>;

/// Takes each row of a result: its columns and its payload.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&Arc<[Column]>, &[u8]);

/// The data for a `LOAD DATA LOCAL INFILE` of this name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    /// The name in the statement; there is no such file.
    pub(crate) name: &'a str,
    pub(crate) data: &'a [u8],
}

/// A connection that is logged in.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Stream,
    login: Login,
    /// The stream is somewhere in the middle of an answer, or gone.
    broken: bool,
}

struct Answer {
    done: Done,
    more: bool,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Nothing answers, or the server refuses.
    pub(crate) fn open(access: &Access, purpose: Use) -> Result<Self> {
        let wait = Wait { stall: LOGIN_STALL, stop: None };
        let mut wanted = CapabilityFlags::CLIENT_MULTI_RESULTS
            | CapabilityFlags::CLIENT_SESSION_TRACK
            | CapabilityFlags::CLIENT_DEPRECATE_EOF;
        wanted.set(CapabilityFlags::CLIENT_LOCAL_FILES, purpose == Use::Data);
        let (mut stream, login) = connected(access, access.schema.as_deref(), wanted, &wait)?;
        stream.wait_for_ever()?;
        Ok(Self { stream, login, broken: false })
    }

    /// The server's number of this connection.
    pub(crate) fn id(&self) -> u32 {
        self.login.id
    }

    /// The version of TLS; `None` without it.
    pub(crate) fn tls(&self) -> Option<&'static str> {
        self.stream.tls().map(|facts| facts.version)
    }

    /// Runs one statement. A `CALL` gives as many results as its procedure makes; for any other
    /// statement more than one is an error, because the server ran more than one.
    pub(crate) fn run(
        &mut self,
        sql: &str,
        file: Option<File<'_>>,
        take: Take<'_>,
    ) -> Result<Done> {
        let calls = sql.trim_start().get(..4).is_some_and(|word| word.eq_ignore_ascii_case("CALL"));
        self.exchange(sql, calls, file, take)
    }

    /// Runs several statements as one packet, which only this connection then takes, and
    /// only this once.
    pub(crate) fn run_all(&mut self, sql: &str) -> Result<Done> {
        self.several_statements(true)?;
        let done = self.exchange(sql, true, None, &mut |_, _| ());
        let off = self.several_statements(false);
        if off.is_err() {
            // It would go on to take several.
            self.broken = true;
        }
        let done = done?;
        off.map(|()| done)
    }

    fn several_statements(&mut self, on: bool) -> Result<()> {
        self.sound()?;
        // MYSQL_OPTION_MULTI_STATEMENTS_ON is 0, …_OFF is 1.
        self.guarded(|client| {
            client.stream.command(COM_SET_OPTION, &[u8::from(!on), 0])?;
            match client.stream.packet()? {
                [0 | 0xfe, ..] => Ok(()),
                packet @ [0xff, ..] => Err(refusal(packet)),
                _ => bail!("unexpected answer to a setting"),
            }
        })
    }

    fn exchange(
        &mut self,
        sql: &str,
        several: bool,
        file: Option<File<'_>>,
        take: Take<'_>,
    ) -> Result<Done> {
        self.sound()?;
        let mut failure = None;
        let mut done = Done::default();
        let mut results = 0_u64;
        self.guarded(|client| {
            client.stream.command(COM_QUERY, sql.as_bytes())?;
            loop {
                let answer = client.answer(file, take, &mut failure)?;
                results += 1;
                done = Done {
                    gtids: std::mem::take(&mut done.gtids)
                        .into_iter()
                        .chain(answer.done.gtids)
                        .collect(),
                    ..answer.done
                };
                if !answer.more {
                    return Ok(());
                }
            }
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if results > 1 && !several {
            bail!("the server gave {results} results to one statement");
        }
        Ok(done)
    }

    /// Notes where the connection is of no use any more: after anything but the server's
    /// own refusal.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let result = work(self);
        if let Err(error) = &result
            && super::super::refusal::code(error).is_none()
        {
            self.broken = true;
        }
        result
    }

    fn sound(&self) -> Result<()> {
        if self.broken { Err(anyhow!("the connection to the server is gone")) } else { Ok(()) }
    }

    /// Reads one answer to its end.
    fn answer(
        &mut self,
        file: Option<File<'_>>,
        take: Take<'_>,
        failure: &mut Option<anyhow::Error>,
    ) -> Result<Answer> {
        let flags = self.login.flags;
        let packet = self.stream.packet()?;
        let count = match packet {
            [0, ..] => return ok(packet, flags),
            [0xff, ..] => return Err(refusal(packet)),
            [0xfb, name @ ..] => {
                let name = name.to_vec();
                return self.local_file(&name, file, failure);
            }
            _ => RawRow::new(packet).number().context("the server's answer has no columns")?,
        };
        let columns = self.columns(count)?;
        loop {
            let packet = self.stream.packet()?;
            match packet.first() {
                Some(0xff) => return Err(refusal(packet)),
                Some(0xfe) if self.login.ends(packet) => return self.login.end(packet),
                _ => take(&columns, packet),
            }
        }
    }

    fn columns(&mut self, count: u64) -> Result<Columns> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let column = ParseBuf(self.stream.packet()?).parse(());
            columns.push(column.context("read a column's description")?);
        }
        if !self.login.flags.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
            && !is_end(self.stream.packet()?)
        {
            bail!("the server's answer violates the protocol: columns without an end");
        }
        Ok(columns.into())
    }

    /// The server asks for a file: it gets the caller's data, and never a file.
    fn local_file(
        &mut self,
        name: &[u8],
        file: Option<File<'_>>,
        failure: &mut Option<anyhow::Error>,
    ) -> Result<Answer> {
        match file.filter(|file| file.name.as_bytes() == name) {
            Some(file) => {
                for part in file.data.chunks(FILE_PACKET) {
                    self.stream.send(part)?;
                }
            }
            None => *failure = Some(anyhow!("the server asks for a file on this machine")),
        }
        self.stream.send(&[])?;
        let packet = self.stream.packet()?;
        match packet.first() {
            Some(0) => ok(packet, self.login.flags),
            Some(0xff) => Err(refusal(packet)),
            _ => bail!("unexpected answer to a file"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.broken {
            // Optional, but it keeps aborted clients out of the server's log.
            self.stream.command(COM_QUIT, &[]).ok();
        }
    }
}

impl Login {
    /// Whether a packet that begins with 0xfe ends the rows; a value of 16 MiB begins so, too.
    fn ends(&self, packet: &[u8]) -> bool {
        if self.flags.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            packet.len() < 0xff_ffff
        } else {
            is_end(packet)
        }
    }

    fn end(&self, packet: &[u8]) -> Result<Answer> {
        if self.flags.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            parsed::<ResultSetTerminator>(packet, self.flags)
        } else {
            parsed::<OldEofPacket>(packet, self.flags)
        }
    }
}

fn ok(packet: &[u8], flags: CapabilityFlags) -> Result<Answer> {
    parsed::<CommonOkPacket>(packet, flags)
}

fn parsed<K: mysql_common::packets::OkPacketKind>(
    packet: &[u8],
    flags: CapabilityFlags,
) -> Result<Answer> {
    let ok: OkPacketDeserializer<'_, K> =
        ParseBuf(packet).parse(flags).context("read the end of the server's answer")?;
    let ok = ok.into_inner();
    Ok(Answer {
        more: ok.status_flags().contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS),
        done: Done { affected: ok.affected_rows(), warnings: ok.warnings(), gtids: gtids(&ok)? },
    })
}

fn gtids(ok: &OkPacket<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for info in ok.session_state_info().context("read what the server says of the session")? {
        if let Ok(SessionStateChange::Gtids(gtids)) = info.decode() {
            found.extend(gtid_text(gtids.as_bytes()));
        }
    }
    Ok(found)
}

/// The set in a GTID tracker's data: one byte for the encoding, then a string with its
/// length in front, as the protocol writes them (MySQL source, `Session_gtids_tracker`).
fn gtid_text(data: &[u8]) -> Option<String> {
    let (0, rest) = data.split_first().map(|(encoding, rest)| (*encoding, rest))? else {
        return None;
    };
    let (length, text) = match rest {
        [0xfc, low, high, text @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), text),
        [length @ 0..=0xfa, text @ ..] => (usize::from(*length), text),
        _ => return None,
    };
    String::from_utf8(text.get(..length)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::gtid_text;

    #[test]
    fn a_gtid_is_read_with_its_length() {
        let text = "c2dcf7a6-e65f-11f1-b033-0242ac110002:63815";
        let data = [&[0, 42], text.as_bytes()].concat();
        assert_eq!(gtid_text(&data).as_deref(), Some(text));
        let long = [&[0, 0xfc, 42, 0], text.as_bytes()].concat();
        assert_eq!(gtid_text(&long).as_deref(), Some(text));
        assert_eq!(gtid_text(&[1, 2, b'a', b'b']), None);
        assert_eq!(gtid_text(&[0, 9, b'a']), None);
        assert_eq!(gtid_text(&[]), None);
    }
}
