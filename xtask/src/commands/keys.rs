//! `db-keys`: makes a key pair, and says whether the keys at hand fit what is encrypted.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use cli::keys::{DbKeys, KeysCommand};
use config::Settings;
use config::trust::NamedSigner;
use model::check::{Check, Outcome};
use model::copy::Encryption;
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use report::json::{DOCUMENT_VERSION, render};
use report::keys::{KeysDocument, ListedKey, NewKeyDocument, SignerDocument, TrustedSigner};
use store::age::{Identities, Recipients, VARIABLE, fingerprint, generate, identity, round_trip};
use store::{KeyFile, Keyring, Store, remote, signing};
use sys::{clock, fs};

pub(crate) fn run(ctx: &mut Ctx, args: &DbKeys) -> Result<()> {
    match &args.command {
        KeysCommand::New { file } => new(ctx, file),
        KeysCommand::Check => check(ctx),
        KeysCommand::Signer => signer(ctx),
    }
}

fn new(ctx: &Ctx, file: &Path) -> Result<()> {
    let path = outside(&ctx.settings, file)?;
    let mut recipients = Recipients::parse(&ctx.settings.policy.encryption.recipients)?.texts();
    let (recipient, text) = generate(clock::now());
    write(&path, text.reveal().as_bytes())?;
    // What was written is what will be read: a key that does not come back is none.
    let back = identity(&path)?;
    anyhow::ensure!(back.recipients() == [recipient.clone()], "{} is damaged", path.display());
    recipients.push(recipient.clone());
    let quoted: Vec<String> = recipients.iter().map(|text| format!("\"{text}\"")).collect();
    let document = NewKeyDocument {
        version: DOCUMENT_VERSION,
        file: path.display().to_string(),
        fingerprint: fingerprint(&recipient),
        recipient,
        policy_line: format!("recipients = [{}]", quoted.join(", ")),
        env_line: format!("{VARIABLE}='{}'", path.display()),
    };
    if ctx.ui.json() {
        ctx.ui.result(render(&document)?);
    } else {
        ctx.ui.result(document.text());
    }
    Ok(())
}

/// The public half of the key that this machine signs with.
fn signer(ctx: &Ctx) -> Result<()> {
    let keyring = Keyring::of(&ctx.settings);
    let made = keyring.make()?.is_some();
    let key = keyring.own()?.context("the signing key is not there")?;
    let trusted: Vec<NamedSigner> = ctx.settings.policy.trust.named();
    let name = trusted.iter().find(|it| it.key == key.public()).map(|it| it.name.clone());
    let shown = name.clone().unwrap_or_else(|| "NAME".to_owned());
    let document = SignerDocument {
        version: DOCUMENT_VERSION,
        file: keyring.path()?.unwrap_or_default().display().to_string(),
        made,
        key: key.public().to_owned(),
        fingerprint: key.fingerprint(),
        policy_line: format!("signers = [\"{shown} {}\"]", key.public()),
        name,
        trusted: trusted
            .iter()
            .map(|it| TrustedSigner {
                name: it.name.clone(),
                key: it.key.clone(),
                fingerprint: signing::fingerprint(&it.key),
            })
            .collect(),
    };
    if ctx.ui.json() {
        ctx.ui.result(render(&document)?);
    } else {
        ctx.ui.result(document.text());
    }
    Ok(())
}

/// The whole path, which must not lead to where the key would be committed, or lie beside
/// what it opens.
fn outside(settings: &Settings, file: &Path) -> Result<PathBuf> {
    let refuse = |what: String| Stop::new(ExitCode::Configuration, what);
    let file = std::path::absolute(file).context("find the current folder")?;
    let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(refuse(format!("{} cannot be the name of a file", file.display())).into());
    };
    // Without links: `..` and links must not lead back inside.
    let Ok(parent) = parent.canonicalize() else {
        let message = format!("there is no folder {}", parent.display());
        return Err(refuse(message).hint("Create it first, or choose another file.").into());
    };
    let path = parent.join(name);
    if fs::exists(&path)? {
        let message = format!("{} exists already", path.display());
        return Err(refuse(message)
            .hint("A key is never overwritten: choose another file.")
            .into());
    }
    let inside = |folder: &Path| folder.canonicalize().is_ok_and(|it| parent.starts_with(it));
    let repository = parent.ancestors().find(|folder| folder.join(".git").exists());
    let why = if let Some(repository) = repository {
        format!("in the git repository {}, where it could be committed", repository.display())
    } else if inside(&settings.root) {
        "in the workspace, where it could be committed".to_owned()
    } else if inside(&settings.backups) {
        "in the backups folder, beside what it opens".to_owned()
    } else {
        return Ok(path);
    };
    Err(refuse(format!("{} is {why}", path.display()))
        .hint("Choose a file elsewhere, for example in your home folder or on a separate drive.")
        .into())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::create_private(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        fs::remove_if_exists(path).ok();
        return Err(error).with_context(|| format!("write {}", path.display()));
    }
    fs::sync_dir(path.parent().unwrap_or(Path::new(".")))
}

fn check(ctx: &Ctx) -> Result<()> {
    let (document, code) = look(ctx)?;
    if ctx.ui.json() {
        ctx.ui.result(render(&document)?);
    } else if code.is_some() {
        ctx.ui.result(document.text());
    } else {
        ctx.ui.outcome(document.text());
    }
    let Some(code) = code else { return Ok(()) };
    let failed = document.checks.iter().filter(|c| c.outcome == Outcome::Failed).count();
    let message = format!("{failed} of {} checks failed", document.checks.len());
    Err(Stop::new(code, message).hint("docs/keys.md explains what to do about keys.").into())
}

/// Looks; gives the exit code of the first check that failed.
fn look(ctx: &Ctx) -> Result<(KeysDocument, Option<ExitCode>)> {
    let settings = &ctx.settings;
    let file = settings.outside.identity.as_ref().map(|path| settings.root.join(path));
    let shown = file.map(|path| path.display().to_string());
    let mut document = KeysDocument::new(settings.policy.encryption.local, shown);
    let (checks, recipients, identities) = configured(settings);
    let held = identities.as_ref().map(Identities::fingerprints).unwrap_or_default();
    for recipient in recipients.iter().flat_map(Recipients::texts) {
        let fingerprint = fingerprint(&recipient);
        let at_hand = held.contains(&fingerprint);
        document.recipients.push(ListedKey { recipient, fingerprint, at_hand });
    }
    let failed = |checks: &[Check]| checks.iter().any(|check| check.outcome == Outcome::Failed);
    let mut code = failed(&checks).then_some(ExitCode::Configuration);
    document.checks = checks;
    let listed: Vec<String> =
        document.recipients.iter().map(|key| key.fingerprint.clone()).collect();
    let keys = Keys { listed: &listed, held: &held, at_hand: identities.is_some() };
    let mut found = Vec::new();
    if settings.backups.is_dir() {
        keys.judge("local backups", &local(&ctx.store()?)?, &mut found);
    } else {
        found.push(Check::not_run("local backups", "there is no backups folder yet"));
    }
    for policy in &settings.policy.destination {
        let name = format!("copies at {}", policy.name);
        let copies = remote::open(settings, policy).and_then(|mut depot| {
            let copies = remote::copies(depot.as_mut())?;
            Ok(copies
                .into_iter()
                .filter_map(|copy| {
                    let of_file = copy.manifest.and_then(|manifest| manifest.encryption);
                    copy.note.and_then(|note| note.encryption).or(of_file)
                })
                .collect::<Vec<Encryption>>())
        });
        match copies {
            Ok(copies) => keys.judge(&name, &copies, &mut found),
            Err(error) => found.push(Check::not_run(name, format!("{error:#}"))),
        }
    }
    if failed(&found) {
        code.get_or_insert(ExitCode::Store);
    }
    document.checks.extend(found);
    Ok((document, code))
}

/// Checks of what is configured: the recipients, the key at hand, and both together.
pub(super) fn configured(
    settings: &Settings,
) -> (Vec<Check>, Option<Recipients>, Option<Identities>) {
    const FITS: &str = "encrypt and decrypt";
    let mut checks = Vec::new();
    let recipients = match Recipients::parse(&settings.policy.encryption.recipients) {
        Ok(recipients) => Some(recipients),
        Err(stop) => {
            checks.push(Check::failed("recipients", stop.message));
            None
        }
    };
    let local = settings.policy.encryption.local;
    if let Some(recipients) = &recipients {
        let n = recipients.texts().len();
        let folder = if local { "encrypted" } else { "plain" };
        let detail = format!("{n} in xtask.toml; files in the backups folder are {folder}");
        checks.push(if n == 0 && !local {
            Check::not_run("recipients", "xtask.toml names none: nothing is encrypted")
        } else {
            Check::of(n > 0, "recipients", detail)
        });
    }
    let identities = match KeyFile::of(settings).read() {
        Ok(None) => {
            let why = format!(
                "{VARIABLE} names no file; without one, encrypted backups cannot be \
            read"
            );
            checks.push(Check::not_run("private key", why));
            None
        }
        Ok(Some(identities)) => {
            let held = identities.fingerprints().join(", ");
            let detail = format!("{} holds {held}", identities.path().display());
            checks.push(Check::passed("private key", detail));
            Some(identities)
        }
        Err(stop) => {
            checks.push(Check::failed("private key", stop.message));
            None
        }
    };
    checks.push(match (recipients.as_ref().filter(|it| !it.is_empty()), &identities) {
        (Some(recipients), Some(identities)) => match round_trip(recipients, identities) {
            Ok(()) => Check::passed(FITS, "a sample text was encrypted and decrypted"),
            Err(error) => Check::failed(FITS, format!("{error}")),
        },
        (None, _) => Check::not_run(FITS, "there is no recipient"),
        (_, None) => Check::not_run(FITS, "there is no private key at hand"),
    });
    (checks, recipients, identities)
}

fn local(store: &Store) -> Result<Vec<Encryption>> {
    let entries = store.list()?;
    let manifests = entries.iter().filter_map(|entry| entry.manifest());
    Ok(manifests.filter_map(|manifest| manifest.encryption.clone()).collect())
}

/// Fingerprints of the recipients that are listed, and of the keys that are at hand.
struct Keys<'a> {
    listed: &'a [String],
    held: &'a [String],
    at_hand: bool,
}

impl Keys<'_> {
    /// Whether the keys at hand open what is there, and whom it still needs.
    fn judge(&self, name: &str, there: &[Encryption], checks: &mut Vec<Check>) {
        let s = if there.len() == 1 { "" } else { "s" };
        let all = format!("{} encrypted file{s}", there.len());
        let opens = |it: &&Encryption| it.recipients.iter().any(|one| self.held.contains(one));
        let unread: Vec<&Encryption> = there.iter().filter(|it| !opens(it)).collect();
        checks.push(if there.is_empty() {
            Check::passed(name, "none are encrypted")
        } else if !self.at_hand {
            Check::not_run(name, format!("{all}; no private key is at hand to read them"))
        } else if unread.is_empty() {
            Check::passed(name, format!("{all}; the key at hand decrypts all of them"))
        } else {
            let keys = wanted(unread.iter().copied());
            let detail =
                format!("{all}; the key at hand cannot decrypt {} of them: {keys}", unread.len());
            Check::failed(name, detail)
        });
        let replaced =
            there.iter().filter(|it| !it.recipients.iter().any(|r| self.listed.contains(r)));
        let replaced: Vec<&Encryption> = replaced.collect();
        if !replaced.is_empty() {
            let keys = wanted(replaced.iter().copied());
            let detail =
                format!("only for keys that are no longer in xtask.toml but still needed: {keys}");
            checks.push(Check::passed(format!("{name}, older keys"), detail));
        }
    }
}

/// "3 for 0123…, 1 for 4567…"
fn wanted<'a>(files: impl Iterator<Item = &'a Encryption>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(file.recipients.join(" or ")).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(keys, n)| format!("{n} for {keys}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(keys: &[&str]) -> Encryption {
        let recipients = keys.iter().map(|key| (*key).to_owned()).collect();
        Encryption { method: "age".to_owned(), recipients, tested: false }
    }

    fn judged(listed: &[&str], held: &[&str], there: &[Encryption]) -> Vec<Check> {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let (listed, held) = (own(listed), own(held));
        let keys = Keys { listed: &listed, held: &held, at_hand: !held.is_empty() };
        let mut checks = Vec::new();
        keys.judge("files", there, &mut checks);
        checks
    }

    #[test]
    fn files_are_judged_by_the_keys_that_open_them() {
        let both = [file(&["a", "b"]), file(&["b"])];
        assert_eq!(judged(&["a"], &["a"], &[])[0].outcome, Outcome::Passed);
        assert_eq!(judged(&["b"], &["b"], &both).len(), 1);
        let unread = &judged(&["a", "b"], &["a"], &both)[0];
        assert_eq!(unread.outcome, Outcome::Failed);
        assert!(unread.detail.ends_with("1 of them: 1 for b"), "{}", unread.detail);
        assert_eq!(judged(&["a", "b"], &[], &both)[0].outcome, Outcome::NotRun);
        let replaced = &judged(&["a"], &["a", "b"], &both)[1];
        assert_eq!(
            (replaced.outcome, replaced.name.as_str()),
            (Outcome::Passed, "files, older keys")
        );
        assert!(replaced.detail.ends_with("1 for b"), "{}", replaced.detail);
    }
}
