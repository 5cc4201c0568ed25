//! A real S3 server on this machine, with one bucket; gone when dropped.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use sys::proc::{self, Cmd, End, Finished};
use sys::{clock, env, fs, package};

use super::{free_port, target_dir};

/// The name of the bucket that is there.
pub const BUCKET: &str = "copies";
/// Opens a server that lives as long as a test.
pub const KEY: &str = "test-key-id";
/// The same.
pub const SECRET: &str = "a/secret+with=signs 'quoted'";

/// A running server.
#[derive(Debug)]
pub struct ObjectStore {
    pub port: u16,
    pid: u32,
    folder: tempfile::TempDir,
}

/// A server, or `None` with a line that says what is skipped.
///
/// # Panics
/// In CI, where nothing may be skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn require_s3() -> Option<ObjectStore> {
    let Some(program) = env::var_os("XTASK_TEST_S3").map(PathBuf::from) else {
        assert!(!env::is_ci(), "CI runs need an S3 server: XTASK_TEST_S3 is not set");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED: {test} needs an S3 server (XTASK_TEST_S3 is not set)");
        return None;
    };
    offsite();
    Some(ObjectStore::start(&program))
}

/// The program that speaks to object stores, beside the one under test.
pub fn offsite() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let name = format!("streamflix-offsite{}", std::env::consts::EXE_SUFFIX);
        let program = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(name);
        // CI has just built everything, with the features of the whole workspace.
        if env::is_ci() && program.exists() {
            return program;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        package::cargo()
            .args(["build", "--quiet", "--profile", "xtask", "-p", "streamflix-offsite"])
            .arg("--target-dir")
            .arg(target_dir())
            .dir(root)
            .run_shown(Duration::from_secs(900))
            .unwrap();
        program
    })
}

impl ObjectStore {
    fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_private_dir(&folder.path().join("data").join(BUCKET)).unwrap();
        let log = fs::create_private(&folder.path().join("log")).unwrap();
        let port = free_port();
        let pid = Cmd::new(program)
            .args(["serve", "s3", "--addr", &format!("127.0.0.1:{port}")])
            // What a test puts under its feet has to show at once.
            .args(["--dir-cache-time", "1ns", "--config"])
            .arg(folder.path().join("none.conf"))
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .arg(folder.path().join("data"))
            .env("RCLONE_AUTH_KEY", format!("\"{KEY},{SECRET}\""))
            .daemon(log)
            .unwrap();
        let store = Self { port, pid, folder };
        let answers = clock::poll(Duration::from_secs(30), || {
            Ok::<_, ()>(TcpStream::connect(("127.0.0.1", port)).ok())
        });
        assert!(answers.unwrap().is_some(), "{}", store.log());
        store
    }

    /// What the server wrote about itself.
    pub fn log(&self) -> String {
        fs::read_text(&self.folder.path().join("log")).unwrap()
    }

    /// The files that it serves as objects of the bucket.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data").join(BUCKET)
    }

    /// The program that speaks to it, on an object of the bucket's folder `prefix`.
    pub fn command(&self, prefix: &str, args: &[&str]) -> Cmd {
        let options = serde_json::json!({
            "endpoint": format!("http://127.0.0.1:{}", self.port), "allow_http": "true",
            "region": "us-east-1",
        });
        let secrets = serde_json::json!({"access_key_id": KEY, "secret_access_key": SECRET});
        Cmd::new(offsite())
            .args(args.iter().copied())
            .env("OFFSITE_URL", format!("s3://{BUCKET}/{prefix}"))
            .env("OFFSITE_OPTIONS", options.to_string())
            .env("OFFSITE_SECRETS", secrets.to_string())
    }

    /// Runs that program to its end.
    pub fn speak(&self, prefix: &str, args: &[&str]) -> Finished {
        self.command(prefix, args).run(Duration::from_secs(60)).unwrap()
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        proc::end(self.pid, End::Forced).ok();
    }
}
