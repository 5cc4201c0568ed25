//! Giving git our hooks folder, and giving it back the one it had. Hooks that are
//! there are never lost: one that we can run first is chained, others are refused.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use sys::git::{self, Scope};
use sys::{disk, fs};

/// Our folder, as configured in git.
const FOLDER: &str = ".githooks";
/// Where git looks for hooks.
const HOOKS_PATH: &str = "core.hooksPath";
/// Where the folder is kept that git looked into before.
const PREVIOUS: &str = "xtask.previousHooksPath";
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
    /// The folder in which git looks.
    pub folder: PathBuf,
    pub ours: bool,
}

impl Installed {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let hooks_path = git::path_setting(root, HOOKS_PATH)?;
        let folder = match &hooks_path {
            Some(path) => root.join(path),
            None => git::default_hooks(root)?,
        };
        let ours = same(&folder, &root.join(FOLDER));
        let previous = git::setting(root, Scope::Local, PREVIOUS)?.filter(|_| ours);
        Ok(Self { hooks_path, previous, folder, ours })
    }

    /// Whether a push is checked: by our hook, or by one that calls us.
    pub(crate) fn active(&self) -> bool {
        calls_us(&self.folder)
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
        let mut names = hooks(&git::default_hooks(root)?)?;
        if let Some(previous) = &self.previous {
            names.extend(hooks(&root.join(previous))?);
        }
        names.sort();
        names.dedup();
        names.retain(|name| name != PRE_PUSH || self.earlier_hook(root).is_none());
        Ok(names)
    }
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

/// Tells git to look into our folder. `chain`: the hook that is there runs first.
///
/// # Errors
/// Exit code 10: this is no checkout, or hooks that are there would be lost.
pub fn install(ctx: &Ctx, chain: bool) -> Result<()> {
    let root = &ctx.settings.root;
    demand_checkout(root)?;
    let now = Installed::read(root)?;
    if now.active() {
        let how = if now.ours { "is already installed" } else { "already calls this tool" };
        report(ctx, &now, false, &format!("The pre-push hook in {} {how}.", now.folder.display()));
        return Ok(());
    }
    let there = hooks(&now.folder)?;
    let told = now.hooks_path.is_some() && !now.ours;
    let mut previous = None;
    if told || !there.is_empty() {
        demand_chainable(&now, &there, chain)?;
        previous = Some(match &now.hooks_path {
            Some(path) => path.clone(),
            None => now.folder.display().to_string(),
        });
    }
    // First what was there: a run that is killed in between has changed nothing.
    git::set(root, PREVIOUS, previous.as_deref())?;
    git::set(root, HOOKS_PATH, Some(FOLDER))?;
    let done = Installed::read(root)?;
    let first = if previous.is_some() { "; the existing hook runs first" } else { "" };
    report(
        ctx,
        &done,
        true,
        &format!("Installed: git runs {FOLDER}/{PRE_PUSH} before a push{first}."),
    );
    Ok(())
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

/// Only a pre-push hook can run before ours; any other would not run any more.
fn demand_chainable(now: &Installed, there: &[String], chain: bool) -> Result<(), Stop> {
    let folder = now.folder.display();
    let others: Vec<&str> = there.iter().map(String::as_str).filter(|it| *it != PRE_PUSH).collect();
    if !others.is_empty() {
        let stop = Stop::new(
            ExitCode::Configuration,
            format!("{folder} contains hooks that git would no longer run: {}", others.join(", ")),
        );
        return Err(if there.iter().any(|name| name == PRE_PUSH) {
            stop.hint(format!(
                "Nothing was changed. Keep that folder, and put these lines at the top of {folder}/{PRE_PUSH}:\n\
                 refs=$(cat)\n\
                 printf '%s\\n' \"$refs\" | cargo {CALL} -- \"$@\" || exit $?\n\
                 exec <<EOF\n$refs\nEOF"
            ))
        } else {
            stop.hint(format!(
                "Nothing was changed. Keep that folder, and put the hook beside them: \
                 `cp {FOLDER}/{PRE_PUSH} {folder}/{PRE_PUSH}`."
            ))
        });
    }
    if chain {
        return Ok(());
    }
    let what = if there.is_empty() {
        format!("git is configured to use the hooks in {folder}")
    } else {
        format!("there is a pre-push hook in {folder}")
    };
    Err(Stop::new(ExitCode::Configuration, format!("{what}, which would no longer run"))
        .hint(
            "Nothing was changed. `cargo xtask hooks install --chain` runs the existing hook \
        first; both must pass.",
        )
        .hint("`cargo xtask hooks uninstall` restores it."))
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
    let previous = now.previous;
    git::set(root, HOOKS_PATH, None)?;
    if let Some(previous) = &previous
        && !same(&Installed::read(root)?.folder, &root.join(previous))
    {
        git::set(root, HOOKS_PATH, Some(previous))?;
    }
    git::set(root, PREVIOUS, None)?;
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
        ctx.ui.result(&document.to_string());
    } else {
        ctx.ui.result(text);
    }
}
