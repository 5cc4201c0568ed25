//! The files of an import: which they are by their names, and their bytes, read once.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// A catalogue is held in memory; a larger file is a mistake.
const SIZE_MAX: u64 = 256 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Credits,
    Episodes,
    Genres,
    Movies,
    People,
    Series,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Credits, "credits"),
    (Kind::Episodes, "episodes"),
    (Kind::Genres, "genres"),
    (Kind::Movies, "movies"),
    (Kind::People, "people"),
    (Kind::Series, "series"),
];

impl Kind {
    /// The columns of the CSV file, and the names in a JSON file's objects.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Genres => &["name"],
            Self::People => &["name", "birth_year"],
            Self::Movies => &[
                "title",
                "release_year",
                "runtime_minutes",
                "age_rating",
                "original_language",
                "description",
                "genres",
            ],
            Self::Series => &[
                "title",
                "start_year",
                "end_year",
                "age_rating",
                "original_language",
                "description",
                "genres",
            ],
            Self::Episodes => &[
                "series_title",
                "series_start_year",
                "season_number",
                "episode_number",
                "title",
                "runtime_minutes",
            ],
            Self::Credits => &["person", "kind", "title", "year", "role", "character_name"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub name: String,
    pub kind: Kind,
    pub format: Format,
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hex.
    pub checksum: String,
}

/// A mistake on the command line: files that no import can be made of.
#[derive(Debug)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// How a file of this name is written.
pub(crate) fn format(name: &str) -> Option<Format> {
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "csv" => Some(Format::Csv),
        "json" => Some(Format::Json),
        _ => None,
    }
}

// `movies-2026-11.csv` and `movies.new.json` are movies: what follows the first `-` or
// `.` is for people.
fn recognise(name: &str) -> Option<(Kind, Format)> {
    let format = format(name)?;
    let (stem, _) = name.rsplit_once('.')?;
    let word = stem.split(['-', '.']).next()?;
    let (kind, _) = KINDS.iter().find(|(_, known)| *known == word)?;
    Some((*kind, format))
}

/// The files of a folder that an import knows, by name.
pub fn folder(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read the folder {}", dir.display());
    let mut paths = vec![];
    for entry in dir.read_dir().with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if entry.file_name().to_str().is_some_and(|name| recognise(name).is_some()) {
            paths.push(entry.path());
        }
    }
    if paths.is_empty() {
        bail!(Usage(format!("{} contains no known files ({})", dir.display(), known())));
    }
    paths.sort();
    Ok(paths)
}

fn known() -> String {
    let names: Vec<&str> = KINDS.iter().map(|(_, name)| *name).collect();
    format!("{}; .csv or .json", names.join(", "))
}

/// Reads the files at `paths`, each of another kind.
///
/// # Errors
/// [`Usage`] when a name is not known or two files are of one kind; otherwise when a
/// file cannot be read or is too large.
pub(crate) fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = vec![];
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((kind, format)) = recognise(name) else {
            bail!(Usage(format!("{} is not one of the known files ({})", path.display(), known())));
        };
        if let Some(other) = inputs.iter().find(|input| input.kind == kind) {
            bail!(Usage(format!(
                "{} and {name} both contain {kind}; give one of \
            them",
                other.name
            )));
        }
        let bytes = bytes(path, SIZE_MAX)?;
        let checksum = crate::hex(&Sha256::digest(&bytes));
        inputs.push(Input { name: name.to_owned(), kind, format, bytes, checksum });
    }
    Ok(inputs)
}

fn bytes(path: &Path, max: u64) -> Result<Vec<u8>> {
    let failed = || format!("cannot read {}", path.display());
    let mut bytes = vec![];
    let file = File::open(path).with_context(failed)?;
    // Not by the size that the file system tells: a pipe has none, and a file may grow.
    file.take(max + 1).read_to_end(&mut bytes).with_context(failed)?;
    if bytes.len() as u64 > max {
        bail!("{} is larger than {} MiB; split it", path.display(), max >> 20);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Format, Kind, bytes, inputs, recognise};

    #[test]
    fn names_tell_what_files_hold() {
        for (name, kind, format) in [
            ("movies.csv", Kind::Movies, Format::Csv),
            ("movies-2026-11.csv", Kind::Movies, Format::Csv),
            ("people.new.JSON", Kind::People, Format::Json),
            ("credits-a.b-c.json", Kind::Credits, Format::Json),
        ] {
            assert_eq!(recognise(name), Some((kind, format)), "{name}");
        }
        for name in ["movies", "movies.txt", "movies2.csv", "films.csv", ".csv", "Movies.csv", ""] {
            assert_eq!(recognise(name), None, "{name}");
        }
        let told = inputs(&["x/films.csv".into()]).unwrap_err().to_string();
        assert_eq!(
            told,
            "x/films.csv is not one of the known files (credits, episodes, genres, movies, people, \
             series; .csv or .json)"
        );
    }

    #[test]
    fn large_files_are_refused() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let whole = bytes(&path, 1 << 20).unwrap();
        assert_eq!(bytes(&path, whole.len() as u64).unwrap(), whole);
        let told = bytes(&path, whole.len() as u64 - 1).unwrap_err().to_string();
        assert!(told.contains("Cargo.toml is larger than 0 MiB; split it"), "{told}");
    }
}
