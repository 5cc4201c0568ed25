//! Messages to webhooks when findings come or go, and the heartbeat of a run whose
//! backup was verified. A message that cannot be sent is a warning, and is retried the next time:
//! it is recorded only once sent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use model::secret::Secret;
use model::status::{Finding, Status};
use ops::ctx::Ctx;
use report::notice::{self, Change};
use store::remote::program;
use sys::{fs, http};

/// How long a webhook has to answer.
const DEADLINE: Duration = Duration::from_secs(15);
const VERSION: u32 = 1;

/// The findings last sent to each channel, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    version: u32,
    /// By channel: `webhook`, `slack`.
    channels: BTreeMap<String, BTreeMap<String, String>>,
}

/// Sends each channel in `.env` what changed since its last message.
pub fn tell(ctx: &Ctx, status: &Status) {
    let outside = &ctx.settings.outside;
    let tell = |name: &str, url: &Option<Secret>, body: Body| {
        let Some(url) = url else { return };
        if let Err(error) = tell_one(ctx, status, name, url, body) {
            warn(ctx, &format!("could not notify the {name}"), &error);
        }
    };
    tell("webhook", &outside.webhook, notice::document);
    tell("slack", &outside.slack, notice::slack);
}

/// The message format of a channel.
type Body = fn(&Change<'_>) -> String;

fn tell_one(ctx: &Ctx, status: &Status, channel: &str, url: &Secret, body: Body) -> Result<()> {
    let path = file(ctx);
    let mut told = read(ctx)?;
    let before = told.channels.remove(channel).unwrap_or_default();
    let now: BTreeMap<String, String> =
        status.findings.iter().map(|it| (it.id.clone(), it.message.clone())).collect();
    let come: Vec<&Finding> =
        status.findings.iter().filter(|it| !before.contains_key(&it.id)).collect();
    let gone: Vec<(&str, &str)> = before
        .iter()
        .filter(|(id, _)| !now.contains_key(*id))
        .map(|(id, message)| (id.as_str(), message.as_str()))
        .collect();
    if come.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let text = ctx.settings.redact(&body(&Change { status, come, gone }));
    send(ctx, url, Some(&text))?;
    told.version = VERSION;
    told.channels.insert(channel.to_owned(), now);
    fs::create_private_dir(&ctx.settings.local)?;
    fs::write_durably(
        &path,
        &serde_json::to_vec_pretty(&told).context(
            "write the notification \
    state",
        )?,
    )
}

/// Reports that a run verified its backup; the monitor raises an alarm if this stops.
pub fn heartbeat(ctx: &Ctx) {
    let Some(url) = &ctx.settings.outside.heartbeat else { return };
    if let Err(error) = send(ctx, url, None) {
        warn(ctx, "the heartbeat was not sent", &error);
    }
}

fn warn(ctx: &Ctx, what: &str, error: &anyhow::Error) {
    let why = ctx.settings.redact(&format!("{error:#}"));
    ctx.ui.warn(format!("{what}: {why}"));
}

fn file(ctx: &Ctx) -> PathBuf {
    ctx.settings.local.join("notify.json")
}

fn read(ctx: &Ctx) -> Result<Told> {
    let path = file(ctx);
    if !fs::exists(&path)? {
        return Ok(Told::default());
    }
    let told: Option<Told> = serde_json::from_slice(&fs::read_bytes(&path)?).ok();
    // It is only about not saying a thing twice: what is not understood begins anew.
    Ok(told.filter(|told| told.version <= VERSION).unwrap_or_default())
}

/// Posts a JSON text, or asks for the address. The address is a secret: it is in no error.
fn send(ctx: &Ctx, url: &Secret, body: Option<&str>) -> Result<()> {
    let address = url.reveal();
    let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let answer = match (scheme.as_deref(), body) {
        (Some("http"), Some(body)) => http::post(address, body, DEADLINE),
        (Some("http"), None) => http::get(address, DEADLINE),
        (Some("https"), _) => return by_child(ctx, url, body),
        _ => bail!("its address in .env does not start with https:// or http://"),
    };
    match answer {
        http::Probe::Answer { status: 200..=299, .. } => Ok(()),
        http::Probe::Answer { status, .. } => bail!("it answered with {status}"),
        http::Probe::Unreachable(why) => {
            // Anyone who knows the path of a webhook can use it.
            let path = address.splitn(4, '/').nth(3).unwrap_or_default();
            bail!("{}", Secret::new(path).redact(&url.redact(&why)))
        }
    }
}

/// By the program that speaks TLS: this one does not.
fn by_child(ctx: &Ctx, url: &Secret, body: Option<&str>) -> Result<()> {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let program =
        program::child(&program::program(&ctx.settings)?).env("OFFSITE_POST_URL", url.reveal());
    let command = match body {
        Some(body) => program.arg("post").stdin(body),
        None => program.arg("ping"),
    };
    let done = command.run(DEADLINE)?;
    if done.ok() {
        return Ok(());
    }
    let said = done.stderr.lines().rev().find_map(|line| serde_json::from_str::<Said>(line).ok());
    bail!("{}", url.redact(&said.map_or_else(|| done.why(), |said| said.message)))
}
