//! An object store as a destination, through the program `streamflix-offsite`, whose
//! `main.rs` says how it is spoken to.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::fault::{Fault, FaultKind};
use super::{Depot, Listed, SMALL, TOGETHER, program, too_large};
use crate::names;
use config::outside::DestinationPolicy;
use model::copy::DestinationKind;
use model::secret::Secret;
use sys::proc::{Cmd, Finished, Stream};
use sys::signal;

/// The program gives up by itself when nothing moves; this is for one that does not.
const STALL: Duration = Duration::from_secs(10 * 60);
/// An upper end for objects of any size.
const DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);
/// After the last byte: what is still on its way, and its repetitions.
const LAST_PARTS: Duration = Duration::from_secs(15 * 60);
const BLOCK: usize = 256 << 10;
/// The line in front of a small object: its name and its size.
const LINE_MAX: u64 = 4096;
/// How the program says that there is nothing of that name.
const NOTHING: i32 = 4;

#[derive(Debug)]
pub(super) struct Bucket {
    name: String,
    url: String,
    program: PathBuf,
    options: String,
    secrets: Secret,
    hidden: Hidden,
}

/// What is kept out of messages.
#[derive(Debug, Clone)]
struct Hidden(Vec<Secret>);

impl Hidden {
    /// How the program ended: whether there was something of that name, or the fault.
    fn ended(&self, stream: Stream) -> Result<Result<bool, Fault>> {
        signal::check()?;
        if let Some(why) = stream.ended_because() {
            return Ok(Err(Fault::new(FaultKind::Connection, why)));
        }
        Ok(self.judge(&stream.finish()?))
    }

    fn judge(&self, finished: &Finished) -> Result<bool, Fault> {
        judge(finished).map_err(|fault| Fault {
            message: self.0.iter().fold(fault.message, |text, it| it.redact(&text)),
            ..fault
        })
    }
}

impl Bucket {
    pub(super) fn new(
        policy: &DestinationPolicy,
        credentials: &BTreeMap<String, Secret>,
        program: PathBuf,
    ) -> Result<Self> {
        let secrets: BTreeMap<&String, &str> =
            credentials.iter().map(|(key, value)| (key, value.reveal())).collect();
        Ok(Self {
            name: policy.name.clone(),
            url: policy.url.clone(),
            program,
            options: serde_json::to_string(&policy.options)?,
            secrets: Secret::new(serde_json::to_string(&secrets)?),
            hidden: Hidden(credentials.values().cloned().collect()),
        })
    }

    fn command(&self, words: &[&str]) -> Cmd {
        program::child(&self.program)
            .args(words.iter().copied())
            .env("OFFSITE_URL", &self.url)
            .env("OFFSITE_OPTIONS", &self.options)
            .env("OFFSITE_SECRETS", self.secrets.reveal())
            .undisturbed()
    }

    /// Runs it to its end and gives what it wrote.
    fn ask(&self, command: &Cmd) -> Result<Vec<u8>> {
        let mut stream = command.stream(STALL, DEADLINE)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        self.hidden.ended(stream)??;
        Ok(bytes)
    }
}

fn judge(finished: &Finished) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Said {
        kind: String,
        message: String,
    }
    match finished.code {
        Some(0) => return Ok(true),
        Some(NOTHING) => return Ok(false),
        _ => {}
    }
    let said = finished.stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    Err(match said {
        Some(Said { kind, message }) => Fault::new(FaultKind::of_word(&kind), message),
        None => Fault::new(FaultKind::Other, format!("streamflix-offsite {}", finished.why())),
    })
}

fn plain(name: &str) -> Result<()> {
    ensure!(names::is_plain(name), "{name:?} cannot be the name of an object");
    Ok(())
}

impl Depot for Bucket {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> DestinationKind {
        DestinationKind::Object
    }

    fn prepare(&mut self, _first: bool) -> Result<()> {
        // The first request tells; a question of its own would be one more.
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<Listed>> {
        #[derive(Deserialize)]
        struct Line {
            name: String,
            bytes: u64,
            modified: Option<DateTime<Utc>>,
        }
        let text = self.ask(&self.command(&["list"]))?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let Line { name, bytes, modified } = serde_json::from_slice(line)?;
                Ok(Listed { name, bytes, modified })
            })
            .collect()
    }

    fn put(&mut self, name: &str, bytes: u64, data: &mut dyn Read) -> Result<()> {
        plain(name)?;
        let mut feed = self.command(&["put", name, &bytes.to_string()]).feed()?;
        let mut block = vec![0; BLOCK];
        loop {
            signal::check()?;
            let length = match data.read(&mut block) {
                Ok(0) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.context("read the file to copy")?,
            };
            // A broken pipe says that it ended; why, it says itself.
            if feed.write_all(&block[..length]).is_err() {
                break;
            }
        }
        self.hidden.judge(&feed.finish(LAST_PARTS)?)?;
        Ok(())
    }

    fn get(&mut self, name: &str) -> Result<Option<Box<dyn Read>>> {
        plain(name)?;
        let mut stream = self.command(&["get", name]).stream(STALL, DEADLINE)?;
        // Whether there is something shows with its first bytes.
        let mut front = vec![0; BLOCK];
        let length = stream.read(&mut front)?;
        front.truncate(length);
        if length > 0 {
            let hidden = self.hidden.clone();
            let reader = Object { hidden, front: Cursor::new(front), stream: Some(stream) };
            return Ok(Some(Box::new(reader)));
        }
        let found = self.hidden.ended(stream)??;
        Ok(if found { Some(Box::new(io::empty())) } else { None })
    }

    fn get_small(&mut self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        names.iter().try_for_each(|name| plain(name))?;
        let stream = self.command(&["small"]).stdin(names.join("\n")).stream(STALL, DEADLINE)?;
        let mut answer = BufReader::new(stream);
        let mut room = TOGETHER;
        let read: Result<Vec<_>> =
            names.iter().map(|_| next_small(&mut answer, &mut room)).collect();
        match read {
            Ok(read) => {
                io::copy(&mut answer, &mut io::sink())?;
                self.hidden.ended(answer.into_inner())??;
                Ok(read)
            }
            // Too much: do not wait for the rest. Otherwise the program reports why it ended.
            Err(error) if error.is::<Fault>() => Err(error),
            Err(error) => {
                self.hidden.ended(answer.into_inner())??;
                Err(error)
            }
        }
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        plain(name)?;
        self.ask(&self.command(&["remove", name])).map(drop)
    }

    fn free_bytes(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// A line of JSON with a size, and so many bytes after it; `room` is what may still come.
fn next_small(answer: &mut impl BufRead, room: &mut u64) -> Result<Option<Vec<u8>>> {
    #[derive(Deserialize)]
    struct Head {
        bytes: Option<u64>,
    }
    let cut = "the answer of streamflix-offsite is cut short";
    let mut line = Vec::new();
    answer.take(LINE_MAX).read_until(b'\n', &mut line)?;
    let head = line.strip_suffix(b"\n").context(cut)?;
    let head: Head = serde_json::from_slice(head)?;
    let Some(length) = head.bytes else { return Ok(None) };
    ensure!(length <= SMALL.min(*room), too_large());
    *room -= length;
    let mut bytes = Vec::new();
    answer.take(length).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 == length, cut);
    Ok(Some(bytes))
}

/// An object on its way in. Its end is an end only when the program ended well.
struct Object {
    hidden: Hidden,
    front: Cursor<Vec<u8>>,
    stream: Option<Stream>,
}

impl Read for Object {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.front.read(buf)?;
        if length > 0 || buf.is_empty() {
            return Ok(length);
        }
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let length = stream.read(buf)?;
        if length > 0 {
            return Ok(length);
        }
        let ended = self.stream.take().map(|stream| self.hidden.ended(stream));
        match ended {
            None | Some(Ok(Ok(_))) => Ok(0),
            Some(Ok(Err(fault))) => Err(io::Error::other(fault)),
            Some(Err(error)) => Err(io::Error::other(format!("{error:#}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_are_read_one_by_one() {
        let text =
            b"{\"name\":\"a\",\"bytes\":3}\na\nc{\"name\":\"b\",\"bytes\":null}\n{\"bytes\":0}\n";
        let (mut rest, mut room) = (text.as_slice(), TOGETHER);
        assert_eq!(next_small(&mut rest, &mut room).unwrap(), Some(b"a\nc".to_vec()));
        assert_eq!(next_small(&mut rest, &mut room).unwrap(), None);
        assert_eq!(next_small(&mut rest, &mut room).unwrap(), Some(Vec::new()));
        assert!(next_small(&mut rest, &mut room).is_err());
        assert!(next_small(&mut b"{\"bytes\":9}\nshort".as_slice(), &mut room).is_err());
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let mut room = 4;
        assert!(next_small(&mut b"{\"bytes\":3}\nabc".as_slice(), &mut room).is_ok());
        let more = next_small(&mut b"{\"bytes\":3}\nabc".as_slice(), &mut room);
        assert!(more.unwrap_err().is::<Fault>());
        let mut room = TOGETHER;
        let huge = format!("{{\"bytes\":{}}}\n", SMALL + 1);
        assert!(next_small(&mut huge.as_bytes(), &mut room).unwrap_err().is::<Fault>());
        assert!(next_small(&mut vec![b' '; 9000].as_slice(), &mut room).is_err());
    }

    #[test]
    fn the_last_line_says_the_kind() {
        let ended = |code, stderr: &str| {
            judge(&Finished { code, stdout: String::new(), stderr: stderr.to_owned() })
        };
        assert_eq!(ended(Some(0), "noise"), Ok(true));
        assert_eq!(ended(Some(4), ""), Ok(false));
        let fault = ended(Some(1), "noise\n{\"kind\":\"full\",\"message\":\"no room\"}\n");
        assert_eq!(fault, Err(Fault::new(FaultKind::Full, "no room")));
        assert_eq!(ended(None, "").unwrap_err().kind, FaultKind::Other);
    }
}
