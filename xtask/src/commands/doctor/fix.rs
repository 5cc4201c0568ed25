//! What `doctor --fix` fixes: `.env`, passwords, folders, schema, accounts, rights.

use anyhow::Result;

use super::Ctx;
use config::Settings;
use model::account::Role;
use ops::held::Held;
use server::{Server, accounts, find};

/// Fixes what can be fixed and says what was. A server that cannot be found is
/// left to the checks, which explain it.
pub(super) fn apply(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut mended = Vec::new();
    environment(&ctx.settings, &mut mended)?;
    folders(&ctx.settings, &mut mended)?;
    for role in ctx.settings.created_roles() {
        if ctx.learn(|settings, _| accounts::password_for(settings, role))? {
            mended.push(format!("wrote a new {} to .env", role.password_var()));
        }
    }
    let server = match find::find(&ctx.settings, &ctx.ui) {
        Ok(server) => server,
        Err(error) => {
            ctx.ui.detail(format!("accounts were not changed: {error:#}"));
            return Ok(mended);
        }
    };
    unfinished(ctx, &server)?;
    if ctx.settings.account(Role::Root).password.is_none() {
        ctx.ui.warn("DB_ROOT_PASSWORD is not in .env, so accounts and privileges cannot be fixed");
        return Ok(mended);
    }
    mended.extend(ctx.learn(|settings, ui| accounts::ensure(settings, &server, ui))?);
    Ok(mended)
}

/// Brings the unfinished work of a dead run to its end.
fn unfinished(ctx: &Ctx, server: &Server) -> Result<()> {
    if !ctx.settings.backups.is_dir() {
        return Ok(());
    }
    Held::take(ctx, server).map(drop)
}

/// A new `.env` says what can be set; values that differ from the defaults come later.
fn environment(settings: &Settings, mended: &mut Vec<String>) -> Result<()> {
    let path = settings.env_file();
    if path.exists() {
        if sys::disk::mode(&path).is_some_and(|mode| mode & 0o077 != 0) {
            sys::disk::make_private_file(&path)?;
            mended.push("made .env readable by this user only".to_owned());
        }
        return Ok(());
    }
    let example = settings.root.join(".env.example");
    let text = if example.is_file() {
        sys::fs::read_text(&example)?
    } else {
        let mut text = String::from(
            "# Names and secrets of this machine. Never commit this file; docs/configuration.md\n\
             # explains every line.\n",
        );
        text.push_str(&format!("DB_NAME={}\n", settings.schema));
        text.push_str(&format!("DB_CONTAINER={}\n", settings.container));
        for role in Role::CREATED {
            if let Some(name) = role.user_var() {
                text.push_str(&format!("{name}={}\n", settings.account(role).user));
            }
        }
        text.push_str(&format!("API_URL={}\n", settings.api_url));
        text
    };
    sys::fs::write_durably(&path, text.as_bytes())?;
    mended.push("wrote .env".to_owned());
    Ok(())
}

fn folders(settings: &Settings, mended: &mut Vec<String>) -> Result<()> {
    for folder in [&settings.backups, &settings.local] {
        if !folder.is_dir() {
            sys::fs::create_private_dir(folder)?;
            mended.push(format!("created the folder {}", folder.display()));
        } else if sys::disk::mode(folder).is_some_and(|mode| mode & 0o077 != 0) {
            sys::fs::make_private_dir(folder)?;
            mended.push(format!("closed {} to other users", folder.display()));
        }
    }
    Ok(())
}
