//! `docs --man`: a man page for each command, from the same grammar as `--help`.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Command;
use clap_mangen::Man;
use serde_json::json;

use ops::ctx::Ctx;
use sys::fs;

const SECTION: &str = "1";

pub(super) fn write(ctx: &Ctx, folder: &Path) -> Result<()> {
    let pages = pages()?;
    let folder = folder.join(format!("man{SECTION}"));
    fs::create_shared_dir(&folder)?;
    for (name, text) in &pages {
        fs::write_shared(&folder.join(name), text)?;
    }
    if ctx.ui.json() {
        let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
        let document = json!({ "version": 1, "folder": folder, "pages": names });
        ctx.ui.result(document.to_string());
        return Ok(());
    }
    let (count, at) = (pages.len(), folder.display());
    ctx.ui.result(format!("{count} man pages in {at}; read one with `man -l {at}/cargo-xtask.1`"));
    Ok(())
}

/// Each page, by the name of its file.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut command = cli::command().name("cargo-xtask").display_name("cargo-xtask");
    command.build();
    let mut pages = Vec::new();
    page(&command, "cargo-xtask", &mut pages)?;
    Ok(pages)
}

fn page(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut text = Vec::new();
    let titled = command.clone().display_name(name.to_owned());
    let man = Man::new(titled).title(name.to_uppercase()).section(SECTION).date("");
    man.render(&mut text).with_context(|| format!("write the man page of {name}"))?;
    pages.push((format!("{name}.{SECTION}"), text));
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        if inner.get_name() != "help" {
            page(inner, &format!("{name}-{}", inner.get_name()), pages)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_is_the_same_each_time() {
        let made = pages().unwrap();
        assert_eq!(made, pages().unwrap());
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["cargo-xtask.1", "cargo-xtask-db-restore.1", "cargo-xtask-hooks-install.1"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        let grammar = cli::command();
        for command in grammar.get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = format!("cargo-xtask-{}.1", command.get_name());
            assert!(names.contains(&name.as_str()), "{name}");
        }
        for (name, text) in &made {
            let text = String::from_utf8(text.clone()).unwrap();
            assert!(text.contains(".TH "), "{name}");
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}");
        }
    }
}
