//! What git says about the checkout. Nothing passes a shell; what becomes an
//! argument was checked by the caller to be an object's name, a ref or a key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::proc::{Cmd, Finished};

/// Even a large repository compares two trees in seconds.
const DEADLINE: Duration = Duration::from_secs(120);

/// The current commit, with `-dirty` where tracked files were changed; `None`
/// outside a checkout or without git.
pub fn commit(root: &Path) -> Option<String> {
    let head = read(root, &["rev-parse", "HEAD"]).ok()?;
    let dirty = read(root, &["status", "--porcelain", "--untracked-files=no"])
        .is_ok_and(|changed| !changed.trim().is_empty());
    let head = head.trim();
    Some(if dirty { format!("{head}-dirty") } else { head.to_owned() })
}

fn git(root: &Path, args: &[&str]) -> Result<Finished> {
    Cmd::new("git").args(args.iter().copied()).dir(root).run(DEADLINE)
}

fn read(root: &Path, args: &[&str]) -> Result<String> {
    let finished = git(root, args)?;
    if !finished.ok() {
        bail!("`git {}` {}", args.join(" "), finished.why());
    }
    Ok(finished.stdout.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where `root` is in its checkout: empty at its top, `sub/` in a folder below.
pub fn prefix(root: &Path) -> Result<String> {
    read(root, &["rev-parse", "--show-prefix"])
}

/// The hooks folder that every repository has.
pub fn default_hooks(root: &Path) -> Result<PathBuf> {
    Ok(common_dir(root)?.join("hooks"))
}

/// The repository's own folder, which all of its working trees share.
pub fn common_dir(root: &Path) -> Result<PathBuf> {
    let folder = read(root, &["rev-parse", "--git-common-dir"])?;
    Ok(root.join(folder))
}

/// Whose settings are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Local,
    /// The effective value, from any source.
    Effective,
}

/// A setting; `None` when it is not set.
pub fn setting(root: &Path, scope: Scope, key: &str) -> Result<Option<String>> {
    let all = ["config", "--local", "--get", key];
    let args = if scope == Scope::Local { &all[..] } else { &["config", "--get", key] };
    asked(git(root, args)?, key)
}

/// A path setting, from any source, with `~` expanded.
pub fn path_setting(root: &Path, key: &str) -> Result<Option<String>> {
    asked(git(root, &["config", "--type=path", "--get", key])?, key)
}

/// The same as it would be if this repository did not set it.
pub fn inherited_path(root: &Path, key: &str) -> Result<Option<String>> {
    let args = ["config", "--type=path", "--show-scope", "--get-all", key];
    let all = asked(git(root, &args)?, key)?.unwrap_or_default();
    let lines = all.lines().filter_map(|line| line.split_once('\t'));
    let mut others = lines.filter(|(scope, _)| !matches!(*scope, "local" | "worktree"));
    Ok(others.next_back().map(|(_, value)| value.to_owned()))
}

/// The scope of the value that git uses; `None`: it is not set, or this git cannot say.
pub fn winning_scope(root: &Path, key: &str) -> Result<Option<String>> {
    let finished = git(root, &["config", "--show-scope", "--get", key])?;
    let scope = finished.stdout.split_once('\t').filter(|_| finished.ok());
    Ok(scope.map(|(scope, _)| scope.to_owned()))
}

fn asked(finished: Finished, key: &str) -> Result<Option<String>> {
    match finished.code {
        Some(0) => Ok(Some(finished.stdout.trim_end_matches(['\r', '\n']).to_owned())),
        Some(1) => Ok(None),
        _ => bail!("`git config --get {key}` {}", finished.why()),
    }
}

/// Sets or removes a setting of this repository.
pub fn set(root: &Path, key: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => read(root, &["config", "--local", key, value]).map(drop),
        None if setting(root, Scope::Local, key)?.is_none() => Ok(()),
        None => read(root, &["config", "--local", "--unset-all", key]).map(drop),
    }
}

/// The objects of these paths in the commit that is checked out, a line each.
pub fn objects(root: &Path, paths: &[&str]) -> Result<String> {
    let args = ["ls-tree", "--full-tree", "HEAD", "--"];
    read(root, &[&args[..], paths].concat())
}

/// Whether the tracked files of these paths are as in the commit that is checked out.
pub fn is_committed(root: &Path, paths: &[&str]) -> Result<bool> {
    let args = ["status", "--porcelain", "--untracked-files=no", "--"];
    Ok(read(root, &[&args[..], paths].concat())?.is_empty())
}

/// The branch that is checked out; `None` when it is none.
pub fn branch(root: &Path) -> Result<Option<String>> {
    let finished = git(root, &["symbolic-ref", "--quiet", "--short", "HEAD"])?;
    Ok(finished.ok().then(|| finished.stdout.trim().to_owned()))
}

/// What a ref is; `None` when it does not exist.
pub fn resolve(root: &Path, name: &str) -> Result<Option<String>> {
    let finished = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
    Ok(finished.ok().then(|| finished.stdout.trim().to_owned()))
}

/// Whether an object is in this repository.
pub fn has_object(root: &Path, oid: &str) -> Result<bool> {
    Ok(git(root, &["cat-file", "-e", oid])?.ok())
}

/// The branches of a remote as they were fetched last: name without the remote, object.
pub fn remote_branches(root: &Path, remote: &str) -> Result<Vec<(String, String)>> {
    let prefix = format!("refs/remotes/{remote}/");
    let format = "--format=%(objectname) %(refname)";
    let list = read(root, &["for-each-ref", format, &prefix])?;
    let named = list.lines().filter_map(|line| {
        let (oid, name) = line.split_once(' ')?;
        Some((name.strip_prefix(&prefix)?.to_owned(), oid.to_owned()))
    });
    Ok(named.collect())
}

/// The newest commit that both have; `None` when they share none.
pub fn merge_base(root: &Path, one: &str, other: &str) -> Result<Option<String>> {
    let finished = git(root, &["merge-base", one, other])?;
    Ok(finished.ok().then(|| finished.stdout.trim().to_owned()))
}

/// The files under `folder` that differ between two commits, or between nothing and one.
pub fn changed_files(
    root: &Path,
    from: Option<&str>,
    to: &str,
    folder: &str,
) -> Result<Vec<String>> {
    let list = match from {
        Some(from) => read(
            root,
            &["diff-tree", "-r", "-z", "--no-renames", "--name-only", from, to, "--", folder],
        ),
        None => read(root, &["ls-tree", "-r", "-z", "--name-only", "--full-tree", to, folder]),
    };
    let list = list.with_context(|| format!("look for changes under {folder}"))?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
