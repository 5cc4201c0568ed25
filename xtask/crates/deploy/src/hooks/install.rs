//! Giving git our hooks folder, and giving it back the one it had.
//!
//! Hooks that are there stay where they are, byte for byte: git is given a folder of ours beside
//! them ([`beside`]), whose hooks run theirs. So a framework may go on writing its own, and
//! uninstalling is one setting.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::beside;
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use ops::kept;
use sys::git::{self, Scope};
use sys::{disk, fs};

/// Our folder, as configured in git.
pub(super) const FOLDER: &str = ".githooks";
/// Where git looks for hooks.
const HOOKS_PATH: &str = "core.hooksPath";
/// Where the folder is kept that git looked into before.
const PREVIOUS: &str = "xtask.previousHooksPath";
/// Whether ours were installed: something else may set git's folder later.
const INSTALLED: &str = "xtask.hooksInstalled";
/// The hook that we have.
pub(super) const PRE_PUSH: &str = "pre-push";
/// What a hook holds that calls us.
const CALL: &str = "xtask hooks run pre-push";

#[derive(Debug)]
pub(super) struct Installed {
    /// Git's hook configuration, from any source.
    pub hooks_path: Option<String>,
    /// The previously configured folder, if a hook in it runs first.
    pub previous: Option<String>,
    /// The same as it was written.
    written: Option<String>,
    /// The folder in which git looks.
    pub folder: PathBuf,
    pub ours: bool,
    /// Whether it is ours, but of the place where this checkout was before.
    moved: bool,
    /// Whether ours were installed, and git looks elsewhere since.
    pub displaced: bool,
}

impl Installed {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let hooks_path = git::path_setting(root, HOOKS_PATH)?;
        let folder = match &hooks_path {
            Some(path) => root.join(path),
            None => git::default_hooks(root)?,
        };
        let installed = git::setting(root, Scope::Local, INSTALLED)?.is_some();
        let here = same(&folder, &root.join(FOLDER)) || same(&folder, &beside::folder(root)?);
        let moved = !here && beside::is_elsewhere(root, &folder, installed)?;
        let ours = here || moved;
        let (mut previous, mut written) = (None, None);
        if let Some(remembered) = git::path_setting(root, PREVIOUS)?.filter(|_| ours) {
            let old = folder.parent().filter(|_| moved);
            previous = still_meant(root, &remembered, old)?;
            written = match git::setting(root, Scope::Local, PREVIOUS)? {
                Some(as_it_was) if previous.as_ref() == Some(&remembered) => Some(as_it_was),
                _ => previous.clone(),
            };
        }
        let displaced = moved || (installed && !calls_us(&folder));
        Ok(Self { hooks_path, previous, written, folder, ours, moved, displaced })
    }

    /// Whether a push is checked: by our hook, or by one that calls us.
    pub(crate) fn active(&self) -> bool {
        !self.moved && calls_us(&self.folder)
    }

    /// What happened to ours.
    pub(crate) fn why_displaced(&self) -> String {
        let folder = self.folder.display();
        if self.moved {
            return format!(
                "git looks into {folder}, and this checkout was moved or copied from there"
            );
        }
        if self.ours {
            return format!("the {PRE_PUSH} hook in {folder} is gone");
        }
        format!("git looks into {folder} now: something set {HOOKS_PATH} after it was installed")
    }

    /// The earlier pre-push hook, when one is to run first.
    pub(crate) fn earlier_hook(&self, root: &Path) -> Option<PathBuf> {
        let hook = root.join(self.previous.as_ref()?).join(PRE_PUSH);
        is_hook(&hook).then_some(hook)
    }

    /// Hooks in the folders that git no longer looks into.
    pub(crate) fn passed_over(&self, root: &Path) -> Result<Vec<String>> {
        if !self.ours {
            return Ok(Vec::new());
        }
        let mut names = match &self.previous {
            Some(previous) => hooks(&root.join(previous))?,
            None => hooks(&git::default_hooks(root)?)?,
        };
        let beside = same(&self.folder, &beside::folder(root)?);
        names.retain(|name| match name.as_str() {
            PRE_PUSH => self.earlier_hook(root).is_none(),
            name => !(beside && is_hook(&self.folder.join(name))),
        });
        Ok(names)
    }
}

/// What a remembered folder means now, with `old` as the git folder of the place where the checkout
/// was. A folder of ours was never there before.
fn still_meant(root: &Path, remembered: &str, old: Option<&Path>) -> Result<Option<String>> {
    let path = root.join(remembered);
    if same(&path, &beside::folder(root)?) || beside::is_elsewhere(root, &path, false)? {
        return Ok(None);
    }
    let Some(below) = old.and_then(|old| path.strip_prefix(old).ok()) else {
        return Ok(Some(remembered.to_owned()));
    };
    let here = fs::whole_path(&git::common_dir(root)?.join(below));
    Ok(Some(here.display().to_string()))
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn calls_us(folder: &Path) -> bool {
    let hook = folder.join(PRE_PUSH);
    is_hook(&hook) && fs::read_text(&hook).is_ok_and(|text| text.contains(CALL))
}

/// Whether git would run it: on Unix it must be executable.
fn is_hook(path: &Path) -> bool {
    path.is_file() && disk::mode(path).is_none_or(|mode| mode & 0o111 != 0)
}

/// The hooks in a folder; git's samples are none.
fn hooks(folder: &Path) -> Result<Vec<String>> {
    let mut names = fs::names(folder)?;
    names.retain(|name| !name.ends_with(".sample") && is_hook(&folder.join(name)));
    Ok(names)
}

/// Tells git to look into a folder of ours. Hooks that are there run as before, a pre-push hook
/// before ours.
///
/// # Errors
/// Exit code 10: this is no checkout, or another setting wins over this repository's.
pub fn install(ctx: &Ctx) -> Result<()> {
    let root = &ctx.settings.root;
    demand_checkout(root)?;
    let now = Installed::read(root)?;
    // As it is written. Git may look into our folder, of which something is gone: that is never
    // forwarded to itself.
    let other = match (&now.previous, &now.hooks_path) {
        (Some(previous), _) => PathBuf::from(previous),
        (None, Some(path)) if !now.ours => PathBuf::from(path),
        (None, _) => git::default_hooks(root)?,
    };
    let there = hooks(&root.join(&other))?;
    if now.active() {
        // An earlier version may have written the folder.
        if same(&now.folder, &beside::folder(root)?) {
            beside::write(root, &other, &there)?;
        }
        if kept::is_of_checkout(&ctx.settings) != Some(true) {
            keep(ctx);
        }
        let how = if now.ours { "is already installed" } else { "already calls this tool" };
        report(ctx, &now, false, &format!("The pre-push hook in {} {how}.", now.folder.display()));
        return Ok(());
    }
    let scope = git::winning_scope(root, HOOKS_PATH)?;
    let above = |scope: &String| matches!(scope.as_str(), "worktree" | "command");
    if let Some(scope) = scope.filter(above).filter(|_| !now.ours || now.moved) {
        return Err(outranked(&scope));
    }
    let told = now.hooks_path.is_some() && !now.ours;
    let (mut previous, mut folder) = (None, FOLDER.to_owned());
    if told || now.previous.is_some() || !there.is_empty() {
        // As it was written, so that it comes back as it was.
        let local = git::setting(root, Scope::Local, HOOKS_PATH)?.filter(|_| !now.ours);
        let effective = now.hooks_path.clone().filter(|_| !now.ours);
        let default = || fs::whole_path(&other).display().to_string();
        let set = now.written.clone().or(local).or(effective);
        previous = Some(set.unwrap_or_else(default));
        folder = beside::write(root, &other, &there)?.display().to_string();
    }
    let done = change(root, previous.as_deref(), &folder, now.ours)?;
    keep(ctx);
    let other = root.join(&other);
    let text = match there.is_empty() {
        _ if previous.is_none() => {
            format!("Installed: git runs {FOLDER}/{PRE_PUSH} before a push.")
        }
        true => format!(
            "Installed: git runs our {PRE_PUSH} hook, and what comes into {}.",
            other.display()
        ),
        false => format!(
            "Installed: git runs our {PRE_PUSH} hook; those in {} run as before ({}).",
            other.display(),
            there.join(", ")
        ),
    };
    report(ctx, &done, true, &text);
    Ok(())
}

/// A push must not wait for a build.
fn keep(ctx: &Ctx) {
    if let Err(error) = kept::keep(&ctx.settings) {
        ctx.ui.warn(format!("no copy of this program was kept in .local/bin: {error:#}"));
    }
}

/// Changes the settings, and looks whether git follows them; if not, all is as it was.
fn change(root: &Path, previous: Option<&str>, folder: &str, again: bool) -> Result<Installed> {
    // First what was there: a run that is killed in between has changed nothing.
    let wanted = [(PREVIOUS, previous), (HOOKS_PATH, Some(folder)), (INSTALLED, Some("true"))];
    let mut before = Vec::new();
    for (key, _) in wanted {
        before.push((key, git::setting(root, Scope::Local, key)?));
    }
    let changed = || -> Result<Installed> {
        for (key, value) in wanted {
            git::set(root, key, value)?;
        }
        let done = Installed::read(root)?;
        if done.active() && done.ours {
            return Ok(done);
        }
        Err(outranked(&git::winning_scope(root, HOOKS_PATH)?.unwrap_or_default()))
    };
    changed().or_else(|error| {
        for (key, value) in before.iter().rev() {
            git::set(root, key, value.as_deref())?;
        }
        if !again {
            beside::remove(root)?;
        }
        Err(error)
    })
}

fn outranked(scope: &str) -> anyhow::Error {
    let (place, hint) = match scope {
        "worktree" => (
            "this working tree's own configuration (scope `worktree`)",
            "`git config --worktree --unset core.hooksPath` removes it; to keep its hooks, set that \
            folder with `git config --local core.hooksPath FOLDER`. Then install.",
        ),
        "command" => (
            "the command line or the environment (scope `command`)",
            "Install without `git -c core.hooksPath=…`, and without `GIT_CONFIG_…` variables that \
            set it.",
        ),
        _ => (
            "another place, such as an included file",
            "`git config --show-origin --get-all core.hooksPath` shows each place; remove it there, \
            then install.",
        ),
    };
    let message = format!("git would not run our hook: {HOOKS_PATH} of {place} wins");
    let stop = Stop::new(ExitCode::Configuration, message).hint(hint);
    stop.hint("Nothing was changed.").into()
}

/// Why pushes are not checked although the hook was installed; `None`: they are, or it never was.
///
/// # Errors
/// git cannot be asked.
pub fn displaced(root: &Path) -> Result<Option<String>> {
    let now = Installed::read(root)?;
    Ok(now.displaced.then(|| now.why_displaced()))
}

fn demand_checkout(root: &Path) -> Result<()> {
    let stop = |message: String| Stop::new(ExitCode::Configuration, message);
    match git::prefix(root) {
        Err(error) => {
            return Err(stop(format!("{} is not a git checkout: {error:#}", root.display()))
                .hint("Hooks need a git repository: clone it with git.")
                .into());
        }
        Ok(prefix) if !prefix.is_empty() => {
            return Err(stop(format!(
                "the workspace is in {prefix} of its repository, and hooks run at the top"
            ))
            .hint(format!(
                "Run `cargo xtask hooks run pre-push -- \"$@\"` in {prefix} from \
                your own hook."
            ))
            .into());
        }
        Ok(_) => {}
    }
    let hook = root.join(FOLDER).join(PRE_PUSH);
    if is_hook(&hook) {
        return Ok(());
    }
    Err(stop(format!("{} is missing or not executable", hook.display()))
        .hint(format!("`git checkout -- {FOLDER}` restores it."))
        .hint(format!("If the checkout lost the permission: `chmod +x {FOLDER}/{PRE_PUSH}`."))
        .into())
}

/// Gives git back what it had.
///
/// # Errors
/// git refuses.
pub fn uninstall(ctx: &Ctx) -> Result<()> {
    let root = &ctx.settings.root;
    let now = Installed::read(root)?;
    if !now.ours {
        git::set(root, PREVIOUS, None)?;
        git::set(root, INSTALLED, None)?;
        beside::remove(root)?;
        let text = if now.active() {
            format!(
                "{}/{PRE_PUSH} calls this tool; it is your file, so remove the line yourself.",
                now.folder.display()
            )
        } else {
            "Nothing is installed.".to_owned()
        };
        report(ctx, &now, false, &text);
        return Ok(());
    }
    let (expanded, previous) = (now.previous, now.written);
    let without = match git::inherited_path(root, HOOKS_PATH)? {
        Some(path) => root.join(path),
        None => git::default_hooks(root)?,
    };
    let needed = expanded.is_some_and(|it| !same(&without, &root.join(it)));
    // In one step: a run that is killed leaves one or the other.
    git::set(root, HOOKS_PATH, previous.as_deref().filter(|_| needed))?;
    git::set(root, PREVIOUS, None)?;
    git::set(root, INSTALLED, None)?;
    beside::remove(root)?;
    let done = Installed::read(root)?;
    report(
        ctx,
        &done,
        true,
        &format!("Uninstalled: git uses the hooks in {} again.", done.folder.display()),
    );
    Ok(())
}

fn report(ctx: &Ctx, state: &Installed, changed: bool, text: &str) {
    if ctx.ui.json() {
        let document = json!({
            "version": 1,
            "installed": state.active(),
            "changed": changed,
            "hooks_path": state.hooks_path,
            "previous": state.previous,
        });
        ctx.ui.outcome(document.to_string());
    } else {
        ctx.ui.outcome(text);
    }
}
