//! Webhooks and heartbeats: one request, one answer.

use std::io::{Read, Write};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, redirect};
use url::Url;

use crate::fault::{Fault, Kind, innermost};
use crate::setup;

const DEADLINE: Duration = Duration::from_secs(10);
const URL: &str = "OFFSITE_POST_URL";

pub(crate) async fn post(mime: &str) -> Result<(), Fault> {
    let mut body = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut body)
        .map_err(|error| Fault::new(Kind::Other, format!("the pipe broke: {error}")))?;
    let (client, url) = ready()?;
    answer(client.post(url.clone()).header("content-type", mime).body(body), &url).await
}

pub(crate) async fn ping() -> Result<(), Fault> {
    let (client, url) = ready()?;
    answer(client.get(url.clone()), &url).await
}

fn ready() -> Result<(Client, Url), Fault> {
    let wrong = |what: &str| Fault::new(Kind::Configuration, format!("{URL} {what}"));
    let text = setup::variable(URL).ok_or_else(|| wrong("is not set"))?;
    let url = Url::parse(&text).map_err(|_| wrong("is no url"))?;
    // Whoever knows the path of a webhook can use it.
    let path = url.path().to_owned();
    let parts = [text, path, url.query().unwrap_or_default().to_owned()];
    setup::hide(parts.into_iter().filter(|part| part.len() > 1));
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("is neither http nor https"));
    }
    let client = Client::builder()
        .timeout(DEADLINE)
        // What is sent is meant for this address alone.
        .redirect(redirect::Policy::none())
        .build()
        .map_err(|error| Fault::new(Kind::Other, innermost(&error)))?;
    Ok((client, url))
}

async fn answer(request: RequestBuilder, url: &Url) -> Result<(), Fault> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let response = request.send().await.map_err(|error| {
        Fault::new(Kind::Connection, format!("{host} does not answer: {}", innermost(&error)))
    })?;
    let status = response.status();
    let _ = writeln!(std::io::stdout().lock(), "{}", status.as_u16());
    if status.is_success() {
        return Ok(());
    }
    let kind = match status.as_u16() {
        401 | 403 => Kind::Credentials,
        404 | 410 => Kind::Missing,
        408 | 429 | 500..=599 => Kind::Busy,
        _ => Kind::Other,
    };
    Err(Fault::new(kind, format!("{host} answers {}", status.as_u16())))
}
