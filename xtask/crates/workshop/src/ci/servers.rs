//! The servers that the tests run against: MySQL through the project's own
//! compose file under a name, port and volume of its own, and a private MariaDB.
//! Dropping them stops them and removes their data; a developer's container is
//! never touched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::provision::mysql_image;
use crate::provision::private_mariadb::{self, PrivateMariadb};
use model::secret::Secret;
use server::install::Say;
use sys::docker::docker;
use sys::proc::{self, Cmd, End};
use sys::{docker as docker_sys, fs};

const UP_DEADLINE: Duration = Duration::from_secs(10 * 60);
const DOWN_DEADLINE: Duration = Duration::from_secs(120);
const ASK_DEADLINE: Duration = Duration::from_secs(30);
const PREFIX: &str = "streamflix-ci-";
/// The longest folder in which a socket still gets a usable path.
const FOLDER_MAX: usize = 70;

/// One server as the tests are told about it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// For people.
    pub name: &'static str,
    /// The variable that tells the slow tests.
    pub variable: &'static str,
    /// Its port on 127.0.0.1.
    pub port: u16,
    pub password: Secret,
    /// The same in a private file.
    pub password_file: PathBuf,
    pub details: Vec<(&'static str, String)>,
}

/// Both servers, running.
#[derive(Debug)]
pub(crate) struct Servers {
    // Dropped in this order: the folder last.
    mysql: Project,
    mariadb: PrivateMariadb,
    mysql_password: Secret,
    mariadb_password: Secret,
    folder: Folder,
}

impl Servers {
    /// Starts both and waits until both can be used.
    pub(crate) fn start(root: &Path, say: &mut Say<'_>) -> Result<Self> {
        let owner = owner_of(root);
        remove_leftovers(root, &owner, say)?;
        let folder = Folder::new(root)?;
        let mysql_password = random_password()?;
        let mariadb_password = random_password()?;
        write_password(&folder.mysql_password(), &mysql_password)?;
        write_password(&folder.mariadb_password(), &mariadb_password)?;
        let mysql = Project::up(root, &folder, &owner, &mysql_password)?;
        say(&format!("MySQL runs as {} on port {}", mysql.container(), mysql.port));
        let mariadb_folder = folder.0.join("mariadb");
        fs::create_private_dir(&mariadb_folder)?;
        let mariadb = private_mariadb::start(&mariadb_folder, &mariadb_password)?;
        say(&format!("MariaDB runs on port {}", mariadb.port));
        Ok(Self { mysql, mariadb, mysql_password, mariadb_password, folder })
    }

    /// What the tests need to know, MySQL first.
    pub(crate) fn databases(&self) -> Vec<Database> {
        vec![
            Database {
                name: "MySQL",
                variable: "XTASK_TEST_MYSQL",
                port: self.mysql.port,
                password: self.mysql_password.clone(),
                password_file: self.folder.mysql_password(),
                details: vec![("XTASK_TEST_MYSQL_CONTAINER", self.mysql.container())],
            },
            Database {
                name: "MariaDB",
                variable: "XTASK_TEST_MARIADB",
                port: self.mariadb.port,
                password: self.mariadb_password.clone(),
                password_file: self.folder.mariadb_password(),
                details: vec![(
                    "XTASK_TEST_MARIADB_SOCKET",
                    self.mariadb.socket.display().to_string(),
                )],
            },
        ]
    }
}

/// A short name for this checkout, so that runs of others are left alone.
fn owner_of(root: &Path) -> String {
    let hash = xxhash_rust::xxh3::xxh3_64(root.as_os_str().as_encoded_bytes());
    format!("{:08x}", hash >> 32)
}

fn random_password() -> Result<Secret> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).context("ask the system for random bytes")?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn write_password(path: &Path, password: &Secret) -> Result<()> {
    fs::write_durably(path, password.reveal().as_bytes())
}

/// What a killed run of this checkout left: its containers, volumes and folders.
fn remove_leftovers(root: &Path, owner: &str, say: &mut Say<'_>) -> Result<()> {
    let label = "com.docker.compose.project";
    let format = format!("{{{{.Label \"{label}\"}}}}");
    let filter = format!("label={label}");
    let found = docker(["ps", "--all", "--filter", &filter, "--format", &format])
        .read(ASK_DEADLINE)
        .context("list the containers of earlier runs")?;
    for name in found.lines() {
        let pid = name.strip_prefix(&format!("{PREFIX}{owner}-")).and_then(|pid| pid.parse().ok());
        if pid.is_some_and(|pid| !proc::alive(pid)) {
            say(&format!("removing what an earlier run left: {name}"));
            let folder = Folder::new(root)?;
            compose(root, name, &folder.empty_env()?, &Secret::new("unused"))
                .args(["down", "--volumes", "--timeout", "10"])
                .run(DOWN_DEADLINE)?;
        }
    }
    for parent in Folder::parents(root) {
        for name in fs::names(&parent)? {
            let pid = name
                .strip_prefix(&format!("{PREFIX}{owner}-"))
                .and_then(|pid| pid.parse::<u32>().ok());
            if pid.is_some_and(|pid| !proc::alive(pid)) {
                stop_leftover(&parent.join(&name).join("mariadb").join("mariadb.pid"));
                fs::remove_dir_if_exists(&parent.join(name))?;
            }
        }
    }
    Ok(())
}

/// Ends the MariaDB of a killed run, after making sure that the process is one.
fn stop_leftover(pid_file: &Path) {
    let pid = fs::read_text(pid_file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(pid) = pid.filter(|&pid| proc::alive(pid)) else { return };
    let folder = pid_file.parent().unwrap_or(Path::new("/")).display().to_string();
    if proc::command_line(pid).is_some_and(|line| line.contains(&folder)) {
        proc::end(pid, End::Forced).ok();
    }
}

/// Where passwords, MariaDB's data and its socket lie; removed when dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    /// In the checkout, or in the system's folder for temporary files when the
    /// checkout's path is too long for a socket.
    fn new(root: &Path) -> Result<Self> {
        let name = format!("{PREFIX}{}-{}", owner_of(root), std::process::id());
        let [near, far] = Self::parents(root);
        let parent = if near.as_os_str().len() <= FOLDER_MAX - name.len() { near } else { far };
        let path = parent.join(name);
        fs::create_private_dir(&path)?;
        Ok(Self(path))
    }

    fn parents(root: &Path) -> [PathBuf; 2] {
        [root.join(".local"), std::env::temp_dir()]
    }

    fn mysql_password(&self) -> PathBuf {
        self.0.join("mysql-root-password")
    }

    fn mariadb_password(&self) -> PathBuf {
        self.0.join("mariadb-root-password")
    }

    /// Keeps a developer's `.env` out of the test project.
    fn empty_env(&self) -> Result<PathBuf> {
        let path = self.0.join("empty.env");
        fs::write_durably(&path, b"")?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays is removed by the next run.
        fs::remove_dir_if_exists(&self.0).ok();
    }
}

/// A compose project of our own; taken down with its volume when dropped.
#[derive(Debug)]
struct Project {
    root: PathBuf,
    name: String,
    env_file: PathBuf,
    port: u16,
}

impl Project {
    fn up(root: &Path, folder: &Folder, owner: &str, password: &Secret) -> Result<Self> {
        let name = format!("{PREFIX}{owner}-{}", std::process::id());
        let port = private_mariadb::free_port()?;
        // The guard exists before the container does.
        let project = Self { root: root.to_owned(), name, env_file: folder.empty_env()?, port };
        let up = compose(root, &project.name, &project.env_file, password)
            .args(["up", "--detach", "--wait", "--quiet-pull", "mysql"])
            .env("DB_CONTAINER", project.container())
            .env("DB_PORT", port.to_string())
            .env("DB_NAME", "mydb")
            .env("MYSQL_IMAGE", mysql_image::name())
            .run(UP_DEADLINE)?;
        if up.ok() {
            return Ok(project);
        }
        let logs = docker(["logs", "--tail", "20", &project.container()]).run(ASK_DEADLINE);
        let logs = logs.map(|logs| format!("{}{}", logs.stdout, logs.stderr)).unwrap_or_default();
        let state = docker_sys::inspect(&project.container()).ok().flatten();
        let state = state.map_or_else(|| "not created".to_owned(), |container| container.status);
        anyhow::bail!(
            "docker compose up {}\nthe container is {state}; its last lines:\n{logs}",
            up.why()
        )
    }

    fn container(&self) -> String {
        format!("{}-mysql", self.name)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Its data is thrown away, so it need not have the time to write it.
        compose(&self.root, &self.name, &self.env_file, &Secret::new("unused"))
            .args(["down", "--volumes", "--timeout", "10"])
            .run(DOWN_DEADLINE)
            .ok();
    }
}

/// `docker compose` on the project's own file under another project name. The
/// password is required by the file even where it is not used.
fn compose(root: &Path, name: &str, env_file: &Path, password: &Secret) -> Cmd {
    docker(["compose", "--project-name", name])
        .arg("--project-directory")
        .arg(root)
        .arg("--file")
        .arg(root.join("compose.yaml"))
        .arg("--env-file")
        .arg(env_file)
        .env("DB_ROOT_PASSWORD", password.reveal())
        .dir(root)
}
