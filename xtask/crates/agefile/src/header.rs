//! The header: the file key, encrypted for each recipient, and a MAC over all of it.

use std::io::{self, BufRead, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::{Zeroize as _, Zeroizing};

use crate::keys::random;
use crate::{Fault, Identity, MAGIC, Recipient};

/// The only version there is.
const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const STANZA: &[u8] = b"-> ";
const FOOTER: &[u8] = b"---";
const X25519: &[u8] = b"X25519";
const SCRYPT: &[u8] = b"scrypt";
/// What separates the keys of this use from any other.
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
/// Characters in a full line of a stanza's body.
const COLUMNS: usize = 64;
const TAG: usize = 16;
/// No header of this tool, or of any with some thousand recipients, is longer.
const LONGEST: u64 = 1 << 20;

/// What the blocks of one file, and the MAC of its header, are made with.
pub(crate) type FileKey = Zeroizing<[u8; 16]>;

/// A recipient's part of the header.
#[derive(Debug)]
struct Stanza {
    arguments: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Stanza {
    fn is(&self, kind: &[u8]) -> bool {
        self.arguments.first().is_some_and(|first| first == kind)
    }
}

/// A header for `recipients`, and the key that its body is encrypted with.
pub(crate) fn write(recipients: &[Recipient]) -> io::Result<(Vec<u8>, FileKey)> {
    let failed = |what: &'static str| io::Error::other(what);
    if recipients.is_empty() {
        return Err(failed("there is no recipient to encrypt for"));
    }
    let file_key: FileKey = random().ok_or_else(|| failed(NO_RANDOM))?;
    let mut header = VERSION_LINE.to_vec();
    for recipient in recipients {
        let once = random().ok_or_else(|| failed(NO_RANDOM))?;
        let once = StaticSecret::from(*once);
        let share = PublicKey::from(&once);
        let shared = once.diffie_hellman(&recipient.0);
        let body = wrapping_key(&shared, &share, &recipient.0)
            .and_then(|key| wrap(&key, &file_key))
            .ok_or_else(|| failed("a recipient cannot be encrypted for"))?;
        header.extend_from_slice(STANZA);
        header.extend_from_slice(X25519);
        header.push(b' ');
        header.extend_from_slice(STANDARD_NO_PAD.encode(share.as_bytes()).as_bytes());
        header.push(b'\n');
        // Shorter than a full line.
        header.extend_from_slice(STANDARD_NO_PAD.encode(body).as_bytes());
        header.push(b'\n');
    }
    header.extend_from_slice(FOOTER);
    let mac = mac_key(&file_key).ok_or_else(|| failed("the header cannot be signed"))?;
    let mac = STANDARD_NO_PAD.encode(hmac::sign(&mac, &header));
    header.extend_from_slice(format!(" {mac}\n").as_bytes());
    Ok((header, file_key))
}

pub(crate) const NO_RANDOM: &str = "the system gives no random bytes";

/// Reads the header of a file, no byte more, and gives its key, if one of `identities` fits.
pub(crate) fn read<R: BufRead>(reader: &mut R, identities: &[Identity]) -> Result<FileKey, Fault> {
    let mut lines = Lines { reader, left: LONGEST };
    let first = lines.next()?;
    if first != VERSION_LINE {
        let other = first.starts_with(MAGIC) && first.ends_with(b"\n") && !first.contains(&b'\r');
        return Err(if other { Fault::NewerFormat } else { Fault::Damaged });
    }
    let mut signed = first;
    let mut stanzas = Vec::new();
    let mac = loop {
        let line = lines.next()?;
        if let Some(mac) = line.strip_prefix(FOOTER) {
            signed.extend_from_slice(FOOTER);
            break mac_of(mac).ok_or(Fault::Damaged)?;
        }
        let arguments = arguments_of(&line).ok_or(Fault::Damaged)?;
        signed.extend_from_slice(&line);
        let body = body_of(&mut lines, &mut signed)?;
        stanzas.push(Stanza { arguments, body });
    };
    let file_key = unwrap(&stanzas, identities)?;
    let key = mac_key(&file_key).ok_or(Fault::Damaged)?;
    hmac::verify(&key, &signed, &mac).map_err(|_| Fault::Damaged)?;
    Ok(file_key)
}

struct Lines<'a, R> {
    reader: &'a mut R,
    left: u64,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line, with its end.
    fn next(&mut self) -> Result<Vec<u8>, Fault> {
        let mut line = Vec::new();
        let length = self.reader.by_ref().take(self.left).read_until(b'\n', &mut line)?;
        self.left -= length as u64;
        if line.ends_with(b"\n") { Ok(line) } else { Err(Fault::Damaged) }
    }
}

fn mac_of(text: &[u8]) -> Option<[u8; 32]> {
    decode(text.strip_prefix(b" ")?.strip_suffix(b"\n")?)?.try_into().ok()
}

fn arguments_of(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = line.strip_prefix(STANZA)?.strip_suffix(b"\n")?;
    let arguments = text.split(|byte| *byte == b' ');
    let fits = |one: &[u8]| !one.is_empty() && one.iter().all(u8::is_ascii_graphic);
    arguments.map(|one| fits(one).then(|| one.to_vec())).collect()
}

/// Lines of Base64; the first one that is not full is the last.
fn body_of<R: BufRead>(lines: &mut Lines<'_, R>, signed: &mut Vec<u8>) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    loop {
        let line = lines.next()?;
        signed.extend_from_slice(&line);
        let part = &line[..line.len() - 1];
        text.extend_from_slice(part);
        match part.len() {
            COLUMNS => {}
            0..COLUMNS => return decode(&text).ok_or(Fault::Damaged),
            _ => return Err(Fault::Damaged),
        }
    }
}

/// Base64 without padding; what could be written in another way is refused.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

fn unwrap(stanzas: &[Stanza], identities: &[Identity]) -> Result<FileKey, Fault> {
    if stanzas.iter().any(|stanza| stanza.is(SCRYPT)) {
        // A passphrase goes with nothing else.
        return Err(if stanzas.len() == 1 { Fault::Passphrase } else { Fault::Damaged });
    }
    let identities: Vec<_> = identities.iter().map(|one| (one, one.recipient().0)).collect();
    let mut found = None;
    for stanza in stanzas.iter().filter(|stanza| stanza.is(X25519)) {
        let (share, body) = x25519_of(stanza).ok_or(Fault::Damaged)?;
        for (identity, recipient) in &identities {
            let shared = identity.0.diffie_hellman(&share);
            let key = wrapping_key(&shared, &share, recipient).ok_or(Fault::Damaged)?;
            if found.is_none() {
                found = open_wrapped(&key, &body);
            }
        }
    }
    found.ok_or(Fault::NoKeyFits)
}

fn x25519_of(stanza: &Stanza) -> Option<(PublicKey, [u8; 16 + TAG])> {
    let [_, share] = stanza.arguments.as_slice() else { return None };
    let share: [u8; 32] = decode(share)?.try_into().ok()?;
    Some((PublicKey::from(share), stanza.body.as_slice().try_into().ok()?))
}

/// `None` where the shared secret is the same for every private key.
fn wrapping_key(
    shared: &SharedSecret,
    share: &PublicKey,
    recipient: &PublicKey,
) -> Option<LessSafeKey> {
    if !shared.was_contributory() {
        return None;
    }
    let salt = [*share.as_bytes(), *recipient.as_bytes()].concat();
    cipher(&*derived(shared.as_bytes(), &salt, X25519_LABEL)?)
}

fn wrap(key: &LessSafeKey, file_key: &FileKey) -> Option<Vec<u8>> {
    let mut body = file_key.to_vec();
    key.seal_in_place_append_tag(no_nonce(), Aad::empty(), &mut body).ok()?;
    Some(body)
}

fn open_wrapped(key: &LessSafeKey, body: &[u8; 16 + TAG]) -> Option<FileKey> {
    let mut body = *body;
    let opened = key.open_in_place(no_nonce(), Aad::empty(), &mut body).ok();
    let file_key = opened.and_then(|opened| <[u8; 16]>::try_from(&*opened).ok());
    body.zeroize();
    file_key.map(Zeroizing::new)
}

/// The key is used once.
fn no_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

pub(crate) fn mac_key(file_key: &FileKey) -> Option<hmac::Key> {
    let key = derived(file_key.as_slice(), &[], b"header")?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
}

/// The key of the blocks that follow `nonce`.
pub(crate) fn body_key(file_key: &FileKey, nonce: &[u8]) -> Option<LessSafeKey> {
    cipher(&*derived(file_key.as_slice(), nonce, b"payload")?)
}

fn derived(secret: &[u8], salt: &[u8], label: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let label = [label];
    let expanded = extracted.expand(&label, hkdf::HKDF_SHA256).ok()?;
    expanded.fill(key.as_mut_slice()).ok().map(|()| key)
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new)
}
