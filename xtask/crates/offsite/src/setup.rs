//! Which store, from the environment.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use crate::fault::{Fault, Kind};

/// A store, and where in it.
#[derive(Debug)]
pub(crate) struct Place {
    pub store: Box<dyn ObjectStore>,
    pub prefix: Path,
}

impl Place {
    /// The path of a name, which may not lead anywhere else.
    pub(crate) fn path(&self, name: &str) -> Result<Path, Fault> {
        let bad = || Fault::new(Kind::Configuration, format!("{name:?} cannot be a name here"));
        if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
            return Err(bad());
        }
        Ok(self.prefix.clone().join(name))
    }
}

/// Secret values, to be kept out of messages.
static SECRETS: OnceLock<Vec<String>> = OnceLock::new();

/// `text` without a secret, neither plain nor as it stands in an address.
pub(crate) fn redact(text: &str) -> String {
    let secrets = SECRETS.get().map(Vec::as_slice).unwrap_or_default();
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<redacted>"))
}

/// Keeps a value out of every message from here on.
pub(crate) fn hide(values: impl IntoIterator<Item = String>) {
    let mut all = Vec::new();
    for value in values.into_iter().filter(|value| !value.is_empty()) {
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        // In an address a space may be spelled in two ways.
        all.extend([encoded.replace('+', "%20"), encoded, value]);
    }
    all.sort_by_key(|value| std::cmp::Reverse(value.len()));
    // It is called once a run; a second call would find the first one's values.
    let _ = SECRETS.set(all);
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that reads it")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn options(name: &str) -> Result<BTreeMap<String, String>, Fault> {
    let text = variable(name).unwrap_or_else(|| "{}".to_owned());
    serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&text)
        // The parser's own message would show the text.
        .map_err(|_| Fault::new(Kind::Configuration, format!("{name} is not a JSON object")))?
        .into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => Ok((key.to_ascii_lowercase(), text)),
            _ => Err(Fault::new(Kind::Configuration, format!("{name}: {key} is not a text"))),
        })
        .collect()
}

/// Opens what the environment names.
pub(crate) fn open() -> Result<Place, Fault> {
    let wrong = |message: String| Fault::new(Kind::Configuration, message);
    let url = variable("OFFSITE_URL").ok_or_else(|| wrong("OFFSITE_URL is not set".to_owned()))?;
    let mut all = options("OFFSITE_OPTIONS")?;
    let secrets = options("OFFSITE_SECRETS")?;
    hide(secrets.values().cloned());
    all.extend(secrets);
    let url = Url::parse(&url).map_err(|error| wrong(format!("the url is not one: {error}")))?;
    let (scheme, prefix) = ObjectStoreScheme::parse(&url)
        .map_err(|_| wrong(format!("`{}://` is no object store known here", url.scheme())))?;
    let built = match scheme {
        ObjectStoreScheme::AmazonS3 => s3(&url, all),
        ObjectStoreScheme::GoogleCloudStorage => google(&url, all),
        ObjectStoreScheme::MicrosoftAzure => azure(&url, all),
        _ => return Err(wrong(format!("`{}://` is no object store known here", url.scheme()))),
    };
    Ok(Place { store: built?, prefix })
}

/// At most four repetitions, and none later than a minute after the first try.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: 4,
        retry_timeout: Duration::from_secs(60),
    }
}

/// A request has no end of its own, because an object may be large; but something has to
/// move within the time that a part of 8 MiB takes over a slow line.
fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(10))
        .with_read_timeout(Duration::from_secs(240))
}

macro_rules! builder {
    ($name:ident, $builder:ty, $key:ty) => {
        fn $name(
            url: &Url,
            options: BTreeMap<String, String>,
        ) -> Result<Box<dyn ObjectStore>, Fault> {
            let mut builder = <$builder>::new()
                .with_client_options(client())
                .with_retry(retry())
                .with_url(url.as_str());
            for (key, value) in options {
                let known: $key = key.parse().map_err(|_| {
                    let message = format!("`{key}` is no option of {}://", url.scheme());
                    Fault::new(Kind::Configuration, message)
                })?;
                builder = builder.with_config(known, value);
            }
            match builder.build() {
                Ok(store) => Ok(Box::new(store)),
                Err(error) => Err(Fault::new(Kind::Configuration, error.to_string())),
            }
        }
    };
}

builder!(s3, AmazonS3Builder, AmazonS3ConfigKey);
builder!(google, GoogleCloudStorageBuilder, GoogleConfigKey);
builder!(azure, MicrosoftAzureBuilder, AzureConfigKey);
