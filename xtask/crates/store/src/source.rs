//! Which dump the user means: `latest` and its like, a label, or a path.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::age::KeyFile;
use super::catalogue::{BY_HAND, Backup, State};
pub use super::said::TextSaid;
use super::{Store, folders, names};
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::left_out::LeftOut;
use model::manifest::Manifest;
use model::trust::Trust;
use model::wrong_clock::WrongClock;
use plan::which;
use sys::{clock, fs};

pub use plan::which::LATEST;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This tool: there is a manifest.
    Own,
    /// The user or another tool: what a manifest would prove is unknown.
    Foreign,
}

/// A dump to restore or to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    /// Its manifest, which was checked against its own hash and the file's size.
    pub manifest: Option<Manifest>,
    /// The label, or the file's name where there is no manifest.
    pub name: String,
    pub origin: Origin,
    /// Who vouches for it. Where this is not [`Trust::is_proven`], its text is a stranger's.
    pub trust: Trust,
    /// What the user should know about the choice, as full sentences.
    pub notes: Vec<String>,
    /// Where the private key is, should the file be encrypted.
    pub key: KeyFile,
    /// The destination it was fetched from for a check; `None`: it is local.
    pub place: Option<String>,
    /// The user says that it is whole, although no end line says so.
    pub no_end_line: bool,
    /// What the user says of its text.
    pub text: TextSaid,
    /// What is known of when it was taken, where its time is not believed.
    pub wrong_clock: Option<WrongClock>,
}

/// What the user should know of a partial backup.
fn partial_note(manifest: &Manifest) -> Option<String> {
    let missing: Vec<String> = manifest.left_out.iter().map(LeftOut::what).collect();
    manifest.is_partial().then(|| {
        format!(
            "{} is a partial safety backup, without {}: they were in no backup.",
            manifest.label,
            missing.join(", ")
        )
    })
}

/// What the user should know of a backup whose origin is not proven.
pub fn origin_note(name: &str, trust: &Trust) -> Option<String> {
    match trust {
        Trust::Own | Trust::Named(_) => None,
        Trust::Unknown(_) => Some(format!(
            "{name}: {trust}. `[trust]` in xtask.toml does not name that key, so the file may \
            contain anything."
        )),
        Trust::Unsigned => Some(format!(
            "{name} is unsigned: its origin is not proven. An older version of this tool made it, \
            or someone else did."
        )),
    }
}

impl Source {
    pub(super) fn own(entry: Backup) -> Result<Self, Stop> {
        if let Some(stop) = entry.refusal() {
            return Err(stop);
        }
        let path = entry.data_path().unwrap_or_default();
        let name = entry.label.to_string();
        let manifest = match entry.state {
            State::Ok(manifest) => Some(*manifest),
            _ => None,
        };
        let partial = manifest.as_ref().and_then(partial_note);
        let clock =
            entry.wrong_clock.map(|wrong| format!("{name}: {}.", wrong.words(&clock::minute)));
        let origin = origin_note(&name, &entry.trust);
        let notes = origin.into_iter().chain(partial).chain(clock).collect();
        Ok(Self {
            path,
            manifest,
            name,
            origin: Origin::Own,
            trust: entry.trust,
            notes,
            key: KeyFile::default(),
            place: None,
            no_end_line: false,
            text: TextSaid::default(),
            wrong_clock: entry.wrong_clock,
        })
    }

    /// The same, whole on the user's word where it has no end line.
    ///
    /// # Errors
    /// It is a backup of this tool, whose manifest says how it ends ([`ExitCode::Usage`]).
    pub fn without_end_line(self, said: bool) -> Result<Self, Stop> {
        if said && self.manifest.is_some() {
            let message = format!(
                "--no-end-line: {} is a backup of this tool; its manifest says how it ends",
                self.name
            );
            return Err(Stop::new(ExitCode::Usage, message).hint("Leave --no-end-line out."));
        }
        Ok(Self { no_end_line: said, ..self })
    }

    /// What to do about a file that cannot be used.
    pub fn instead(&self) -> &'static str {
        match self.origin {
            Origin::Own => "Use another backup: `cargo xtask db-list`. Nothing was changed.",
            Origin::Foreign => {
                "Export the file again, or repair what is named here: docs/foreign-dumps.md. \
                 Nothing was changed."
            }
        }
    }

    /// The same, its text being what the user says.
    ///
    /// # Errors
    /// It is a backup of this tool, whose text needs no word ([`ExitCode::Usage`]).
    pub fn with_text(self, text: TextSaid) -> Result<Self, Stop> {
        if text != TextSaid::default() && self.manifest.is_some() {
            let message = format!(
                "--charset and --keep-text: {} is a backup of this tool, which writes UTF-8",
                self.name
            );
            return Err(Stop::new(ExitCode::Usage, message).hint("Leave them out."));
        }
        Ok(Self { text, ..self })
    }

    fn foreign(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let note = format!(
            "{name} has no manifest, so this tool cannot tell whether it is complete and unchanged."
        );
        Self {
            path,
            manifest: None,
            name,
            origin: Origin::Foreign,
            trust: Trust::Unsigned,
            notes: vec![note],
            key: KeyFile::default(),
            place: None,
            no_end_line: false,
            text: TextSaid::default(),
            wrong_clock: None,
        }
    }
}

impl Store {
    /// The dump that `text` names: `latest` and its like ([`which`]), a label, or a path to a dump or to a
    /// manifest; a path is looked up from the current folder first, then from this one.
    ///
    /// # Errors
    /// There is none, or it cannot be used ([`ExitCode::Store`]). `latest` is refused
    /// when the folder holds backups of several schemas; use [`Store::resolve_in`].
    pub fn resolve(&self, text: &str) -> Result<Source> {
        Ok(self.placed(self.find(text, None)?))
    }

    /// As [`Store::resolve`], with `latest` being the latest of that schema.
    pub fn resolve_in(&self, text: &str, schema: &str) -> Result<Source> {
        Ok(self.placed(self.find(text, Some(schema))?))
    }

    /// With the key, and with the folder where that is another one: what is true of a file
    /// there proves nothing about the one of the same name here.
    fn placed(&self, source: Source) -> Source {
        let folder = fs::whole_path(&source.path).parent().map(Path::to_owned);
        let other =
            folder.filter(|it| source.origin == Origin::Own && *it != fs::whole_path(&self.dir));
        let place = other.map(|folder| folder.display().to_string());
        Source { key: self.key.clone(), place, ..source }
    }

    fn find(&self, text: &str, schema: Option<&str>) -> Result<Source> {
        if let Some(wanted) = which::parse(text, clock::now_local())? {
            return self.newest(text, wanted, schema);
        }
        if let Ok(label) = text.parse::<Label>() {
            return self.labelled(&label);
        }
        for path in [PathBuf::from(text), self.path(text)] {
            if path.is_file() {
                return self.at_path(path);
            }
            if path.is_dir() {
                return Err(folders::refusal(&path).into());
            }
        }
        let looks_like_path = text.contains(['/', '\\']) || names::is_dump(text);
        let what = if looks_like_path { "there is no file" } else { "there is no backup" };
        Err(self.unknown(text, what)?.into())
    }

    /// The backup of that name, or the one dump without a manifest that is called so.
    ///
    /// # Errors
    /// There is none, or it cannot be used ([`ExitCode::Store`]).
    pub fn source_of(&self, label: &Label) -> Result<Source> {
        Ok(self.placed(self.labelled(label)?))
    }

    fn labelled(&self, label: &Label) -> Result<Source> {
        if let Some(entry) = self.backup(label)? {
            return Ok(Source::own(entry)?);
        }
        // The guide's own command gives dumps such names.
        let mut by_hand = self.strangers()?.into_iter().filter(|name| {
            names::is_dump(name)
                && name.strip_prefix(&label.to_string()).is_some_and(|rest| rest.starts_with('.'))
        });
        match (by_hand.next(), by_hand.next()) {
            (Some(name), None) => {
                self.demand_stranger(label)?;
                Ok(Source::foreign(self.path(&name)))
            }
            (Some(one), Some(two)) => {
                let message = format!("`{label}` could mean {one} or {two}");
                Err(Stop::new(ExitCode::Store, message).hint("Give the file name.").into())
            }
            (None, _) => Err(self.missing(label)?.into()),
        }
    }

    /// A file without a manifest is taken for a stranger's, but not under the name of a
    /// backup that the ledger says was made here: that one had a manifest.
    fn demand_stranger(&self, label: &Label) -> Result<(), Stop> {
        let ledger = self.known();
        let Some(made) = ledger.made(label).last().copied() else { return Ok(()) };
        let message = format!(
            "backup {label} has lost its manifest: the ledger records it with SHA-256 {}",
            made.sha256
        );
        Err(Stop::new(ExitCode::Store, message)
            .hint("Use another backup: `cargo xtask db-list` shows them.")
            .hint(BY_HAND))
    }

    fn at_path(&self, path: PathBuf) -> Result<Source> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_manifest = name.ends_with(names::MANIFEST);
        if name.ends_with(sys::fs::PARTIAL) {
            let message = format!("{} was never finished", path.display());
            return Err(Stop::new(ExitCode::Store, message)
                .hint("Use another backup: `cargo xtask db-list` shows them.")
                .into());
        }
        let Some((label, rest)) = names::split_label(&name) else {
            return if is_manifest {
                Err(no_manifest(&path).into())
            } else {
                Ok(Source::foreign(path))
            };
        };
        if is_manifest && rest != names::MANIFEST {
            return Err(no_manifest(&path).into());
        }
        let manifest_path = path.with_file_name(format!("{label}{}", names::MANIFEST));
        let is_data = names::kind(rest) == names::Kind::Data;
        let described = is_manifest || (is_data && manifest_path.is_file());
        if !described {
            if is_data && self.is_here(&path) {
                self.demand_stranger(&label)?;
            }
            return Ok(Source::foreign(path));
        }
        // A file beside its damaged manifest is refused and not taken for a foreign one:
        // it can be the file that is damaged.
        let source = Source::own(self.look(&self.known(), label, &manifest_path))?;
        // `x.sql` beside the manifest of `x.sql.zst` is not what that manifest is about.
        let same = is_manifest || source.path.file_name() == path.file_name();
        Ok(if same { source } else { Source::foreign(path) })
    }

    /// Whether a file lies in this folder.
    fn is_here(&self, path: &Path) -> bool {
        fs::whole_path(path).parent() == Some(&fs::whole_path(&self.dir))
    }

    /// Why there is no backup of that label here: it went, or it never was.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn missing(&self, label: &Label) -> Result<Stop> {
        let ledger = self.known();
        let name = label.to_string();
        let deleted = ledger.proven().rev().find_map(|entry| match &entry.event {
            Event::Prune { destination: None, subject, .. } if *subject == name => {
                Some(format!("it was deleted here on {}", clock::local(entry.at_utc).date()))
            }
            _ => None,
        });
        if deleted.is_none() && !ledger.knows(label) {
            return self.unknown(&name, "there is no backup");
        }
        let why =
            deleted.unwrap_or_else(|| "the ledger records it, but its files are gone".to_owned());
        Ok(Stop::new(ExitCode::Store, format!("there is no backup {label} here: {why}"))
            .hint("If a destination has a copy, `--from NAME` uses that: `cargo xtask db-list --from NAME`.")
            .hint("Use another backup: `cargo xtask db-list` shows them."))
    }

    /// What was typed is the name of nothing.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn unknown(&self, text: &str, what: &str) -> Result<Stop> {
        let labels: Vec<Label> = self.list()?.into_iter().map(|entry| entry.label).collect();
        let near = which::nearest(text, &labels);
        let stop = Stop::new(ExitCode::Usage, format!("{what} `{text}`"));
        Ok(if labels.is_empty() {
            let elsewhere =
                text.parse().map(|label: Label| self.elsewhere(label.schema())).unwrap_or_default();
            let stop = stop.hint(format!("{} holds no backups.", self.dir().display()));
            elsewhere.into_iter().fold(stop, Stop::hint)
        } else {
            stop.hint(format!("The nearest are {}.", near.join(", ")))
                .hint(format!("`cargo xtask db-list` lists them all; {} work, too.", which::WORDS))
        })
    }
}

fn no_manifest(path: &Path) -> Stop {
    Stop::new(ExitCode::Store, format!("{} is not the manifest of a backup", path.display()))
        .hint("Give a `.sql`, `.sql.gz` or `.sql.zst` file, with or without `.age`, or a label.")
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
