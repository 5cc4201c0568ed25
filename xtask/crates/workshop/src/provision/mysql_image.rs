//! The MySQL image, built on this machine from Debian's packages with a start
//! script of ours. It behaves as the official image does, for machines that can
//! reach a package mirror and no image registry.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use super::mirror;
use model::exit::{ExitCode, Stop};
use server::install::{Say, apt};
use sys::docker::docker;
use sys::proc::{self, Cmd};
use sys::{env, fs, signal};

/// The name of the image; what `MYSQL_IMAGE` is set to.
pub const TAG: &str = "streamflix/mysql:9.7-debian";

/// The LTS line that the image holds; another one in Debian fails the build
/// instead of changing what every test runs against.
const LINE: &str = "9.7.";
/// No stable Debian has a MySQL server.
const SUITE: &str = "sid";
const PACKAGES: &str = "mysql-server-core,mysql-client-core,ca-certificates,tzdata";
const ENTRYPOINT: &str = include_str!("../../../../images/mysql-image/entrypoint.sh");
const RECIPE_LABEL: &str = "org.streamflix.recipe";
/// Raise it when the steps below change what is in the image.
const RECIPE: &str = "1";

const CONFIG: &str = "\
[mysqld]
host-cache-size=0
skip-name-resolve
datadir=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock
pid-file=/var/run/mysqld/mysqld.pid
secure-file-priv=/var/lib/mysql-files

[client]
socket=/var/run/mysqld/mysqld.sock

!includedir /etc/mysql/conf.d/
";

const BUILD_DEADLINE: Duration = Duration::from_secs(20 * 60);
const STEP_DEADLINE: Duration = Duration::from_secs(5 * 60);
const ASK_DEADLINE: Duration = Duration::from_secs(30);

/// The image to run: the one that the environment names, otherwise the one built here.
pub fn name() -> String {
    env::var("MYSQL_IMAGE").unwrap_or_else(|| TAG.to_owned())
}

/// Makes sure that the image is there, made by this recipe. An image that
/// `MYSQL_IMAGE` names is someone else's to bring; Docker pulls it when it is missing.
pub fn ensure(root: &Path, say: &mut Say<'_>) -> Result<()> {
    if name() != TAG {
        say(&format!("image {} is used, as MYSQL_IMAGE says", name()));
        return Ok(());
    }
    let recipe = recipe();
    if present(&recipe)? {
        say(&format!("image {TAG} is there"));
        return Ok(());
    }
    apt::check_possible(&["debootstrap"])?;
    if !apt::is_root() {
        let stop = Stop::new(ExitCode::Configuration, format!("building {TAG} needs root"));
        return Err(stop
            .hint("Run this once as root; the image is kept.")
            .hint("Where images can be pulled, set MYSQL_IMAGE=mysql:9.7 instead.")
            .into());
    }
    apt::install(&["debootstrap", "debian-archive-keyring"], say)?;
    let folder = root.join(".local");
    fs::create_private_dir(&folder)?;
    remove_leftovers(&folder)?;
    let work = Workspace::new(&folder)?;
    say(&format!("building {TAG}: installing MySQL into a folder of its own (about a minute)"));
    install(&work.tree, say)?;
    check_version(&work.tree)?;
    trim(&work.tree)?;
    furnish(&work.tree)?;
    say(&format!("building {TAG}: handing it to docker"));
    import(&work, &recipe)?;
    say(&format!("image {TAG} is built"));
    Ok(())
}

fn recipe() -> String {
    let mut hasher = Sha256::new();
    for part in [RECIPE, SUITE, PACKAGES, LINE, CONFIG, ENTRYPOINT] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn present(recipe: &str) -> Result<bool> {
    let format = format!("{{{{index .Config.Labels \"{RECIPE_LABEL}\"}}}}");
    let finished = docker(["image", "inspect", "--format", &format, TAG]).run(ASK_DEADLINE)?;
    Ok(finished.ok() && finished.stdout.trim() == recipe)
}

/// The folder the image is put together in; gone when dropped.
#[derive(Debug)]
struct Workspace {
    folder: PathBuf,
    tree: PathBuf,
}

const PREFIX: &str = "mysql-image-";

impl Workspace {
    fn new(parent: &Path) -> Result<Self> {
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        let tree = folder.join("tree");
        fs::create_private_dir(&folder)?;
        Ok(Self { folder, tree })
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // A folder that stays is found and removed by the next build.
        remove_tree(&self.folder).ok();
    }
}

/// Removes what builds left behind that were killed.
fn remove_leftovers(parent: &Path) -> Result<()> {
    for name in fs::names(parent)? {
        let pid = name.strip_prefix(PREFIX).and_then(|pid| pid.parse().ok());
        if pid.is_some_and(|pid| !proc::alive(pid)) {
            remove_tree(&parent.join(name))?;
        }
    }
    Ok(())
}

/// Removes a folder that debootstrap may have mounted `/proc` and `/sys` in:
/// removing through such a mount would reach into the running machine.
fn remove_tree(folder: &Path) -> Result<()> {
    let below = |mounts: &str| -> Vec<String> {
        let prefix = format!("{}/", folder.display());
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        points.filter(|point| point.starts_with(&prefix)).map(str::to_owned).collect()
    };
    let mounts = Path::new("/proc/mounts");
    for point in below(&fs::read_text(mounts)?).iter().rev() {
        Cmd::new("umount").arg(point).run(ASK_DEADLINE)?;
    }
    if let Some(point) = below(&fs::read_text(mounts)?).first() {
        bail!("{point} is still mounted, so {} stays", folder.display());
    }
    fs::remove_dir_if_exists(folder)
}

fn install(tree: &Path, say: &mut Say<'_>) -> Result<()> {
    let keyring = apt::debian_keyring(say)?;
    let mut debootstrap = Cmd::new("debootstrap")
        .args(["--variant=minbase", "--include", PACKAGES, "--keyring"])
        .arg(keyring)
        .arg(SUITE)
        .arg(tree)
        .arg(mirror::debian()?)
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive");
    if let Some(proxy) = apt::proxy() {
        debootstrap = debootstrap.env("http_proxy", proxy.clone()).env("https_proxy", proxy);
    }
    let finished = debootstrap.run(BUILD_DEADLINE)?;
    signal::check()?;
    if !finished.ok() {
        // It reports its errors on standard output, among everything else.
        let lines: Vec<&str> = finished.stdout.lines().collect();
        let tail = lines[lines.len().saturating_sub(8)..].join("\n  ");
        bail!("debootstrap of Debian {SUITE} {}\n  {tail}", finished.why());
    }
    Ok(())
}

fn check_version(tree: &Path) -> Result<()> {
    let said = chroot(tree).args(["/usr/sbin/mysqld", "--version"]).read(ASK_DEADLINE)?;
    if !said.contains(&format!("Ver {LINE}")) {
        bail!("Debian {SUITE} now has another MySQL than {LINE}x: {}", said.trim());
    }
    Ok(())
}

/// Takes out what no server needs: a third of the size.
fn trim(tree: &Path) -> Result<()> {
    let emptied = ["var/cache/apt", "var/lib/apt/lists", "var/lib/mysql", "var/log", "tmp"];
    let removed = ["doc", "man", "info", "locale", "lintian", "bash-completion"];
    for folder in emptied {
        let folder = tree.join(folder);
        for name in fs::names(&folder)? {
            remove_any(&folder.join(name))?;
        }
    }
    for folder in removed {
        fs::remove_dir_if_exists(&tree.join("usr/share").join(folder))?;
    }
    Ok(())
}

fn remove_any(path: &Path) -> Result<()> {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_if_exists(path)
    } else {
        fs::remove_if_exists(path)
    }
}

/// The user, the folders, the settings and the start script.
fn furnish(tree: &Path) -> Result<()> {
    // A strict umask would lock the server's user out of its own root folder.
    Cmd::new("chmod").arg("0755").arg(tree).read(ASK_DEADLINE)?;
    // The numbers of the official image, so that a volume fits both.
    chroot(tree).args(["groupadd", "--system", "--gid", "999", "mysql"]).read(STEP_DEADLINE)?;
    chroot(tree)
        .args(["useradd", "--system", "--uid", "999", "--gid", "mysql", "--no-create-home"])
        .args(["--home-dir", "/var/lib/mysql", "--shell", "/bin/false", "mysql"])
        .read(STEP_DEADLINE)?;
    chroot(tree)
        .args(["install", "-d", "-o", "mysql", "-g", "mysql", "-m", "0750"])
        .args(["/var/lib/mysql", "/var/lib/mysql-files", "/var/run/mysqld"])
        .read(STEP_DEADLINE)?;
    chroot(tree)
        .args(["install", "-d", "/etc/mysql/conf.d", "/docker-entrypoint-initdb.d"])
        .read(STEP_DEADLINE)?;
    put(tree, "etc/my.cnf", CONFIG, "0644")?;
    put(tree, "usr/local/bin/docker-entrypoint.sh", ENTRYPOINT, "0755")
}

/// Files are written private; in an image everybody reads them.
fn put(tree: &Path, at: &str, text: &str, mode: &str) -> Result<()> {
    let path = tree.join(at);
    fs::write_durably(&path, text.as_bytes())?;
    Cmd::new("chmod").arg(mode).arg(path).read(ASK_DEADLINE)?;
    Ok(())
}

fn chroot(tree: &Path) -> Cmd {
    Cmd::new("chroot").arg(tree)
}

fn import(work: &Workspace, recipe: &str) -> Result<()> {
    let archive = work.folder.join("image.tar");
    Cmd::new("tar")
        .args(["--numeric-owner", "--one-file-system", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(&work.tree)
        .arg(".")
        .read(STEP_DEADLINE)?;
    let changes = [
        "ENTRYPOINT [\"docker-entrypoint.sh\"]".to_owned(),
        "CMD [\"mysqld\"]".to_owned(),
        "EXPOSE 3306 33060".to_owned(),
        "VOLUME /var/lib/mysql".to_owned(),
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        "ENV LANG=C.UTF-8".to_owned(),
        format!("LABEL {RECIPE_LABEL}={recipe}"),
    ];
    let mut import = docker(["import"]);
    for change in &changes {
        import = import.args(["--change", change]);
    }
    import.arg(&archive).arg(TAG).read(STEP_DEADLINE).context("import the image")?;
    Ok(())
}
