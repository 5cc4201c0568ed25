//! Files of another program, there and back, and everything that must not come back.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::aead::{Aad, LessSafeKey, Nonce};
use ring::hmac;

use super::header::{FileKey, body_key, mac_key};
use super::*;

/// Of `age-keygen` 1.1.1, made for this test.
const KEY: &str =
    concat!("AGE-SECRET-", "KEY-1C6XWW4C306FXY5907Z03G5MPUZ6M8JZQYD8C078ZM6P5U0CQ0XVQN0UD9L");
const PUBLIC_KEY: &str = "age1wdprfd0satrs6l2eqgq26hpgdrgtvlyv0srwf2a2hfttda55tu8qnp2a2j";
/// `printf 'Hello, age\n' | age -r SOMEONE-ELSE -r PUBLIC_KEY | base64`, by age 1.1.1.
const THEIRS: &str = "\
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBqTEpYcGFxYlZxanUzb3BLaS83enkyaE95RlBxNzhIZUVuV1\
VFRWRUaUZRClBmU04rUGZqdUVxbWJMVTRHd0t3b2xHTDFwV00yVVRmTG5oeU4yK0RvdDAKLT4gWDI1NTE5IEFEbEVF\
MXBuVEFDV1J4bXp6eDNlOEU5K3hUSVZpUlJRR3c3Unk1UkFjekUKNmpHSXFWNkpjU2RTeW5RdURPQkNDak1WNDY0N0\
5kcURMQ1hsODU4VDJGawotLS0gVEgzTzNFY2hDVmZRVmpULzBoTU9lL2w5UHV1QXNDYmhDVkVMeWMzUE44WQq8+oBU\
OxoAdTDAkBiEr+cJGJTcoeqsrGRqjep2r/HyZsg478kEuGhdT0vI";
const BLOCK: usize = 64 << 10;
const SECRET: [u8; 16] = *b"a key for tests!";

fn key() -> Identity {
    KEY.parse().unwrap()
}

fn read(file: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    Opener::new(file, &[key()])?.read_to_end(&mut text)?;
    Ok(text)
}

fn sealed(text: &[u8], recipients: &[Recipient]) -> Vec<u8> {
    let mut sealer = Sealer::new(Vec::new(), recipients).unwrap();
    sealer.write_all(text).unwrap();
    sealer.finish().unwrap()
}

/// What the first stanza of a file of ours says: its share and its body, in Base64.
fn parts() -> (FileKey, String, String) {
    let (header, file_key) = header::write(&[key().recipient()]).unwrap();
    let text = String::from_utf8(header).unwrap();
    let mut lines = text.lines().skip(1);
    let share = lines.next().unwrap().rsplit(' ').next().unwrap().to_owned();
    (file_key, share, lines.next().unwrap().to_owned())
}

/// A file with these lines between version and MAC, and an empty body: whatever is wrong
/// with it, its MAC is right.
fn with_lines(file_key: &FileKey, lines: &str) -> Vec<u8> {
    let mut file = format!("age-encryption.org/v1\n{lines}---").into_bytes();
    let mac = hmac::sign(&mac_key(file_key).unwrap(), &file);
    file.extend_from_slice(format!(" {}\n", STANDARD_NO_PAD.encode(mac)).as_bytes());
    with_body(file, file_key, &[(0, true, b"")])
}

/// Blocks with the number and the mark that each is given.
fn with_body(mut file: Vec<u8>, file_key: &FileKey, blocks: &[(u64, bool, &[u8])]) -> Vec<u8> {
    let nonce = [7; 16];
    let key: LessSafeKey = body_key(file_key, &nonce).unwrap();
    file.extend_from_slice(&nonce);
    for (number, last, text) in blocks {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = u8::from(*last);
        let mut block = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut block).unwrap();
        file.extend_from_slice(&block);
    }
    file
}

#[test]
fn keys_and_files_of_another_program_are_read() {
    assert_eq!(key().recipient().to_string(), PUBLIC_KEY);
    assert_eq!(PUBLIC_KEY.parse::<Recipient>().unwrap(), key().recipient());
    assert_eq!(key().reveal().as_str(), KEY);
    assert_eq!(read(&STANDARD.decode(THEIRS).unwrap()).unwrap(), b"Hello, age\n");
    let shown = format!("{:?}", key());
    assert!(!shown.contains("AGE-SECRET"), "{shown}");
}

#[test]
fn text_that_is_no_key_is_refused() {
    let upper = PUBLIC_KEY.to_uppercase();
    assert_eq!(upper.parse::<Recipient>().unwrap(), key().recipient());
    let mixed = upper.replace("AGE1", "age1");
    for bad in ["", "age1", KEY, &mixed, &PUBLIC_KEY[..61], &PUBLIC_KEY.replace('w', "x")] {
        assert!(bad.parse::<Recipient>().is_err(), "{bad}");
    }
    assert!(PUBLIC_KEY.parse::<Identity>().is_err());
    // Bech32m, whose checksum is another, and a key that is too short.
    let hrp = bech32::Hrp::parse("age").unwrap();
    let other = bech32::encode::<bech32::Bech32m>(hrp, &[9; 32]).unwrap();
    let short = bech32::encode::<bech32::Bech32>(hrp, &[9; 31]).unwrap();
    let long = bech32::encode::<bech32::Bech32>(hrp, &[9; 33]).unwrap();
    for bad in [other, short, long] {
        assert!(bad.parse::<Recipient>().is_err(), "{bad}");
    }
}

#[test]
fn what_goes_in_comes_out_whatever_its_length() {
    let other = Identity::generate().unwrap();
    let recipients = [other.recipient(), key().recipient()];
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 9] {
        let text: Vec<u8> = (0..length).map(|n| (n / 7 % 251) as u8).collect();
        let file = sealed(&text, &recipients);
        assert_eq!(read(&file).unwrap(), text);
        assert!(matches!(Opener::new(&file[..], &[]), Err(Fault::NoKeyFits)));
        // The header is the same length for the same recipients, and each block has a tag.
        assert_eq!(
            file.len(),
            sealed(b"", &recipients).len() - 16 + length + 16 * length.div_ceil(BLOCK).max(1)
        );
    }
    assert_ne!(sealed(b"text", &recipients), sealed(b"text", &recipients));
    assert!(Sealer::new(Vec::new(), &[]).is_err());
}

#[test]
fn a_header_says_one_thing_in_one_way() {
    let (file_key, share, body) = parts();
    let good = format!("-> X25519 {share}\n{body}\n");
    let (other_key, other_share, other_body) = parts();
    let full = "A".repeat(64);
    for fine in [
        good.clone(),
        format!("-> X25519 {other_share}\n{body}\n{good}"),
        format!("-> odd !~ x\n{full}\n\n{good}"),
        format!("-> odd\n\n{good}"),
    ] {
        assert_eq!(read(&with_lines(&file_key, &fine)).unwrap(), b"", "{fine}");
    }
    let low = STANDARD_NO_PAD.encode([0; 32]);
    let long = STANDARD_NO_PAD.encode([1; 33]);
    // The last character of 32 bytes has bits that say nothing.
    let loose = |text: &str| format!("{}{}", &text[..42], successor(text.as_bytes()[42]));
    for bad in [
        String::new(),
        good.replace('\n', "\r\n"),
        format!("-> X25519  {share}\n{body}\n"),
        format!("-> X25519 {share} \n{body}\n"),
        format!("->X25519 {share}\n{body}\n"),
        format!("-> X25519 {share} more\n{body}\n"),
        format!("-> X25519\n{body}\n"),
        format!("-> X25519 {share}=\n{body}\n"),
        format!("-> X25519 {share}\n{body}=\n"),
        format!("-> X25519 {}\n{body}\n", loose(&share)),
        format!("-> X25519 {share}\n{}\n", loose(&body)),
        format!("-> X25519 {low}\n{body}\n"),
        format!("-> X25519 {long}\n{body}\n"),
        format!("-> X25519 {}\n{body}\n", &share[..40]),
        format!("-> X25519 {share}\n{long}\n"),
        format!("-> X25519 {share}\n{full}{body}\n"),
        format!("-> X25519 {share}\n{full}\n{good}"),
        format!("-> \n\n{good}"),
        format!("-> \u{e9}\n\n{good}"),
        format!("\n{good}"),
        format!("-> scrypt AAAA 2\n{body}\n{good}"),
    ] {
        let fault = read(&with_lines(&file_key, &bad)).unwrap_err();
        let none = bad.is_empty() && matches!(fault, Fault::NoKeyFits);
        assert!(none || matches!(fault, Fault::Damaged), "{bad}: {fault:?}");
    }
    // A right stanza under the MAC of another key; a stanza of another key under a right MAC.
    assert!(matches!(read(&with_lines(&other_key, &good)), Err(Fault::Damaged)));
    let swapped = format!("-> X25519 {share}\n{other_body}\n");
    assert!(matches!(read(&with_lines(&file_key, &swapped)), Err(Fault::NoKeyFits)));
    let lower = good.replace("X25519", "x25519");
    assert!(matches!(read(&with_lines(&file_key, &lower)), Err(Fault::NoKeyFits)));
    let phrase = format!("-> scrypt AAAA 2\n{body}\n");
    assert!(matches!(read(&with_lines(&file_key, &phrase)), Err(Fault::Passphrase)));
    let newer = b"age-encryption.org/v2\n-> X25519 AAAA\n\n";
    assert!(matches!(read(newer), Err(Fault::NewerFormat)));
    for no_file in [&b""[..], b"age-encryption.org/v1", b"age-encryption.org/v1\r\n", b"SELECT 1"] {
        assert!(matches!(read(no_file), Err(Fault::Damaged)));
    }
}

/// The next character of Base64's alphabet, within the bits that say nothing.
fn successor(last: u8) -> char {
    match last {
        b'Z' => 'a',
        b'z' => '0',
        b'9' => '+',
        other => char::from(other + 1),
    }
}

#[test]
fn an_endless_header_ends() {
    let endless = std::io::repeat(b'A');
    let start = &b"age-encryption.org/v1\n-> odd "[..];
    let reader = std::io::BufReader::new(start.chain(endless));
    assert!(matches!(Opener::new(reader, &[key()]), Err(Fault::Damaged)));
}

#[test]
fn blocks_are_neither_left_out_nor_moved_nor_added() {
    let file_key = FileKey::new(SECRET);
    let full = vec![1; BLOCK];
    let (full, part) = (full.as_slice(), &b"some"[..]);
    let body = |blocks: &[(u64, bool, &[u8])]| -> io::Result<Vec<u8>> {
        let file = with_body(Vec::new(), &file_key, blocks);
        let key = body_key(&file_key, &file[..16]).unwrap();
        let mut text = Vec::new();
        let mut opener = stream::Opener::of(&file[16..], key);
        let outcome = opener.read_to_end(&mut text).map(|_| text);
        // What failed goes on failing.
        assert!(outcome.is_ok() || opener.read(&mut [0; 8]).is_err());
        outcome
    };
    assert_eq!(body(&[(0, true, b"")]).unwrap(), b"");
    assert_eq!(body(&[(0, true, full)]).unwrap(), full);
    assert_eq!(body(&[(0, false, full), (1, true, part)]).unwrap().len(), BLOCK + 4);
    for (what, blocks) in [
        ("no block", vec![]),
        ("no last block", vec![(0, false, part)]),
        ("no last block after a full one", vec![(0, false, full)]),
        ("an empty last block", vec![(0, false, full), (1, true, &b""[..])]),
        ("a short block in the middle", vec![(0, false, part), (1, true, part)]),
        ("two last blocks", vec![(0, true, full), (1, true, part)]),
        ("blocks in another order", vec![(1, false, full), (0, true, part)]),
        ("a block twice", vec![(0, false, full), (0, false, full), (1, true, part)]),
        ("a block left out", vec![(0, false, full), (2, true, part)]),
    ] {
        assert!(body(&blocks).is_err(), "{what}");
    }
}
