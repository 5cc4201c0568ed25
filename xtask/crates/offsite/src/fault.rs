//! What failed, in a form that `cargo xtask` can act on.

use std::error::Error;
use std::io::Write;

use object_store::client::{HttpError, HttpErrorKind};

use crate::setup;

/// The kinds that the caller tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The store does not know us, or does not let us.
    Credentials,
    /// There is no such bucket or container.
    Missing,
    /// No answer, or a broken connection.
    Connection,
    /// 429 or 5xx after all retries.
    Busy,
    /// No room, or a quota.
    Full,
    /// Url or options cannot be used.
    Configuration,
    /// What came in on the pipe was not what was announced.
    Other,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Missing => "missing",
            Self::Connection => "connection",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Configuration => "configuration",
            Self::Other => "other",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Fault {
    pub kind: Kind,
    pub message: String,
}

impl Fault {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What the store's library says about a request.
    pub(crate) fn of(error: &object_store::Error) -> Self {
        let text = error.to_string();
        let status = status_in(&text);
        let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
        let said = between(&text, "<Message>", "</Message>").unwrap_or_default();
        let kind = kind_of(error, &text, status, code);
        let message = match (status, kind) {
            (_, Kind::Credentials) if text.contains(METADATA) => {
                "no credentials are set, and this machine has none of its own".to_owned()
            }
            (Some(status), _) => {
                let parts = [format!("the store answers {status}"), code.into(), said.into()];
                join(&parts)
            }
            // The cause says more than the layers around it.
            (None, _) => format!("{}: {}", words(kind), innermost(error)),
        };
        Self { kind, message }
    }

    /// Writes it as the caller reads it, without a secret.
    pub(crate) fn report(&self) {
        let message = setup::redact(&self.message.replace(['\r', '\n'], " "));
        let line = serde_json::json!({"kind": self.kind.word(), "message": message});
        // Whoever does not listen does not need it.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// Where the libraries of the clouds ask for credentials when they are given none.
const METADATA: &str = "169.254.169.254";

fn kind_of(error: &object_store::Error, text: &str, status: Option<u16>, code: &str) -> Kind {
    let full = ["QuotaExceeded", "StorageFull", "InsufficientStorage", "EntityTooLarge"];
    let bucket = ["NoSuchBucket", "ContainerNotFound"];
    if text.contains(METADATA) || text.contains("metadata.google.internal") {
        return Kind::Credentials;
    }
    if bucket.iter().any(|word| text.contains(word)) {
        return Kind::Missing;
    }
    if status == Some(507) || full.iter().any(|word| code.contains(word)) {
        return Kind::Full;
    }
    match status {
        Some(401 | 403) => return Kind::Credentials,
        Some(404) => return Kind::Missing,
        Some(301 | 307 | 400) => return Kind::Configuration,
        Some(408 | 429 | 500..=599) => return Kind::Busy,
        _ => {}
    }
    match error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => Kind::Credentials,
        object_store::Error::NotFound { .. } => Kind::Missing,
        object_store::Error::InvalidPath { .. }
        | object_store::Error::UnknownConfigurationKey { .. } => Kind::Configuration,
        _ if http_kind(error).is_some() => Kind::Connection,
        _ if text.contains("error decoding response body") => Kind::Connection,
        _ => Kind::Other,
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => "the connection failed",
        Kind::Configuration => "it cannot be used like this",
        _ => "the request failed",
    }
}

/// The three digits after the words that the library puts before a status.
fn status_in(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

fn between<'a>(text: &'a str, opening: &str, closing: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(opening)?;
    Some(rest.split_once(closing)?.0)
}

fn join(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    parts.join(": ")
}

fn http_kind(error: &(dyn Error + 'static)) -> Option<HttpErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(http.kind());
        }
        next = error.source();
    }
    None
}

/// The last error of a chain.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(error) = last.source() {
        last = error;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn what_a_store_answers_has_a_kind() {
        let status = |rest: &str| {
            Fault::of(&generic(&format!("Server returned non-2xx status code: {rest}")))
        };
        for (rest, kind) in [
            ("403 Forbidden: <Code>SignatureDoesNotMatch</Code>", Kind::Credentials),
            ("404 Not Found: <Code>NoSuchBucket</Code>", Kind::Missing),
            ("503 Service Unavailable: ", Kind::Busy),
            ("507 Insufficient Storage: ", Kind::Full),
            ("403 Forbidden: <Code>QuotaExceeded</Code>", Kind::Full),
            ("301 Moved Permanently: ", Kind::Configuration),
        ] {
            assert_eq!(status(rest).kind, kind, "{rest}");
        }
        let said = status("403 Forbidden: <Error><Code>A</Code><Message>b</Message></Error>");
        assert_eq!(said.message, "the store answers 403: A: b");
        let none = Fault::of(&generic("PUT http://169.254.169.254/latest/api/token failed"));
        assert_eq!(none.kind, Kind::Credentials);
    }
}
