//! The RSA key that a server sends for a password. `mysql_common` does the arithmetic and
//! panics where a key is not one, so it gets numbers that were checked before.

use mysql_common::crypto::der::parse_uint;
use mysql_common::crypto::rsa::{GetRandom, Pkcs1OaepPadding, PublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// The arithmetic with a longer modulus would take long.
const MODULUS_BYTES_MAX: usize = 1024;
/// The same of the exponent; 65537 in practice.
const EXPONENT_BYTES_MAX: usize = 8;
/// What OAEP with SHA-1 adds to a secret, in bytes.
const PADDING: usize = 42;

/// The secret encrypted with a key in PEM; `None` where that is no key, or too short a one.
pub(super) fn encrypt(secret: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let info = element(SEQUENCE, &info)?;
    let algorithm = element(SEQUENCE, info.content)?;
    let key = element(BIT_STRING, algorithm.rest)?.content.strip_prefix(&[0])?;
    let key = element(SEQUENCE, key)?;
    let modulus = element(INTEGER, key.content)?;
    let exponent = element(INTEGER, modulus.rest)?;
    let (size, small) = (length(modulus.content)?, length(exponent.content)?);
    if size > MODULUS_BYTES_MAX || small > EXPONENT_BYTES_MAX {
        return None;
    }
    let key = PublicKey::new(parse_uint(modulus.whole).0, parse_uint(exponent.whole).0);
    if key.num_octets() < secret.len() + PADDING {
        return None;
    }
    Some(key.encrypt_block(secret, Pkcs1OaepPadding::new(GetRandom)))
}

/// How many bytes a number has; `None` where it is not above zero.
fn length(number: &[u8]) -> Option<usize> {
    let negative = number.first()? & 0x80 != 0;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let size = number.len() - zeros;
    (!negative && size > 0).then_some(size)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
    rest: &'a [u8],
}

fn element(tag: u8, der: &[u8]) -> Option<Element<'_>> {
    let (head, length) = match *der {
        [found, short @ ..=0x7f, ..] if found == tag => (2, usize::from(short)),
        [found, 0x81, length, ..] if found == tag => (3, usize::from(length)),
        [found, 0x82, high, low, ..] if found == tag => {
            (4, usize::from(u16::from_be_bytes([high, low])))
        }
        _ => return None,
    };
    let (whole, rest) = der.split_at_checked(head + length)?;
    Some(Element { whole, content: &whole[head..], rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 512 bits, unused elsewhere.
    const BODY: &str = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf\n\
        9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==\n";

    fn pem(body: &str) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n")
    }

    #[test]
    fn a_key_takes_what_fits() {
        let key = pem(BODY);
        assert_eq!(encrypt(&[7; 22], key.as_bytes()).map(|it| it.len()), Some(64));
        for length in [23, 24, 64, 300] {
            assert_eq!(encrypt(&vec![7; length], key.as_bytes()), None, "{length}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        // The last two: a modulus and an exponent of nothing, and of zero.
        let bodies = ["", "!", "AAAA\n", "MFw=\n", "MAMCAQA=\n", "MAswAAMHADAEAgACAA==\n"];
        for body in bodies.into_iter().chain(["MA0wAAMJADAGAgEAAgEA\n"]) {
            assert_eq!(encrypt(b"x", pem(body).as_bytes()), None, "{body}");
        }
        let whole = pem(BODY);
        for (at, _) in whole.char_indices() {
            // Cut off anywhere before its end is written.
            if at < whole.len() - 2 {
                assert_eq!(encrypt(b"x", &whole.as_bytes()[..at]), None, "{at}");
            }
        }
    }

    #[test]
    fn no_byte_that_is_changed_makes_it_panic() {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem(BODY).as_bytes()).unwrap().to_vec();
        let coded = |der: &[u8]| {
            const LETTERS: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            assert_eq!(der.len() % 3, 1);
            let mut text = String::new();
            for three in der.chunks(3) {
                let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
                let bits = bits << (8 * (3 - three.len()));
                for letter in 0..=three.len() {
                    text.push(char::from(LETTERS[bits >> (18 - 6 * letter) & 63]));
                }
            }
            format!("{text}==\n")
        };
        assert_eq!(coded(&der), BODY.replacen('\n', "", 1));
        for at in 0..der.len() {
            for byte in [0, 1, 2, 3, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = byte;
                encrypt(b"secret", pem(&coded(&changed)).as_bytes());
            }
        }
    }
}
