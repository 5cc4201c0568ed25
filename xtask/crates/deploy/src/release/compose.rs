//! The service `api` of `compose.yaml`: the program on an image, and the image of
//! the container before it kept under a name of its own.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::release::site::{Job, Site};
use crate::release::smoke;
use crate::release::state::{PROGRAM, Place, is_label};
use config::deploy::listen_address;
use gate::api::Api;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use plan::deploy::Step;
use sys::docker::{self, Engine, docker};
use sys::fs;
use sys::http::{self, Probe};
use sys::proc::Cmd;

const DOCKERFILE: &str = "xtask/images/api-image/Dockerfile";
/// In front of a release's name: the image that was there before it.
const BEFORE: &str = "before_";

/// The service, through one deploy.
#[derive(Debug)]
pub(super) struct Compose<'a> {
    job: Job<'a>,
    profile: &'a str,
    base: &'a str,
    /// What the images are called, without a tag.
    image: &'a str,
    place: Place,
    /// The image of the container that is there, by its id.
    before: Option<String>,
    answered: bool,
    /// The new image and the name that the one before it was given.
    built: Option<Images>,
}

#[derive(Debug, Clone)]
struct Images {
    new: String,
    kept: String,
    folder: PathBuf,
}

impl<'a> Compose<'a> {
    pub(crate) fn new(
        job: Job<'a>,
        profile: &'a str,
        base: &'a str,
        image: &'a str,
    ) -> Result<Self> {
        let place = Place::new(job.ctx);
        let mut site =
            Self { job, profile, base, image, place, before: None, answered: false, built: None };
        site.demand_possible()?;
        site.before = site.image_of_container()?;
        site.answered = ready(job.url);
        Ok(site)
    }

    fn demand_possible(&self) -> Result<(), Stop> {
        let Job { ctx, server, target, url, .. } = self.job;
        let stop = |message: String| Stop::new(ExitCode::Configuration, message);
        if !cfg!(target_os = "linux") {
            return Err(stop(format!(
                "`{target}` puts a locally built program on a Linux image, \
            and this system cannot build one for it"
            ))
            .hint(
                "Deploy from Linux, or use a target of kind `command` that builds in a \
                container.",
            ));
        }
        if let Engine::NotInstalled | Engine::NotRunning(_) = docker::engine() {
            return Err(stop(format!("`{target}` needs Docker, but no engine answers")).hint(
                "Start Docker, or use another target: `cargo xtask deploy --target local`.",
            ));
        }
        for file in ["compose.yaml", DOCKERFILE] {
            if !ctx.settings.root.join(file).is_file() {
                return Err(stop(format!("there is no {file} in {}", ctx.settings.root.display()))
                    .hint("Run this inside the StreamFlix checkout."));
            }
        }
        if listen_address(url).is_none() {
            return Err(stop(format!(
                "the url of `{target}`, {url}, has no address and port for the container"
            ))
            .hint("A container's port is published on this machine: http://127.0.0.1:3000."));
        }
        if server.container() != Some(ctx.settings.container.as_str()) {
            return Err(stop(format!(
                "the service uses the database service `mysql` of \
            compose.yaml, but this run uses {server}"
            ))
            .hint(
                "Start the container with `cargo xtask db-up --on docker`, or use another target.",
            ));
        }
        Ok(())
    }

    /// `docker compose …` with what the file needs, wherever it was set.
    fn compose(&self, image: &str, args: &[&str]) -> Cmd {
        let ctx = self.job.ctx;
        let port = listen_address(self.job.url).map_or(3000, |address| address.port());
        let mut cmd = docker(["compose", "-f", "compose.yaml", "--profile", "api"])
            .args(args.iter().copied())
            .dir(&ctx.settings.root)
            .env("API_IMAGE", image)
            .env("API_PORT", port.to_string())
            .env("DB_NAME", &ctx.settings.schema)
            .env("DB_CONTAINER", &ctx.settings.container);
        for role in [Role::App, Role::Root] {
            let account = ctx.settings.account(role);
            if let Some(password) = &account.password {
                cmd = cmd.env(role.password_var(), password.reveal());
            }
            if let Some(variable) = role.user_var() {
                cmd = cmd.env(variable, &account.user);
            }
        }
        cmd
    }

    fn image_of_container(&self) -> Result<Option<String>> {
        let deadline = self.job.start_deadline();
        let id = self.compose(self.image, &["ps", "--all", "--quiet", "api"]).read(deadline)?;
        let Some(id) = id.lines().next() else { return Ok(None) };
        let image =
            docker(["container", "inspect", "--format", "{{.Image}}", id]).read(deadline)?;
        Ok(Some(image.trim().to_owned()))
    }

    fn up(&self, image: &str) -> Result<()> {
        let args = ["up", "--detach", "--no-deps", "--no-build", "--pull", "never", "api"];
        self.compose(image, &args)
            .undisturbed()
            .run_shown_if(self.job.shown(), self.job.start_deadline())
    }

    fn tag(&self, image: &str, name: &str) -> Result<()> {
        docker(["tag", image, name]).read(self.job.start_deadline()).map(drop)
    }

    /// Takes the names away that no release needs any more; Docker keeps an image for
    /// as long as a container is made from it.
    fn clean(&self, needed: &[&str], images: &Images) -> Result<()> {
        let deadline = self.job.start_deadline();
        let list = docker(["image", "ls", "--format", "{{.Tag}}", self.image]).read(deadline)?;
        for tag in list.lines().filter(|tag| is_label(tag.strip_prefix(BEFORE).unwrap_or(tag))) {
            let name = format!("{}:{tag}", self.image);
            if !needed.contains(&name.as_str()) {
                docker(["image", "rm", &name]).read(deadline)?;
            }
        }
        fs::remove_dir_if_exists(&images.folder)
    }
}

fn ready(url: &str) -> bool {
    let answer = http::get(&format!("{url}{}", smoke::READY), std::time::Duration::from_secs(5));
    matches!(answer, Probe::Answer { status: 200, .. })
}

impl Site for Compose<'_> {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn current(&self) -> Result<String> {
        Ok(match &self.before {
            None => "no container of the service `api`".to_owned(),
            Some(image) => {
                let how = if self.answered { "ready" } else { "not ready" };
                format!("the service `api` from the image {image} ({how})")
            }
        })
    }

    fn steps(&self) -> [Step; 2] {
        let policy = &self.job.ctx.settings.policy.deploy;
        let back = match &self.before {
            Some(image) => format!("start the service from {image} again"),
            None => "remove the container; there is no previous one".to_owned(),
        };
        [
            Step::new(
                format!("Build the API (profile {}) and its image on {}.", self.profile, self.base),
                Some(policy.build_deadline_s),
                "none: nothing running was changed",
            ),
            Step::new(
                "Start the service `api` from that image; the database container is not touched.",
                Some(policy.start_deadline_s),
                back,
            ),
        ]
    }

    fn build(&mut self) -> Result<()> {
        let Job { ctx, release, .. } = self.job;
        let api = Api::build_release(ctx, self.profile, self.job.build_deadline())?;
        let (label, folder) = self.place.new_release(release)?;
        fs::copy_program(api.program(), &folder.join(PROGRAM))?;
        let new = format!("{}:{label}", self.image);
        let built = docker(["build", "--tag", &new, "--build-arg", &format!("BASE={}", self.base)])
            .args(["--file", DOCKERFILE])
            .arg(&folder)
            .dir(&ctx.settings.root)
            .run_shown_if(self.job.shown(), self.job.build_deadline());
        built.map_err(|error| {
            Stop::new(ExitCode::Configuration, format!("the image cannot be built: {error:#}"))
                .hint("Docker's output is above. Nothing was changed.")
                .hint(
                    "Without a network, set `base` of the target to an image that exists \
                locally.",
                )
        })?;
        self.built = Some(Images { new, kept: format!("{}:{BEFORE}{label}", self.image), folder });
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        let images = self.built.clone().context("the image is built first")?;
        if let Some(before) = &self.before {
            // With a name of its own, no clean-up of Docker takes it away.
            self.tag(before, &images.kept)?;
        }
        self.up(&images.new)
    }

    fn running(&self) -> Result<()> {
        Ok(())
    }

    fn withdraw(&mut self) -> Result<()> {
        let image = self.built.as_ref().map_or(self.image, |images| images.new.as_str());
        let stop = self.compose(image, &["stop", "api"]).undisturbed();
        stop.run_shown_if(self.job.shown(), self.job.start_deadline())
    }

    fn restore(&mut self) -> Result<String> {
        let images = self.built.clone().context("the image is built first")?;
        fs::remove_dir_if_exists(&images.folder)?;
        if self.before.is_none() {
            let remove =
                self.compose(&images.new, &["rm", "--force", "--stop", "--volumes", "api"]);
            remove.undisturbed().run_shown_if(self.job.shown(), self.job.start_deadline())?;
            return Ok("the container was removed; there was no previous one".to_owned());
        }
        self.up(&images.kept)?;
        if !self.answered {
            return Ok(format!("the service runs {} again; it was not ready before", images.kept));
        }
        let Job { ctx, url, .. } = self.job;
        if let Err(error) = smoke::test(ctx, url, &[], self.job.smoke_deadline(), &|| Ok(())) {
            bail!("the service runs {} again, but {error:#}", images.kept);
        }
        Ok(format!("the service runs {} again and is ready", images.kept))
    }

    fn keep(&mut self) -> Result<()> {
        let images = self.built.clone().context("the image is built first")?;
        // What a plain `docker compose --profile api up` takes.
        self.tag(&images.new, self.image)?;
        if let Err(error) = self.clean(&[&images.new, &images.kept], &images) {
            self.job.ctx.ui.note(format!("an old image could not be removed: {error:#}"));
        }
        Ok(())
    }

    fn by_hand(&self) -> Vec<String> {
        let Some(images) = &self.built else { return Vec::new() };
        let mut ways = vec!["`docker compose --profile api logs api` shows its log.".to_owned()];
        if self.before.is_some() {
            ways.push(format!(
                "To start the previous one: put API_IMAGE={} into .env, then: docker compose \
                --profile api up -d --no-deps api",
                images.kept
            ));
        }
        ways
    }
}
