//! Puts what is missing on the machine: a Docker engine, the compose plugin, a
//! MySQL image built here because none can be pulled everywhere, MariaDB's programs,
//! an S3 server, `age`, cron, shells and a browser for the tests. Every step looks first and does
//! nothing when all is there; each reports through the caller's `say`, one line at a time.

pub mod age_program;
pub mod chromium;
pub mod compiler;
pub mod compose_plugin;
pub mod docker_engine;
pub mod mirror;
pub mod mysql_image;
pub mod object_store;
pub mod private_mariadb;
pub mod schedulers;
pub mod shells;

use std::path::Path;

use anyhow::Result;
use server::install::{Say, mariadb};

/// Everything that the checks of this project need.
pub fn all(root: &Path, say: &mut Say<'_>) -> Result<()> {
    docker_engine::ensure(root, say)?;
    compose_plugin::ensure(root, say)?;
    mysql_image::ensure(root, say)?;
    object_store::ensure(root, say)?;
    mariadb::ensure(say)?;
    age_program::ensure(say)?;
    schedulers::ensure(say)?;
    shells::ensure(say)?;
    chromium::ensure(say)
}
