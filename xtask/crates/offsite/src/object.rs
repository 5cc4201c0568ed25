//! Objects: in from a pipe, out to a pipe, with a bound on memory.

use std::io::{BufRead, Read, Write};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use object_store::{GetResult, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;

use crate::fault::{Fault, Kind};
use crate::setup::Place;

/// How much is sent at a time. Stores want at least 5 MiB, and all parts but the last of
/// one size.
const PART: u64 = 8 << 20;
/// Stores take 10,000 parts.
const PARTS_MAX: u64 = 9_000;
/// Parts on their way at once; one more waits in the pipe, and one is being read.
const AT_ONCE: usize = 3;
/// How many small objects are asked for at once.
const SMALL_AT_ONCE: usize = 8;
/// A small object of at most so many bytes is read before its turn.
const TINY: u64 = 1 << 20;
/// A small object has at most so many bytes.
const SMALL: u64 = 64 << 20;

fn broken(error: &std::io::Error) -> Fault {
    Fault::new(Kind::Other, format!("the pipe broke: {error}"))
}

/// The size of the parts of an object of so many bytes.
fn part_size(bytes: u64) -> u64 {
    let needed = bytes.div_ceil(PARTS_MAX);
    // In whole MiB, so that it is a size that any store takes.
    PART.max(needed.div_ceil(1 << 20) << 20)
}

/// Standard input in parts. It ends where the pipe ends.
fn parts(size: u64) -> Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let read = part(&mut input, size);
            let last = !matches!(&read, Ok(bytes) if bytes.len() as u64 == size);
            if sender.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    receiver
}

fn part(input: &mut impl Read, size: u64) -> std::io::Result<Bytes> {
    let size = usize::try_from(size).map_err(std::io::Error::other)?;
    let mut bytes = BytesMut::zeroed(size);
    let mut filled = 0;
    while filled < size {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.freeze())
}

/// Stores what comes in under a name, once all `bytes` of it have come.
pub(crate) async fn put(place: &Place, name: &str, bytes: u64) -> Result<(), Fault> {
    let path = place.path(name)?;
    let size = part_size(bytes);
    let mut input = parts(size);
    let mut next = async || match input.recv().await {
        None => Ok(None),
        Some(Ok(bytes)) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
        Some(Err(error)) => Err(broken(&error)),
    };
    if bytes < size {
        let only = next().await?.unwrap_or_default();
        demand(only.len() as u64, bytes)?;
        let put = place.store.put(&path, only.into()).await;
        return put.map(drop).map_err(|error| Fault::of(&error));
    }
    let upload = place.store.put_multipart(&path).await;
    let mut upload = upload.map_err(|error| Fault::of(&error))?;
    let mut sending = JoinSet::new();
    let sent = async {
        let mut come = 0;
        while let Some(part) = next().await? {
            while sending.len() >= AT_ONCE {
                finished(sending.join_next().await)?;
            }
            come += part.len() as u64;
            sending.spawn(upload.put_part(PutPayload::from(part)));
        }
        demand(come, bytes)?;
        while !sending.is_empty() {
            finished(sending.join_next().await)?;
        }
        upload.complete().await.map_err(|error| Fault::of(&error))
    };
    let sent = sent.await;
    if let Err(fault) = sent {
        sending.shutdown().await;
        abort(upload).await;
        return Err(fault);
    }
    Ok(())
}

/// Parts that were sent cost money until someone removes them. That it cannot be done is
/// no news: the upload has failed already.
async fn abort(mut upload: Box<dyn MultipartUpload>) {
    let _ = tokio::time::timeout(std::time::Duration::from_secs(20), upload.abort()).await;
}

fn demand(come: u64, announced: u64) -> Result<(), Fault> {
    if come == announced {
        return Ok(());
    }
    Err(Fault::new(Kind::Other, format!("{come} bytes came instead of {announced}")))
}

type Joined = Option<Result<object_store::Result<()>, tokio::task::JoinError>>;

fn finished(joined: Joined) -> Result<(), Fault> {
    match joined {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(Fault::of(&error)),
        Some(Err(error)) => Err(Fault::new(Kind::Other, error.to_string())),
    }
}

/// Whether an answer says that the bucket is there and the object is not.
fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !error.to_string().contains("NoSuchBucket")
        && !error.to_string().contains("ContainerNotFound")
}

/// Writes an object to standard output; whether there is one.
pub(crate) async fn get(place: &Place, name: &str) -> Result<bool, Fault> {
    let mut stream = match place.store.get(&place.path(name)?).await {
        Err(error) if is_absent(&error) => return Ok(false),
        Err(error) => return Err(Fault::of(&error)),
        Ok(found) => found.into_stream(),
    };
    let mut output = std::io::stdout().lock();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| Fault::of(&error))?;
        output.write_all(&bytes).map_err(|error| broken(&error))?;
    }
    output.flush().map_err(|error| broken(&error))?;
    Ok(true)
}

/// Reads the objects that standard input names, one a line, and writes for each a line of
/// JSON with its size (`null`: there is none) and then its bytes.
pub(crate) async fn small(place: &Place) -> Result<(), Fault> {
    let names: Result<Vec<String>, _> = std::io::stdin().lock().lines().collect();
    let names = names.map_err(|error| broken(&error))?;
    let asked = names.into_iter().map(|name| async move {
        let path = place.path(&name)?;
        match place.store.get(&path).await {
            Err(error) if is_absent(&error) => Ok((name, None)),
            Err(error) => Err(Fault::of(&error)),
            // What is not tiny is read in its turn: several at once would fill the memory.
            Ok(found) if found.meta.size > TINY => Ok((name, Some(Found::Waiting(found)))),
            Ok(found) => {
                let bytes = bounded(&name, found, TINY).await?;
                Ok((name, Some(Found::Read(bytes))))
            }
        }
    });
    let mut answers = futures_util::stream::iter(asked).buffered(SMALL_AT_ONCE);
    let mut output = std::io::stdout().lock();
    while let Some((name, found)) = answers.try_next().await? {
        let bytes = match found {
            None => None,
            Some(Found::Read(bytes)) => Some(bytes),
            Some(Found::Waiting(found)) => Some(bounded(&name, found, SMALL).await?),
        };
        let head = serde_json::json!({"name": name, "bytes": bytes.as_ref().map(Vec::len)});
        writeln!(output, "{head}")
            .and_then(|()| output.write_all(&bytes.unwrap_or_default()))
            .map_err(|error| broken(&error))?;
    }
    output.flush().map_err(|error| broken(&error))
}

/// A small object, read at once or when its turn comes.
enum Found {
    Read(Vec<u8>),
    Waiting(GetResult),
}

/// An object that may have so many bytes, whatever the store says of its size.
async fn bounded(name: &str, found: GetResult, most: u64) -> Result<Vec<u8>, Fault> {
    let mut stream = found.into_stream();
    let mut all = Vec::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| Fault::of(&error))?;
        if (all.len() + bytes.len()) as u64 > most {
            let message = format!("{name} is larger than a manifest or a note can be");
            return Err(Fault::new(Kind::Other, message));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// Writes a line of JSON for each object right below the url.
pub(crate) async fn list(place: &Place) -> Result<(), Fault> {
    let prefix = Some(&place.prefix).filter(|prefix| !prefix.as_ref().is_empty());
    let listed = place.store.list_with_delimiter(prefix).await;
    // An empty prefix is no missing one: object stores have no folders.
    let listed = listed.map_err(|error| Fault::of(&error))?;
    let mut output = std::io::stdout().lock();
    for object in listed.objects {
        let Some(name) = object.location.filename() else { continue };
        let modified = object.last_modified.to_rfc3339();
        let line = serde_json::json!({"name": name, "bytes": object.size, "modified": modified});
        writeln!(output, "{line}").map_err(|error| broken(&error))?;
    }
    output.flush().map_err(|error| broken(&error))
}

/// Removes an object; fine when there is none.
pub(crate) async fn remove(place: &Place, name: &str) -> Result<(), Fault> {
    match place.store.delete(&place.path(name)?).await {
        Err(error) if !is_absent(&error) => Err(Fault::of(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_fits_into_the_parts_that_a_store_takes() {
        assert_eq!(part_size(0), 8 << 20);
        assert_eq!(part_size(70 << 30), 8 << 20);
        for bytes in [1_u64 << 37, 1 << 40, 5 << 40] {
            let size = part_size(bytes);
            assert!(bytes.div_ceil(size) <= PARTS_MAX, "{bytes}");
            assert_eq!(size % (1 << 20), 0);
        }
    }

    #[test]
    fn a_part_is_filled_from_short_reads() {
        let mut input = (&b"abc"[..]).chain(&b"defg"[..]);
        assert_eq!(part(&mut input, 5).unwrap(), "abcde");
        assert_eq!(part(&mut input, 5).unwrap(), "fg");
        assert_eq!(part(&mut input, 5).unwrap(), "");
    }
}
