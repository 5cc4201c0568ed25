//! `[deploy]` in `xtask.toml`: where a release goes, and how it is judged.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use model::exit::{ExitCode, Stop};

/// How releases are built, started and judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeployPolicy {
    /// The target when `--target` does not name one.
    pub target: String,
    /// Paths that a new release must answer with data; for `/readyz` a 200 is enough.
    pub smoke_paths: Vec<String>,
    /// How long a build may take, in seconds.
    pub build_deadline_s: u64,
    /// How long a start, and each step of a roll-back, may take, in seconds.
    pub start_deadline_s: u64,
    /// How long it may take until every path answers, in seconds.
    pub smoke_deadline_s: u64,
    /// Where a release can go; `local` and `docker` need no section.
    pub targets: BTreeMap<String, Target>,
}

impl Default for DeployPolicy {
    fn default() -> Self {
        Self {
            target: "local".to_owned(),
            smoke_paths: ["/readyz", "/content/movies", "/content/genres"]
                .map(str::to_owned)
                .to_vec(),
            build_deadline_s: 1800,
            start_deadline_s: 120,
            smoke_deadline_s: 60,
            targets: BTreeMap::new(),
        }
    }
}

/// A deploy target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Target {
    /// A process on this machine, in the background.
    Process {
        /// Where it answers, and what it listens on.
        url: String,
        /// The cargo profile to build with.
        #[serde(default = "release")]
        profile: String,
    },
    /// The service `api` of `compose.yaml`.
    Compose {
        url: String,
        /// The cargo profile to build with.
        #[serde(default = "release")]
        profile: String,
        /// The base image; it must have the C library that the program was built for.
        #[serde(default = "base")]
        base: String,
        /// The image's name without a tag; `compose.yaml` takes this name.
        #[serde(default = "image")]
        image: String,
    },
    /// The project's own programs, each a list of arguments; no shell is involved.
    Command {
        url: String,
        /// Builds the release and changes nothing; empty if there is nothing to build.
        #[serde(default)]
        build: Vec<String>,
        /// Replaces the running release.
        start: Vec<String>,
        /// Brings back the previous release.
        undo: Vec<String>,
    },
}

fn release() -> String {
    "release".to_owned()
}

fn base() -> String {
    "debian:trixie-slim".to_owned()
}

fn image() -> String {
    "streamflix/api".to_owned()
}

const LOCAL_URL: &str = "http://127.0.0.1:3000";

impl Target {
    /// The word in `xtask.toml`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Process { .. } => "process",
            Self::Compose { .. } => "compose",
            Self::Command { .. } => "command",
        }
    }

    /// Where the release answers, without a slash at the end.
    pub fn url(&self) -> &str {
        let (Self::Process { url, .. } | Self::Compose { url, .. } | Self::Command { url, .. }) =
            self;
        url.trim_end_matches('/')
    }

    fn flaw(&self) -> Option<String> {
        let Some(host) = self.url().strip_prefix("http://").filter(|host| !host.is_empty()) else {
            return Some(format!("its url `{}` does not start with http://", self.url()));
        };
        match self {
            Self::Process { url, .. } if listen_address(url).is_none() => Some(format!(
                "a process listens on a local address with a port, and `{host}` is not one"
            )),
            Self::Process { profile, .. } | Self::Compose { profile, .. } if !plain(profile) => {
                Some(format!("`{profile}` is not a cargo profile"))
            }
            Self::Compose { base, .. } if base.is_empty() || base.starts_with('-') => {
                Some(format!("`{base}` is not an image name"))
            }
            Self::Compose { image, .. } if !image_name(image) => {
                Some(format!("`{image}` is not an image name without a tag"))
            }
            Self::Command { start, undo, .. } if start.is_empty() || undo.is_empty() => {
                Some("`start` and `undo` each need at least the program".to_owned())
            }
            _ => None,
        }
    }
}

/// The address in `http://127.0.0.1:3000`, which the API listens on.
pub fn listen_address(url: &str) -> Option<SocketAddr> {
    let place = url.strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = place.rsplit_once(':')?;
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        other => other.trim_start_matches('[').trim_end_matches(']').parse().ok()?,
    };
    Some(SocketAddr::new(ip, port.parse().ok().filter(|port| *port != 0)?))
}

fn plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 40 && name.chars().all(fits) && !name.starts_with('-')
}

fn image_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}

impl DeployPolicy {
    /// The target of that name, or the default one.
    pub fn find(&self, name: Option<&str>) -> Result<(String, Target), Stop> {
        let name = name.unwrap_or(&self.target);
        let stop = |message: String| {
            Stop::new(ExitCode::Configuration, message)
                .hint("docs/deploy.md shows a section for each kind of target.")
        };
        let found = self.targets.get(name).cloned().or_else(|| usual(name));
        let Some(target) = found.filter(|_| plain(name)) else {
            let mut names: Vec<&str> = self.targets.keys().map(String::as_str).collect();
            names.extend(["docker", "local"]);
            names.sort_unstable();
            names.dedup();
            return Err(stop(format!("xtask.toml has no target `{name}`"))
                .hint(format!("The targets are {}.", names.join(", "))));
        };
        if let Some(flaw) = target.flaw() {
            return Err(stop(format!("the target `{name}` in xtask.toml cannot be used: {flaw}")));
        }
        if let Some(path) = self.smoke_paths.iter().find(|path| !path.starts_with('/')) {
            return Err(stop(format!("deploy.smoke_paths contains `{path}`, which is not a path")));
        }
        Ok((name.to_owned(), target))
    }
}

fn usual(name: &str) -> Option<Target> {
    let url = LOCAL_URL.to_owned();
    match name {
        "local" => Some(Target::Process { url, profile: release() }),
        "docker" => Some(Target::Compose { url, profile: release(), base: base(), image: image() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_judged() {
        let text = "target = \"far\"\n[targets.far]\nkind = \"command\"\nurl = \"http://far:80/\"\n\
                    start = [\"./start\"]\nundo = [\"./undo\", \"--now\"]\n\
                    [targets.tls]\nkind = \"process\"\nurl = \"https://127.0.0.1:1\"\n\
                    [targets.name]\nkind = \"process\"\nurl = \"http://far:80\"\n\
                    [targets.none]\nkind = \"command\"\nurl = \"http://x\"\nstart = []\nundo = [\"x\"]\n";
        let policy: DeployPolicy = toml::from_str(text).expect("a policy");
        let (name, target) = policy.find(None).expect("the target");
        assert_eq!(
            (name.as_str(), target.kind(), target.url()),
            ("far", "command", "http://far:80")
        );
        assert_eq!(
            policy.find(Some("local")).expect("there without a section").1.kind(),
            "process"
        );
        for bad in ["tls", "name", "none", "other", "../x", ""] {
            let stop = policy.find(Some(bad)).expect_err(bad);
            assert_eq!(stop.code, ExitCode::Configuration, "{bad}");
        }
        let unknown = "[targets.x]\nkind = \"process\"\nurl = \"http://127.0.0.1:1\"\nulr = 1\n";
        assert!(toml::from_str::<DeployPolicy>(unknown).is_err());
        assert!(toml::from_str::<DeployPolicy>("[targets.x]\nkind = \"cloud\"\n").is_err());
    }

    #[test]
    fn addresses_are_of_this_machine() {
        let read = |url: &str| listen_address(url).map(|address| address.to_string());
        assert_eq!(read("http://127.0.0.1:3000"), Some("127.0.0.1:3000".to_owned()));
        assert_eq!(read("http://localhost:80/"), Some("127.0.0.1:80".to_owned()));
        assert_eq!(read("http://[::1]:80"), Some("[::1]:80".to_owned()));
        for bad in ["http://127.0.0.1", "http://far:80", "http://127.0.0.1:0", "127.0.0.1:80"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
