//! Published test vectors, what a signature covers, and where a key may be.

use super::super::testing::{first_key, label, second_key};
use super::*;

const FORM: Form = Form { signature: "\"signature\":\"", hash: "\"hash\":\"" };

/// RFC 8032, section 7.1, tests 1 and 2.
#[test]
fn published_vectors() {
    let first = first_key();
    assert_eq!(
        first.public(),
        "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
    assert_eq!(
        first.sign(b""),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
    assert_eq!(
        second_key().sign(&[0x72]),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

fn document(signer: &str, signature: &str) -> String {
    format!(
        "{{\"a\":\"\\\"signature\\\":\\\"\",\"signer\":\"{signer}\",\"signature\":\"{signature}\",\"hash\":\"{}\"}}",
        "0".repeat(64)
    )
}

fn signed(subject: Subject<'_>) -> (String, String) {
    let key = first_key();
    let text = document(key.public(), "").replace(&"0".repeat(64), "");
    let (text, signature) = sign(&text, FORM, subject, &key).unwrap();
    // As the seal does afterwards.
    (text.replace("\"hash\":\"\"", &format!("\"hash\":\"{}\"", "0".repeat(64))), signature)
}

#[test]
fn a_signature_covers_every_byte_and_its_place() {
    let key = first_key();
    let (text, signature) = signed(Subject::Line(7));
    let demand = |text: &str, subject, signer: &str, signature: &str| {
        demand_signed(text, FORM, subject, (Some(signer), Some(signature))).is_ok()
    };
    assert!(demand(&text, Subject::Line(7), key.public(), &signature));
    assert!(!demand(&text, Subject::Line(8), key.public(), &signature), "another number");
    let name = label("20261122_101112");
    assert!(!demand(&text, Subject::Manifest(&name), key.public(), &signature), "another kind");
    assert!(!demand(&text, Subject::Line(7), second_key().public(), &signature));
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        let range = changed.find(&signature);
        // The value of the hash is not covered by the signature but by itself.
        let in_hash = at >= text.len() - 66 && at < text.len() - 2;
        let signature = if range.is_some() {
            signature.clone()
        } else {
            let start = text.find(&signature).unwrap();
            changed.get(start..start + 128).unwrap_or_default().to_owned()
        };
        let ok = demand(&changed, Subject::Line(7), key.public(), &signature);
        assert!(!ok || in_hash, "byte {at}");
    }
    let none = |carried| demand_signed(&text, FORM, Subject::Line(7), carried);
    assert!(none((None, None)).is_ok());
    assert!(none((Some(key.public()), None)).is_err());
    assert!(none((None, Some(&signature))).is_err());
}

#[test]
fn a_signer_is_this_machine_a_trusted_one_or_unknown() {
    let ci = NamedSigner { name: "ci".to_owned(), key: second_key().public().to_owned() };
    let keyring = Keyring::holding(first_key(), vec![ci]);
    assert_eq!(keyring.judge(None), Trust::Unsigned);
    assert_eq!(keyring.judge(Some(first_key().public())), Trust::Own);
    assert_eq!(keyring.judge(Some(second_key().public())), Trust::Named("ci".to_owned()));
    let stranger = keyring.judge(Some("ed25519:00"));
    assert_eq!(stranger, Trust::Unknown(fingerprint("ed25519:00")));
    assert_eq!(Keyring::default().judge(Some(first_key().public())).word(), "unknown");
}

#[cfg(unix)]
mod files {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use model::exit::ExitCode;

    fn keyring(root: &Path, key: &Path) -> Keyring {
        let place = Place::for_test(key, root, &root.join("backups"));
        Keyring(Arc::new(Keys { place: Some(place), ..Keys::default() }))
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (root, home) = (dir.path().join("checkout"), dir.path().join("home/keys"));
        let file = home.join("signing.pk8");
        let first = keyring(&root, &file);
        assert!(first.own().unwrap().is_none());
        assert_eq!(first.make().unwrap(), Some(file.clone()));
        assert_eq!(first.make().unwrap(), None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&home), mode(&file)), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 1);
        let again = keyring(&root, &file);
        let public = first.own().unwrap().unwrap().public().to_owned();
        assert_eq!(again.own().unwrap().unwrap().public(), public);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let stop = keyring(&root, &file).own().unwrap_err();
        assert_eq!(stop.code, ExitCode::Configuration);
        assert!(stop.message.contains("others can read"), "{stop}");
        assert_eq!(keyring(&root, &file).judge(Some(&public)).word(), "unknown");
    }

    #[test]
    fn a_key_in_the_repository_or_beside_the_backups_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (root, backups) = (dir.path().join("checkout"), dir.path().join("elsewhere"));
        for file in [root.join("keys/a"), backups.join("a")] {
            let place = || Place::for_test(&file, &root, &backups);
            let keyring = || Keyring(Arc::new(Keys { place: Some(place()), ..Keys::default() }));
            let refused = keyring().make().unwrap_err().downcast::<Stop>().unwrap();
            assert_eq!(refused.code, ExitCode::Configuration);
            assert!(!file.exists());
            // One that was put there by hand is not used either.
            Place::for_test(&file, dir.path().join("no").as_path(), &root.join("no"))
                .make()
                .unwrap();
            assert_eq!(keyring().own().unwrap_err().code, ExitCode::Configuration);
        }
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        sys::fs::write_durably(&file, b"no key").unwrap();
        let stop = keyring(&dir.path().join("checkout"), &file).own().unwrap_err();
        assert_eq!(stop.code, ExitCode::Configuration);
    }
}
