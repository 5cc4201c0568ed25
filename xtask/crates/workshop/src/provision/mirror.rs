//! The Debian mirror this machine uses, read from its own apt configuration:
//! the project names none.

use std::path::{Path, PathBuf};

use anyhow::Result;

use model::exit::{ExitCode, Stop};
use sys::fs;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where the packages come from.
    pub uri: String,
    /// The release, such as `bookworm` or `stable-updates`.
    pub suite: String,
    /// `main` and its like.
    pub components: Vec<String>,
}

/// What `/etc/os-release` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `debian`, `ubuntu`, …
    pub id: String,
    /// `bookworm`, `noble`, …
    pub codename: String,
}

pub fn release() -> Result<Release> {
    Ok(parse_release(&fs::read_text(Path::new("/etc/os-release"))?))
}

fn parse_release(text: &str) -> Release {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
            .unwrap_or_default()
    };
    Release { id: value("ID"), codename: value("VERSION_CODENAME") }
}

/// The address of the mirror that serves this machine's Debian release. Other
/// Debian releases lie beside it.
pub fn debian() -> Result<String> {
    let release = release()?;
    if release.id != "debian" {
        return Err(no_mirror(format!("this machine runs {}, not Debian", release.id)).into());
    }
    let found = pick(&sources()?, &release.codename);
    found
        .ok_or_else(|| no_mirror(format!("apt has no http source for {}", release.codename)).into())
}

fn no_mirror(message: String) -> Stop {
    Stop::new(ExitCode::Configuration, message)
        .hint("Where images can be pulled, none of this is needed: set MYSQL_IMAGE=mysql:9.7.")
        .hint("Otherwise add Debian's `main` to the machine's apt sources and run this again.")
}

/// The source of the release itself, not of its updates or of someone else.
/// Vendors also call their suites `bookworm` or `stable`, so a path that ends
/// in `debian`, as mirrors have it, goes first.
fn pick(sources: &[Source], codename: &str) -> Option<String> {
    let mut uris: Vec<&str> = sources
        .iter()
        .filter(|source| source.components.iter().any(|component| component == "main"))
        .filter(|source| source.suite == codename || source.suite == "stable")
        .map(|source| source.uri.trim_end_matches('/'))
        .filter(|uri| uri.starts_with("http://") || uri.starts_with("https://"))
        .collect();
    uris.sort_by_key(|uri| !uri.ends_with("debian"));
    uris.first().map(|&uri| uri.to_owned())
}

/// Every source that apt reads, in its order.
fn sources() -> Result<Vec<Source>> {
    let apt = Path::new("/etc/apt");
    let folder = apt.join("sources.list.d");
    let mut files: Vec<PathBuf> = vec![apt.join("sources.list")];
    files.extend(fs::names(&folder)?.iter().map(|name| folder.join(name)));
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let ending = file.extension().and_then(|ending| ending.to_str());
        match ending {
            Some("list") => sources.extend(parse_lines(&fs::read_text(file)?)),
            Some("sources") => sources.extend(parse_stanzas(&fs::read_text(file)?)),
            // Apt ignores other endings, and so do we.
            _ => {}
        }
    }
    Ok(sources)
}

/// `deb [options] URI SUITE COMPONENT…`, one a line.
fn parse_lines(text: &str) -> Vec<Source> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default().trim();
            let rest = line.strip_prefix("deb")?;
            let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
            let rest = match rest.strip_prefix('[') {
                Some(options) => options.split_once(']')?.1,
                None => rest,
            };
            let mut words = rest.split_whitespace();
            Some(Source {
                uri: words.next()?.to_owned(),
                suite: words.next()?.to_owned(),
                components: words.map(str::to_owned).collect(),
            })
        })
        .collect()
}

/// Stanzas of `Field: values`, separated by empty lines (deb822).
fn parse_stanzas(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            sources.extend(read_stanza(&stanza));
            stanza.clear();
        } else if line.starts_with('#') {
            // A comment, which may stand inside a stanza.
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((field, value)) = line.split_once(':') {
            stanza.push((field.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn read_stanza(stanza: &[(String, String)]) -> Vec<Source> {
    let words = |field: &str| -> Vec<String> {
        let found = stanza.iter().find(|(name, _)| name == field);
        found.map_or_else(Vec::new, |(_, value)| {
            value.split_whitespace().map(str::to_owned).collect()
        })
    };
    let enabled = words("enabled").first().is_none_or(|value| value != "no" && value != "false");
    if !enabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let (uris, suites, components) = (words("uris"), words("suites"), words("components"));
    let both = uris.iter().flat_map(|uri| suites.iter().map(move |suite| (uri, suite)));
    both.map(|(uri, suite)| Source {
        uri: uri.clone(),
        suite: suite.clone(),
        components: components.clone(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_are_read() {
        let text = "# a comment\n\
            deb-src http://mirror.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/k.gpg] http://other.example/x stable main\n\
            deb http://mirror.example/debian/ bookworm main contrib # end\n";
        let sources = parse_lines(text);
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[1].components, ["main", "contrib"]);
        assert_eq!(pick(&sources, "bookworm").unwrap(), "http://mirror.example/debian");
    }

    #[test]
    fn stanzas_are_read_and_disabled_ones_left_out() {
        let text = "Types: deb\n# inside\nURIs: http://mirror.example/debian\n\
            Suites: bookworm bookworm-updates\nComponents: main\n\n\
            Enabled: no\nTypes: deb\nURIs: http://off.example/\nSuites: bookworm\n\
            Components: main\n\n\
            Types: deb\n deb-src\nURIs: mirror+file:/etc/apt/mirrors\nSuites: bookworm\n\
            Components: main\n";
        let sources = parse_stanzas(text);
        let suites: Vec<&str> = sources.iter().map(|source| source.suite.as_str()).collect();
        assert_eq!(suites, ["bookworm", "bookworm-updates", "bookworm"]);
        assert_eq!(pick(&sources, "bookworm").unwrap(), "http://mirror.example/debian");
        assert_eq!(pick(&sources[2..], "bookworm"), None);
    }

    #[test]
    fn the_release_is_read() {
        let text = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        let expected = Release { id: "debian".to_owned(), codename: "bookworm".to_owned() };
        assert_eq!(parse_release(text), expected);
    }
}
