//! `streamflix-offsite`: bytes between a pipe and an object store, for `cargo xtask`.
//!
//! ```text
//! put NAME BYTES < data     get NAME > data     small < names     list     remove NAME
//! post [--type MIME] < body                     ping
//! ```
//!
//! Where, and with which credentials, comes from the environment, never from arguments:
//! `OFFSITE_URL`, `OFFSITE_OPTIONS` and `OFFSITE_SECRETS` (JSON objects of texts), and
//! `OFFSITE_POST_URL` for the last two. A failure ends with code 1 and one line of JSON on
//! standard error, `{"kind","message"}`; nothing of that name at `get` is code 4.

mod fault;
mod http;
mod object;
mod setup;

use std::process::ExitCode;

use fault::{Fault, Kind};

/// How `get` says that there is nothing of that name.
const NOTHING: u8 = 4;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOTHING),
        Err(fault) => {
            fault.report();
            ExitCode::FAILURE
        }
    }
}

/// Whether what was asked for is there.
fn run() -> Result<bool, Fault> {
    // Fails only when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Kind::Other, format!("start the runtime: {error}")))?;
    runtime.block_on(async {
        match words[..] {
            ["put", name, bytes] => {
                let bytes = bytes.parse().map_err(|_| usage())?;
                object::put(&setup::open()?, name, bytes).await.map(|()| true)
            }
            ["get", name] => object::get(&setup::open()?, name).await,
            ["small"] => object::small(&setup::open()?).await.map(|()| true),
            ["list"] => object::list(&setup::open()?).await.map(|()| true),
            ["remove", name] => object::remove(&setup::open()?, name).await.map(|()| true),
            ["post"] => http::post("application/json").await.map(|()| true),
            ["post", "--type", mime] => http::post(mime).await.map(|()| true),
            ["ping"] => http::ping().await.map(|()| true),
            _ => Err(usage()),
        }
    })
}

fn usage() -> Fault {
    Fault::new(
        Kind::Configuration,
        "usage: streamflix-offsite put NAME BYTES | get NAME | small | list | remove NAME | \
         post [--type MIME] | ping",
    )
}
