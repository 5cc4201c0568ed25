//! A small HTTP probe with a deadline. It speaks to the address itself, whatever
//! `HTTP_PROXY`, `ALL_PROXY` and their like say: what a proxy answers says nothing about
//! who listens at the address, and in plain HTTP a proxy reads all of it.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Nothing listens there, or the connection broke; the reason.
    Unreachable(String),
    Answer {
        status: u16,
        /// The body, at most 4 MiB of it.
        body: String,
    },
}

/// `GET url`, following nothing, within `deadline`.
pub fn get(url: &str, deadline: Duration) -> Probe {
    answer(agent(deadline).get(url).call())
}

/// `POST url` with a JSON text, following nothing, within `deadline`.
pub fn post(url: &str, json: &str, deadline: Duration) -> Probe {
    answer(agent(deadline).post(url).content_type("application/json").send(json))
}

fn agent(deadline: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(deadline))
        .http_status_as_error(false)
        .max_redirects(0)
        // The default is what the environment says.
        .proxy(None)
        .build()
        .into()
}

fn answer(got: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Probe {
    match got {
        Err(error) => Probe::Unreachable(error.to_string()),
        Ok(mut answer) => {
            let status = answer.status().as_u16();
            match answer.body_mut().with_config().limit(4 << 20).read_to_string() {
                Ok(body) => Probe::Answer { status, body },
                Err(error) => Probe::Unreachable(error.to_string()),
            }
        }
    }
}
