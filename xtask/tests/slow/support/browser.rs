//! A browser without a window, and what can be seen of a page in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::ZlibDecoder;
use serde_json::Value;
use sys::proc::{Cmd, Finished};
use sys::{env, fs};
use workshop::provision::chromium;

const DEADLINE: Duration = Duration::from_secs(120);

/// Chromium, with a profile of its own. It reaches no host.
#[derive(Debug)]
pub struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// What was seen of a page.
#[derive(Debug)]
pub struct Seen {
    /// What its inspector said.
    pub answer: Value,
    /// The lines of its console.
    pub console: Vec<String>,
    /// What it asked for beyond the files of this machine.
    pub requests: Vec<String>,
}

/// A picture's pixels, as the file holds them.
#[derive(Debug)]
pub struct Picture {
    /// The bytes of its file.
    pub file: Vec<u8>,
    /// The filtered pixels.
    pub pixels: Vec<u8>,
}

impl Browser {
    /// The browser, or `None` with a line that says what is skipped.
    ///
    /// # Panics
    /// In CI, where nothing may be skipped.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn require() -> Option<Self> {
        if let Some(program) = chromium::find() {
            return Some(Self { program, folder: tempfile::tempdir().unwrap() });
        }
        assert!(!env::is_ci(), "CI runs need Chromium, and it is not installed");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED: {test} needs Chromium, which is not installed; use `cargo xtask ci`");
        None
    }

    /// Opens a page in a frame of this width, and gives what `inspector` makes of it: a
    /// function of the frame's document and window, in JavaScript.
    pub fn inspect(&self, page: &Path, width: u32, inspector: &str) -> Seen {
        let wrapper = self.folder.path().join("wrapper.html");
        let log = self.folder.path().join("net.json");
        let text = format!(
            "<!doctype html><meta charset=utf-8><iframe id=f width={width} height=900 src=\"{}\">\
             </iframe><pre id=answer></pre><script>\nconst look = {inspector};\n\
             document.getElementById('f').onload = event => {{\n\
             const w = event.target.contentWindow;\n\
             document.getElementById('answer').textContent = JSON.stringify(look(w.document, w));\n\
             }};\n</script>",
            address(page)
        );
        fs::write_durably(&wrapper, text.as_bytes()).unwrap();
        let seen = self.run(&[
            "--allow-file-access-from-files",
            "--virtual-time-budget=10000",
            "--enable-logging=stderr",
            &format!("--log-net-log={}", log.display()),
            "--dump-dom",
            &address(&wrapper),
        ]);
        let answer = seen.stdout.split_once("<pre id=\"answer\">").expect("the wrapper's answer").1;
        let answer = answer.split_once("</pre>").expect("the end of the answer").0;
        let answer = answer.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        Seen {
            answer: serde_json::from_str(&answer)
                .unwrap_or_else(|error| panic!("{error}: {answer:?} {}", seen.stderr)),
            console: seen
                .stderr
                .lines()
                .filter(|line| line.contains(":CONSOLE"))
                .map(str::to_owned)
                .collect(),
            requests: requests(&log),
        }
    }

    /// A picture of the page's top.
    pub fn picture(&self, page: &Path, size: (u32, u32), dark: bool) -> Picture {
        let file = self.folder.path().join("picture.png");
        fs::remove_if_exists(&file).unwrap();
        let theme = if dark { "--force-dark-mode" } else { "--hide-scrollbars" };
        self.run(&[
            theme,
            "--hide-scrollbars",
            "--virtual-time-budget=10000",
            &format!("--window-size={},{}", size.0, size.1),
            &format!("--screenshot={}", file.display()),
            &address(page),
        ]);
        let file = fs::read_bytes(&file).unwrap();
        let pixels = pixels(&file);
        Picture { file, pixels }
    }

    fn run(&self, args: &[&str]) -> Finished {
        let profile = self.folder.path().join("profile");
        let finished = Cmd::new(&self.program)
            .args([
                "--headless=new",
                // Root in a container has no sandbox to give.
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(args.iter().copied())
            .run(DEADLINE)
            .unwrap();
        assert!(finished.ok(), "{}", finished.why());
        finished
    }
}

fn address(file: &Path) -> String {
    format!("file://{}", file.canonicalize().unwrap().display())
}

/// What pages asked for, from the browser's log of the network. What the browser itself
/// would like to know from its maker has no page as its origin.
fn requests(log: &Path) -> Vec<String> {
    let log: Value = serde_json::from_str(&fs::read_text(log).unwrap()).unwrap();
    let events = log["events"].as_array().expect("the events of the network");
    assert!(!events.is_empty(), "the log of the network is empty");
    let asked = events.iter().filter_map(|event| {
        let parameters = &event["params"];
        let (url, origin) = (parameters["url"].as_str()?, parameters["initiator"].as_str()?);
        let own = origin != "not an origin" && !url.starts_with("file:");
        own.then(|| url.to_owned())
    });
    asked.collect()
}

/// The pixels of a PNG file, still filtered line by line.
fn pixels(png: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("a PNG file");
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        if &rest[4..8] == b"IDAT" {
            packed.extend_from_slice(&rest[8..8 + length]);
        }
        rest = &rest[12 + length..];
    }
    let mut pixels = Vec::new();
    std::io::Read::read_to_end(&mut ZlibDecoder::new(&packed[..]), &mut pixels).unwrap();
    pixels
}
